// What a compiler calls where the processor neither multiplies nor divides; of 32-bit RISC-V.
// Emitted networks have their own.
#include <stdint.h>

uint32_t __mulsi3(uint32_t a, uint32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint32_t __udivsi3(uint32_t a, uint32_t b);
uint32_t __umodsi3(uint32_t a, uint32_t b);
int32_t __divsi3(int32_t a, int32_t b);

uint32_t __mulsi3(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;
    for (; a; a >>= 1, b <<= 1)
        if (a & 1) sum += b;
    return sum;
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;
    for (; a; a >>= 1, b <<= 1)
        if (a & 1) sum += b;
    return sum;
}

// The quotient fills `a` from below while its bits move into the rest.
static uint32_t divide(uint32_t a, uint32_t b, uint32_t *rest)
{
    *rest = 0;
    for (int i = 0; i < 32; i++) {
        uint32_t carry = *rest >> 31;
        *rest = *rest << 1 | a >> 31;
        a <<= 1;
        if (carry || *rest >= b) {
            *rest -= b;
            a |= 1;
        }
    }
    return a;
}

uint32_t __udivsi3(uint32_t a, uint32_t b)
{
    uint32_t rest;
    return divide(a, b, &rest);
}

uint32_t __umodsi3(uint32_t a, uint32_t b)
{
    uint32_t rest;
    divide(a, b, &rest);
    return rest;
}

int32_t __divsi3(int32_t a, int32_t b)
{
    uint32_t x = a < 0 ? -(uint32_t)a : (uint32_t)a, y = b < 0 ? -(uint32_t)b : (uint32_t)b,
             q = __udivsi3(x, y);
    return (int32_t)((a < 0) == (b < 0) ? q : -q);
}
