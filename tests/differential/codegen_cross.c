// Objects for other machines, run: random networks are linked with their inputs and with what the
// interpreter makes of them into one freestanding image a machine, which compares and tells.
// AArch64 and RISC-V under QEMU's user mode, Cortex-M4 and M7 as bare boards.
#include <criterion/criterion.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/run_code.h"

extern char **environ;

enum { NETWORKS = 24 };

static int spawn_to(const char *const *argv, const char *output)
{
    pid_t pid;
    int status;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output, 0x241 /* write, create, truncate */,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) return 127;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void write_file(const char *path, const struct ncr_buf *bytes)
{
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes->s, 1, bytes->n, file), bytes->n);
    cr_assert_eq(fclose(file), 0);
}

static char *read_text(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "rb");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[n] = 0;
    return text;
}

static void put_bytes(struct ncr_buf *out, const char *name, uint32_t i, uint32_t k,
                      const int8_t *bytes, size_t n)
{
    ncr_buf_fmt(out, "static const signed char %s%u_%u[] = {", name, i, k);
    for (size_t b = 0; b < n; b++)
        ncr_buf_fmt(out, "%d,", bytes[b]);
    ncr_buf_puts(out, "0};\n");
}

// Calls of one network, and the comparison.
static void put_network(struct ncr_buf *tables, struct ncr_buf *calls, uint32_t i,
                        const struct random_net *net, const struct ncr_plan *plan,
                        const struct sample *s)
{
    const struct ncr_qgraph *g = net->qgraph;
    ncr_buf_fmt(tables,
                "int n%u_init(void *, size_t);\n"
                "void n%u_run(void *, const signed char *const *, signed char *const *);\n",
                i, i);
    for (uint32_t k = 0; k < g->n_inputs; k++)
        put_bytes(tables, "in", i, k, s->in[k],
                  (size_t)ncr_shape_elements(&g->nodes[g->inputs[k]].shape));
    for (uint32_t k = 0; k < g->n_outputs; k++)
        put_bytes(tables, "want", i, k, s->want[k], s->out_bytes[k]);
    ncr_buf_fmt(calls, "    {\n        const signed char *in[] = {");
    for (uint32_t k = 0; k < g->n_inputs; k++)
        ncr_buf_fmt(calls, "in%u_%u, ", i, k);
    ncr_buf_puts(calls, "0};\n        signed char *out[] = {");
    for (uint32_t k = 0; k < g->n_outputs; k++)
        ncr_buf_fmt(calls, "result[%u], ", k);
    ncr_buf_fmt(
        calls,
        "0};\n        if (n%u_init(arena, %lluu)) return 1;\n        n%u_run(arena, in, out);\n", i,
        (unsigned long long)plan->arena_bytes, i);
    for (uint32_t k = 0; k < g->n_outputs; k++)
        ncr_buf_fmt(calls, "        bad += tell(%u, %u, result[%u], want%u_%u, %zu);\n", i, k, k, i,
                    k, s->out_bytes[k]);
    ncr_buf_puts(calls, "    }\n");
}

static const char head[] = "#include \"port.h\"\n"
                           "#include <stdint.h>\n"
                           "int memcmp(const void *, const void *, size_t);\n"
                           "static _Alignas(64) unsigned char arena[1 << 20];\n"
                           "static signed char result[3][1 << 16];\n"
                           "static void number(unsigned v) { char t[12]; int n = 12; do t[--n] = "
                           "(char)('0' + v % 10); while (v /= 10);\n"
                           "    port_write(t + n, (size_t)(12 - n)); }\n"
                           "static int tell(unsigned i, unsigned k, const signed char *a, const "
                           "signed char *b, size_t n) {\n"
                           "    if (memcmp(a, b, n) == 0) return 0;\n"
                           "    port_write(\"differs: network \", 17); number(i); port_write(\" "
                           "output \", 8); number(k); port_write(\"\\n\", 1);\n"
                           "    return 1; }\n";

static const struct machine {
    const char *name, *triple, *cpu, *port;
    const char *clang[4], *emulator[10];
} machines[] = {
    {"AArch64",
     "aarch64-linux-gnu",
     NULL,
     "linux.c",
     {"--target=aarch64-linux-gnu"},
     {"qemu-aarch64"}},
    {"AArch64 with dot products",
     "aarch64-linux-gnu",
     "neoverse-n1",
     "linux.c",
     {"--target=aarch64-linux-gnu"},
     {"qemu-aarch64", "-cpu", "max"}},
    {"RISC-V 64",
     "riscv64-linux-gnu",
     NULL,
     "linux.c",
     {"--target=riscv64-linux-gnu", "-march=rv64gc", "-mabi=lp64d", "-mno-relax"},
     {"qemu-riscv64"}},
    {"Cortex-M4",
     "thumbv7em-none-eabihf",
     "cortex-m4",
     "cortex_m.c",
     {"--target=thumbv7em-none-eabihf", "-mcpu=cortex-m4"},
     {"qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config",
      "enable=on,target=native", "-kernel"}},
    {"Cortex-M7",
     "thumbv7em-none-eabihf",
     "cortex-m7",
     "cortex_m.c",
     {"--target=thumbv7em-none-eabihf", "-mcpu=cortex-m7"},
     {"qemu-system-arm", "-M", "mps2-an500", "-nographic", "-semihosting-config",
      "enable=on,target=native", "-kernel"}},
};

static bool there(const char *tool)
{
    return spawn_to((const char *const[]){tool, "--version", NULL}, "/dev/null") == 0;
}

static void run_on(const struct machine *m, uint64_t seed)
{
    char folder[] = "/tmp/nacre-test-XXXXXX", paths[NETWORKS][48], source[64], image[64],
         output[64], include[512], ports[3][512], script[600];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/main.c", folder);
    snprintf(image, sizeof image, "%s/image", folder);
    snprintf(output, sizeof output, "%s/out", folder);
    struct ncr_buf text = {0}, calls = {0};
    struct ncr_arena *arena = ncr_arena_new(0);
    ncr_buf_puts(&text, head);
    for (uint32_t i = 0; i < NETWORKS; i++) {
        struct random_net net;
        struct sample sample;
        struct ncr_buf object = {0};
        struct ncr_error err;
        char prefix[16];
        random_net_make(arena, seed + i, 6, &net);
        struct ncr_plan *plan = ncr_plan_build(arena, net.qgraph, NCR_PLAN_SHARED);
        cr_assert_leq(plan->arena_bytes, 1 << 20);
        sample_make(arena, &net, seed + i, &sample);
        snprintf(prefix, sizeof prefix, "n%u", i);
        struct ncr_code_options options = {.triple = m->triple, .cpu = m->cpu, .prefix = prefix};
        cr_assert_eq(ncr_code_emit(plan, &options, NCR_CODE_OBJECT, &object, &err), NCR_OK, "%s",
                     err.text);
        snprintf(paths[i], sizeof paths[i], "%s/n%u.o", folder, i);
        write_file(paths[i], &object);
        ncr_buf_free(&object);
        put_network(&text, &calls, i, &net, plan, &sample);
    }
    ncr_buf_fmt(&text,
                "int main(void)\n{\n    int bad = 0;\n%s    port_write(\"compared \", 9);\n    "
                "number(%d);\n"
                "    port_write(\", stack \", 8);\n    number((unsigned)port_stack_used());\n    "
                "port_write(\"\\n\", 1);\n    return bad != 0;\n}\n",
                calls.s, (int)NETWORKS);
    write_file(source, &text);
    ncr_buf_free(&text);
    ncr_buf_free(&calls);
    const char *argv[NETWORKS + 40] = {"clang-19",  "-O1",     "-ffreestanding", "-fno-pic",
                                       "-nostdlib", "-static", "-fuse-ld=lld",   "-Wall",
                                       "-o",        image};
    uint32_t n = 10;
    for (int k = 0; k < 4 && m->clang[k]; k++)
        argv[n++] = m->clang[k];
    snprintf(include, sizeof include, "-I%s/runtime/standalone/port", NACRE_SOURCE_DIR);
    snprintf(ports[0], sizeof ports[0], "%s/runtime/standalone/port/%s", NACRE_SOURCE_DIR, m->port);
    snprintf(ports[1], sizeof ports[1], "%s/runtime/standalone/port/memory.c", NACRE_SOURCE_DIR);
    snprintf(script, sizeof script, "-Wl,-T,%s/runtime/standalone/port/mps2.ld", NACRE_SOURCE_DIR);
    argv[n++] = include;
    argv[n++] = source;
    argv[n++] = ports[0];
    argv[n++] = ports[1];
    if (strcmp(m->port, "cortex_m.c") == 0) argv[n++] = script;
    for (uint32_t i = 0; i < NETWORKS; i++)
        argv[n++] = paths[i];
    int linked = spawn_to(argv, output);
    cr_assert_eq(linked, 0, "%s: %s", m->name, read_text(output));
    const char *run[16] = {"timeout", "120"};
    n = 2;
    for (int k = 0; m->emulator[k]; k++)
        run[n++] = m->emulator[k];
    run[n++] = image;
    int status = spawn_to(run, output);
    const char *said = read_text(output);
    char want[32];
    snprintf(want, sizeof want, "compared %d,", (int)NETWORKS);
    cr_assert(status == 0 && strstr(said, want) && !strstr(said, "differs"), "%s: status %d: %s",
              m->name, status, said);
    cr_assert_eq(spawn_to((const char *const[]){"rm", "-rf", folder, NULL}, "/dev/null"), 0);
    ncr_arena_free(arena);
}

#define MACHINE_TEST(name, index, seed)                                                            \
    Test(codegen_cross, name)                                                                      \
    {                                                                                              \
        if (!there("clang-19") || !there("ld.lld-19") || !there(machines[index].emulator[0]))      \
            cr_skip_test("no clang-19, lld-19 or %s", machines[index].emulator[0]);                \
        run_on(&machines[index], seed);                                                            \
    }

MACHINE_TEST(aarch64, 0, 8000)
MACHINE_TEST(aarch64_neoverse_n1, 1, 8100)
MACHINE_TEST(riscv64, 2, 8200)
MACHINE_TEST(cortex_m4, 3, 8300)
MACHINE_TEST(cortex_m7, 4, 8400)
