// Members of a space to statistics of their metrics.
#include "compiler/analysis/survey.h"

#include "compiler/analysis/candidate.h"
#include "compiler/hw/cost.h"

enum { TRIES = 16, ASK_EVERY = 64 };

const char *ncr_survey_name(enum ncr_survey_metric metric)
{
    static const char *const names[] = {
#define NCR_SURVEY_ROW(NAME, name, value) name,
#include "compiler/analysis/survey.def"
#undef NCR_SURVEY_ROW
    };
    return names[metric];
}

struct sample {
    struct ncr_arena *arena, *scratch;
    const struct ncr_members *members;
    const struct ncr_space *space;
    const struct ncr_target_spec *target;
    const struct ncr_work *work;
    uint32_t *taken; // [n][decisions]
    double (*value)[NCR_SURVEY_COUNT_];
    uint64_t n, capacity;
    bool stopped;
};

static const struct ncr_quant_spec byte_spec = {.weights = NCR_QF_LINEAR,
                                                .activations = NCR_QF_LINEAR,
                                                .weight_bits = 8,
                                                .activation_bits = 8,
                                                .per_channel = true};

static const struct ncr_cost *cost_of(struct ncr_arena *scratch, const struct ncr_graph *graph,
                                      const struct ncr_target_spec *target)
{
    struct ncr_diags diags;
    ncr_diags_init(&diags, scratch, NULL);
    const struct ncr_qgraph *q = ncr_qgraph_build(
        scratch, &diags, ncr_graph_simplify(scratch, graph), &byte_spec, NULL, NULL);
    return ncr_cost_of(scratch, ncr_plan_build(scratch, q, NCR_PLAN_SHARED), target);
}

// False where the work is to stop.
static bool look_at(void *user, const uint32_t *taken)
{
    struct sample *s = user;
    uint32_t n = s->space->decisions.n;
    struct ncr_arena_mark mark = ncr_arena_mark(s->scratch);
    struct ncr_candidate candidate, *c = &candidate;
    const struct ncr_graph *graph = ncr_space_bind(s->space, taken, s->scratch);
    if (s->n == s->capacity) return false;
    if (ncr_candidate_of(s->scratch, graph, c)) {
        const struct ncr_cost *k = s->target ? cost_of(s->scratch, graph, s->target) : NULL;
        double *value = s->value[s->n];
        memcpy(s->taken + s->n * n, taken, n * sizeof *taken);
#define NCR_SURVEY_ROW(NAME, name, v) value[NCR_SURVEY_##NAME] = v;
#include "compiler/analysis/survey.def"
#undef NCR_SURVEY_ROW
        s->n++;
    }
    ncr_arena_reset(s->scratch, mark);
    if (s->work && s->work->stop && s->n % ASK_EVERY == 0)
        s->stopped = s->work->stop(s->work->user, s->n, s->capacity);
    return !s->stopped;
}

static void room_for(struct sample *s, uint64_t n)
{
    s->capacity = n;
    s->taken =
        ncr_arena_array(s->arena, (size_t)(n * (s->space->decisions.n + 1)), sizeof *s->taken);
    s->value = ncr_arena_array(s->arena, (size_t)n, sizeof *s->value);
}

// -- metrics ------------------------------------------------------------------------------------

static void describe(const struct sample *s, enum ncr_survey_metric m, struct ncr_survey_figure *f)
{
    uint32_t n = s->space->decisions.n;
    uint64_t low = 0, high = 0;
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < s->n; i++) {
        double v = s->value[i][m];
        if (v < s->value[low][m]) low = i;
        if (v > s->value[high][m]) high = i;
        sum += v;
    }
    f->min = s->value[low][m];
    f->max = s->value[high][m];
    f->min_taken = s->taken + low * n;
    f->max_taken = s->taken + high * n;
    f->mean = sum / (double)s->n;
    for (uint64_t i = 0; i < s->n; i++) {
        double v = s->value[i][m], d = v - f->mean;
        squares += d * d;
        uint32_t bin =
            f->max > f->min ? (uint32_t)((v - f->min) / (f->max - f->min) * NCR_SURVEY_BINS) : 0;
        f->bin[bin < NCR_SURVEY_BINS ? bin : NCR_SURVEY_BINS - 1]++;
    }
    f->variance = squares / (double)s->n;
}

// -- decisions ----------------------------------------------------------------------------------

static void weigh(const struct sample *s, uint32_t d, struct ncr_survey *survey)
{
    uint32_t n = s->space->decisions.n, alternatives = s->space->decisions.at[d].n;
    struct ncr_survey_decision *out = &survey->decisions[d];
    struct ncr_arena_mark mark = ncr_arena_mark(s->scratch);
    double(*sum)[NCR_SURVEY_COUNT_] = ncr_arena_array(s->scratch, alternatives, sizeof *sum);
    double whole[NCR_SURVEY_COUNT_] = {0};
    for (uint64_t i = 0; i < s->n; i++) {
        const uint32_t *taken = s->taken + i * n;
        if (!ncr_space_exists(s->space, d, taken)) continue;
        out->n++;
        out->taken[taken[d]]++;
        for (int m = 0; m < NCR_SURVEY_COUNT_; m++) {
            sum[taken[d]][m] += s->value[i][m];
            whole[m] += s->value[i][m];
        }
    }
    for (int m = 0; m < NCR_SURVEY_COUNT_ && out->n; m++) {
        double between = 0, low = 0, high = 0, mean = whole[m] / (double)out->n;
        bool any = false;
        for (uint32_t a = 0; a < alternatives; a++) {
            if (!out->taken[a]) continue;
            double at = sum[a][m] / (double)out->taken[a];
            between += (double)out->taken[a] * (at - mean) * (at - mean);
            if (!any || at < low) low = at;
            if (!any || at > high) high = at;
            any = true;
        }
        double variance = survey->figures[m].variance;
        out->spread[m] = high - low;
        // Of a metric that is the same everywhere only rounding varies.
        bool varies = survey->figures[m].max > survey->figures[m].min;
        if (varies && variance > 0) out->share[m] = between / (double)s->n / variance;
    }
    ncr_arena_reset(s->scratch, mark);
}

// The member that takes another alternative in d and, where decisions come into being, their first
// ones. False where that is no member.
static bool flip(struct sample *s, const uint32_t *taken, uint32_t d, uint32_t alternative,
                 uint32_t *out)
{
    uint32_t n = s->space->decisions.n;
    memcpy(out, taken, n * sizeof *out);
    out[d] = alternative;
    for (uint32_t e = d + 1; e < n; e++)
        if (out[e] && !ncr_space_exists(s->space, e, out)) out[e] = 0;
    struct ncr_arena_mark mark = ncr_arena_mark(s->scratch);
    bool good = ncr_space_feasible(s->space, out, ncr_space_bind(s->space, out, s->scratch), NULL);
    ncr_arena_reset(s->scratch, mark);
    return good;
}

// Whether another alternative gives another network: asked at a few members.
static void move(struct sample *s, struct ncr_survey *survey)
{
    uint32_t n = s->space->decisions.n;
    uint32_t *other = NCR_NEW_N(s->arena, uint32_t, (size_t)n + 1);
    uint64_t tries = s->n < TRIES ? s->n : TRIES;
    for (uint32_t d = 0; d < n; d++) {
        struct ncr_survey_decision *out = &survey->decisions[d];
        bool same = true;
        for (uint64_t t = 0; t < tries && same; t++) {
            const uint32_t *taken = s->taken + t * (s->n / tries) * n;
            if (!ncr_space_exists(s->space, d, taken)) continue;
            struct ncr_arena_mark mark = ncr_arena_mark(s->scratch);
            struct ncr_hash own = ncr_space_arch_id(s->space, taken, s->scratch);
            for (uint32_t a = 0; a < s->space->decisions.at[d].n && same; a++) {
                if (a == taken[d] || !flip(s, taken, d, a, other)) continue;
                out->n_tried++;
                same = ncr_hash_eq(ncr_space_arch_id(s->space, other, s->scratch), own);
            }
            ncr_arena_reset(s->scratch, mark);
        }
        out->idle = same && out->n_tried > 0;
    }
}

// Alternatives that were not met: whether the diagram of members has one at all.
static void ask_for_missing(struct sample *s, const uint32_t *given, struct ncr_survey *survey)
{
    uint32_t n = s->space->decisions.n;
    uint32_t *with = NCR_NEW_N(s->arena, uint32_t, (size_t)n + 1);
    for (uint32_t d = 0; d < n; d++) {
        struct ncr_survey_decision *out = &survey->decisions[d];
        if (given && given[d] != NCR_UNSET) continue;
        for (uint32_t a = 0; a < s->space->decisions.at[d].n; a++) {
            if (out->taken[a]) continue;
            for (uint32_t i = 0; i < n; i++)
                with[i] = given ? given[i] : NCR_UNSET;
            with[d] = a;
            struct ncr_arena *scratch = ncr_arena_new(0);
            if (!scratch) NCR_BUG("out of memory");
            struct ncr_members *members =
                ncr_members_build(scratch, (struct ncr_space *)s->space, with);
            bool none = members && ncr_big_is_zero(ncr_mdd_count(members->drawn));
            // A decision that is not made keeps its first alternative, which is then no member of
            // its own.
            out->never[a] = survey->all || none;
            ncr_arena_free(scratch);
        }
        if (out->n == 0) memset(out->never, 0, s->space->decisions.at[d].n * sizeof *out->never);
    }
}

static bool draw(struct sample *s, struct ncr_members *members, uint64_t draws, uint64_t seed)
{
    uint32_t *taken = NCR_NEW_N(s->arena, uint32_t, (size_t)s->space->decisions.n + 1);
    for (uint64_t i = 0; i < draws && !s->stopped; i++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SAMPLE, i);
        if (!ncr_members_sample(members, s->scratch, true, &rng, taken)) return i > 0;
        look_at(s, taken);
    }
    return true;
}

struct ncr_survey *ncr_survey_of(struct ncr_arena *arena, struct ncr_members *members,
                                 const uint32_t *given, const struct ncr_target_spec *target,
                                 uint64_t budget, uint64_t draws, uint64_t seed,
                                 const struct ncr_work *work)
{
    const struct ncr_space *space = members->space;
    struct sample s = {.arena = arena,
                       .scratch = ncr_arena_new(0),
                       .members = members,
                       .space = space,
                       .target = target,
                       .work = work};
    struct ncr_survey *survey = NCR_NEW(arena, struct ncr_survey);
    uint64_t candidates;
    if (!s.scratch) NCR_BUG("out of memory");
    survey->all = ncr_big_u64(ncr_mdd_count(members->drawn), &candidates) && candidates <= budget;
    room_for(&s, survey->all ? candidates : draws);
    if (survey->all)
        ncr_members_each(members, s.scratch, look_at, &s);
    else
        draw(&s, members, draws, seed);
    survey->all &= !s.stopped;
    survey->n = s.n;
    survey->decisions = NCR_NEW_N(arena, struct ncr_survey_decision, space->decisions.n);
    if (s.n) {
        for (int m = 0; m < NCR_SURVEY_COUNT_; m++) {
            struct ncr_survey_figure *f = &survey->figures[m];
            bool timed = target && target->model != NCR_MODEL_NONE;
            f->known = m == NCR_SURVEY_CYCLES    ? timed && target->clock_hz > 0
                       : m == NCR_SURVEY_LATENCY ? timed
                       : m == NCR_SURVEY_ENERGY  ? target && target->n_energy > 0
                                                 : true;
            if (f->known) describe(&s, (enum ncr_survey_metric)m, f);
        }
        for (uint32_t d = 0; d < space->decisions.n; d++) {
            uint32_t n = space->decisions.at[d].n;
            survey->decisions[d].taken = NCR_NEW_N(arena, uint64_t, n);
            survey->decisions[d].never = NCR_NEW_N(arena, bool, n);
            weigh(&s, d, survey);
        }
        if (!s.stopped) {
            move(&s, survey);
            ask_for_missing(&s, given, survey);
        }
    }
    ncr_arena_free(s.scratch);
    return s.n ? survey : NULL;
}

void ncr_survey_lint(const struct ncr_survey *survey, const struct ncr_space *space,
                     struct ncr_diags *diags)
{
    uint32_t *none = NCR_NEW_N(diags->arena, uint32_t, (size_t)space->decisions.n + 1);
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        const struct ncr_survey_decision *s = &survey->decisions[d];
        const struct ncr_space_decision *decision = &space->decisions.at[d];
        const char *path =
            ncr_str_fmt(diags->arena, "%.*s", decision->path.n < 100 ? (int)decision->path.n : 100,
                        decision->path.s)
                .s;
        if (s->idle) NCR_DIAG(diags, DECISION_IDLE, decision->span, path, (unsigned)s->n_tried);
        for (uint32_t a = 0; s->never && a < decision->n; a++) {
            if (!s->never[a]) continue;
            struct ncr_str text = ncr_space_text(space, d, a, none);
            NCR_DIAG(diags, ALTERNATIVE_NEVER, decision->span,
                     ncr_str_fmt(diags->arena, "%.*s", text.n < 60 ? (int)text.n : 60, text.s).s,
                     path);
        }
    }
}
