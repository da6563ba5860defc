// Golden run and faulty run in the interpreter, tensor by tensor.
#include "runtime/inject/replay.h"

#include "lang/base/json.h"
#include "runtime/inject/report.h"

struct both {
    const struct ncr_campaign_job *job;
    const struct ncr_harness *harness;
    struct ncr_qgraph *copy;
    int8_t **good, **bad;
    struct ncr_golden golden;
    int8_t *outputs;
};

static void run_both(struct ncr_arena *arena, struct both *b, const struct ncr_injection *injection,
                     uint32_t input, struct ncr_judged *judged)
{
    const struct ncr_qgraph *g = b->copy;
    const int8_t *in =
        b->job->inputs + (size_t)input * (size_t)ncr_qnode_bytes(&g->nodes[g->inputs[0]]);
    ncr_dense_run(arena, b->copy, in, NULL, 0, b->good);
    ncr_dense_run(arena, b->copy, in, injection->flips, injection->n_flips, b->bad);
    ncr_dense_outputs(b->harness, b->good, b->golden.outputs);
    ncr_dense_outputs(b->harness, b->bad, b->outputs);
    ncr_golden_judge(b->harness, &b->golden);
    ncr_judge(b->harness, &b->golden, b->outputs, judged);
}

static void describe(const struct both *b, const struct ncr_injection *injection,
                     struct ncr_record *r)
{
    r->n_flips = injection->n_flips;
    if (!injection->n_flips) return;
    const struct ncr_flip *f = &injection->flips[0];
    const struct ncr_qnode *node = &b->copy->nodes[f->node];
    r->node = f->node;
    r->step = f->node;
    r->site = (uint8_t)f->site;
    r->bit = (uint8_t)f->bit;
    r->element = f->element;
    r->old_value = f->site == NCR_SITES_ACTIVATION
                       ? ncr_qnode_element(node, b->good[f->node], f->element)
                   : f->site == NCR_SITES_WEIGHT ? node->weights[f->element]
                                                 : node->bias[f->element];
    r->new_value = ncr_flip_apply(f, ncr_site_width(node, f->site), r->old_value);
}

static void compare(struct ncr_arena *arena, const struct both *b, struct ncr_replay *out)
{
    const struct ncr_executor *x = b->harness->executor;
    const struct ncr_qgraph *g = x->qgraph;
    bool *differs = NCR_NEW_N(arena, bool, g->n_nodes);
    out->layers = NCR_NEW_N(arena, struct ncr_replay_layer, g->n_nodes);
    out->n_layers = x->n_steps;
    for (uint32_t s = 0; s < x->n_steps; s++) {
        uint32_t q = x->steps[s];
        const struct ncr_qnode *node = &g->nodes[q];
        struct ncr_replay_layer *l = &out->layers[s];
        *l = (struct ncr_replay_layer){.node = q, .elements = ncr_shape_elements(&node->shape)};
        for (int64_t i = 0; i < l->elements; i++) {
            int32_t d =
                ncr_qnode_element(node, b->bad[q], i) - ncr_qnode_element(node, b->good[q], i);
            if (d < 0) d = -d;
            l->differ += d != 0;
            if (d > l->largest) {
                l->largest = d;
                l->place = i;
            }
        }
        differs[q] = l->differ > 0;
        for (uint32_t i = 0; i < node->n_in; i++)
            l->fed |= differs[node->in[i]];
        for (uint32_t k = 0; k < out->injection.n_flips; k++)
            l->struck |= out->injection.flips[k].node == q;
    }
}

enum ncr_status ncr_replay_run(struct ncr_arena *arena, struct ncr_diags *diags,
                               const struct ncr_campaign_job *job, uint64_t index, uint32_t input,
                               struct ncr_replay *out, struct ncr_error *err)
{
    *out = (struct ncr_replay){.record.index = index};
    enum ncr_status status = ncr_campaign_injection(arena, diags, job, index, &out->injection, err);
    if (status) return status;
    bool all = out->injection.input == NCR_ALL_INPUTS;
    if (input != NCR_ALL_INPUTS && (all ? input >= job->n_inputs : input != out->injection.input))
        return all ? ncr_fail(err, NCR_USAGE, "there is no input %u: the campaign has %u", input,
                              job->n_inputs)
                   : ncr_fail(err, NCR_USAGE, "injection %llu strikes input %u alone, not input %u",
                              (unsigned long long)index, out->injection.input, input);
    const struct ncr_qgraph *g = job->executor->qgraph;
    struct both b = {.job = job, .harness = ncr_harness_new(arena, job->executor)};
    b.copy = ncr_executor_copy(arena, g);
    b.good = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    b.bad = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    b.golden.outputs = NCR_NEW_N(arena, int8_t, b.harness->output_bytes);
    b.outputs = NCR_NEW_N(arena, int8_t, b.harness->output_bytes);
    struct ncr_record *r = &out->record;
    r->input = out->injection.input;
    r->rate = out->injection.rate;
    uint32_t first = all ? 0 : r->input, end = all ? job->n_inputs : r->input + 1, worst = first;
    for (uint32_t i = first; i < end; i++) {
        struct ncr_arena_mark mark = ncr_arena_mark(arena);
        struct ncr_judged judged;
        run_both(arena, &b, &out->injection, i, &judged);
        if (i == first) {
            describe(&b, &out->injection, r);
            r->golden_top = b.golden.top;
            r->faulty_top = judged.top;
        }
        if (judged.outcome > r->outcome) {
            r->outcome = (uint8_t)judged.outcome;
            worst = i;
        }
        r->n_benign += judged.outcome == NCR_BENIGN;
        r->n_sdc += judged.outcome == NCR_SDC;
        r->n_sdc5 += judged.sdc5;
        r->n_sdc10 += judged.sdc10;
        r->n_sdc20 += judged.sdc20;
        if (job->labels) {
            bool was = b.golden.top == job->labels[i], is = judged.top == job->labels[i];
            r->n_broken += was && !is;
            r->n_mended += is && !was;
        }
        r->output_hash = ncr_record_chain(r->output_hash, judged.hash);
        ncr_arena_reset(arena, mark);
    }
    out->input = input == NCR_ALL_INPUTS ? worst : input;
    run_both(arena, &b, &out->injection, out->input, &out->judged);
    out->golden_top = b.golden.top;
    compare(arena, &b, out);
    return NCR_OK;
}

bool ncr_replay_agrees(const struct ncr_record *here, const struct ncr_record *there,
                       struct ncr_error *why)
{
#define SAME(member)                                                                               \
    if (here->member != there->member) {                                                           \
        ncr_fail(why, NCR_OK, #member " is %lld here and %lld in the record",                      \
                 (long long)here->member, (long long)there->member);                               \
        return false;                                                                              \
    }
    SAME(index)
    SAME(input)
    SAME(rate)
    SAME(n_flips)
    SAME(node)
    SAME(step)
    SAME(site)
    SAME(element)
    SAME(bit)
    SAME(old_value)
    SAME(new_value)
    SAME(outcome)
    SAME(n_benign)
    SAME(n_sdc)
    SAME(n_sdc5)
    SAME(n_sdc10)
    SAME(n_sdc20)
    SAME(n_broken)
    SAME(n_mended)
    SAME(golden_top)
    SAME(faulty_top)
    SAME(output_hash)
#undef SAME
    return true;
}

// ---- words ----
static const char *fate(const struct ncr_replay_layer *l)
{
    if (l->struck) return l->differ ? "struck" : "struck, no change";
    if (l->fed && !l->differ) return "masked here";
    return "";
}

// Flips shown one by one.
enum { FLIPS_SHOWN = 8 };

static void flips_text(const struct ncr_replay *replay, const struct ncr_qgraph *g,
                       struct ncr_buf *out)
{
    const struct ncr_injection *in = &replay->injection;
    for (uint32_t k = 0; k < in->n_flips && k < FLIPS_SHOWN; k++) {
        const struct ncr_flip *f = &in->flips[k];
        ncr_buf_fmt(out, "  bit %u of %s [", f->bit, ncr_site_name(f->site));
        ncr_inject_place(g, f->site, f->node, f->element, ',', out);
        ncr_buf_fmt(out, "] of %.*s", NCR_STR_ARG(g->nodes[f->node].path));
        if (k == 0)
            ncr_buf_fmt(out, ": %d -> %d", replay->record.old_value, replay->record.new_value);
        ncr_buf_putc(out, '\n');
    }
    if (in->n_flips > FLIPS_SHOWN) ncr_buf_fmt(out, "  and %u more\n", in->n_flips - FLIPS_SHOWN);
    if (in->n_flips == 0) ncr_buf_puts(out, "  nothing: the rate flipped no bit in this draw\n");
}

void ncr_replay_text(const struct ncr_replay *replay, const struct ncr_campaign_job *job,
                     const struct ncr_record *record, struct ncr_buf *out)
{
    const struct ncr_qgraph *g = job->executor->qgraph;
    const struct ncr_record *r = &replay->record;
    ncr_buf_fmt(out, "injection %llu of %.*s strikes\n", (unsigned long long)r->index,
                NCR_STR_ARG(g->name));
    flips_text(replay, g, out);
    size_t width = 5;
    for (uint32_t i = 0; i < replay->n_layers; i++)
        if (g->nodes[replay->layers[i].node].path.n > width)
            width = g->nodes[replay->layers[i].node].path.n;
    ncr_buf_fmt(out, "\non input %u\nstep  %-*s  %10s %10s %8s  %s\n", replay->input, (int)width,
                "layer", "elements", "differ", "largest", "");
    for (uint32_t i = 0; i < replay->n_layers; i++) {
        const struct ncr_replay_layer *l = &replay->layers[i];
        ncr_buf_fmt(out, "%4u  %-*.*s  %10lld %10lld %8d", i, (int)width,
                    NCR_STR_ARG(g->nodes[l->node].path), (long long)l->elements,
                    (long long)l->differ, l->largest);
        const char *word = fate(l);
        if (*word) ncr_buf_fmt(out, "  %s", word);
        if (l->differ) {
            ncr_buf_puts(out, *word ? ", largest at [" : "  at [");
            ncr_inject_place(g, NCR_SITES_ACTIVATION, l->node, l->place, ',', out);
            ncr_buf_putc(out, ']');
        }
        ncr_buf_putc(out, '\n');
    }
    ncr_buf_fmt(out, "\noutcome on this input: %s, decision %u -> %u\n",
                ncr_outcome_name(replay->judged.outcome), replay->golden_top, replay->judged.top);
    if (r->input == NCR_ALL_INPUTS)
        ncr_buf_fmt(out, "on all %u inputs: %u masked, %u benign, %u SDC\n", job->n_inputs,
                    job->n_inputs - r->n_benign - r->n_sdc, r->n_benign, r->n_sdc);
    struct ncr_error why;
    if (!record) return;
    if (ncr_replay_agrees(r, record, &why))
        ncr_buf_puts(out, "the record says the same\n");
    else
        ncr_buf_fmt(out, "the record differs: %s\n", why.text);
}

void ncr_replay_json(const struct ncr_replay *replay, const struct ncr_campaign_job *job,
                     const struct ncr_record *record, struct ncr_buf *out)
{
    const struct ncr_qgraph *g = job->executor->qgraph;
    const struct ncr_record *r = &replay->record;
    struct ncr_json json, *j = &json;
    ncr_json_init(j, out);
    ncr_json_object(j);
    ncr_json_key_str(j, "schema", NCR_STR("nacre.replay/1"));
    ncr_json_key_str(j, "net", g->name);
    ncr_json_key_i64(j, "index", (int64_t)r->index);
    ncr_json_key(j, "flips");
    ncr_json_array(j);
    for (uint32_t k = 0; k < replay->injection.n_flips; k++) {
        const struct ncr_flip *f = &replay->injection.flips[k];
        ncr_json_object(j);
        ncr_json_key_str(j, "layer", g->nodes[f->node].path);
        ncr_json_key_str(j, "site", ncr_str_of(ncr_site_name(f->site)));
        ncr_json_key(j, "coordinates");
        ncr_json_array(j);
        int32_t at[4];
        uint32_t rank = ncr_sites_coordinates(g, f->site, f->node, f->element, at);
        for (uint32_t d = 0; d < rank; d++)
            ncr_json_i64(j, at[d]);
        ncr_json_end(j);
        ncr_json_key_i64(j, "bit", f->bit);
        ncr_json_end(j);
    }
    ncr_json_end(j);
    ncr_json_key_i64(j, "old", r->old_value);
    ncr_json_key_i64(j, "new", r->new_value);
    ncr_json_key_i64(j, "input", replay->input);
    ncr_json_key(j, "layers");
    ncr_json_array(j);
    for (uint32_t i = 0; i < replay->n_layers; i++) {
        const struct ncr_replay_layer *l = &replay->layers[i];
        ncr_json_object(j);
        ncr_json_key_str(j, "layer", g->nodes[l->node].path);
        ncr_json_key_i64(j, "elements", l->elements);
        ncr_json_key_i64(j, "differ", l->differ);
        ncr_json_key_i64(j, "largest", l->largest);
        ncr_json_key_bool(j, "struck", l->struck);
        ncr_json_key_bool(j, "masked_here", l->fed && !l->differ && !l->struck);
        ncr_json_end(j);
    }
    ncr_json_end(j);
    ncr_json_key_str(j, "outcome", ncr_str_of(ncr_outcome_name(replay->judged.outcome)));
    ncr_json_key_i64(j, "golden_top", replay->golden_top);
    ncr_json_key_i64(j, "faulty_top", replay->judged.top);
    if (r->input == NCR_ALL_INPUTS) {
        ncr_json_key_i64(j, "benign_inputs", r->n_benign);
        ncr_json_key_i64(j, "sdc_inputs", r->n_sdc);
    }
    struct ncr_error why;
    if (record) ncr_json_key_bool(j, "record_agrees", ncr_replay_agrees(r, record, &why));
    ncr_json_end(j);
    ncr_buf_putc(out, '\n');
}
