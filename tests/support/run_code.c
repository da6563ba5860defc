#define _DEFAULT_SOURCE // MAP_ANONYMOUS
// Samples of random networks, and memory with guard pages.
#include "tests/support/run_code.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__x86_64__)
// AMX-INT8: leaf 7, bit 25 of edx; the system gives tiles only where the processor has them.
static bool has_amx(void)
{
    uint32_t a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 25 & 1);
}
#endif

uint32_t runnable_families(const char *names[MAX_FAMILIES])
{
    uint32_t n = 0;
    names[n++] = "generic";
    names[n++] = "shifts";
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) names[n++] = "x86_avx2";
    if (__builtin_cpu_supports("avx512bw")) names[n++] = "x86_avx512";
    if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl")) {
        names[n++] = "x86_vnni256";
        names[n++] = "x86_vnni512";
    }
    if (ncr_amx_permitted() && has_amx()) names[n++] = "x86_amx";
#endif
    return n;
}

void to_hwc(const struct ncr_qnode *node, const int8_t *from, int8_t *to)
{
    const struct ncr_shape *s = &node->shape;
    int64_t pixels = s->rank == 3 ? (int64_t)s->dim[1] * s->dim[2] : 1;
    for (int64_t c = 0; c < s->dim[0]; c++)
        for (int64_t p = 0; p < pixels; p++)
            ncr_qnode_put(node, to, p * s->dim[0] + c,
                          ncr_qnode_element(node, from, c * pixels + p));
}

void sample_make(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                 struct sample *out)
{
    const struct ncr_qgraph *g = net->qgraph;
    float *real[2];
    int8_t *quantised[2];
    random_net_inputs(arena, net, seed, real, quantised);
    out->values = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    ncr_eval_int(arena, g, (const int8_t *const *)quantised, out->values);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const struct ncr_qnode *node = &g->nodes[g->inputs[i]];
        out->in_bytes[i] = (size_t)ncr_qnode_bytes(node);
        out->in[i] = NCR_NEW_N(arena, int8_t, out->in_bytes[i]);
        to_hwc(node, quantised[i], out->in[i]);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const struct ncr_qnode *node = &g->nodes[g->outputs[i]];
        out->out_bytes[i] = (size_t)ncr_qnode_bytes(node);
        out->out[i] = NCR_NEW_N(arena, int8_t, out->out_bytes[i]);
        out->want[i] = NCR_NEW_N(arena, int8_t, out->out_bytes[i]);
        to_hwc(node, out->values[g->outputs[i]], out->want[i]);
    }
}

void sample_batch(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                  uint32_t images, struct sample *out)
{
    const struct ncr_qgraph *g = net->qgraph;
    for (uint32_t k = 0; k < images; k++) {
        struct sample one;
        sample_make(arena, net, seed + k, &one);
        if (k == 0) {
            *out = one;
            for (uint32_t i = 0; i < g->n_inputs; i++)
                out->in[i] = NCR_NEW_N(arena, int8_t, one.in_bytes[i] * images);
            for (uint32_t i = 0; i < g->n_outputs; i++) {
                out->want[i] = NCR_NEW_N(arena, int8_t, one.out_bytes[i] * images);
                out->out[i] = NCR_NEW_N(arena, int8_t, one.out_bytes[i] * images);
            }
        }
        out->values = one.values;
        for (uint32_t i = 0; i < g->n_inputs; i++) {
            memcpy(out->in[i] + k * one.in_bytes[i], one.in[i], one.in_bytes[i]);
            out->in_bytes[i] = one.in_bytes[i] * images;
        }
        for (uint32_t i = 0; i < g->n_outputs; i++) {
            memcpy(out->want[i] + k * one.out_bytes[i], one.want[i], one.out_bytes[i]);
            out->out_bytes[i] = one.out_bytes[i] * images;
        }
    }
}

bool has_slices(const struct ncr_plan *plan)
{
    for (uint32_t q = 0; q < plan->n_steps; q++)
        if (plan->buffers[q].slice_of != NCR_PLAN_OWN) return true;
    return false;
}

struct guarded guarded_new(size_t bytes, bool at_start)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    struct guarded g = {.bytes = bytes, .map_bytes = inner + 2 * page};
    g.map = mmap(NULL, g.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g.map == MAP_FAILED) abort();
    uint8_t *first = (uint8_t *)g.map + page;
    memset(first, GUARD_FILL, inner);
    if (mprotect(g.map, page, PROT_NONE) || mprotect(first + inner, page, PROT_NONE)) abort();
    g.memory = at_start ? first : first + (inner - bytes) / NCR_PLAN_ALIGN * NCR_PLAN_ALIGN;
    return g;
}

bool guarded_intact(const struct guarded *g)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const uint8_t *first = (const uint8_t *)g->map + page, *end = first + g->map_bytes - 2 * page;
    for (const uint8_t *p = first; p < end; p++)
        if ((p < g->memory || p >= g->memory + g->bytes) && *p != GUARD_FILL) return false;
    return true;
}

void guarded_free(struct guarded *g)
{
    munmap(g->map, g->map_bytes);
}
