// Speed of spaces, on one thread: members to networks and their ids, draws under a limit on
// parameters that few members keep, counting of large spaces. The spaces are those of
// examples/spaces and one made here.
// usage: bench_space SOURCE_DIR. Prints a table; the fastest of several runs counts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/sema/program.h"
#include "compiler/space/members.h"
#include "lang/base/io.h"

struct loaded {
    struct ncr_arena *arena;
    struct ncr_space *space;
    double seconds; // text to space
};

static bool load(const struct ncr_io *io, const char *path, struct loaded *out)
{
    struct ncr_diags diags;
    struct ncr_error err;
    out->arena = ncr_arena_new(0);
    out->space = NULL;
    struct ncr_sources *sources = ncr_sources_new(out->arena);
    ncr_diags_init(&diags, out->arena, sources);
    double start = io->now_s(NULL);
    struct ncr_modules *modules =
        ncr_modules_load(out->arena, sources, &diags, io, path, NULL, &err);
    if (!modules || diags.n_errors) return false;
    struct ncr_program *program = ncr_program_check(out->arena, &diags, modules);
    out->seconds = io->now_s(NULL) - start;
    for (uint32_t i = 0; i < ncr_program_net_count(program); i++)
        if (ncr_program_net(program, i)->space) out->space = ncr_program_net(program, i)->space;
    return out->space != NULL;
}

static void counting(const struct ncr_io *io, const char *name, const struct loaded *l)
{
    double best = 1e9;
    struct ncr_str text = NCR_STR("");
    for (int run = 0; run < 5; run++) {
        double start = io->now_s(NULL);
        struct ncr_members *m = ncr_members_build(l->arena, l->space, NULL);
        if (!m) return;
        text = ncr_big_text(l->arena, ncr_members_genotypes(m).count);
        double seconds = io->now_s(NULL) - start;
        if (seconds < best) best = seconds;
    }
    printf("%-24s %8.2f ms   %.*s genotypes\n", name, best * 1e3, NCR_STR_ARG(text));
}

static void binding(const struct ncr_io *io, const char *name, const struct loaded *l)
{
    struct ncr_members *m = ncr_members_build(l->arena, l->space, NULL);
    struct ncr_arena *scratch = ncr_arena_new(0);
    enum { N = 4000 };
    uint32_t n = l->space->decisions.n, nodes = 0;
    uint32_t *taken = NCR_NEW_N(l->arena, uint32_t, (size_t)(n + 1) * N);
    for (uint64_t i = 0; i < N; i++) {
        struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_SAMPLE, i);
        if (!ncr_members_sample(m, scratch, true, &rng, taken + i * (n + 1))) return;
    }
    double best = 1e9;
    for (int run = 0; run < 5; run++) {
        double start = io->now_s(NULL);
        uint64_t sum = 0;
        for (uint64_t i = 0; i < N; i++) {
            struct ncr_arena_mark mark = ncr_arena_mark(scratch);
            sum ^= ncr_space_arch_id(l->space, taken + i * (n + 1), scratch).lo;
            ncr_arena_reset(scratch, mark);
        }
        double seconds = io->now_s(NULL) - start;
        if (sum && seconds < best) best = seconds;
    }
    for (uint64_t i = 0; i < N; i++) {
        struct ncr_arena_mark mark = ncr_arena_mark(scratch);
        nodes += ncr_space_bind(l->space, taken + i * (n + 1), scratch)->n_nodes;
        ncr_arena_reset(scratch, mark);
    }
    printf("%-24s %8.0f networks/s: bind, simplify, arch_id; %u nodes on average\n", name, N / best,
           nodes / N);
    ncr_arena_free(scratch);
}

struct keep {
    struct ncr_hash *ids;
    struct ncr_space *space;
    struct ncr_arena *scratch;
    uint64_t n;
};

static bool keep_id(void *user, const uint32_t *taken)
{
    struct keep *k = user;
    struct ncr_arena_mark mark = ncr_arena_mark(k->scratch);
    k->ids[k->n++] = ncr_space_arch_id(k->space, taken, k->scratch);
    ncr_arena_reset(k->scratch, mark);
    return true;
}

static int by_hash(const void *a, const void *b)
{
    return ncr_hash_cmp(*(const struct ncr_hash *)a, *(const struct ncr_hash *)b);
}

static void enumerating(const struct ncr_io *io, const char *name, const struct loaded *l)
{
    struct ncr_members *m = ncr_members_build(l->arena, l->space, NULL);
    uint64_t n, different = 0;
    if (!ncr_big_u64(ncr_members_genotypes(m).count, &n) || n > 1 << 20) return;
    struct keep k = {NCR_NEW_N(l->arena, struct ncr_hash, n), l->space, ncr_arena_new(0), 0};
    double start = io->now_s(NULL);
    ncr_members_each(m, k.scratch, keep_id, &k);
    qsort(k.ids, k.n, sizeof *k.ids, by_hash);
    for (uint64_t i = 0; i < k.n; i++)
        different += i == 0 || !ncr_hash_eq(k.ids[i - 1], k.ids[i]);
    printf("%-24s %8.2f s    all %llu members enumerated, %llu distinct\n", name,
           io->now_s(NULL) - start, (unsigned long long)k.n, (unsigned long long)different);
    ncr_arena_free(k.scratch);
}

static int by_int(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The space with one requirement more: parameters at most what 5 % of the members have.
static void limited(const struct ncr_io *io, const char *folder, const char *name,
                    const struct loaded *l)
{
    enum { N = 2000, DRAWS = 20000 };
    struct ncr_members *m = ncr_members_build(l->arena, l->space, NULL);
    struct ncr_arena *scratch = ncr_arena_new(0);
    uint32_t *taken = NCR_NEW_N(l->arena, uint32_t, l->space->decisions.n + 1);
    int64_t *params = NCR_NEW_N(l->arena, int64_t, N);
    for (uint64_t i = 0; i < N; i++) {
        struct ncr_rng rng = ncr_rng_at(2, NCR_RNG_SAMPLE, i);
        struct ncr_arena_mark mark = ncr_arena_mark(scratch);
        if (!ncr_members_sample(m, scratch, true, &rng, taken)) return;
        params[i] = ncr_graph_params(ncr_space_bind(l->space, taken, scratch));
        ncr_arena_reset(scratch, mark);
    }
    qsort(params, N, sizeof *params, by_int);
    char path[1200], command[64];
    snprintf(path, sizeof path, "%s/examples/spaces/%s.ncr", folder, name);
    struct ncr_buf text = {0};
    struct ncr_error err;
    if (io->read_file(io->user, path, 1 << 20, &text, &err) != NCR_OK) return;
    // After the last `{` of a net's header the requirement may stand anywhere in its body.
    char *net = strstr(text.s, "\nnet "), *body = net ? strstr(net, "{\n") : NULL;
    if (!body) return;
    struct ncr_buf limited = {0};
    ncr_buf_str(&limited, (struct ncr_str){text.s, (uint32_t)(body + 2 - text.s)});
    snprintf(command, sizeof command, "    require params(this) <= %lld;\n",
             (long long)params[N / 20]);
    ncr_buf_puts(&limited, command);
    ncr_buf_str(&limited, (struct ncr_str){body + 2, (uint32_t)(text.s + text.n - body - 2)});
    char copy[] = "/tmp/nacre-bench-XXXXXX";
    int fd = mkstemp(copy);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file) return;
    fwrite(limited.s, 1, limited.n, file);
    fclose(file);
    struct loaded few;
    bool good = load(io, copy, &few);
    remove(copy);
    struct ncr_members *members = good ? ncr_members_build(few.arena, few.space, NULL) : NULL;
    if (members) {
        uint32_t *member = NCR_NEW_N(few.arena, uint32_t, few.space->decisions.n + 1);
        double start = io->now_s(NULL);
        uint64_t drawn = 0;
        for (uint64_t i = 0; i < DRAWS; i++) {
            struct ncr_rng rng = ncr_rng_at(3, NCR_RNG_SAMPLE, i);
            drawn += ncr_members_sample(members, scratch, true, &rng, member);
        }
        printf("%-24s %8.0f draws/s: params <= %lld, about 5 %% of the space; %llu of %llu tries "
               "accepted\n",
               name, (double)drawn / (io->now_s(NULL) - start), (long long)params[N / 20],
               (unsigned long long)members->n_accepted, (unsigned long long)members->n_tried);
    }
    ncr_arena_free(few.arena);
    ncr_arena_free(scratch);
    ncr_buf_free(&text);
    ncr_buf_free(&limited);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"nasbench201", "nats_size", "mobilenet_v2", "residual",
                                        "darts",       "once_for_all"};
    if (argc != 2) {
        fprintf(stderr, "usage: %s SOURCE_DIR\n", argv[0]);
        return 2;
    }
    struct ncr_io io = ncr_io_posix();
    for (size_t i = 0; i < NCR_COUNT(names); i++) {
        char path[1200];
        struct loaded l;
        snprintf(path, sizeof path, "%s/examples/spaces/%s.ncr", argv[1], names[i]);
        if (!io.file_exists(io.user, path)) {
            printf("%-24s (no such example)\n", names[i]);
            continue;
        }
        if (!load(&io, path, &l)) {
            printf("%-24s (does not check)\n", names[i]);
            ncr_arena_free(l.arena);
            continue;
        }
        printf("%-24s %8.2f ms   parsed and checked, %u decisions, %u symbolic nodes\n", names[i],
               l.seconds * 1e3, l.space->decisions.n, l.space->nodes.n);
        counting(&io, names[i], &l);
        binding(&io, names[i], &l);
        if (i < 2) enumerating(&io, names[i], &l);
        limited(&io, argv[1], names[i], &l);
        ncr_arena_free(l.arena);
    }
    return 0;
}
