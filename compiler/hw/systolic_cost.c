// The systolic closed form as a cost model: the array's cycles and accesses, and what the memories
// behind its buffer add.
#include "compiler/hw/cost.h"
#include "compiler/hw/systolic.h"

// Both dimensions of the array, as the data flow lays the matrix on it.
static void laid_out(const struct ncr_gemm *g, enum ncr_dataflow flow, int64_t d[2])
{
    d[0] = flow == NCR_OUTPUT_STATIONARY ? g->e : g->k;
    d[1] = flow == NCR_INPUT_STATIONARY ? g->e : g->m;
}

// The buffer is shared equally by the three operands, as in SCALE-Sim. What fits its third comes
// from behind it once; what does not comes as often as the array asks for it.
static double from_behind(double bytes, double asked, double third)
{
    return bytes <= third ? bytes : asked;
}

void ncr_cost_systolic(struct ncr_arena *scratch, const struct ncr_cost *cost,
                       const struct ncr_operator_work *work, struct ncr_cost_step *out)
{
    (void)scratch;
    const struct ncr_target_spec *target = cost->target;
    int32_t buffer = NCR_NO_MEMORY;
    for (uint32_t m = 0; m < target->n_memory; m++)
        if (target->memory[m]->kind == NCR_MEMORY_BUFFER) buffer = (int32_t)m;
    if (!work->macs) {
        ncr_cost_compulsory(cost, work, out);
        ncr_cost_bind(cost, ncr_cost_plain_cycles(cost, work), out);
        return;
    }
    const int64_t *dim = work->dim;
    struct ncr_gemm gemm = {.e = dim[NCR_DIM_P] * dim[NCR_DIM_Q],
                            .k = dim[NCR_DIM_R] * dim[NCR_DIM_S] * dim[NCR_DIM_C],
                            .m = dim[NCR_DIM_K],
                            .repeat = work->groups};
    int64_t rows = target->array[0], columns = target->array[1], laid[2];
    struct ncr_systolic_cost c = ncr_systolic(&gemm, rows, columns, target->dataflow);
    // Stored bytes an element, from the network's formats.
    double in = (double)work->in_bytes / (double)work->in_elements,
           weight = (double)(work->weight_bytes) / (double)work->weight_elements,
           result = (double)work->out_bytes / (double)work->out_elements;
    double inputs = in * (double)c.ifmap_reads, weights = weight * (double)c.filter_reads,
           results = result * (double)c.ofmap_writes;
    if (buffer >= 0) {
        double third = target->memory[buffer]->size_bits / 8 / 3;
        ncr_cost_read(out, buffer, NCR_OPERAND_INPUT, inputs);
        ncr_cost_read(out, buffer, NCR_OPERAND_WEIGHT, weights);
        ncr_cost_write(out, buffer, NCR_OPERAND_OUTPUT, results);
        inputs = from_behind((double)work->in_bytes, inputs, third);
        weights = from_behind((double)work->weight_bytes, weights, third);
        results = from_behind((double)work->out_bytes, results, third); // partial sums stay
    }
    ncr_cost_read(out, cost->arena_level, NCR_OPERAND_INPUT, inputs);
    ncr_cost_read(out, cost->weights_level, NCR_OPERAND_WEIGHT, weights);
    ncr_cost_write(out, cost->arena_level, NCR_OPERAND_OUTPUT, results);
    laid_out(&gemm, target->dataflow, laid);
    out->mapping = (double)(laid[0] < rows ? laid[0] : rows) / (double)rows *
                   (double)(laid[1] < columns ? laid[1] : columns) / (double)columns;
    out->edge = c.utilisation / out->mapping;
    ncr_cost_bind(cost, (double)c.cycles, out);
}
