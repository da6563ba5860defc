#define _DEFAULT_SOURCE // syscall
// Sums of products in AMX tiles; see amx.h.
#include "compiler/codegen/amx.h"

#include <pthread.h>
#include <string.h>

#include "compiler/codegen/target.h"

#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

// Linux gives a process the large state of the tiles when it asks for it (arch_prctl(2)).
static bool permitted;

static void ask(void)
{
#if defined(__linux__) && defined(__x86_64__)
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    permitted = syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#endif
}

bool ncr_amx_permitted(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask);
    return permitted;
}

static enum ncr_status choose(struct ncr_target *target, const struct ncr_code_options *options,
                              struct ncr_error *err)
{
    static const char name[] = "x86_amx";
    bool asked = options->family && strcmp(options->family, name) == 0;
    if (asked && !ncr_amx_permitted())
        return ncr_fail(err, NCR_USAGE,
                        "the system does not give this process the tile registers "
                        "that the machine family `%s` needs",
                        name);
    if (options->family || !target->is_host || options->optimize == NCR_OPTIMIZE_SIZE ||
        !ncr_family_feature(target->features, "+amx-int8") || !ncr_amx_permitted())
        return NCR_OK;
    return ncr_family_find(name, target->features, &target->family, err);
}

enum ncr_status ncr_amx_target(const struct ncr_code_options *options, struct ncr_target *out,
                               struct ncr_error *err)
{
    enum ncr_status status = ncr_target_open(options, out, err);
    if (status != NCR_OK) return status;
    status = choose(out, options, err);
    if (status != NCR_OK) ncr_target_close(out);
    return status;
}

void ncr_amx_chunks(int64_t groups4, uint32_t *chunk, uint32_t *rest)
{
    int64_t n = (groups4 + NCR_AMX_GROUPS - 1) / NCR_AMX_GROUPS;
    bool even = groups4 % n == 0;
    *chunk = even ? (uint32_t)(groups4 / n) : NCR_AMX_GROUPS;
    *rest = even ? 0 : (uint32_t)(groups4 % NCR_AMX_GROUPS);
}

// ---- instructions ----

static LLVMValueRef tile(struct ncr_emit *e, uint32_t t)
{
    return LLVMConstInt(e->i8, t, false);
}

static void instruction(struct ncr_emit *e, const char *name, LLVMValueRef *args, uint32_t n)
{
    ncr_intrinsic(e, name, e->nothing, args, n);
}

static void memory(struct ncr_emit *e, const char *name, uint32_t t, LLVMValueRef at,
                   int64_t stride)
{
    LLVMValueRef args[3] = {tile(e, t), at, LLVMConstInt(e->i64, (uint64_t)stride, true)};
    instruction(e, name, args, 3);
}

static void load(struct ncr_emit *e, uint32_t t, LLVMValueRef at, int64_t stride)
{
    memory(e, "llvm.x86.tileloadd64", t, at, stride);
}

// ---- tiles: C first, then A of a whole chunk and of the rest, then B ----

static uint32_t input_tile(const struct ncr_amx *a, bool rest)
{
    return a->rows * a->vectors + rest;
}

// B of product `index`, of whose kind (whole or rest) there is one where weights are not held.
static uint32_t weight_tile(const struct ncr_amx *a, uint32_t index, bool rest)
{
    return a->rows * a->vectors + 1 + (a->rest > 0) + (a->held ? index : rest);
}

static uint32_t products_of_run(const struct ncr_amx *a)
{
    return (uint32_t)(a->groups4 / a->chunk) + (a->rest > 0);
}

// Products of a block whose weights all have a tile of their own, or 0.
static uint32_t held_products(const struct ncr_amx *a)
{
    int64_t n = a->segments * products_of_run(a);
    bool fit = a->rows * a->vectors + 1 + (a->rest > 0) + n <= NCR_AMX_TILES;
    return a->vectors == 1 && a->segments <= NCR_AMX_PARTS && fit ? (uint32_t)n : 0;
}

static void configure(uint8_t config[64], uint32_t t, uint32_t rows, uint32_t row_bytes)
{
    // Palette 1: bytes of a row from byte 16 on (16 bits each), rows from byte 48 on.
    config[16 + 2 * t] = (uint8_t)row_bytes;
    config[48 + t] = (uint8_t)rows;
}

void ncr_amx_open(struct ncr_emit *e, struct ncr_amx *a)
{
    uint8_t config[64] = {1};
    ncr_amx_chunks(a->groups4, &a->chunk, &a->rest);
    uint32_t n_sums = a->rows * a->vectors, of_run = products_of_run(a);
    if (n_sums + (a->rest ? 4 : 2) > NCR_AMX_TILES) NCR_BUG("%u tiles of sums", n_sums);
    a->held = held_products(a);
    for (uint32_t t = 0; t < n_sums; t++)
        configure(config, t, a->pixels, 4 * NCR_AMX_LANES);
    for (int rest = 0; rest <= (a->rest > 0); rest++)
        configure(config, input_tile(a, rest), a->pixels, 4 * (rest ? a->rest : a->chunk));
    for (uint32_t i = 0; i < (a->held ? a->held : 1 + (a->rest > 0)); i++) {
        bool rest = a->rest && (a->held ? i % of_run == of_run - 1 : i == 1);
        configure(config, weight_tile(a, i, rest), rest ? a->rest : a->chunk, 4 * NCR_AMX_LANES);
    }
    LLVMValueRef bytes[64];
    for (uint32_t i = 0; i < 64; i++)
        bytes[i] = LLVMConstInt(e->i8, config[i], false);
    LLVMValueRef at = ncr_local(e, ncr_vec(e->i8, 64));
    ncr_store(e, LLVMConstVector(bytes, 64), at, 64);
    instruction(e, "llvm.x86.ldtilecfg", &at, 1);
    a->sums_bytes = (int64_t)n_sums * a->pixels * 4 * NCR_AMX_LANES;
    a->sums = ncr_local(e, LLVMArrayType2(ncr_vec(e->i32, NCR_AMX_LANES),
                                          NCR_AMX_BLOCKS * (uint64_t)n_sums * a->pixels));
}

void ncr_amx_close(struct ncr_emit *e)
{
    instruction(e, "llvm.x86.tilerelease", NULL, 0);
}

// Bytes from the input of the first row to that of row r.
static int64_t row_from(const struct ncr_amx *a, uint32_t r)
{
    if (a->tap_columns == 0) return r * a->step_y;
    return r / a->tap_columns * a->tap_y + r % a->tap_columns * a->tap_x;
}

// One product for all sums: inputs from `from`, weights from `w_at` on, or held those of `index`.
static void multiply(struct ncr_emit *e, const struct ncr_amx *a, uint32_t rows, uint32_t vectors,
                     LLVMValueRef from, LLVMValueRef w_at, uint32_t index, bool rest)
{
    uint32_t in = input_tile(a, rest), w = weight_tile(a, index, rest);
    int64_t cell = 4 * NCR_AMX_LANES;
    for (uint32_t v = 0; v < vectors; v++) {
        if (!a->held) load(e, w, ncr_at(e, w_at, NULL, 0, v * cell), vectors * cell);
        for (uint32_t r = 0; r < rows; r++) {
            load(e, in, ncr_at(e, from, NULL, 0, row_from(a, r)), a->step_x);
            LLVMValueRef args[3] = {tile(e, r * a->vectors + v), tile(e, in), tile(e, w)};
            instruction(e, "llvm.x86.tdpbusd", args, 3);
        }
    }
}

// The products of run s.
static void multiply_run(struct ncr_emit *e, const struct ncr_amx *a, int64_t s, uint32_t rows,
                         uint32_t vectors, LLVMValueRef from, LLVMValueRef w_at)
{
    int64_t group = (int64_t)vectors * 4 * NCR_AMX_LANES, whole = a->groups4 / a->chunk;
    uint32_t first = (uint32_t)s * products_of_run(a);
    if (a->held) {
        for (uint32_t k = 0; k < whole; k++)
            multiply(e, a, rows, vectors, ncr_at(e, from, NULL, 0, 4 * (int64_t)a->chunk * k), NULL,
                     first + k, false);
    } else {
        struct ncr_loop k = ncr_loop_begin(e, whole);
        multiply(e, a, rows, vectors, ncr_at(e, from, k.index, 4 * (int64_t)a->chunk, 0),
                 ncr_at(e, w_at, k.index, group * a->chunk, 0), 0, false);
        ncr_loop_end(e, &k);
    }
    if (!a->rest) return;
    int64_t done = whole * a->chunk;
    multiply(e, a, rows, vectors, ncr_at(e, from, NULL, 0, 4 * done),
             ncr_at(e, w_at, NULL, 0, group * done), first + (uint32_t)whole, true);
}

void ncr_amx_hold(struct ncr_emit *e, const struct ncr_amx *a, LLVMValueRef weights)
{
    int64_t cell = 4 * NCR_AMX_LANES;
    uint32_t of_run = products_of_run(a);
    for (uint32_t i = 0; i < a->held; i++) {
        int64_t group = i / of_run * a->groups4 + (int64_t)(i % of_run) * a->chunk;
        load(e, weight_tile(a, i, false), ncr_at(e, weights, NULL, 0, group * cell), cell);
    }
}

void ncr_amx_sum(struct ncr_emit *e, const struct ncr_amx *a, uint32_t rows, uint32_t vectors,
                 LLVMValueRef window, LLVMValueRef weights, LLVMValueRef bias, LLVMValueRef sums,
                 const struct ncr_amx_aside *aside)
{
    int64_t cell = 4 * NCR_AMX_LANES, run = a->groups4 * vectors * cell;
    for (uint32_t v = 0; v < vectors; v++)
        for (uint32_t r = 0; r < rows; r++) // the biases again and again
            load(e, r * a->vectors + v, ncr_at(e, bias, NULL, 0, v * cell), 0);
    if (a->segments <= NCR_AMX_PARTS) {
        for (int64_t s = 0; s < a->segments; s++) {
            int64_t y = s / a->seg_columns, x = s % a->seg_columns;
            multiply_run(e, a, s, rows, vectors,
                         ncr_at(e, window, NULL, 0, y * a->seg_y + x * a->seg_x),
                         ncr_at(e, weights, NULL, 0, s * run));
            aside->part(e, (uint32_t)s, (uint32_t)a->segments, aside->user);
        }
    } else {
        struct ncr_loop sy = ncr_loop_begin(e, a->segments / a->seg_columns);
        struct ncr_loop sx = ncr_loop_begin(e, a->seg_columns);
        multiply_run(
            e, a, 0, rows, vectors,
            ncr_at(e, ncr_at(e, window, sy.index, a->seg_y, 0), sx.index, a->seg_x, 0),
            ncr_at(e, ncr_at(e, weights, sy.index, a->seg_columns * run, 0), sx.index, run, 0));
        ncr_loop_end(e, &sx);
        ncr_loop_end(e, &sy);
        aside->part(e, 0, 1, aside->user);
    }
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t v = 0; v < vectors; v++)
            memory(e, "llvm.x86.tilestored64", r * a->vectors + v,
                   ncr_at(e, sums, NULL, 0, (int64_t)(r * vectors + v) * a->pixels * cell), cell);
}
