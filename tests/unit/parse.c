// The grammar on the programs of the language's design, and the position and text of every message.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"

static struct ncr_syntax *parse(struct ncr_arena *arena, struct ncr_diags *diags, const char *text)
{
    struct ncr_sources *sources = ncr_sources_new(arena);
    ncr_diags_init(diags, arena, sources);
    return ncr_parse(arena, diags, ncr_sources_add(sources, NCR_STR("t"), ncr_str_of(text)));
}

static void accept(const char *text)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    parse(arena, &diags, text);
    struct ncr_buf out = {0};
    ncr_diags_text(&diags, &out, false);
    cr_assert_eq(diags.n_errors, 0, "%s\n%s", text, out.s);
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}

Test(parse, whole_language)
{
    accept(
        "import std.blocks\nimport std.mutations;\n"
        "/// Small residual networks.\n"
        "net tiny(x: tensor[3, 32, 32]) -> tensor[10] {\n"
        "    let width = choose(16, 24, 32); // once\n"
        "    let stem  = x |> conv(width, kernel: 3) >> batchnorm >> relu;\n"
        "    let body = stem |> repeat(stage in 0..3) {\n"
        "        let w = width << stage;\n"
        "        repeat(choose(1..3)) {\n"
        "            choose {\n"
        "                plain:     conv_bn_relu(w, kernel: choose(3, 5))\n"
        "                separable: separable(w, kernel: choose(3, 5));\n"
        "                @prior(0.6) residual:  residual(conv_bn_relu(w, kernel: 3))\n"
        "            }\n"
        "        } >> maxpool(2)\n"
        "    };\n"
        "    require params(this) <= 250_000;\n"
        "    body |> global_avgpool >> flatten >> dense(10)\n"
        "}\n"
        "data images = cifar10(\"data/cifar10\");\n"
        "train quick { data: images.train; epochs: 4; batch: 128;\n"
        "  optimizer: sgd(lr: 0.05, momentum: 0.9, weight_decay: 5e-4); schedule: cosine; }\n"
        "quant int8 { weights: linear(bits: 8, per: channel); activations: linear(bits: 8); }\n"
        "fault seu { model: bitflip(bits: 1); sites: activations, weights; }\n"
        "fault ber { model: bitflip(rate: 1e-6 per bit); sites: activations; persistence: "
        "transient }\n"
        "fault stuck { model: stuck_at(1); sites: weights; bits: 6..=7; persistence: permanent; }\n"
        "campaign resilience { net: tiny; quant: int8; fault: seu; data: images.test[0..1000];\n"
        "  stop: margin(1%, confidence: 95%, per: layer); }\n"
        "search evolve { space: tiny; train: quick; quant: int8; target: cortex_m7;\n"
        "  minimize error(images.valid); minimize macs, adcr, asi;\n"
        "  require flash <= 256 KiB, peak_memory <= 64 KiB, latency <= 50 ms;\n"
        "  mutate deepen weight 2, widen, skip_add, remove_layer;\n"
        "  population: 20; crossover uniform; seed: 1; }\n"
        "target cortex_m7 { triple: \"thumbv7em-none-eabihf\"; clock: 480 MHz;\n"
        "  memory flash { size: 2 MiB; access: read_only; bandwidth: 1.9 GB/s; }\n"
        "  compute { macs_per_cycle: 2; vector_bits: 32; }\n"
        "  energy \"horowitz45\" { mac_i8: 0.3 pJ; read_sram_32: 5 pJ; }\n"
        "  array: 12 x 14; model: roofline; nested: { a: 1; }; }\n");
    accept(
        "block separable(out: int, kernel: int = 3)(x: tensor[C, H, W]) { x |> dwconv(kernel: "
        "kernel) >> relu }\n"
        "block residual(f: layer)(x) { x + f(x) }\n"
        "block tree(depth: int)(x) bounded depth <= 6 { if depth == 0 { x } else { tree(depth - "
        "1)(x) } }\n"
        "net two(a: tensor[1, 2, 3], b: tensor[4]) -> (p: tensor[5], q: tensor[6],) { (p: a, q: b) "
        "}\n"
        "net small = tiny with { width = 24; body[0]/depth = 2; body[1][0]/kind = 5; };\n"
        "let k = -3 + 4 * 2 % 5; let r = 8..=128 pow2; let f = 0.1..1.0 step 0.1;\n"
        "let c = @protect(choose(none, clip, tmr)) conv(3); let rate = 64 KiB/s; let d = 64 KiB / "
        "2;\n"
        "let s = choose 2 of (a, b, c); let o = choose 1..=2 of ordered (a, b); let n = choose k: "
        "2 of (x, y);\n"
        "let u = choose k(3, 5); let opt = optional { relu }; let step = 3; let of = step + 1;\n");
    accept("mutation deepen(c: conv) { require c.kernel % 2 == 1;\n"
           "  insert after c { conv(c.out, kernel: choose(1, 3)) >> batchnorm >> relu }; inherit "
           "identity; }\n"
           "mutation widen(c: conv) { set c.out = round_to(c.out * choose(1.25, 1.5), 4); inherit "
           "zero_fan_out; }\n"
           "mutation separate(c: conv) { replace c with dwconv(c.kernel) >> conv(c.out, kernel: "
           "1); inherit distill(steps: 200); }\n"
           "mutation skip(a, b) { require a.shape == b.shape; replace b with b + a; inherit "
           "zero_branch; }\n"
           "mutation resample(d: decision) { redraw d; } mutation move(d: decision) { step d by 1; "
           "remove d.x[2]; }\n");
}

static void check_tree(const char *text, const char *want)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    uint32_t file =
        ncr_sources_add((struct ncr_sources *)diags.sources, NCR_STR("t"), ncr_str_of(text));
    struct ncr_ast *a = ncr_parse_expr(arena, &diags, file);
    if (!want) {
        cr_assert_null(a, "%s", text);
        ncr_arena_free(arena);
        return;
    }
    cr_assert_not_null(a, "%s", text);
    struct ncr_buf out = {0};
    ncr_ast_dump(a, &out);
    for (size_t i = 0; i < out.n; i++)
        if (out.s[i] == '\n') out.s[i] = ';';
    cr_assert_str_eq(out.s, want);
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}

Test(parse, precedence)
{
    check_tree("x + y |> f", "binary |>;  binary +;    name x;    name y;  name f;");
    check_tree("x |> f >> g", "binary |>;  name x;  binary >>;    name f;    name g;");
    check_tree("a -> b || c && d == e",
               "binary ->;  name a;  binary ||;    name b;    binary &&;      name c;      binary "
               "==;        name d;        name e;");
    check_tree("1 + 2 * -3", "binary +;  int 1;  binary *;    int 2;    unary -;      int 3;");
    check_tree("0..2 + 1 step 2", "range ..;  int 0;  binary +;    int 2;    int 1;  int 2;");
    check_tree("f(a, k: 2)[1].step", "member step;  index;    call;      name f;      arg;        "
                                     "name a;      arg k;        int 2;    int 1;");
    check_tree("12 x 14", "pair;  int 12;  int 14;");
    check_tree("1e-6 per bit", "quantity 1e-06 per bit;");
    check_tree("5 % 2", "binary %;  int 5;  int 2;");
    check_tree("5%", "percent 0.05;");
    check_tree("64 KiB/s", "quantity 64 KiB/s;");
    check_tree("64 KiB / s", "binary /;  quantity 64 KiB;  name s;");
    check_tree(
        "x |> if b { c } else { d } >> e",
        "binary |>;  name x;  binary >>;    if;      name b;      block;        name c;      "
        "block;        name d;    name e;");
    check_tree("t with { net[1]/if = 3; }",
               "with;  name t;  gene;    int 3;    seg net;      int 1;    seg if;");
    check_tree("step.step(step: step) step_", NULL);
    check_tree("0..set step step", "range ..;  int 0;  name set;  name step;");
    check_tree("99.9% + 1e3%", "binary +;  percent 0.999;  percent 10;");
    check_tree("5 GB/s per bit", "quantity 5 GB/s per bit;");
    check_tree("\"a\\n\\u{e9}\"", "string \"a;\xC3\xA9\";");
}

// Each refusal: the text of the program, and all that is printed but the excerpt lines.
Test(parse, refusals)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"let a = 1 let b = 2;", "t:1:10: error[N0105]: `;` is missing before `let`"},
        {"let a = 1\nlet b = 2;", "t:1:10: error[N0105]: `;` is missing before `let`"},
        {"let = 1;", "t:1:5: error[N0101]: unexpected `=`; expected a name"},
        {"let a = a < b < c;", "t:1:15: error[N0103]: comparisons do not chain"},
        {"let a = $;", "t:1:9: error[N0001]: character `$` is not part of the language"},
        {"let a = \"x", "t:1:9: error[N0005]: this string has no end on its line"},
        {"let a = \"\\q\";", "t:1:10: error[N0007]: `\\q` is not an escape"},
        {"let a = 99999999999999999999;",
         "t:1:9: error[N0008]: `99999999999999999999` is larger than"},
        {"let a = 1e999;", "t:1:9: error[N0009]: `1e999` is outside the range"},
        {"/* x /* y */", "t:1:1: error[N0004]: this comment has no end: 1 `*/` missing"},
        {"let a = \"\x01\";", "t:1:10: error[N0006]: control character 0x01 in a string"},
        {"let a = \xFF;", "t:1:9: error[N0002]: byte 0xFF is not valid UTF-8"},
        {"net f(x) { x", "t:1:10: error[N0104]: `{` is never closed"},
    };
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_diags diags;
        parse(arena, &diags, rows[i].text);
        cr_assert_geq(diags.n_errors, 1, "accepted: %s", rows[i].text);
        struct ncr_buf out = {0};
        ncr_diags_text(&diags, &out, false);
        cr_assert_eq(strncmp(out.s, rows[i].want, strlen(rows[i].want)), 0, "row %zu:\n%s", i,
                     out.s);
        ncr_buf_free(&out);
        ncr_arena_free(arena);
    }
}

Test(parse, goes_on_after_an_error)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct ncr_syntax *s = parse(
        arena, &diags, "let a = ; let b = 2;\nnet f(x: tensor[1]) { let y = ); x }\nlet c = 3;");
    cr_assert_eq(diags.n_errors, 2);
    cr_assert_eq(s->root->n_kids, 3, "what follows an error is kept");
    ncr_arena_free(arena);
}

Test(parse, depth_is_limited)
{
    enum { N = 100000 };
    char *text = malloc(2 * N + 64);
    for (int form = 0; form < 3; form++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_diags diags;
        strcpy(text, "let a = ");
        char *at = text + strlen(text);
        for (int i = 0; i < N; i++) {
            *at++ = form == 0 ? '(' : form == 1 ? '-' : '1';
            if (form == 2) *at++ = '+';
        }
        strcpy(at, "1;");
        parse(arena, &diags, text);
        cr_assert_geq(diags.n_errors, 1);
        cr_assert_eq(diags.first->code, NCR_N_TOO_DEEP, "form %d: %.*s", form,
                     NCR_STR_ARG(diags.first->text));
        ncr_arena_free(arena);
    }
    free(text);
}
