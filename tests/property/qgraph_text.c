// The text form of quantised graphs: read back it is the same graph, and damaged text is refused,
// never followed.
#include <criterion/criterion.h>
#include <string.h>

#include "lang/base/rng.h"
#include "tests/support/random_graph.h"

static struct ncr_qgraph *read_text(struct ncr_arena *arena, const char *text, size_t n,
                                    struct ncr_diags *diags)
{
    struct ncr_sources *sources = ncr_sources_new(arena);
    ncr_diags_init(diags, arena, sources);
    return ncr_qgraph_read(
        arena, diags, ncr_sources_add(sources, NCR_STR("q"), (struct ncr_str){text, (uint32_t)n}));
}

Test(qgraph_text, reads_back)
{
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 8, &net);
        struct ncr_error why;
        cr_assert(ncr_qgraph_verify(net.qgraph, &why), "%s", why.text);
        struct ncr_buf once = {0}, twice = {0};
        struct ncr_diags diags;
        ncr_qgraph_dump(net.qgraph, &once);
        struct ncr_qgraph *back = read_text(arena, once.s, once.n, &diags);
        cr_assert_not_null(back, "%.*s", NCR_STR_ARG(diags.first->text));
        ncr_qgraph_dump(back, &twice);
        cr_assert_str_eq(once.s, twice.s);
        cr_assert(ncr_hash_eq(ncr_qgraph_hash(back), ncr_qgraph_hash(net.qgraph)));
        // The same numbers: the same outputs.
        float *real[2];
        int8_t *in[2], **a = NCR_NEW_N(arena, int8_t *, back->n_nodes),
                       **b = NCR_NEW_N(arena, int8_t *, back->n_nodes);
        random_net_inputs(arena, &net, seed, real, in);
        ncr_eval_int(arena, net.qgraph, (const int8_t *const *)in, a);
        ncr_eval_int(arena, back, (const int8_t *const *)in, b);
        for (uint32_t q = 0; q < back->n_nodes; q++)
            cr_assert_eq(memcmp(a[q], b[q], (size_t)ncr_qnode_bytes(&back->nodes[q])), 0);
        ncr_buf_free(&once);
        ncr_buf_free(&twice);
        ncr_arena_free(arena);
    }
}

Test(qgraph_text, damage_is_refused_or_harmless)
{
    uint32_t refused = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct ncr_arena *arena = ncr_arena_new(256 << 20);
        struct random_net net;
        random_net_make(arena, seed % 20, 4, &net);
        struct ncr_buf text = {0};
        ncr_qgraph_dump(net.qgraph, &text);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 5);
        if (seed % 2)
            text.n = ncr_rng_below(&rng, text.n); // cut
        else
            text.s[ncr_rng_below(&rng, text.n)] =
                (char)(32 + ncr_rng_below(&rng, 95)); // one character changed
        struct ncr_diags diags;
        struct ncr_qgraph *back = read_text(arena, text.s, text.n, &diags);
        cr_assert_eq(back == NULL, diags.n_errors == 1);
        refused += back == NULL;
        struct ncr_error why;
        if (back) cr_assert(ncr_qgraph_verify(back, &why));
        ncr_buf_free(&text);
        ncr_arena_free(arena);
    }
    cr_assert_geq(refused, 200, "every cut text is refused");
}
