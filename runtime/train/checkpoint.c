// Training state to bytes and back: magic, version, fingerprint, counters, tensors, ranges, and a
// hash over all of it.
#include "runtime/train/checkpoint.h"

static const char magic[8] = {'N', 'C', 'R', 'T', 'R', 'A', 'I', 'N'};

enum { VERSION = 2 };

static struct ncr_hash hash_f64(struct ncr_hash h, double v)
{
    return ncr_hash_mix(h, ncr_hash_bytes(&v, sizeof v));
}

// What the numbers of a quantised network depend on; not its name or place.
static struct ncr_hash hash_quant(const struct ncr_quant_spec *s)
{
    struct ncr_hash h = ncr_hash_u64(s != NULL);
    if (!s) return h;
    const uint64_t whole[] = {s->weights,         s->activations,       s->weight_bits,
                              s->activation_bits, s->per_channel,       s->half_steps,
                              s->calibration,     s->calibration_images};
    for (size_t i = 0; i < NCR_COUNT(whole); i++)
        h = ncr_hash_mix(h, ncr_hash_u64(whole[i]));
    return hash_f64(h, s->percentile);
}

void ncr_train_fingerprint(const struct ncr_train_job *job, const char *trainer,
                           struct ncr_train_fingerprint *out)
{
    const struct ncr_train_spec *s = job->spec;
    out->graph = ncr_graph_hash(job->graph);
    struct ncr_hash h = ncr_hash_u64(s->seed);
    const uint64_t whole[] = {s->epochs,      s->batch,         s->optimizer,   s->schedule,
                              s->step_epochs, s->augment_shift, s->augment_flip};
    const double real[] = {s->lr,    s->momentum, s->weight_decay, s->beta1,
                           s->beta2, s->adam_eps, s->step_factor,  s->label_smoothing};
    for (size_t i = 0; i < NCR_COUNT(whole); i++)
        h = ncr_hash_mix(h, ncr_hash_u64(whole[i]));
    for (size_t i = 0; i < NCR_COUNT(real); i++)
        h = hash_f64(h, real[i]);
    out->spec = h;
    out->data = ncr_dataset_hash(job->train);
    out->trainer = ncr_hash_bytes(trainer, strlen(trainer));
    out->quant = hash_quant(s->quant);
    out->start = ncr_weights_hash(job->weights, job->graph);
}

static void put_tensors(struct ncr_buf *out, const struct ncr_graph *g, float *const *at)
{
    for (uint32_t p = 0; p < g->n_params; p++)
        ncr_buf_put(out, at[p], (size_t)g->params[p].n * sizeof(float));
}

enum ncr_status ncr_train_save(const struct ncr_train_job *job,
                               const struct ncr_train_fingerprint *fingerprint,
                               const struct ncr_train_state *state, struct ncr_error *err)
{
    struct ncr_buf out = {0};
    const uint32_t head[2] = {VERSION, (state->slots[0] ? 1u : 0u) + (state->slots[1] ? 1u : 0u)};
    ncr_buf_put(&out, magic, sizeof magic);
    ncr_buf_put(&out, head, sizeof head);
    ncr_buf_put(&out, fingerprint, sizeof *fingerprint);
    ncr_buf_put(&out, &state->step, 8);
    ncr_buf_put(&out, &state->loss_sum, 8);
    ncr_buf_put(&out, &state->correct, 8);
    ncr_buf_put(&out, &state->seen, 8);
    put_tensors(&out, job->graph, state->weights->at);
    for (int k = 0; k < 2; k++)
        if (state->slots[k]) put_tensors(&out, job->graph, state->slots[k]);
    if (state->ranges) {
        ncr_buf_put(&out, state->ranges->lo, state->ranges->n * sizeof(float));
        ncr_buf_put(&out, state->ranges->hi, state->ranges->n * sizeof(float));
    }
    struct ncr_hash h = ncr_hash_bytes(out.s, out.n);
    ncr_buf_put(&out, &h, sizeof h);
    enum ncr_status status =
        out.failed ? ncr_fail(err, NCR_ENVIRONMENT, "out of memory for the checkpoint")
                   : job->io->write_file(job->io->user, job->checkpoint, out.s, out.n, false, err);
    ncr_buf_free(&out);
    return status;
}

struct cursor {
    const char *at;
    size_t left;
};

static void take(struct cursor *c, void *to, size_t n)
{
    memcpy(to, c->at, n); // the length was checked as a whole
    c->at += n;
    c->left -= n;
}

static void take_tensors(struct cursor *c, const struct ncr_graph *g, float *const *at)
{
    for (uint32_t p = 0; p < g->n_params; p++)
        take(c, at[p], (size_t)g->params[p].n * sizeof(float));
}

static enum ncr_status decode(const struct ncr_train_job *job,
                              const struct ncr_train_fingerprint *want,
                              struct ncr_train_state *state, const struct ncr_buf *in,
                              struct ncr_error *err)
{
    const char *path = job->checkpoint;
    uint32_t head[2], slots = (state->slots[0] ? 1u : 0u) + (state->slots[1] ? 1u : 0u);
    struct ncr_train_fingerprint found;
    size_t fixed = sizeof magic + sizeof head + sizeof found + 32;
    struct cursor c = {in->s, in->n};
    if (in->n < fixed + sizeof(struct ncr_hash) || memcmp(in->s, magic, sizeof magic) != 0)
        return ncr_fail(err, NCR_ENVIRONMENT,
                        "'%s' is no checkpoint: at offset 0 the mark NCRTRAIN and %zu bytes are "
                        "expected, the file has %zu",
                        path, fixed + sizeof(struct ncr_hash), in->n);
    c.at += sizeof magic;
    take(&c, head, sizeof head);
    if (head[0] != VERSION)
        return ncr_fail(err, NCR_ENVIRONMENT,
                        "'%s' has checkpoint version %u; this program writes %d", path, head[0],
                        VERSION);
    take(&c, &found, sizeof found);
    const struct {
        const char *what;
        const struct ncr_hash *a, *b;
    } parts[] = {{"another network", &found.graph, &want->graph},
                 {"another train declaration", &found.spec, &want->spec},
                 {"other data", &found.data, &want->data},
                 {"another trainer", &found.trainer, &want->trainer},
                 {"another quantisation", &found.quant, &want->quant},
                 {"other weights to start from", &found.start, &want->start}};
    for (size_t i = 0; i < NCR_COUNT(parts); i++)
        if (!ncr_hash_eq(*parts[i].a, *parts[i].b))
            return ncr_fail(err, NCR_USAGE,
                            "checkpoint '%s' belongs to %s; remove it, or name another file", path,
                            parts[i].what);
    size_t tensors = 0;
    for (uint32_t p = 0; p < job->graph->n_params; p++)
        tensors += (size_t)job->graph->params[p].n * sizeof(float);
    size_t ranges = state->ranges ? 2 * state->ranges->n * sizeof(float) : 0;
    size_t size = fixed + tensors * (1 + slots) + ranges + sizeof(struct ncr_hash);
    if (head[1] != slots || in->n != size)
        return ncr_fail(err, NCR_ENVIRONMENT,
                        "checkpoint '%s' is damaged: %zu bytes expected, %zu found", path, size,
                        in->n);
    struct ncr_hash stored, h = ncr_hash_bytes(in->s, in->n - sizeof stored);
    memcpy(&stored, in->s + in->n - sizeof stored, sizeof stored);
    if (!ncr_hash_eq(h, stored))
        return ncr_fail(
            err, NCR_ENVIRONMENT,
            "checkpoint '%s' is damaged: the hash at offset %zu does not fit the content", path,
            in->n - sizeof stored);
    take(&c, &state->step, 8);
    take(&c, &state->loss_sum, 8);
    take(&c, &state->correct, 8);
    take(&c, &state->seen, 8);
    take_tensors(&c, job->graph, state->weights->at);
    for (int k = 0; k < 2; k++)
        if (state->slots[k]) take_tensors(&c, job->graph, state->slots[k]);
    if (state->ranges) {
        take(&c, state->ranges->lo, state->ranges->n * sizeof(float));
        take(&c, state->ranges->hi, state->ranges->n * sizeof(float));
    }
    return NCR_OK;
}

enum ncr_status ncr_train_load(const struct ncr_train_job *job,
                               const struct ncr_train_fingerprint *fingerprint,
                               struct ncr_train_state *state, struct ncr_error *err)
{
    struct ncr_buf in = {0};
    enum ncr_status status =
        job->io->read_file(job->io->user, job->checkpoint, (size_t)4 << 30, &in, err);
    if (status == NCR_OK) status = decode(job, fingerprint, state, &in, err);
    ncr_buf_free(&in);
    return status;
}
