// Fuzzes the front end: parse; where that succeeds print, parse again and compare, print again and compare; then check the program and the claims of its mutations. Imports find only
// the embedded standard library. Memory is bounded by the arena.
#include <stdio.h>
#include <stdlib.h>

#include "compiler/mutate/mutate.h"
#include "compiler/sema/program.h"
#include "lang/base/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static enum ncr_status no_file(void *user, const char *path, size_t max_bytes, struct ncr_buf *out, struct ncr_error *err)
{
    (void)user, (void)max_bytes, (void)out;
    return ncr_fail(err, NCR_ENVIRONMENT, "there is no file '%s' here", path);
}

static void round_trip(struct ncr_arena *arena, const struct ncr_syntax *syntax, const struct ncr_sources *sources)
{
    struct ncr_buf text = {0};
    ncr_fmt(syntax, sources, &text);
    struct ncr_sources *again = ncr_sources_new(arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, again);
    uint32_t file = ncr_sources_add(again, NCR_STR("again"), (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
    const struct ncr_syntax *second = ncr_parse(arena, &diags, file);
    if (diags.n_errors || !ncr_ast_equal(syntax->root, second->root)) {
        fprintf(stderr, "the printed program is another one:\n%s\n", text.s ? text.s : "");
        abort();
    }
    struct ncr_buf twice = {0};
    ncr_fmt(second, again, &twice);
    if (twice.n != text.n || (text.n && memcmp(twice.s, text.s, text.n) != 0)) {
        fprintf(stderr, "printing twice changes the text:\n%s\n", text.s ? text.s : "");
        abort();
    }
    ncr_buf_free(&twice);
    ncr_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ncr_arena *arena = ncr_arena_new((size_t)512 << 20);
    jmp_buf oom;
    if (setjmp(oom) == 0) {
        ncr_arena_on_oom(arena, &oom);
        struct ncr_sources *sources = ncr_sources_new(arena);
        struct ncr_diags diags;
        ncr_diags_init(&diags, arena, sources);
        struct ncr_io io = ncr_io_posix();
        io.read_file = no_file;
        struct ncr_str text = {(const char *)data, (uint32_t)n};
        struct ncr_modules *modules =
            ncr_modules_load_text(arena, sources, &diags, &io, NCR_STR("fuzz.ncr"), text, NCR_STR(""), NULL);
        if (diags.n_errors == 0) {
            round_trip(arena, modules->root->syntax, sources);
            struct ncr_program *program = ncr_program_check(arena, &diags, modules);
            if (diags.n_errors == 0) ncr_mutation_claims_check(program, &diags);
        }
        struct ncr_buf out = {0};
        ncr_diags_text(&diags, &out, false);
        ncr_diags_json(&diags, &out);
        ncr_buf_free(&out);
    }
    ncr_arena_free(arena);
    return 0;
}
