// The loop nest as a cost model: lays the operator's loops on the array as the data flow says,
// divides what is left among the memories as the target states or as a simple search finds, and
// counts.
//
// The search goes from the outermost memory to the innermost. For each it looks at the tiles whose
// extents are the parent's divided by powers of two, of those at the largest that fit, under three
// orders of the loops above (weights, inputs or outputs stay), and takes the one with the least
// traffic from the parent, weighted by the energy of an access where the target gives it.
#include "compiler/hw/cost.h"
#include "compiler/hw/nest.h"

enum { HALVINGS = 24, ORDERS = 3 };

struct mapper {
    const struct ncr_cost *cost;
    const struct ncr_operator_work *work;
    struct ncr_nest nest;
    int32_t memory[NCR_NEST_LEVELS]; // of each level; level 0 is the home of each operand
    double bytes[NCR_OPERANDS];      // an element
    int64_t rest[NCR_DIMS];          // extents after the spatial loops
};

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

// -- the array ----------------------------------------------------------------------------------

// The dimensions that each side of the array unrolls, in the order in which they take it.
static const enum ncr_loop_dim sides[][2][3] = {
    [NCR_OUTPUT_STATIONARY] = {{NCR_DIM_Q, NCR_DIM_P, NCR_DIMS}, {NCR_DIM_K, NCR_DIMS, NCR_DIMS}},
    [NCR_WEIGHT_STATIONARY] = {{NCR_DIM_C, NCR_DIM_R, NCR_DIM_S}, {NCR_DIM_K, NCR_DIMS, NCR_DIMS}},
    [NCR_INPUT_STATIONARY] = {{NCR_DIM_C, NCR_DIM_R, NCR_DIM_S}, {NCR_DIM_Q, NCR_DIM_P, NCR_DIMS}},
    [NCR_ROW_STATIONARY] = {{NCR_DIM_R, NCR_DIM_C, NCR_DIMS}, {NCR_DIM_P, NCR_DIM_K, NCR_DIMS}},
};

// Unrolls as much as fits, evenly over the folds. Gives the share of the elements that are used.
static double unroll(struct mapper *m)
{
    const struct ncr_target_spec *target = m->cost->target;
    double used = 1;
    for (int d = 0; d < NCR_DIMS; d++) {
        m->nest.spatial[d] = 1;
        m->rest[d] = m->work->dim[d];
    }
    for (int side = 0; side < 2; side++) {
        int64_t room = target->array[side], taken = 1;
        for (int i = 0; i < 3 && sides[target->dataflow][side][i] != NCR_DIMS; i++) {
            enum ncr_loop_dim d = sides[target->dataflow][side][i];
            int64_t n = m->rest[d] < room ? m->rest[d] : room;
            m->rest[d] = ceil_div(m->rest[d], n);
            n = ceil_div(m->work->dim[d], m->rest[d]);
            m->nest.spatial[d] = n;
            taken *= n;
            room /= n;
        }
        used *= (double)taken / target->array[side];
    }
    return used;
}

// Bytes that the tiles of a level take: of all processing elements, or of one where each has such a
// memory.
static double tile_bytes(const struct mapper *m, uint32_t level, const int64_t tile[NCR_DIMS])
{
    const struct ncr_memory_spec *memory = m->cost->target->memory[m->memory[level]];
    int64_t extent[NCR_DIMS];
    for (int d = 0; d < NCR_DIMS; d++)
        extent[d] = tile[d] * (memory->kind == NCR_MEMORY_REGISTER ? 1 : m->nest.spatial[d]);
    double bytes = 0;
    for (int t = 0; t < NCR_OPERANDS; t++)
        bytes += m->bytes[t] * ncr_nest_tile(&m->nest, (enum ncr_operand)t, extent);
    return bytes;
}

static bool fits(const struct mapper *m, uint32_t level, const int64_t tile[NCR_DIMS])
{
    return tile_bytes(m, level, tile) <= m->cost->target->memory[m->memory[level]]->size_bits / 8;
}

// -- stated loops -------------------------------------------------------------------------------

static bool is_stated(const struct mapper *m)
{
    for (uint32_t i = 0; i < m->cost->target->n_memory; i++)
        if (m->cost->target->memory[i]->loops.n) return true;
    return false;
}

static void add_loop(struct mapper *m, uint32_t level, enum ncr_loop_dim d, int64_t bound)
{
    m->nest.loops[level][m->nest.n_loops[level]++] = (struct ncr_nest_loop){d, bound};
}

// Bounds as written, no larger than what is left of their dimension. From the inside, so that what
// nobody divides is left to the outermost level.
static void state(struct mapper *m)
{
    static const char letters[] = "KCRSPQ";
    int64_t left[NCR_DIMS];
    memcpy(left, m->rest, sizeof left);
    for (uint32_t l = m->nest.n_levels; l-- > 0;) {
        const struct ncr_memory_spec *memory =
            m->memory[l] < 0 ? NULL : m->cost->target->memory[m->memory[l]];
        struct ncr_str text = memory ? memory->loops : NCR_STR("");
        for (uint32_t i = 0; i < text.n;) {
            const char *at = memchr(letters, text.s[i++], sizeof letters - 1);
            if (!at) continue;
            enum ncr_loop_dim d = (enum ncr_loop_dim)(at - letters);
            int64_t bound = 0;
            for (; i < text.n && text.s[i] >= '0' && text.s[i] <= '9'; i++)
                bound = bound * 10 + (text.s[i] - '0');
            if (bound > left[d] || l == 0) bound = left[d];
            add_loop(m, l, d, bound);
            left[d] = ceil_div(left[d], bound);
        }
    }
    for (int d = 0; d < NCR_DIMS; d++)
        if (left[d] > 1) {
            // before the stated ones of the outermost level
            uint32_t n = m->nest.n_loops[0]++;
            memmove(&m->nest.loops[0][1], &m->nest.loops[0][0], n * sizeof m->nest.loops[0][0]);
            m->nest.loops[0][0] = (struct ncr_nest_loop){(enum ncr_loop_dim)d, left[d]};
        }
}

// -- search -------------------------------------------------------------------------------------

// Loops over tiles of the given extents, in one of three orders: the dimensions that leave an
// operand in place are innermost.
static void order(struct mapper *m, uint32_t level, const int64_t parent[NCR_DIMS],
                  const int64_t tile[NCR_DIMS], int stay)
{
    static const enum ncr_loop_dim orders[ORDERS][NCR_DIMS] = {
        {NCR_DIM_K, NCR_DIM_C, NCR_DIM_R, NCR_DIM_S, NCR_DIM_P, NCR_DIM_Q}, // weights
        {NCR_DIM_C, NCR_DIM_P, NCR_DIM_Q, NCR_DIM_R, NCR_DIM_S, NCR_DIM_K}, // inputs
        {NCR_DIM_K, NCR_DIM_P, NCR_DIM_Q, NCR_DIM_C, NCR_DIM_R, NCR_DIM_S}, // outputs
    };
    m->nest.n_loops[level] = 0;
    for (int i = 0; i < NCR_DIMS; i++) {
        enum ncr_loop_dim d = orders[stay][i];
        int64_t bound = ceil_div(parent[d], tile[d]);
        if (bound > 1) add_loop(m, level, d, bound);
    }
}

static void whole(struct mapper *m, uint32_t level, const int64_t tile[NCR_DIMS])
{
    m->nest.n_loops[level] = 0;
    for (int d = 0; d < NCR_DIMS; d++)
        if (tile[d] > 1) add_loop(m, level, (enum ncr_loop_dim)d, tile[d]);
}

static double weight_of(const struct mapper *m, uint32_t level, int operand)
{
    int32_t memory = m->memory[level];
    if (level == 0)
        memory = operand == NCR_OPERAND_WEIGHT ? m->cost->weights_level : m->cost->arena_level;
    double e = memory < 0 ? 0 : m->cost->target->memory[memory]->read_energy;
    return e > 0 ? e : 1;
}

static void search_level(struct mapper *m, uint32_t level, int64_t parent[NCR_DIMS])
{
    int64_t steps[NCR_DIMS][HALVINGS], best[NCR_DIMS], tile[NCR_DIMS];
    uint32_t n[NCR_DIMS], at[NCR_DIMS] = {0};
    double least = -1;
    int best_stay = 0;
    for (int d = 0; d < NCR_DIMS; d++) {
        n[d] = 0;
        for (int64_t x = parent[d]; n[d] < HALVINGS; x = ceil_div(x, 2)) {
            steps[d][n[d]++] = x;
            if (x == 1) break;
        }
        best[d] = 1;
        bool kernel = d == NCR_DIM_R || d == NCR_DIM_S;
        if (kernel && n[d] > 1) { // whole or single
            steps[d][1] = 1;
            n[d] = 2;
        }
    }
    for (;;) {
        for (int d = 0; d < NCR_DIMS; d++)
            tile[d] = steps[d][at[d]];
        // Rows are divided before columns, and the kernel's height before its width.
        bool odd = (tile[NCR_DIM_Q] < parent[NCR_DIM_Q] && tile[NCR_DIM_P] > 1) ||
                   (tile[NCR_DIM_S] < parent[NCR_DIM_S] && tile[NCR_DIM_R] > 1);
        if (!odd && fits(m, level, tile)) {
            bool largest = true;
            for (int d = 0; d < NCR_DIMS && largest; d++) {
                if (at[d] == 0) continue;
                int64_t kept = tile[d];
                tile[d] = steps[d][at[d] - 1];
                largest = !fits(m, level, tile);
                tile[d] = kept;
            }
            for (int stay = 0; stay < ORDERS && (largest || least < 0); stay++) {
                order(m, level - 1, parent, tile, stay);
                whole(m, level, tile);
                double traffic = 0;
                for (int t = 0; t < NCR_OPERANDS; t++)
                    traffic += weight_of(m, level - 1, t) * m->bytes[t] *
                               ncr_nest_fills(&m->nest, level, (enum ncr_operand)t);
                if (least >= 0 && traffic >= least) continue;
                least = traffic;
                best_stay = stay;
                memcpy(best, tile, sizeof best);
            }
        }
        int d = 0;
        while (d < NCR_DIMS && ++at[d] == n[d])
            at[d++] = 0;
        if (d == NCR_DIMS) break;
    }
    order(m, level - 1, parent, best, best_stay);
    whole(m, level, best);
    memcpy(parent, best, sizeof best);
}

static void search(struct mapper *m)
{
    int64_t parent[NCR_DIMS];
    memcpy(parent, m->rest, sizeof parent);
    uint32_t n = m->nest.n_levels;
    m->nest.n_levels = 1;
    whole(m, 0, parent);
    for (uint32_t l = 1; l < n; l++) {
        m->nest.n_levels = l + 1;
        search_level(m, l, parent);
    }
}

// -- bytes --------------------------------------------------------------------------------------

static void account(struct mapper *m, struct ncr_cost_step *out)
{
    enum { PARTIAL = 4 }; // bytes of a partial sum
    const struct ncr_cost *cost = m->cost;
    struct ncr_nest_counts c;
    ncr_nest_count(&m->nest, &c);
    double groups = (double)m->work->groups;
    for (uint32_t l = 0; l < m->nest.n_levels; l++)
        for (int t = 0; t < NCR_OPERANDS; t++) {
            int32_t at = m->memory[l];
            if (l == 0) at = t == NCR_OPERAND_WEIGHT ? cost->weights_level : cost->arena_level;
            enum ncr_operand operand = (enum ncr_operand)t;
            if (operand != NCR_OPERAND_OUTPUT) {
                ncr_cost_read(out, at, operand, groups * m->bytes[t] * c.reads[l][t]);
                ncr_cost_write(out, at, operand, groups * m->bytes[t] * c.fills[l][t]);
                continue;
            }
            // What is added to again is as wide as an accumulator. A level below the first gives
            // its sums up when its tile leaves, and gets those back that are not finished.
            double bytes = c.updates[l] > c.outputs ? PARTIAL : m->bytes[t];
            double up = l == 0 ? 0 : c.fills[l][t], back = l == 0 ? 0 : up - c.outputs;
            ncr_cost_read(out, at, operand, groups * bytes * (c.reads[l][t] + up));
            ncr_cost_write(out, at, operand, groups * bytes * (c.updates[l] + back));
        }
}

void ncr_cost_loop_nest(struct ncr_arena *scratch, const struct ncr_cost *cost,
                        const struct ncr_operator_work *work, struct ncr_cost_step *out)
{
    const struct ncr_target_spec *target = cost->target;
    if (!work->macs) {
        ncr_cost_compulsory(cost, work, out);
        ncr_cost_bind(cost, ncr_cost_plain_cycles(cost, work), out);
        return;
    }
    struct mapper *m = NCR_NEW(scratch, struct mapper);
    *m = (struct mapper){.cost = cost, .work = work, .memory = {NCR_NO_MEMORY}};
    m->nest.n_levels = 1;
    for (uint32_t i = 0; i < target->n_memory && m->nest.n_levels < NCR_NEST_LEVELS; i++) {
        enum ncr_memory_kind kind = target->memory[i]->kind;
        if (kind != NCR_MEMORY_BUFFER && kind != NCR_MEMORY_REGISTER) {
            // The loops stated for the region of the tensors are those of level 0.
            if ((int32_t)i == cost->arena_home && target->memory[i]->loops.n)
                m->memory[0] = (int32_t)i;
            continue;
        }
        m->nest.last_is_local = kind == NCR_MEMORY_REGISTER;
        m->memory[m->nest.n_levels++] = (int32_t)i;
    }
    for (int i = 0; i < 2; i++) {
        m->nest.stride[i] = work->stride[i];
        m->nest.dilation[i] = work->dilation[i];
    }
    m->bytes[NCR_OPERAND_WEIGHT] = (double)work->weight_bytes / (double)work->weight_elements;
    m->bytes[NCR_OPERAND_INPUT] = (double)work->in_bytes / (double)work->in_elements;
    m->bytes[NCR_OPERAND_OUTPUT] = (double)work->out_bytes / (double)work->out_elements;
    out->mapping = unroll(m);
    double cycles = (double)work->groups;
    for (int d = 0; d < NCR_DIMS; d++)
        cycles *= (double)m->rest[d];
    out->edge = (double)work->macs / (cycles * ncr_target_peak(target)) / out->mapping;
    if (is_stated(m)) {
        state(m);
        for (uint32_t l = 1; l < m->nest.n_levels; l++) {
            int64_t tile[NCR_DIMS];
            ncr_nest_extent(&m->nest, l, false, tile);
            if (out->overflow >= 0 || fits(m, l, tile)) continue;
            out->overflow = m->memory[l];
            out->overflow_bytes = tile_bytes(m, l, tile);
        }
    } else {
        search(m);
    }
    account(m, out);
    ncr_cost_bind(cost, cycles, out);
}
