// The operator chapter of the specification against the table: a section for each row, in order,
// that names what the row holds; and its text example reads.
#include <criterion/criterion.h>
#include <stdio.h>

#include "compiler/ir/graph.h"
#include "lang/base/io.h"

static struct ncr_buf chapter(void)
{
    struct ncr_io io = ncr_io_posix();
    struct ncr_buf text = {0};
    struct ncr_error err;
    enum ncr_status status =
        io.read_file(io.user, NACRE_SOURCE_DIR "/lang/spec/operators.md", 1 << 20, &text, &err);
    cr_assert_eq(status, NCR_OK, "%s", err.text);
    return text;
}

static bool section_has(const char *begin, const char *end, const char *what)
{
    const char *at = strstr(begin, what);
    return at && at < end;
}

Test(operators, each_row_has_its_section)
{
    struct ncr_buf text = chapter();
    const char *at = strstr(text.s, "\n## The operators\n");
    cr_assert_not_null(at);
    for (uint32_t op = 0; op < NCR_OP_COUNT_; op++) {
        const char *name = ncr_op_name((enum ncr_op)op);
        char heading[64], word[64];
        snprintf(heading, sizeof heading, "\n### `%s`\n", name);
        at = strstr(at, "\n### ");
        cr_assert(at && strncmp(at, heading, strlen(heading)) == 0, "the next section is not %s",
                  name);
        at++;
        const char *end = strstr(at, "\n##");
        cr_assert_not_null(end);
        // signature, inputs, shape rule, counts, what becomes of it in integers
        static const char *const parts[] = {"\n- Inputs: ", "Shape: ",       "Parameters",
                                            "MACs",         "\n- Integer: ", "ites"};
        for (size_t i = 0; i < NCR_COUNT(parts); i++)
            cr_assert(section_has(at, end, parts[i]), "%s: no `%s`", name, parts[i]);
        uint32_t attrs = ncr_op_attrs((enum ncr_op)op);
        cr_assert_eq(attrs == 0, section_has(at, end, "No attributes"), "%s", name);
        for (uint32_t bit = 1; bit <= NCR_ATTR_SHAPE; bit <<= 1) {
            if (!(attrs & bit)) continue;
            snprintf(word, sizeof word, "`%s`", ncr_attr_name(bit));
            cr_assert(section_has(at, end, word), "%s: no %s", name, word);
        }
        static const struct {
            uint32_t bit;
            const char *letter;
        } sites[] = {{NCR_SITE_ACTIVATION, "A"},
                     {NCR_SITE_WEIGHT, " W"},
                     {NCR_SITE_BIAS, " B"},
                     {NCR_SITE_ACCUMULATOR, " M"},
                     {NCR_SITE_REQUANT, " Q"}};
        char line[32] = "Sites ";
        uint32_t have = ncr_op_sites((enum ncr_op)op);
        for (size_t i = 0; i < NCR_COUNT(sites); i++)
            if (have & sites[i].bit) strcat(line, sites[i].letter);
        cr_assert(section_has(at, end, have ? strcat(line, ".") : "No sites."), "%s: no `%s`", name,
                  line);
    }
    cr_assert_null(strstr(at, "\n### "), "a section too many");
    ncr_buf_free(&text);
}

Test(operators, the_example_of_the_text_form_reads)
{
    struct ncr_buf text = chapter();
    const char *at = strstr(text.s, "\n```\ngraph \"tiny\"");
    cr_assert_not_null(at);
    at += 5;
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_sources *sources = ncr_sources_new(arena);
    uint32_t n = (uint32_t)(strstr(at, "```") - at);
    uint32_t file = ncr_sources_add(sources, NCR_STR("operators.md"), (struct ncr_str){at, n});
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    struct ncr_graph *graph = ncr_graph_read(arena, &diags, file);
    cr_assert_not_null(graph, "%.*s", NCR_STR_ARG(diags.first->text));
    struct ncr_buf back = {0};
    ncr_graph_dump(graph, &back);
    cr_assert_eq(back.n, n);
    cr_assert_eq(memcmp(back.s, at, n), 0, "it is printed as\n%s", back.s);
    ncr_buf_free(&back);
    ncr_buf_free(&text);
    ncr_arena_free(arena);
}
