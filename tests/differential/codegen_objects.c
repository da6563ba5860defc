// Objects: complete in themselves for every target, and on this machine equal to the interpreter.
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/standalone/network.h"
#include "tests/support/elf.h"
#include "tests/support/run_code.h"

extern char **environ;

enum { OBJECTS = 45 };

static void write_file(const char *folder, const char *name, const struct ncr_buf *bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes->s, 1, bytes->n, file), bytes->n);
    cr_assert_eq(fclose(file), 0);
}

static int spawn(const char *const *argv)
{
    pid_t pid;
    int status;
    cr_assert_eq(posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void remove_folder(const char *folder)
{
    cr_assert_eq(spawn((const char *const[]){"rm", "-rf", folder, NULL}), 0);
}

static void emit(const struct ncr_plan *plan, const struct ncr_code_options *options,
                 struct ncr_buf *out)
{
    struct ncr_error err;
    cr_assert_eq(ncr_code_emit(plan, options, NCR_CODE_OBJECT, out, &err), NCR_OK, "%s", err.text);
}

struct network {
    struct ncr_arena *arena;
    struct random_net net;
    struct ncr_plan *plan;
    struct sample sample;
    uint64_t stack; // as stated
};

static void *symbol(void *library, const char *prefix, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    void *address = dlsym(library, full);
    cr_assert_not_null(address, "%s", full);
    return address;
}

static void check_network(void *library, const char *prefix, struct network *n)
{
    int (*init)(void *, size_t);
    void (*run)(void *, const int8_t *const *, int8_t *const *);
    const struct nacre_network *(*info)(void);
    *(void **)&init = symbol(library, prefix, "_init");
    *(void **)&run = symbol(library, prefix, "_run");
    *(void **)&info = symbol(library, prefix, "_info");
    const struct nacre_network *net = info();
    const struct ncr_qgraph *g = n->net.qgraph;
    cr_assert_str_eq(nacre_text(net, net->name), "random");
    cr_assert_str_eq(nacre_text(net, net->arch_id), "0123456789abcdef0123456789abcdef");
    cr_assert_eq(net->arena_bytes, n->plan->arena_bytes);
    cr_assert_eq(net->arena_align, NCR_PLAN_ALIGN);
    cr_assert_gt(net->stack_bytes, 0);
    cr_assert_eq(net->stack_bytes, n->stack);
    cr_assert_eq(net->n_inputs, g->n_inputs);
    cr_assert_eq(net->n_outputs, g->n_outputs);
    cr_assert_null(nacre_pixels(net));
    cr_assert_eq((uintptr_t)nacre_constants(net) % 64, 0);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const struct ncr_qnode *q = &g->nodes[g->outputs[i]];
        cr_assert_eq(nacre_outputs(net)[i].rank, (int32_t)q->shape.rank);
        cr_assert_eq(nacre_outputs(net)[i].dim[0], q->shape.dim[0]);
        cr_assert_eq(nacre_outputs(net)[i].bytes, ncr_qnode_bytes(q));
        cr_assert_eq(nacre_outputs(net)[i].element, ncr_qnode_element_bytes(q));
        cr_assert_eq(nacre_outputs(net)[i].zero_point, q->zero_point);
        cr_assert(nacre_outputs(net)[i].scale == q->scale);
    }
    for (int side = 0; side < 2; side++) {
        struct guarded g1 = guarded_new(net->arena_bytes, side);
        cr_assert_eq(init(g1.memory + 1, net->arena_bytes), 1);
        cr_assert_eq(init(g1.memory, net->arena_bytes - 1), 2);
        cr_assert_eq(init(g1.memory, net->arena_bytes), 0);
        run(g1.memory, (const int8_t *const *)n->sample.in, n->sample.out);
        for (uint32_t i = 0; i < g->n_outputs; i++) {
            cr_assert_eq(memcmp(n->sample.out[i], n->sample.want[i], n->sample.out_bytes[i]), 0,
                         "%s: output %u differs", prefix, i);
            memset(n->sample.out[i], 0, n->sample.out_bytes[i]);
        }
        cr_assert(guarded_intact(&g1));
        guarded_free(&g1);
    }
}

// All objects in one library, linked so that a symbol that none of them defines is an error.
Test(codegen_objects, linked_objects_equal_the_interpreter)
{
    char folder[] = "/tmp/nacre-test-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    const char *families[MAX_FAMILIES],
        *argv[OBJECTS + 8] = {"cc", "-shared", "-nostdlib", "-Wl,-z,defs", "-Wl,--fatal-warnings",
                              "-o"};
    uint32_t n_families = runnable_families(families), n_arg = 6;
    if (strcmp(families[n_families - 1], "x86_amx") == 0) n_families--; // in memory alone
    char paths[OBJECTS + 1][64], library_path[64];
    snprintf(library_path, sizeof library_path, "%s/all.so", folder);
    argv[n_arg++] = library_path;
    static struct network networks[OBJECTS];
    for (uint32_t i = 0; i < OBJECTS; i++) {
        struct network *n = &networks[i];
        n->arena = ncr_arena_new(0);
        random_net_make(n->arena, 3000 + i, 6, &n->net);
        n->plan = ncr_plan_build(n->arena, n->net.qgraph, NCR_PLAN_SHARED);
        sample_make(n->arena, &n->net, i, &n->sample);
        char prefix[16], name[16];
        snprintf(prefix, sizeof prefix, "net%u", i);
        snprintf(name, sizeof name, "%u.o", i);
        struct ncr_code_options options = {.prefix = prefix,
                                           .family = families[i % n_families],
                                           .optimize = i / n_families % 2 ? NCR_OPTIMIZE_SIZE
                                                                          : NCR_OPTIMIZE_SPEED,
                                           .arch_id = "0123456789abcdef0123456789abcdef"};
        struct ncr_buf object = {0}, again = {0};
        options.stack_bytes = &n->stack;
        emit(n->plan, &options, &object);
        options.stack_bytes = NULL; // the object states it all the same
        emit(n->plan, &options, &again);
        cr_assert_eq(object.n, again.n);
        cr_assert_eq(memcmp(object.s, again.s, object.n), 0, "the same input gave other bytes");
        write_file(folder, name, &object);
        ncr_buf_free(&object);
        ncr_buf_free(&again);
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, name);
        argv[n_arg++] = paths[i];
    }
    cr_assert_eq(spawn(argv), 0);
    void *library = dlopen(library_path, RTLD_NOW);
    cr_assert_not_null(library, "%s", dlerror());
    for (uint32_t i = 0; i < OBJECTS; i++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "net%u", i);
        check_network(library, prefix, &networks[i]);
        ncr_arena_free(networks[i].arena);
    }
    dlclose(library);
    remove_folder(folder);
}

static const struct {
    const char *triple, *cpu;
    uint16_t machine;
    bool is_64;
} targets[] = {
    {"x86_64-linux-gnu", NULL, EM_X86_64, true},
    {"x86_64-linux-gnu", "haswell", EM_X86_64, true},
    {"x86_64-linux-gnu", "znver5", EM_X86_64, true},
    {"x86_64-linux-gnu", "alderlake", EM_X86_64, true},
    {"x86_64-linux-gnu", "x86-64-v4", EM_X86_64, true},
    {"aarch64-linux-gnu", NULL, EM_AARCH64, true},
    {"aarch64-linux-gnu", "neoverse-n1", EM_AARCH64, true},
    {"thumbv7em-none-eabi", "cortex-m4", EM_ARM, false},
    {"thumbv7em-none-eabihf", "cortex-m7", EM_ARM, false},
    {"armv7-linux-gnueabihf", "cortex-a7", EM_ARM, false},
    {"riscv64-linux-gnu", NULL, EM_RISCV, true},
    {"riscv32-unknown-elf", NULL, EM_RISCV, false},
    {"riscv32-unknown-elf", "rv32i", EM_RISCV, false},
    {"riscv32-unknown-elf", "rv32ec", EM_RISCV, false},
};

Test(codegen_objects, objects_of_all_targets_are_complete)
{
    for (uint32_t t = 0; t < NCR_COUNT(targets); t++)
        for (uint64_t seed = 0; seed < 12; seed++) {
            struct ncr_arena *arena = ncr_arena_new(0);
            struct random_net net;
            random_net_make(arena, 5000 + 12 * t + seed, 6, &net);
            struct ncr_plan *plan = ncr_plan_build(arena, net.qgraph, NCR_PLAN_SHARED);
            struct ncr_code_options options = {.triple = targets[t].triple,
                                               .cpu = targets[t].cpu,
                                               .prefix = "n",
                                               .optimize = seed % 2 ? NCR_OPTIMIZE_SIZE
                                                                    : NCR_OPTIMIZE_SPEED};
            struct ncr_buf object = {0};
            emit(plan, &options, &object);
            struct elf_facts facts;
            cr_assert(elf_read(object.s, object.n, &facts));
            cr_assert_eq(facts.machine, targets[t].machine, "%s", targets[t].triple);
            cr_assert_eq(facts.is_64, targets[t].is_64);
            cr_assert_str_eq(facts.undefined, "", "%s needs %s: %s seed %lu", targets[t].triple,
                             facts.undefined, targets[t].cpu ? targets[t].cpu : "", seed);
            cr_assert_eq(facts.n_defined, 3);
            cr_assert_eq(facts.writable, 0, "%s", targets[t].triple);
            cr_assert_eq(facts.relocated, 0, "%s", targets[t].triple);
            cr_assert_gt(facts.code, 100);
            ncr_buf_free(&object);
            ncr_arena_free(arena);
        }
}

// The header is C and C++, can be included twice and together with another network's.
Test(codegen_objects, headers_compile_as_c_and_cpp)
{
    char folder[] = "/tmp/nacre-test-XXXXXX", path[64], include[64];
    cr_assert_not_null(mkdtemp(folder));
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_buf main_c = {0};
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct random_net net;
        random_net_make(arena, 40 + seed, 5, &net);
        struct ncr_plan *plan = ncr_plan_build(arena, net.qgraph, NCR_PLAN_SHARED);
        char prefix[16], name[16];
        snprintf(prefix, sizeof prefix, "net%lu", seed);
        snprintf(name, sizeof name, "net%lu.h", seed);
        struct ncr_code_options options = {.prefix = prefix, .arch_id = "00ff"};
        struct ncr_buf header = {0};
        struct ncr_error err;
        cr_assert_eq(ncr_code_header(plan, &options, &header, &err), NCR_OK);
        write_file(folder, name, &header);
        ncr_buf_free(&header);
        ncr_buf_fmt(&main_c, "#include \"%s\"\n#include \"%s\"\n", name, name);
        ncr_buf_fmt(
            &main_c,
            "typedef char arena%lu[NET%lu_ARENA_BYTES == %llu && NET%lu_ARENA_ALIGN == 64 ? "
            "1 : -1];\n"
            "typedef char zero%lu[NET%lu_INPUT_0_ZERO_POINT == %d ? 1 : -1];\n"
            "typedef char size%lu[NET%lu_INPUT_0_BYTES == %lld ? 1 : -1];\n"
            "double scale%lu(void);\n"
            "double scale%lu(void) { return NET%lu_OUTPUT_0_SCALE; }\n",
            seed, seed, (unsigned long long)plan->arena_bytes, seed, seed, seed,
            net.qgraph->nodes[net.qgraph->inputs[0]].zero_point, seed, seed,
            (long long)ncr_qnode_bytes(&net.qgraph->nodes[net.qgraph->inputs[0]]), seed, seed,
            seed);
    }
    write_file(folder, "main.c", &main_c);
    ncr_buf_free(&main_c);
    snprintf(path, sizeof path, "%s/main.c", folder);
    snprintf(include, sizeof include, "-I%s", folder);
    cr_assert_eq(spawn((const char *const[]){"cc", "-std=c99", "-Wall", "-Wextra", "-Werror",
                                             "-pedantic", "-fsyntax-only", include, path, NULL}),
                 0);
    cr_assert_eq(spawn((const char *const[]){"c++", "-x", "c++", "-std=c++11", "-Wall", "-Wextra",
                                             "-Werror", "-fsyntax-only", include, path, NULL}),
                 0);
    remove_folder(folder);
    ncr_arena_free(arena);
}
