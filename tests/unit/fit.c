// Errors and rank correlation against values worked out by hand.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/hw/fit.h"

Test(fit, errors_by_hand)
{
    const double measured[] = {1, 2, 4}, predicted[] = {1.5, 2, 3};
    struct ncr_fit fit = ncr_fit_of(measured, predicted, 3);
    cr_assert_float_eq(fit.rmse, sqrt((0.25 + 0 + 1) / 3), 1e-12);
    cr_assert_float_eq(fit.mape, (0.5 + 0 + 0.25) / 3, 1e-12);
    cr_assert_float_eq(fit.tau, 1, 1e-12);
    cr_assert_float_eq(ncr_fit_bias(measured, predicted, 3), 0.5 / 3, 1e-12);
}

Test(fit, kendall_with_and_without_ties)
{
    // Kendall (1938): 1 2 3 4 5 against 3 4 1 2 5: of ten pairs 6 agree, 4 do not.
    const double a[] = {1, 2, 3, 4, 5}, b[] = {3, 4, 1, 2, 5};
    cr_assert_float_eq(ncr_fit_of(a, b, 5).tau, 0.2, 1e-12);
    // tau-b: (1, 2) tied in c, (3, 4) in d; the other four pairs agree, five are untied in each.
    const double c[] = {1, 1, 2, 3}, d[] = {1, 2, 3, 3};
    cr_assert_float_eq(ncr_fit_of(c, d, 4).tau, 4 / 5.0, 1e-12);
    const double e[] = {2, 2, 2}, f[] = {1, 2, 3};
    cr_assert_float_eq(ncr_fit_of(e, f, 3).tau, 0, 1e-12);
}
