// The formatter: what it prints parses to the same tree, printing twice changes nothing, no comment
// is lost; and the canonical form of one program, pinned.
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lang/ast.h"
#include "lang/base/io.h"

static char *format(struct ncr_arena *arena, const char *name, struct ncr_str text,
                    struct ncr_ast **tree, uint32_t *n_comments)
{
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    struct ncr_syntax *s =
        ncr_parse(arena, &diags, ncr_sources_add(sources, ncr_str_of(name), text));
    struct ncr_buf out = {0};
    if (diags.n_errors) return NULL;
    ncr_fmt(s, sources, &out);
    *tree = s->root;
    *n_comments = s->n_comments;
    char *copy = ncr_arena_copy(arena, out.s ? out.s : "", out.n + 1);
    ncr_buf_free(&out);
    return copy;
}

// False where the text does not parse.
static bool check(const char *name, struct ncr_str text)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_ast *first, *second, *third;
    uint32_t n1, n2, n3;
    char *once = format(arena, name, text, &first, &n1);
    if (once) {
        char *twice = format(arena, name, ncr_str_of(once), &second, &n2);
        cr_assert_not_null(twice, "%s: the printed program does not parse:\n%s", name, once);
        cr_assert(ncr_ast_equal(first, second), "%s: another tree:\n%s", name, once);
        cr_assert_eq(n1, n2, "%s: %u comments became %u:\n%s", name, n1, n2, once);
        char *thrice = format(arena, name, ncr_str_of(twice), &third, &n3);
        cr_assert_str_eq(twice, thrice, "%s: not stable", name);
        cr_assert_str_eq(once, twice, "%s: not stable", name);
    }
    ncr_arena_free(arena);
    return once != NULL;
}

static uint32_t walk(const char *folder, const char *ending)
{
    DIR *dir = opendir(folder);
    if (!dir) return 0;
    uint32_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[1024];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct stat st;
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            n += walk(path, ending);
            continue;
        }
        size_t len = strlen(entry->d_name), end = strlen(ending);
        if (len < end || strcmp(entry->d_name + len - end, ending) != 0) continue;
        struct ncr_buf text = {0};
        struct ncr_io io = ncr_io_posix();
        cr_assert_eq(io.read_file(NULL, path, NCR_LIMIT_FILE_BYTES, &text, NULL), NCR_OK);
        n += check(path, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
        ncr_buf_free(&text);
    }
    closedir(dir);
    return n;
}

Test(fmt, round_trip_of_every_program_in_the_project)
{
    cr_assert_geq(walk(NACRE_SOURCE_DIR "/examples", ".ncr"), 1);
    walk(NACRE_SOURCE_DIR "/stdlib", ".ncr");
    walk(NACRE_SOURCE_DIR "/tests/fuzz/corpus", "");
    walk(NACRE_SOURCE_DIR "/tests/golden", ".ncr");
}

Test(fmt, canonical_form)
{
    static const char *const text =
        "// head\n\n\n\nimport  std.blocks // trailing\n"
        "/// doc\nnet  f( x:tensor[1,28,28] )->tensor[10]{\n"
        "  let w=choose(8,16);// why\n\n\n  // own line\n"
        "  x|>conv(w,kernel:3)>>relu\n|>flatten>>dense(10) }\n"
        "net v=f with{w=8;};\n"
        "fault a{model:bitflip(rate:1e-6 per bit);sites:weights}\n"
        "target t { memory flash{size:2MiB;bandwidth:1.9GB/s;}\narray:12 x 14;\n/* last */ }\n"
        "block g(n:int=3)(x)bounded n<=6{if n==0{x}else{choose{a:relu b:@prior(0.5) "
        "tanh}>>g(n-1)}}\n";
    static const char *const want =
        "// head\n\nimport std.blocks;  // trailing\n"
        "/// doc\nnet f(x: tensor[1, 28, 28]) -> tensor[10] {\n"
        "    let w = choose(8, 16);  // why\n\n    // own line\n"
        "    x\n        |> conv(w, kernel: 3) >> relu\n        |> flatten >> dense(10)\n}\n"
        "net v = f with { w = 8; };\n"
        "fault a { model: bitflip(rate: 1e-6 per bit); sites: weights; }\n"
        "target t {\n    memory flash { size: 2 MiB; bandwidth: 1.9 GB/s; }\n    array: 12 x 14;\n "
        "   /* last */\n}\n"
        "block g(n: int = 3)(x) bounded n <= 6 {\n"
        "    if n == 0 { x } else { choose { a: relu; b: @prior(0.5) tanh; } >> g(n - 1) }\n}\n";
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_ast *tree;
    uint32_t n;
    cr_assert_str_eq(format(arena, "t", ncr_str_of(text), &tree, &n), want);
    cr_assert(check("t", ncr_str_of(text)));
    ncr_arena_free(arena);
}
