// The public API: include/nacre.h over the stages.
#include "include/nacre.h"

#include <stdlib.h>

#include "compiler/analysis/report.h"
#include "runtime/api/pipeline.h"

enum { ARENA_LIMIT_MIB = 4096 };

struct nacre_session {
    struct nacre_options options;
    struct ncr_io io;
    struct ncr_arena *arena; // of the loaded program; replaced by each load
    struct ncr_sources *sources;
    struct ncr_diags diags;
    struct ncr_modules *modules;
    struct ncr_program *program; // NULL: nothing usable is loaded
    struct ncr_error error;
    struct ncr_buf text; // the string given out last
};

struct nacre_network {
    struct ncr_arena *arena;
    struct ncr_pipeline pipeline;
    uint8_t *memory; // the tensor arena
    int8_t *in, *out, *logical;
};

const char *nacre_version(void)
{
    return NACRE_VERSION;
}

static void on_progress(void *user, const struct ncr_progress *step)
{
    const struct nacre_session *s = user;
    s->options.progress(s->options.user, step->job, step->done, step->total,
                        step->text ? step->text : "");
}

static bool on_stop(void *user)
{
    const struct nacre_session *s = user;
    return s->options.stop(s->options.user);
}

struct nacre_session *nacre_session_new(const struct nacre_options *options)
{
    struct nacre_session *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    if (options) s->options = *options;
    s->io = ncr_io_posix();
    s->io.user = s;
    if (s->options.progress) s->io.progress = on_progress;
    if (s->options.stop) s->io.stop = on_stop;
    return s;
}

static void unload(struct nacre_session *s)
{
    ncr_arena_free(s->arena);
    s->arena = NULL;
    s->sources = NULL;
    s->modules = NULL;
    s->program = NULL;
    s->error.text[0] = 0;
    ncr_buf_free(&s->text);
}

void nacre_session_free(struct nacre_session *s)
{
    if (!s) return;
    unload(s);
    free(s);
}

static enum nacre_status result(enum ncr_status status)
{
    switch (status) {
    case NCR_OK: return NACRE_OK;
    case NCR_DIAGNOSED: return NACRE_DIAGNOSED;
    case NCR_USAGE: return NACRE_USAGE;
    case NCR_ENVIRONMENT: return NACRE_ENVIRONMENT;
    case NCR_INTERRUPTED: return NACRE_INTERRUPTED;
    }
    NCR_BUG("status %d", (int)status);
}

// Path or text, whichever is not NULL.
static enum nacre_status load(struct nacre_session *s, const char *path, const char *text,
                              const char *folder)
{
    unload(s);
    s->arena = ncr_arena_new((size_t)ARENA_LIMIT_MIB << 20);
    jmp_buf oom;
    if (!s->arena || setjmp(oom)) {
        unload(s);
        return result(ncr_fail(&s->error, NCR_ENVIRONMENT, "out of memory"));
    }
    ncr_arena_on_oom(s->arena, &oom);
    s->sources = ncr_sources_new(s->arena);
    ncr_diags_init(&s->diags, s->arena, s->sources);
    if (text)
        s->modules = ncr_modules_load_text(
            s->arena, s->sources, &s->diags, &s->io, ncr_str_of(path), ncr_str_of(text),
            ncr_str_of(folder ? folder : ""), s->options.stdlib_path);
    else
        s->modules = ncr_modules_load(s->arena, s->sources, &s->diags, &s->io, path,
                                      s->options.stdlib_path, &s->error);
    if (!s->modules) {
        ncr_arena_on_oom(s->arena, NULL);
        return NACRE_ENVIRONMENT;
    }
    if (s->diags.n_errors == 0) {
        struct ncr_program *program = ncr_program_check(s->arena, &s->diags, s->modules);
        if (s->diags.n_errors == 0) s->program = program;
    }
    ncr_arena_on_oom(s->arena, NULL);
    return s->program ? NACRE_OK : NACRE_DIAGNOSED;
}

enum nacre_status nacre_session_load(struct nacre_session *s, const char *path)
{
    return load(s, path, NULL, NULL);
}

enum nacre_status nacre_session_load_text(struct nacre_session *s, const char *name,
                                          const char *text, const char *folder)
{
    return load(s, name, text, folder);
}

const char *nacre_session_diagnostics(struct nacre_session *s, enum nacre_form form)
{
    ncr_buf_free(&s->text);
    if (s->sources) {
        if (form == NACRE_JSON)
            ncr_diags_json(&s->diags, &s->text);
        else
            ncr_diags_text(&s->diags, &s->text, false);
    } else if (form == NACRE_JSON) {
        ncr_buf_puts(&s->text, "[]\n");
    }
    return s->text.n ? s->text.s : "";
}

const char *nacre_session_error(const struct nacre_session *s)
{
    return s->error.text;
}

size_t nacre_session_net_count(const struct nacre_session *s)
{
    return s->program ? ncr_program_net_count(s->program) : 0;
}

const char *nacre_session_net_name(const struct nacre_session *s, size_t index)
{
    if (index >= nacre_session_net_count(s)) return NULL;
    struct ncr_str name = ncr_program_net(s->program, (uint32_t)index)->name;
    return ncr_str_dup(s->arena, name).s; // names are views into the source text
}

static bool loaded(struct nacre_session *s)
{
    if (s->program) return true;
    ncr_fail(&s->error, NCR_USAGE, "no program is loaded");
    return false;
}

static struct ncr_pipeline_choice choice_of(const struct nacre_session *s, const char *net,
                                            const char *quant, const char *weights_path)
{
    return (struct ncr_pipeline_choice){.net = ncr_str_of(net ? net : ""),
                                        .quant = ncr_str_of(quant ? quant : ""),
                                        .weights_path = weights_path,
                                        .data_path = s->options.data_path,
                                        .mode = NCR_PLAN_SHARED};
}

// Runs what needs the program's arena under its out-of-memory handler; the pipeline's own arena is
// separate.
const char *nacre_session_report(struct nacre_session *s, const char *net, const char *quant)
{
    if (!loaded(s)) return NULL;
    struct ncr_arena *arena = ncr_arena_new((size_t)ARENA_LIMIT_MIB << 20);
    jmp_buf oom;
    if (!arena || setjmp(oom)) {
        ncr_arena_free(arena);
        ncr_fail(&s->error, NCR_ENVIRONMENT, "out of memory");
        return NULL;
    }
    ncr_arena_on_oom(arena, &oom);
    struct ncr_pipeline_choice choice = choice_of(s, net, quant, NULL);
    struct ncr_pipeline p;
    ncr_pipeline_init(&p, arena, &s->diags, &s->io, s->program, &choice);
    enum ncr_status status = ncr_pipeline_graph(&p, &s->error);
    if (status == NCR_OK) status = ncr_pipeline_quant(&p, &s->error);
    const struct ncr_report *report = NULL;
    if (status == NCR_OK)
        report = ncr_report_build(arena, &s->diags, p.graph, &p.quant, p.quant_is_default);
    ncr_buf_free(&s->text);
    if (report) ncr_report_json(report, s->sources, &s->text);
    ncr_pipeline_free(&p);
    ncr_arena_free(arena);
    return report && !s->text.failed ? s->text.s : NULL;
}

static int64_t elements(const struct nacre_network *n, uint32_t q)
{
    return ncr_shape_elements(&n->pipeline.qgraph->nodes[q].shape);
}

enum nacre_status nacre_network_compile(struct nacre_session *s, const char *net, const char *quant,
                                        const char *weights_path, struct nacre_network **out)
{
    *out = NULL;
    if (!loaded(s)) return NACRE_USAGE;
    struct nacre_network *n = calloc(1, sizeof *n);
    struct ncr_arena *arena = n ? ncr_arena_new((size_t)ARENA_LIMIT_MIB << 20) : NULL;
    jmp_buf oom;
    if (!n || !arena || setjmp(oom)) {
        if (n) ncr_pipeline_free(&n->pipeline);
        ncr_arena_free(arena);
        free(n);
        return result(ncr_fail(&s->error, NCR_ENVIRONMENT, "out of memory"));
    }
    ncr_arena_on_oom(arena, &oom);
    n->arena = arena;
    struct ncr_pipeline_choice choice = choice_of(s, net, quant, weights_path);
    ncr_pipeline_init(&n->pipeline, arena, &s->diags, &s->io, s->program, &choice);
    enum ncr_status status = ncr_pipeline_code(&n->pipeline, &s->error);
    const struct ncr_qgraph *q = n->pipeline.qgraph;
    if (status == NCR_OK && (q->n_inputs != 1 || q->n_outputs != 1))
        status = ncr_fail(&s->error, NCR_USAGE,
                          "net `%.*s` has %u inputs and %u outputs; one of each is run",
                          NCR_STR_ARG(q->name), q->n_inputs, q->n_outputs);
    if (status == NCR_OK) {
        uint64_t bytes = n->pipeline.plan->arena_bytes;
        uint64_t aligned = (bytes + NCR_PLAN_ALIGN - 1) & ~(uint64_t)(NCR_PLAN_ALIGN - 1);
        n->memory = aligned_alloc(NCR_PLAN_ALIGN, (size_t)aligned);
        size_t in = (size_t)ncr_qnode_bytes(&q->nodes[q->inputs[0]]);
        n->in = NCR_NEW_N(arena, int8_t, in);
        n->logical = NCR_NEW_N(arena, int8_t, in);
        n->out = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(&q->nodes[q->outputs[0]]));
        if (!n->memory) status = ncr_fail(&s->error, NCR_ENVIRONMENT, "out of memory");
    }
    ncr_arena_on_oom(arena, NULL);
    if (status == NCR_OK)
        *out = n;
    else
        nacre_network_free(n);
    return result(status);
}

void nacre_network_free(struct nacre_network *n)
{
    if (!n) return;
    ncr_pipeline_free(&n->pipeline);
    free(n->memory);
    ncr_arena_free(n->arena);
    free(n);
}

size_t nacre_network_input_size(const struct nacre_network *n)
{
    return (size_t)elements(n, n->pipeline.qgraph->inputs[0]);
}

size_t nacre_network_output_size(const struct nacre_network *n)
{
    return (size_t)elements(n, n->pipeline.qgraph->outputs[0]);
}

size_t nacre_network_arena_bytes(const struct nacre_network *n)
{
    return (size_t)n->pipeline.plan->arena_bytes;
}

size_t nacre_network_constant_bytes(const struct nacre_network *n)
{
    return ncr_code_blob_bytes(n->pipeline.code);
}

// Element (c, p) of a tensor is number p·C + c outside the arena, where p counts pixels.
static void shape_of(const struct ncr_qnode *q, int64_t *channels, int64_t *pixels)
{
    *channels = q->shape.dim[0];
    *pixels = q->shape.rank == 3 ? (int64_t)q->shape.dim[1] * q->shape.dim[2] : 1;
}

void nacre_network_run(struct nacre_network *n, const float *input, float *output)
{
    const struct ncr_qgraph *g = n->pipeline.qgraph;
    const struct ncr_qnode *in = &g->nodes[g->inputs[0]], *out = &g->nodes[g->outputs[0]];
    int64_t channels, pixels;
    ncr_quantise_input(in, input, n->logical);
    shape_of(in, &channels, &pixels);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++)
            ncr_qnode_put(in, n->in, p * channels + c,
                          ncr_qnode_element(in, n->logical, c * pixels + p));
    const int8_t *const from[1] = {n->in};
    int8_t *const to[1] = {n->out};
    ncr_code_run(n->pipeline.code, ncr_code_blob(n->pipeline.code), n->memory, from, to);
    shape_of(out, &channels, &pixels);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++)
            output[c * pixels + p] =
                (float)(out->scale *
                        (ncr_qnode_element(out, n->out, p * channels + c) - out->zero_point));
}
