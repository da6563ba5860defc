// Arena, strings, hash, source map, JSON writer, I/O.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lang/base/hash.h"
#include "lang/base/io.h"
#include "lang/base/json.h"
#include "lang/base/source.h"
#include "lang/base/vec.h"

Test(arena, mark_and_reset_give_memory_back)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    char *kept = ncr_arena_alloc(arena, 100);
    memset(kept, 7, 100);
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    for (int i = 0; i < 1000; i++) {
        char *block = ncr_arena_alloc(arena, 1000);
        for (int k = 0; k < 1000; k++)
            cr_assert_eq(block[k], 0, "fresh memory is zero");
        memset(block, 1, 1000);
    }
    ncr_arena_reset(arena, mark);
    cr_assert_eq(ncr_arena_used(arena), 112, "100 bytes rounded to the alignment, found %zu",
                 ncr_arena_used(arena));
    char *again = ncr_arena_alloc(arena, 64);
    for (int k = 0; k < 64; k++)
        cr_assert_eq(again[k], 0, "memory is zero again after a reset");
    for (int k = 0; k < 100; k++)
        cr_assert_eq(kept[k], 7);
    cr_assert_eq((uintptr_t)again % 16, 0);
    ncr_arena_free(arena);
}

Test(arena, limit_jumps_to_the_handler)
{
    struct ncr_arena *arena = ncr_arena_new(1 << 20);
    jmp_buf out;
    volatile int n = 0;
    if (setjmp(out) == 0) {
        ncr_arena_on_oom(arena, &out);
        for (;;) {
            ncr_arena_alloc(arena, 1000);
            n = n + 1;
        }
    }
    cr_assert_geq(n, 1000);
    cr_assert_leq(n, 1048);
    if (setjmp(out) == 0) {
        ncr_arena_array(arena, SIZE_MAX / 2, 16); // the product overflows
        cr_assert_fail("the overflow was not noticed");
    }
    ncr_arena_free(arena);
}

Test(vec, grows_and_keeps)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    NCR_VEC(uint32_t) v = {0};
    for (uint32_t i = 0; i < 1000; i++)
        ncr_vec_push(arena, &v, i * i);
    cr_assert_eq(v.n, 1000);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(v.at[i], i * i);
    ncr_arena_free(arena);
}

Test(str, distance_counts_edits)
{
    cr_assert_eq(ncr_str_distance(NCR_STR("kernel"), NCR_STR("kernel"), 9), 0);
    cr_assert_eq(ncr_str_distance(NCR_STR("kernle"), NCR_STR("kernel"), 9), 1,
                 "a swap is one edit");
    cr_assert_eq(ncr_str_distance(NCR_STR("kitten"), NCR_STR("sitting"), 9), 3);
    cr_assert_eq(ncr_str_distance(NCR_STR(""), NCR_STR("abc"), 9), 3);
    cr_assert_eq(ncr_str_distance(NCR_STR("abcdef"), NCR_STR("uvwxyz"), 2), 3,
                 "capped at limit + 1");
}

Test(str, text_to_numbers)
{
    double d;
    float f;
    cr_assert(ncr_str_to_f64(NCR_STR("-1.5e-06"), &d) && d == -1.5e-06);
    cr_assert(ncr_str_to_f64(NCR_STR("12"), &d) && d == 12);
    cr_assert(ncr_str_to_f32(NCR_STR("0.1"), &f) && f == 0.1f);
    cr_assert(ncr_str_to_f32(NCR_STR("nan"), &f) && f != f);
    cr_assert(ncr_str_to_f32(NCR_STR("-inf"), &f) && f < -3e38f);
    static const char *const bad[] = {"", " 1", "1 ", "0x10", "1,5", "1e", "e", "1.5.2", "+-1"};
    for (size_t i = 0; i < NCR_COUNT(bad); i++)
        cr_assert_not(ncr_str_to_f64(ncr_str_of(bad[i]), &d), "'%s' was read", bad[i]);
    char digits[65];
    memset(digits, '1', 64);
    cr_assert_not(ncr_str_to_f64((struct ncr_str){digits, 64}, &d));
    cr_assert(ncr_str_to_f64((struct ncr_str){digits, 63}, &d));
}

Test(str, numbers_read_back)
{
    const double values[] = {0.1, 1e-6, 1.0 / 3, 1e300, 5e-324, 123456789.0, -0.0, 2.5};
    for (size_t i = 0; i < NCR_COUNT(values); i++) {
        struct ncr_buf buf = {0};
        ncr_buf_f64(&buf, values[i]);
        cr_assert_eq(strtod(buf.s, NULL), values[i], "%s", buf.s);
        ncr_buf_free(&buf);
        ncr_buf_f32(&buf, (float)values[i]);
        cr_assert_eq(strtof(buf.s, NULL), (float)values[i], "%s", buf.s);
        ncr_buf_free(&buf);
    }
    struct ncr_buf buf = {0};
    ncr_buf_f64(&buf, 0.1);
    cr_assert_str_eq(buf.s, "0.1");
    ncr_buf_free(&buf);
}

Test(hash, text_reads_back_and_order_matters)
{
    struct ncr_hash a = ncr_hash_bytes("nacre", 5), b = ncr_hash_bytes("pearl", 5), back;
    char text[33];
    ncr_hash_text(a, text);
    cr_assert(ncr_hash_read(ncr_str_of(text), &back));
    cr_assert(ncr_hash_eq(a, back));
    cr_assert_not(ncr_hash_eq(ncr_hash_mix(a, b), ncr_hash_mix(b, a)));
    cr_assert_not(ncr_hash_read(NCR_STR("xyz"), &back));
    // XXH3-128 of the empty input, from the xxHash specification's test vectors.
    ncr_hash_text(ncr_hash_bytes("", 0), text);
    cr_assert_str_eq(text, "99aa06d3014798d86001c324468d497f");
}

Test(source, positions_count_lines_and_characters)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_sources *sources = ncr_sources_new(arena);
    uint32_t file = ncr_sources_add(sources, NCR_STR("a.ncr"),
                                    NCR_STR("ab\n\xC3\xA9"
                                            "c\r\n\nlast"));
    struct ncr_pos p = ncr_sources_pos(sources, file, 0);
    cr_assert(p.line == 1 && p.column == 1);
    p = ncr_sources_pos(sources, file, 5); // 'c' after a two-byte character
    cr_assert(p.line == 2 && p.column == 2, "%u:%u", p.line, p.column);
    p = ncr_sources_pos(sources, file, 1000);
    cr_assert(p.line == 4 && p.column == 5, "past the end is the end: %u:%u", p.line, p.column);
    cr_assert_eq(ncr_sources_line(sources, file, 2).n, 3, "no line end, no carriage return");
    cr_assert_eq(ncr_sources_line(sources, file, 3).n, 0);
    cr_assert_eq(ncr_sources_line(sources, file, 9).n, 0);
    ncr_arena_free(arena);
}

Test(json, escapes_and_nests)
{
    struct ncr_buf buf = {0};
    struct ncr_json json;
    ncr_json_init(&json, &buf);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "a\"b", NCR_STR("\x01\n\\ \xFF \xC3\xA9"));
    ncr_json_key(&json, "list");
    ncr_json_array(&json);
    ncr_json_i64(&json, INT64_MIN);
    ncr_json_f64(&json, (double)INFINITY);
    ncr_json_end(&json);
    ncr_json_key(&json, "empty");
    ncr_json_object(&json);
    ncr_json_end(&json);
    ncr_json_end(&json);
    cr_assert_str_eq(buf.s,
                     "{\n  \"a\\\"b\": \"\\u0001\\n\\\\ \\ufffd \xC3\xA9\",\n  \"list\": [\n    "
                     "-9223372036854775808,\n    null\n  ],\n  \"empty\": {}\n}");
    ncr_buf_free(&buf);
}

Test(io, write_replaces_whole_files_and_append_cuts)
{
    char path[] = "/tmp/nacre-io-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    cr_assert_eq(io.write_file(NULL, path, "hello", 5, false, &err), NCR_OK);
    cr_assert_eq(io.append_file(NULL, path, 4, "XY", 2, &err), NCR_OK);
    struct ncr_buf buf = {0};
    cr_assert_eq(io.read_file(NULL, path, 100, &buf, &err), NCR_OK);
    cr_assert_str_eq(buf.s, "hellXY");
    ncr_buf_free(&buf);
    cr_assert_eq(io.read_file(NULL, path, 3, &buf, &err), NCR_ENVIRONMENT);
    cr_assert(strstr(err.text, "limit of 3 bytes"));
    ncr_buf_free(&buf);
    unlink(path);
    cr_assert_eq(io.read_file(NULL, path, 3, &buf, &err), NCR_ENVIRONMENT);
    cr_assert(strstr(err.text, "No such file"));
    cr_assert_eq(io.write_file(NULL, "/nonexistent/x", "a", 1, false, &err), NCR_ENVIRONMENT);
    cr_assert_eq(io.read_file(NULL, "/tmp", 3, &buf, &err), NCR_ENVIRONMENT);
    cr_assert(strstr(err.text, "directory"));
}
