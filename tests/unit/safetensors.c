// safetensors: round trip, agreement with the format's description, and every malformed file.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lang/base/rng.h"
#include "runtime/data/dataset.h"
#include "tests/support/byte_files.h"

// A graph of two parameters: n/fc.weight [2, 3] and n/fc.bias [2].
static struct ncr_graph *small_graph(struct ncr_arena *arena)
{
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("n"));
    struct ncr_op_error err;
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){1, {3}};
    ncr_node_id x =
        ncr_builder_add(b, NCR_OP_INPUT, &a, NULL, 0, NCR_STR("n/x"), NCR_NO_NODE, NULL, &err);
    a = ncr_attrs_default(NCR_OP_DENSE);
    a.out = 2;
    x = ncr_builder_add(b, NCR_OP_DENSE, &a, &x, 1, NCR_STR("n/fc"), NCR_NO_NODE, NULL, &err);
    ncr_builder_output(b, NCR_STR(""), x);
    return ncr_builder_finish(b);
}

// A file of this header and n_data bytes 0, 1, 2, … (each float of them is finite).
static void put(struct byte_files *m, const char *header, size_t n_data)
{
    unsigned char bytes[2000];
    size_t n = strlen(header);
    memset(bytes, 0, 8);
    bytes[0] = (unsigned char)(n & 255), bytes[1] = (unsigned char)(n >> 8);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < n_data; i++)
        bytes[8 + n + i] = (unsigned char)i;
    byte_files_put(m, "w", bytes, 8 + n + n_data);
}

// values, where asked for: the six weights and two biases.
static enum ncr_status read_small(struct byte_files *m, float *values, struct ncr_error *err)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = small_graph(arena);
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    struct ncr_io io = byte_files_io(m);
    enum ncr_status status = ncr_safetensors_read(graph, weights, &io, "w", err);
    if (values) {
        memcpy(values, weights->at[0], 6 * sizeof(float));
        memcpy(values + 6, weights->at[1], 2 * sizeof(float));
    }
    ncr_arena_free(arena);
    return status;
}

static void expect(const char *header, size_t n_data, const char *text)
{
    struct byte_files m = {.n = 0};
    struct ncr_error err;
    put(&m, header, n_data);
    cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT, "expected: %s", text);
    cr_assert_str_eq(err.text, text);
    byte_files_free(&m);
}

#define WEIGHT "\"n/fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define BIAS   "\"n/fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}"

Test(safetensors, round_trip_on_disk_keeps_every_bit)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("net"));
    struct ncr_op_error oops;
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){3, {3, 8, 8}};
    ncr_node_id x =
        ncr_builder_add(b, NCR_OP_INPUT, &a, NULL, 0, NCR_STR("net/x"), NCR_NO_NODE, NULL, &oops);
    a = ncr_attrs_default(NCR_OP_CONV);
    a.out = 5, a.kernel[0] = 3, a.kernel[1] = 2;
    x = ncr_builder_add(b, NCR_OP_CONV, &a, &x, 1, NCR_STR("net/body[0]/\"conv\""), NCR_NO_NODE,
                        NULL, &oops);
    a = ncr_attrs_default(NCR_OP_BATCHNORM);
    x = ncr_builder_add(b, NCR_OP_BATCHNORM, &a, &x, 1, NCR_STR("net/bn"), NCR_NO_NODE, NULL,
                        &oops);
    ncr_builder_output(b, NCR_STR(""), x);
    struct ncr_graph *graph = ncr_builder_finish(b);
    cr_assert_eq(graph->n_params, 6);
    struct ncr_weights *w = ncr_weights_new(arena, graph), *back = ncr_weights_new(arena, graph);
    ncr_weights_init(w, graph, 9);
    w->at[0][0] = -0.0f, w->at[0][1] = 1e-44f, w->at[0][2] = 3.4e38f; // denormal, largest

    char path[] = "/tmp/ncr_safetensors_XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    cr_assert_eq(ncr_safetensors_write(graph, w, &io, path, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(ncr_safetensors_read(graph, back, &io, path, &err), NCR_OK, "%s", err.text);
    for (uint32_t p = 0; p < graph->n_params; p++)
        cr_assert_arr_eq(back->at[p], w->at[p], (size_t)graph->params[p].n * sizeof(float));
    cr_assert(ncr_hash_eq(ncr_weights_hash(w, graph), ncr_weights_hash(back, graph)));
    remove(path);
    ncr_arena_free(arena);
}

Test(safetensors, file_is_as_the_format_says)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = small_graph(arena);
    struct ncr_weights *w = ncr_weights_new(arena, graph);
    for (int i = 0; i < 6; i++)
        w->at[0][i] = (float)(i + 1);
    w->at[1][0] = -2, w->at[1][1] = 0.5f;
    struct byte_files m = {.n = 0};
    struct ncr_io io = byte_files_io(&m);
    struct ncr_error err;
    cr_assert_eq(ncr_safetensors_write(graph, w, &io, "w", &err), NCR_OK, "%s", err.text);
    const unsigned char *b = m.file[0].bytes;
    size_t header = b[0] | (size_t)b[1] << 8;
    for (int i = 2; i < 8; i++)
        cr_assert_eq(b[i], 0);
    cr_assert_eq(b[8], '{');
    cr_assert_eq(header % 8, 0, "the data are aligned");
    cr_assert_eq(m.file[0].n, 8 + header + 32);
    // 1.0 is 00 00 80 3f, little endian; -2.0 is 00 00 00 c0.
    const unsigned char one[] = {0, 0, 0x80, 0x3f}, minus_two[] = {0, 0, 0, 0xc0};
    cr_assert_arr_eq(b + 8 + header, one, 4);
    cr_assert_arr_eq(b + 8 + header + 24, minus_two, 4);
    // Equal weights are equal bytes.
    size_t n = m.file[0].n;
    cr_assert_eq(ncr_safetensors_write(graph, w, &io, "again", &err), NCR_OK);
    cr_assert_eq(m.file[1].n, n);
    cr_assert_arr_eq(m.file[0].bytes, m.file[1].bytes, n);
    m.full_disk = true;
    cr_assert_eq(ncr_safetensors_write(graph, w, &io, "w", &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "cannot write 'w': no space left");
    byte_files_free(&m);
    ncr_arena_free(arena);
}

Test(safetensors, order_and_layout_of_other_writers)
{
    // Compact JSON, other order, data in another order, blanks after the header, metadata anywhere.
    struct byte_files m = {.n = 0};
    put(&m,
        "{\"n/fc.bias\":{\"data_offsets\":[0,8],\"dtype\":\"F32\",\"shape\":[2]},"
        "\"n/fc.weight\":{\"shape\":[2,3],\"dtype\":\"F32\",\"data_offsets\":[8,32]},"
        "\"__metadata__\":{\"format\":\"pt\"}}   ",
        32);
    float w[8];
    struct ncr_error err;
    cr_assert_eq(read_small(&m, w, &err), NCR_OK, "%s", err.text);
    uint32_t bits;
    memcpy(&bits, &w[7], 4);
    cr_assert_eq(bits, 0x07060504);
    memcpy(&bits, &w[0], 4);
    cr_assert_eq(bits, 0x0b0a0908);
    byte_files_free(&m);
}

Test(safetensors, wrong_frame)
{
    struct byte_files m = {.n = 0};
    struct ncr_error err;
    byte_files_put(&m, "w", "abc", 3);
    cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text,
                     "'w': 3 bytes, but a safetensors file starts with 8 bytes of header size");
    byte_files_put(&m, "w", "\x05\0\0\0\0\0\0\x80{}", 10);
    cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "'w': at offset 0: a header of 9223372036854775813 bytes announced, "
                               "but 2 bytes follow");
    byte_files_free(&m);
    cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "cannot read 'w': no such file");
    expect("", 4, "'w': at offset 8: the header does not start with '{'");
    expect("[]", 4, "'w': at offset 8: the header does not start with '{'");
}

Test(safetensors, wrong_json)
{
    struct byte_files m = {.n = 0};
    struct ncr_error err;
    const char *const bad[] = {"{",
                               "{}x",
                               "{\"a\":1,\"a\":2}",
                               "{\"a\":1e999}",
                               "{\"\xff\":1}",
                               "{\"a\":99999999999999999999}"};
    const char *const places[] = {"at offset 9", "at offset 11", "at offset 1",
                                  "at offset 1", "at offset 1",  "at offset 3"};
    for (size_t i = 0; i < NCR_COUNT(bad); i++) {
        put(&m, bad[i], 4);
        cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT, "%s", bad[i]);
        cr_assert(strstr(err.text, "the header is not JSON"), "%s: %s", bad[i], err.text);
        cr_assert(strstr(err.text, places[i]), "%s: %s", bad[i], err.text);
    }
    byte_files_free(&m);
}

Test(safetensors, wrong_entries)
{
    expect("{\"__metadata__\":3}", 0, "'w': __metadata__ is not an object");
    expect("{\"__metadata__\":{\"a\":3}}", 0, "'w': 'a' in __metadata__ is not a string");
    expect("{\"t\":3}", 0, "'w': tensor 't': its entry is not an object");
    expect("{\"t\":{}}", 0, "'w': tensor 't': dtype is missing or not a string");
    expect("{\"t\":{\"dtype\":\"F32\"}}", 0, "'w': tensor 't': shape is missing or not a list");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4,
           "'w': tensor 't': data_offsets is not a pair of whole numbers");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4,
           "'w': tensor 't': data_offsets is not a pair of whole numbers");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", 4,
           "'w': tensor 't': data_offsets is not a pair of whole numbers");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4,
           "'w': tensor 't': data_offsets is not a pair of whole numbers");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4,
           "'w': tensor 't': its entry has more than dtype, shape and data_offsets");
    expect("{\"t\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
           "'w': tensor 't': dtype is BF16, but only F32 is read");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
           "'w': tensor 't': shape holds a size that is negative, too large or no number");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", 4,
           "'w': tensor 't': shape holds a size that is negative, too large or no number");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
           0, "'w': tensor 't': shape holds a size that is negative, too large or no number");
}

Test(safetensors, wrong_places)
{
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,5]}}", 4,
           "'w': tensor 't': data_offsets [0, 5] leave the data, which has 4 bytes");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4,
           "'w': tensor 't': data_offsets [4, 0] leave the data, which has 4 bytes");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,20]}}", 20,
           "'w': tensor 't': data_offsets [0, 20] hold 20 bytes, but shape [2, 3] of F32 needs 24");
    expect("{\"t\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,4]}}", 4,
           "'w': tensor 't': data_offsets [0, 4] hold 4 bytes, but shape [0, 7] of F32 needs 0");
    expect("{" WEIGHT ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[20,28]}}", 28,
           "'w': tensor 'b': data_offsets [20, 28] overlap tensor 'n/fc.weight'");
    expect("{" WEIGHT ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[28,36]}}", 36,
           "'w': bytes 24 to 28 of the data belong to no tensor");
    expect("{" WEIGHT "," BIAS "}", 33, "'w': bytes 32 to 33 of the data belong to no tensor");
    expect("{}", 4, "'w': bytes 0 to 4 of the data belong to no tensor");
}

Test(safetensors, file_and_net_differ)
{
    expect("{" WEIGHT "}", 24, "'w': there is no tensor 'n/fc.bias', which net `n` needs");
    expect("{" WEIGHT ",\"n/fc.bia\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
           32,
           "'w': there is no tensor 'n/fc.bias', which net `n` needs; the nearest is 'n/fc.bia'");
    expect("{" WEIGHT "," BIAS ",\"z\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[32,36]}}",
           36, "'w': tensor 'z' belongs to no parameter of net `n`");
    expect("{\"n/fc.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}," BIAS "}",
           32, "'w': tensor 'n/fc.weight' has shape [3, 2], but net `n` needs [2, 3]");
    expect("{\"n/fc.weight\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}," BIAS "}",
           32, "'w': tensor 'n/fc.weight' has shape [6], but net `n` needs [2, 3]");
}

Test(safetensors, numbers_are_finite)
{
    struct byte_files m = {.n = 0};
    struct ncr_error err;
    put(&m, "{" WEIGHT "," BIAS "}", 32);
    const unsigned char nan_bytes[] = {0, 0, 0xc0, 0x7f}, inf_bytes[] = {0, 0, 0x80, 0xff};
    unsigned char *bias = m.file[0].bytes + m.file[0].n - 4;
    memcpy(bias, nan_bytes, 4);
    cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text,
                     "'w': tensor 'n/fc.bias': element 1 is nan, not a number to compute with");
    memcpy(bias, inf_bytes, 4);
    cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(
        err.text, "'w': tensor 'n/fc.bias': element 1 is infinite, not a number to compute with");
    byte_files_free(&m);
}

Test(safetensors, no_damage_goes_unnoticed_or_crashes)
{
    // Cuts and single-byte changes of a good file: it is read, or there is a text.
    struct byte_files good = {.n = 0}, m = {.n = 0};
    struct ncr_error err;
    put(&good, "{" WEIGHT "," BIAS ",\"__metadata__\":{\"k\":\"v\"}}", 32);
    size_t n = good.file[0].n, header = n - 32;
    for (size_t cut = 0; cut < n; cut++) {
        byte_files_put(&m, "w", good.file[0].bytes, cut);
        err.text[0] = 0;
        cr_assert_eq(read_small(&m, NULL, &err), NCR_ENVIRONMENT, "cut at %zu", cut);
        cr_assert(strstr(err.text, "'w': "), "cut at %zu: %s", cut, err.text);
    }
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 0);
    int read = 0;
    for (size_t at = 0; at < header; at++)
        for (int k = 0; k < 8; k++) {
            byte_files_put(&m, "w", good.file[0].bytes, n);
            m.file[0].bytes[at] ^= (unsigned char)(1 + ncr_rng_below(&rng, 255));
            err.text[0] = 0;
            if (read_small(&m, NULL, &err) == NCR_OK)
                read++;
            else
                cr_assert(strstr(err.text, "'w': "), "byte %zu: %s", at, err.text);
        }
    // Only what lies in the metadata's strings, and a blank for a blank, changes nothing.
    cr_assert_lt(read, 40, "%d damaged files were read", read);
    byte_files_free(&good);
    byte_files_free(&m);
}
