// Gradients: the reference against central differences of its own loss, for every operator; oneDNN
// against the reference on random networks.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "lang/base/rng.h"
#include "runtime/train/trainer.h"
#include "tests/support/random_graph.h"

// A classifier: the random graph's first output, flattened, into a dense layer of three classes.
static struct ncr_graph *classifier(struct ncr_arena *arena, uint64_t seed, uint32_t size)
{
    return random_classifier_make(arena, seed, size, 3);
}

enum { BATCH = 4 };

struct sample {
    float *inputs;
    uint8_t labels[BATCH];
};

static struct sample draw(struct ncr_arena *arena, const struct ncr_graph *g, uint64_t seed)
{
    struct sample s;
    size_t n = (size_t)ncr_shape_elements(&g->nodes[g->inputs[0]].shape) * BATCH;
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 31);
    s.inputs = NCR_NEW_N(arena, float, n);
    for (size_t i = 0; i < n; i++)
        s.inputs[i] = (float)ncr_rng_normal(&rng);
    for (int i = 0; i < BATCH; i++)
        s.labels[i] = (uint8_t)ncr_rng_below(&rng, 3);
    return s;
}

static struct ncr_weights *draw_weights(struct ncr_arena *arena, const struct ncr_graph *g,
                                        uint64_t seed)
{
    struct ncr_weights *w = ncr_weights_new(arena, g);
    ncr_weights_init(w, g, seed);
    for (uint32_t p = 0; p < g->n_params; p++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_WEIGHTS, p);
        if (g->params[p].role == NCR_PARAM_BIAS || g->params[p].role == NCR_PARAM_BETA ||
            g->params[p].role == NCR_PARAM_GAMMA)
            for (int64_t i = 0; i < g->params[p].n; i++)
                w->at[p][i] += (float)(0.3 * ncr_rng_normal(&rng));
    }
    return w;
}

static double rounded_loss(const struct ncr_trainer *t, const struct ncr_graph *g,
                           const struct ncr_weights *w, const struct sample *s,
                           const struct ncr_train_rounding *rounding, struct ncr_weights *grads)
{
    double loss;
    struct ncr_error err;
    cr_assert_eq(t->gradients(g, w, s->inputs, s->labels, BATCH, 0.1, rounding, grads, &loss, &err),
                 NCR_OK, "%s", err.text);
    return loss;
}

static double loss_at(const struct ncr_trainer *t, const struct ncr_graph *g,
                      const struct ncr_weights *w, const struct sample *s,
                      struct ncr_weights *grads)
{
    return rounded_loss(t, g, w, s, NULL, grads);
}

// Rounding as the integer network of 8 bits does it, ranges from this very sample; *w becomes the
// rounded weights.
static struct ncr_train_rounding rounding_of(struct ncr_arena *arena, const struct ncr_graph *g,
                                             const struct sample *s, struct ncr_weights **w)
{
    static const struct ncr_quant_spec spec = {.name = {"q", 1},
                                               .weights = NCR_QF_LOG2,
                                               .weight_bits = 4,
                                               .activation_bits = 8,
                                               .per_channel = true};
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_fake *f = ncr_fake_new(arena, &diags, g, &spec);
    cr_assert_not_null(f);
    struct ncr_calibrator *c =
        ncr_calibrator_new(arena, ncr_fake_graph(f), ncr_fake_view(f, *w), &spec);
    for (int i = 0; i < BATCH; i++) {
        const float *one = s->inputs + i * ncr_shape_elements(&g->nodes[g->inputs[0]].shape);
        ncr_calibrator_feed(c, &one);
    }
    cr_assert(ncr_fake_set_ranges(f, ncr_calibrator_finish(c)));
    *w = ncr_fake_quant(f, *w);
    return (struct ncr_train_rounding){.tensors = ncr_fake_tensors(f)};
}

// The straight-through gradient is the true one of the network that adds to each tensor what
// rounding added to it, as a constant.
Test(train_gradients, straight_through_agrees_with_differences)
{
    const struct ncr_trainer *t = ncr_trainer_find("reference");
    uint32_t checked = 0, off = 0;
    for (uint64_t seed = 0; seed < 250; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *g = classifier(arena, seed, 5);
        struct ncr_weights *w = draw_weights(arena, g, seed), *grads = ncr_weights_new(arena, g),
                           *none = ncr_weights_new(arena, g);
        struct sample s = draw(arena, g, seed);
        struct ncr_train_rounding r = rounding_of(arena, g, &s, &w);
        double **offsets = NCR_NEW_N(arena, double *, g->n_nodes), most = 0;
        for (uint32_t id = 0; id < g->n_nodes; id++)
            offsets[id] =
                NCR_NEW_N(arena, double, (size_t)ncr_shape_elements(&g->nodes[id].shape) * BATCH);
        r.offsets = offsets;
        double loss = rounded_loss(t, g, w, &s, &r, grads);
        for (uint32_t id = 0; id < g->n_nodes; id++)
            most = fmax(most, fabs(offsets[id][0]));
        cr_assert_gt(most, 0, "nothing is rounded");
        r.hold = true;
        cr_assert_float_eq(rounded_loss(t, g, w, &s, &r, none), loss, 1e-9 * (1 + fabs(loss)));
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 33);
        for (int k = 0; k < 6; k++) {
            uint32_t p = (uint32_t)ncr_rng_below(&rng, g->n_params);
            if (g->params[p].role == NCR_PARAM_MEAN || g->params[p].role == NCR_PARAM_VAR) continue;
            int64_t i = (int64_t)ncr_rng_below(&rng, (uint64_t)g->params[p].n);
            float old = w->at[p][i], step = 0x1p-9f;
            w->at[p][i] = old + step;
            double up = rounded_loss(t, g, w, &s, &r, none);
            w->at[p][i] = old - step;
            double down = rounded_loss(t, g, w, &s, &r, none);
            w->at[p][i] = old;
            double want = (up - down) / (2 * (double)step), got = (double)grads->at[p][i];
            off += fabs(want - got) > 1e-3 + 0.02 * fabs(want);
            checked++;
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(checked, 800);
    cr_assert_lt(off, checked / 50, "%u of %u gradients are off", off, checked); // kinks
}

Test(train_gradients, reference_agrees_with_differences)
{
    const struct ncr_trainer *t = ncr_trainer_find("reference");
    uint32_t seen[NCR_OP_COUNT_] = {0}, checked = 0, off = 0;
    for (uint64_t seed = 0; seed < 250; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *g = classifier(arena, seed, 5);
        struct ncr_weights *w = draw_weights(arena, g, seed), *grads = ncr_weights_new(arena, g),
                           *none = ncr_weights_new(arena, g);
        struct sample s = draw(arena, g, seed);
        loss_at(t, g, w, &s, grads);
        for (uint32_t i = 0; i < g->n_nodes; i++)
            seen[g->nodes[i].op]++;
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 32);
        for (int k = 0; k < 6 && g->n_params; k++) {
            uint32_t p = (uint32_t)ncr_rng_below(&rng, g->n_params);
            if (g->params[p].role == NCR_PARAM_MEAN || g->params[p].role == NCR_PARAM_VAR) continue;
            int64_t i = (int64_t)ncr_rng_below(&rng, (uint64_t)g->params[p].n);
            float old = w->at[p][i], step = 0x1p-9f;
            w->at[p][i] = old + step;
            double up = loss_at(t, g, w, &s, none);
            w->at[p][i] = old - step;
            double down = loss_at(t, g, w, &s, none);
            w->at[p][i] = old;
            double want = (up - down) / (2 * (double)step), got = (double)grads->at[p][i];
            // A kink (relu, maxpool) inside the step makes the difference meaningless there; such
            // places are few.
            off += fabs(want - got) > 1e-3 + 0.02 * fabs(want);
            checked++;
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(checked, 800);
    cr_assert_lt(off, checked / 50, "%u of %u gradients are off", off, checked);
    for (int op = 0; op < NCR_OP_COUNT_; op++)
        if (op != NCR_OP_IDENTITY &&
            op != NCR_OP_DROPOUT && // elided by simplification; the identity at dropout off
            op != NCR_OP_ZERO)      // mostly elided
            cr_assert_geq(seen[op], 5, "%s occurs only %u times", ncr_op_name((enum ncr_op)op),
                          seen[op]);
}

Test(train_gradients, onednn_agrees_with_the_reference)
{
    const struct ncr_trainer *a = ncr_trainer_find("reference"), *b = ncr_trainer_find("onednn");
    for (uint64_t seed = 0; seed < 250; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *g = classifier(arena, seed, 6);
        struct ncr_weights *w = draw_weights(arena, g, seed), *ga = ncr_weights_new(arena, g),
                           *gb = ncr_weights_new(arena, g);
        struct sample s = draw(arena, g, seed);
        double la = loss_at(a, g, w, &s, ga), lb = loss_at(b, g, w, &s, gb);
        cr_assert_float_eq(la, lb, 1e-4 * (1 + fabs(la)), "seed %lu: loss %f and %f", seed, la, lb);
        for (uint32_t p = 0; p < g->n_params; p++) {
            double norm = 0, diff = 0;
            for (int64_t i = 0; i < g->params[p].n; i++) {
                norm += (double)ga->at[p][i] * (double)ga->at[p][i];
                diff += ((double)ga->at[p][i] - (double)gb->at[p][i]) *
                        ((double)ga->at[p][i] - (double)gb->at[p][i]);
            }
            cr_assert_leq(sqrt(diff), 1e-3 * sqrt(norm) + 2e-5,
                          "seed %lu: %.*s differs by %g of %g", seed,
                          NCR_STR_ARG(g->params[p].name), sqrt(diff), sqrt(norm));
        }
        float x[BATCH * 3], y[BATCH * 3];
        struct ncr_error err;
        cr_assert_eq(a->infer(g, w, s.inputs, BATCH, 1, x, &err), NCR_OK);
        cr_assert_eq(b->infer(g, w, s.inputs, BATCH, 1, y, &err), NCR_OK);
        for (int i = 0; i < BATCH * 3; i++)
            cr_assert_float_eq(x[i], y[i], 1e-3 * (1 + fabs((double)x[i])), "seed %lu", seed);
        // Inference of the reference is the float interpreter's.
        float **values = NCR_NEW_N(arena, float *, g->n_nodes);
        const float *first = s.inputs;
        ncr_eval_f32(arena, g, w, &first, values);
        for (int i = 0; i < 3; i++)
            cr_assert_float_eq(values[g->outputs[0].node][i], x[i],
                               1e-4 * (1 + fabs((double)x[i])));
        ncr_arena_free(arena);
    }
}

// Rounding is not continuous: a value within the trainers' difference of the middle between two
// steps goes up in one and down in the other. Such networks are few; in all others the gradients
// agree as without rounding.
Test(train_gradients, onednn_agrees_with_the_reference_when_rounded)
{
    const struct ncr_trainer *a = ncr_trainer_find("reference"), *b = ncr_trainer_find("onednn");
    uint32_t off = 0, n = 250;
    for (uint64_t seed = 0; seed < n; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *g = classifier(arena, seed, 6);
        struct ncr_weights *w = draw_weights(arena, g, seed), *ga = ncr_weights_new(arena, g),
                           *gb = ncr_weights_new(arena, g);
        struct sample s = draw(arena, g, seed);
        struct ncr_train_rounding r = rounding_of(arena, g, &s, &w);
        double la = rounded_loss(a, g, w, &s, &r, ga), lb = rounded_loss(b, g, w, &s, &r, gb);
        bool agree = fabs(la - lb) <= 1e-4 * (1 + fabs(la));
        for (uint32_t p = 0; p < g->n_params; p++) {
            double norm = 0, diff = 0;
            for (int64_t i = 0; i < g->params[p].n; i++) {
                norm += (double)ga->at[p][i] * (double)ga->at[p][i];
                diff += ((double)ga->at[p][i] - (double)gb->at[p][i]) *
                        ((double)ga->at[p][i] - (double)gb->at[p][i]);
            }
            agree &= sqrt(diff) <= 1e-3 * sqrt(norm) + 2e-5;
        }
        off += !agree;
        ncr_arena_free(arena);
    }
    cr_assert_leq(off, 8, "%u of %u networks are off", off, n);
}
