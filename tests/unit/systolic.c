// The systolic model against the figures of SCALE-Sim, and its laws.
#include <criterion/criterion.h>

#include "compiler/hw/systolic.h"

Test(systolic, published_cycles)
{
    // 32x32. 224x224x3 with 96 filters 11x11, stride 4: SCALE-Sim rounds the output size up,
    // ceil((224 - 11 + 4) / 4) = 55, where the valid convolution of this language has 54.
    struct ncr_gemm first = {55 * 55, 11 * 11 * 3, 96, 1};
    cr_assert_eq(ncr_systolic(&first, 32, 32, NCR_WEIGHT_STATIONARY).cycles, 112283);
    // 9x9x256 with 384 filters 3x3: 7x7 outputs.
    struct ncr_gemm second = {7 * 7, 3 * 3 * 256, 384, 1};
    cr_assert_eq(ncr_systolic(&second, 32, 32, NCR_OUTPUT_STATIONARY).cycles, 56783);
    cr_assert_eq(ncr_systolic(&second, 32, 32, NCR_WEIGHT_STATIONARY).cycles, 123551);
    cr_assert_eq(ncr_systolic(&second, 32, 32, NCR_INPUT_STATIONARY).cycles, 68831);
}

Test(systolic, utilisation_is_a_share_and_reads_cover_the_operands)
{
    for (int64_t e = 1; e < 200; e += 37)
        for (int64_t k = 1; k < 300; k += 53)
            for (int64_t m = 1; m < 100; m += 19)
                for (int flow = 0; flow < 3; flow++) {
                    struct ncr_gemm g = {e, k, m, 1};
                    struct ncr_systolic_cost c = ncr_systolic(&g, 8, 16, (enum ncr_dataflow)flow);
                    cr_assert(c.utilisation > 0 && c.utilisation <= 1);
                    cr_assert(c.ifmap_reads >= e * k && c.filter_reads >= k * m &&
                              c.ofmap_writes >= e * m);
                    struct ncr_gemm twice = {e, k, m, 2};
                    cr_assert_eq(ncr_systolic(&twice, 8, 16, (enum ncr_dataflow)flow).cycles,
                                 2 * c.cycles);
                }
}
