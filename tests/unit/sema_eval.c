// Values of expressions: a table of expression and value, as the value would be written.
#include <criterion/criterion.h>
#include <stdio.h>

#include "compiler/sema/eval.h"
#include "tests/support/check_text.h"

// The value of the last global let of the program.
static struct ncr_buf value_of(struct checked *c)
{
    struct ncr_buf out = {0};
    struct ncr_eval ev;
    const struct ncr_item *last = NULL;
    for (uint32_t i = 0; i < c->program->items.n; i++)
        if (c->program->items.at[i]->kind == NCR_ITEM_LET) last = c->program->items.at[i];
    cr_assert(last);
    cr_assert(ncr_eval_start(&ev, c->program, NCR_STR("")));
    ncr_value_describe(ncr_eval_global(&ev, last), &out);
    ncr_eval_finish(&ev);
    return out;
}

static void check_all(const char *const (*rows)[2], size_t n, const char *before)
{
    for (size_t i = 0; i < n; i++) {
        char text[512];
        snprintf(text, sizeof text, "%slet v = %s;", before, rows[i][0]);
        struct checked *c = check_text("t.ncr", text, "");
        cr_expect_eq(c->diags.n_errors, 0, "%s gives\n%s", rows[i][0], c->text.s);
        if (c->diags.n_errors == 0) {
            struct ncr_buf got = value_of(c);
            cr_expect_str_eq(got.s, rows[i][1], "%s is %s, not %s", rows[i][0], got.s, rows[i][1]);
            ncr_buf_free(&got);
        }
        checked_free(c);
    }
}

Test(sema_eval, integers)
{
    static const char *const rows[][2] = {
        {"1 + 2 * 3", "int 7"},
        {"(1 + 2) * 3", "int 9"},
        {"7 / 2", "int 3"},
        {"-7 / 2", "int -4"},
        {"7 / -2", "int -4"},
        {"-7 / -2", "int 3"},
        {"7 % 3", "int 1"},
        {"-7 % 3", "int 2"},
        {"7 % -3", "int -2"},
        {"-7 % -3", "int -1"},
        {"9223372036854775807", "int 9223372036854775807"},
        {"-9223372036854775807 - 1", "int -9223372036854775808"},
        {"(-9223372036854775807 - 1) % -1", "int 0"},
        {"1 << 62", "int 4611686018427387904"},
        {"-1 << 63", "int -9223372036854775808"},
        {"0 << 63", "int 0"},
        {"-5 >> 1", "int -3"},
        {"(-9223372036854775807 - 1) >> 63", "int -1"},
        {"0x40 + 1_000", "int 1064"},
        {"- - 5", "int 5"},
    };
    check_all(rows, NCR_COUNT(rows), "");
}

Test(sema_eval, floats_and_comparisons)
{
    static const char *const rows[][2] = {
        {"7 / 2.0", "float 3.5"},
        {"1 + 0.5", "float 1.5"},
        {"5%", "float 0.05"},
        {"99.9%", "float 0.999"},
        {"0.1 + 0.2", "float 0.30000000000000004"},
        {"1 == 1.0", "bool true"},
        {"2 < 1.5", "bool false"},
        {"1 <= 1 && 2 > 1 || false", "bool true"},
        {"!(1 != 1)", "bool true"},
        {"1 == 2 -> 3 == 4", "bool true"},
        {"1 == 1 -> 3 == 4", "bool false"},
        {"one == 2 -> 1 / (one - one) == 0", "bool true"},
        {"true -> false -> false", "bool true"},
        {"\"a\" == \"a\"", "bool true"},
        {"\"a\" != \"b\"", "bool true"},
        {"same == valid", "bool false"},
        {"[1, 2.0] == [1.0, 2]", "bool true"},
        {"[1, [2, 3]] == [1, [2, 4]]", "bool false"},
        {"0..3 == 0..3", "bool true"},
        // the right side is not evaluated where the left decides
        {"false && 1 / (one - one) == 0", "bool false"},
        {"if 1 < 2 { \"yes\" } else { 1 }", "string \"yes\""},
        {"if 2 < 1 { 1 } else if 1 < 2 { 2 } else { 3 }", "int 2"},
    };
    check_all(rows, NCR_COUNT(rows), "let one = 1;");
}

Test(sema_eval, quantities)
{
    static const char *const rows[][2] = {
        {"64 KiB", "information 64 KiB"},
        {"64 KiB + 1 B * 1024", "information 65 KiB"},
        {"1000 ns == 1 us", "bool true"},
        {"1 h == 3600 s", "bool true"},
        {"1000 kB == 1 MB", "bool true"},
        {"1024 KiB == 1 MiB", "bool true"},
        {"1 MB < 1 MiB", "bool true"},
        {"64 KiB / 16 KiB", "float 4"},
        {"10 MB / 2 s", "bandwidth 5 MB/s"},
        {"10 MB/s * 2 s", "information 20 MB"},
        {"1 / 2 ms", "frequency 500 Hz"},
        {"3 pJ * 4", "energy 12 pJ"},
        {"6 mJ / 2 s", "power 3 mW"},
        {"-(3 ms)", "time -3 ms"},
        {"abs(-3 ms)", "time 3 ms"},
        {"max(1 KiB, 1 kB)", "information 1 KiB"},
        {"sum([1 ms, 2 ms])", "time 3 ms"},
        {"1e-6 per bit * 1000 bit", "float 0.001"},
        {"2 um * 3 um", "length^2 6e-12 (length^2)"},
        {"480 MHz * 2 s", "float 9.6e+08"},
        {"100 cycles / 480 MHz", "time*cycles 2.08333333333e-07 (time*cycles)"},
    };
    check_all(rows, NCR_COUNT(rows), "");
}

Test(sema_eval, ranges_and_lists)
{
    static const char *const rows[][2] = {
        {"len(0..4)", "int 4"},
        {"len(0..=4)", "int 5"},
        {"len(4..0)", "int 0"},
        {"len(1..=9 step 2)", "int 5"},
        {"len(1..9 step 2)", "int 4"},
        {"(8..=128 pow2)[4]", "int 128"},
        {"len(8..=128 pow2)", "int 5"},
        {"len(8..128 pow2)", "int 4"},
        {"len(1..=9223372036854775807 pow2)", "int 63"},
        {"len(0.1..1.0 step 0.1)", "int 9"},
        {"len(0.1..=1.0 step 0.1)", "int 10"},
        {"(0.5..=2.0 step 0.5)[3]", "float 2"},
        {"len(1 ms..=2 ms step 0.5 ms)", "int 3"},
        {"sum(1..=100)", "int 5050"},
        {"max(0..10)", "int 9"},
        {"min([3, 1.5, 2])", "float 1.5"},
        {"[1, 2, 3][1]", "int 2"},
        {"[8, 16, 32, 64][1..3]", "list [16, 32]"},
        {"[8, 16, 32, 64][1..=3]", "list [16, 32, 64]"},
        {"[[1, 2], [3, 4]][1][0]", "int 3"},
        {"12 x 14", "list [12, 14]"},
        {"[1, 2,]", "list [1, 2]"},
        {"len([])", "int 0"},
        {"0..4 step 2", "range 0..4 step 2"},
    };
    check_all(rows, NCR_COUNT(rows), "");
}

Test(sema_eval, functions)
{
    static const char *const rows[][2] = {
        {"abs(-3)", "int 3"},
        {"ceil(2.1)", "int 3"},
        {"floor(-2.1)", "int -3"},
        {"round(2.5)", "int 3"},
        {"round(-2.5)", "int -3"},
        {"ceil(7)", "int 7"},
        {"ceil_div(7, 2)", "int 4"},
        {"ceil_div(-7, 2)", "int -3"},
        {"ceil_div(8, 2)", "int 4"},
        {"float(3)", "float 3"},
        {"log2(1)", "int 0"},
        {"log2(1023)", "int 9"},
        {"log2(1024)", "int 10"},
        {"max(1, 2.5, 2)", "float 2.5"},
        {"min(3)", "int 3"},
        {"round_to(30, 8)", "int 32"},
        {"round_to(28, 8)", "int 32"},
        {"round_to(27, 8)", "int 24"},
        {"round_to(1, 8)", "int 8"},
        {"round_to(-20, 8)", "int 8"},
        {"round_to(32 * 0.75, 8)", "int 24"},
        {"round_to(20.0, 8)", "int 24"},
        {"round_to(9223372036854775807, 9223372036854775807)", "int 9223372036854775807"},
    };
    check_all(rows, NCR_COUNT(rows), "");
}

Test(sema_eval, lets_and_blocks)
{
    static const char *const rows[][2] = {
        {"width << 2", "int 64"},
        {"later + 1", "int 101"},
        {"scaled(10)", "int 12"},
        {"scaled(10, by: 0.5)", "int 4"},
        {"choose(3)", "int 3"},
        {"choose([7])", "int 7"},
        {"choose(5..=5)", "int 5"},
        {"choose { only: 9 }", "int 9"},
        {"choose 2 of (4, 5)", "list [4, 5]"},
        {"(p: 1, q: [2]).q[0]", "int 2"},
        {"fib(10)", "int 55"},
    };
    check_all(rows, NCR_COUNT(rows),
              "let width = 16; let later = last; block scaled(n: int, by: float = 1.25) { "
              "round_to(n * by, 4) }"
              "block fib(n: int) bounded n >= 0 && n <= 10 { if n < 2 { n } else { fib(n - 1) + "
              "fib(n - 2) } }"
              "let last = 100; ");
}

// Every decision of a space is made once, in the order of evaluation, with a path that says where.
Test(sema_eval, decisions_have_paths)
{
    struct checked *c =
        check_text("t.ncr",
                   "net n(x: tensor[4]) {\n"
                   "    let w = choose(4, 8);\n"
                   "    let body = x |> repeat(i in 0..2) {\n"
                   "        repeat(choose(1..=2)) { choose { a: dense(w) b: relu } }\n"
                   "    };\n"
                   "    body |> dense(choose out(2, 3), bias: choose(true, false))\n"
                   "}",
                   "");
    cr_assert_eq(c->diags.n_errors, 0);
    const struct ncr_space *space = ncr_program_net(c->program, 0)->space;
    cr_assert(space);
    static const char *const want[] = {"n/w",
                                       "n/body[0]/depth",
                                       "n/body[0][0]/kind",
                                       "n/body[0][1]/kind",
                                       "n/body[1]/depth",
                                       "n/body[1][0]/kind",
                                       "n/body[1][1]/kind",
                                       "n/out",
                                       "n/bias"};
    cr_assert_eq(space->decisions.n, NCR_COUNT(want));
    for (uint32_t i = 0; i < NCR_COUNT(want); i++) {
        const struct ncr_space_decision *d = &space->decisions.at[i];
        cr_expect(ncr_str_is(d->path, want[i]), "%.*s", NCR_STR_ARG(d->path));
        cr_expect_eq(d->n, 2);
    }
    // The second pass exists where the depth is 2.
    uint32_t taken[NCR_COUNT(want)] = {0};
    cr_expect(!ncr_space_exists(space, 3, taken));
    taken[1] = 1;
    cr_expect(ncr_space_exists(space, 3, taken));
    // w = 4; depths 2 and 1; b, a, then a: dense, relu, dense
    taken[2] = 1;
    struct ncr_graph *graph = ncr_space_bind(space, taken, c->arena);
    cr_assert(ncr_graph_verify(graph, NULL));
    static const enum ncr_op ops[] = {NCR_OP_INPUT, NCR_OP_RELU, NCR_OP_DENSE, NCR_OP_DENSE,
                                      NCR_OP_DENSE};
    cr_assert_eq(graph->n_nodes, NCR_COUNT(ops));
    for (uint32_t i = 0; i < NCR_COUNT(ops); i++)
        cr_expect_eq(graph->nodes[i].op, ops[i]);
    checked_free(c);
}
