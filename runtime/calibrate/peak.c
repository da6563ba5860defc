// Loops of nothing but dot products, and of nothing but copies, against the clock.
#include "runtime/calibrate/peak.h"

#include <stdlib.h>

#include "compiler/codegen/codegen.h"

static const double round_s = 1e-3, budget_s = 0.02;

static double best_time(const struct ncr_io *io, void (*call)(void *), void *user)
{
    uint64_t n = 1;
    double took = 0;
    for (;;) {
        double start = io->now_s(io->user);
        for (uint64_t i = 0; i < n; i++)
            call(user);
        took = io->now_s(io->user) - start;
        if (took > round_s || n > UINT64_C(1) << 40) break;
        n *= 2;
    }
    double best = took, until = io->now_s(io->user) + budget_s;
    while (io->now_s(io->user) < until) {
        double start = io->now_s(io->user);
        for (uint64_t i = 0; i < n; i++)
            call(user);
        took = io->now_s(io->user) - start;
        if (took < best) best = took;
    }
    return best / (double)n;
}

#if defined(__x86_64__) && defined(__GNUC__)
enum { ROUNDS = 1000, SUMS = 12 };

// Twelve sums, so that no dot product waits for another; operands in register 15 (or 30).
#define TWELVE(op, a, b)                                                                           \
    op(a, b, 0) op(a, b, 1) op(a, b, 2) op(a, b, 3) op(a, b, 4) op(a, b, 5) op(a, b, 6)            \
        op(a, b, 7) op(a, b, 8) op(a, b, 9) op(a, b, 10) op(a, b, 11)
#define LOOP(body)        "1:\n\t" body "dec %0\n\tjnz 1b\n\tvzeroupper\n\t"
#define DOT_ZMM(a, b, n)  "vpdpbusd %%zmm30, %%zmm30, %%zmm" #n "\n\t"
#define DOT_YMM(a, b, n)  "%{vex%} vpdpbusd %%ymm15, %%ymm15, %%ymm" #n "\n\t"
#define MADD_YMM(a, b, n) "vpmaddwd %%ymm15, %%ymm15, %%ymm" #n "\n\t"

static void dots_512(void *user)
{
    long n = ROUNDS;
    (void)user;
    __asm__ volatile(LOOP(TWELVE(DOT_ZMM, , )) : "+r"(n) : : "memory", "cc");
}

static void dots_256(void *user)
{
    long n = ROUNDS;
    (void)user;
    __asm__ volatile(LOOP(TWELVE(DOT_YMM, , )) : "+r"(n) : : "memory", "cc");
}

static void madds_256(void *user)
{
    long n = ROUNDS;
    (void)user;
    __asm__ volatile(LOOP(TWELVE(MADD_YMM, , )) : "+r"(n) : : "memory", "cc");
}

enum { TILE_SUMS = 6, TILE_MACS = 16 * 16 * 64 };
#define TILE(n) "tdpbusd %%tmm7, %%tmm6, %%tmm" #n "\n\t"

static void tiles(void *user)
{
    const uint8_t *config = user;
    long n = ROUNDS;
    __asm__ volatile("ldtilecfg (%1)\n\t"
                     "1:\n\t" TILE(0) TILE(1) TILE(2) TILE(3) TILE(4)
                         TILE(5) "dec %0\n\t"
                                 "jnz 1b\n\ttilerelease\n\t"
                     : "+r"(n)
                     : "r"(config)
                     : "memory", "cc");
}

double ncr_peak_tiles(const struct ncr_io *io, const char **instruction)
{
    if (!__builtin_cpu_supports("amx-int8") || !ncr_amx_permitted()) return 0;
    uint8_t config[64] = {1}; // eight tiles of 16 rows of 64 bytes
    for (int t = 0; t < 8; t++) {
        config[16 + 2 * t] = 64;
        config[48 + t] = 16;
    }
    *instruction = "tdpbusd";
    return (double)TILE_MACS * TILE_SUMS * ROUNDS / best_time(io, tiles, config);
}

static double macs(const struct ncr_io *io, const char **instruction)
{
    double per_call = (double)SUMS * ROUNDS;
    if (__builtin_cpu_supports("avx512vnni")) {
        *instruction = "vpdpbusd, 512 bits";
        return 64 * per_call / best_time(io, dots_512, NULL);
    }
    if (__builtin_cpu_supports("avxvnni")) {
        *instruction = "vpdpbusd, 256 bits";
        return 32 * per_call / best_time(io, dots_256, NULL);
    }
    if (__builtin_cpu_supports("avx2")) {
        *instruction = "vpmaddwd, 256 bits";
        return 16 * per_call / best_time(io, madds_256, NULL);
    }
    return 0;
}
#else
double ncr_peak_tiles(const struct ncr_io *io, const char **instruction)
{
    (void)io;
    (void)instruction;
    return 0;
}

static double macs(const struct ncr_io *io, const char **instruction)
{
    (void)io;
    (void)instruction;
    return 0;
}
#endif

struct copy {
    uint8_t *to, *from;
    size_t n;
};

static void copy(void *user)
{
    const struct copy *c = user;
    memcpy(c->to, c->from, c->n);
    __asm__ volatile("" : : "r"(c->to) : "memory"); // is not left out
}

struct ncr_peak ncr_peak_measure(const struct ncr_io *io, size_t bytes)
{
    struct ncr_peak peak = {.instruction = "", .bytes = bytes < 4096 ? 4096 : bytes};
    peak.macs_per_s = macs(io, &peak.instruction);
    size_t half = peak.bytes / 2;
    struct copy c = {malloc(half), malloc(half), half};
    if (c.to && c.from) {
        memset(c.from, 1, half);
        memset(c.to, 2, half);
        peak.bytes_per_s = 2 * (double)half / best_time(io, copy, &c);
    }
    free(c.to);
    free(c.from);
    return peak;
}
