// Objects for other machines, run: random networks are linked with their inputs and with what the
// interpreter makes of them into one freestanding image a machine, which compares and tells.
// AArch64 and RISC-V under QEMU's user mode, Cortex-M4, Cortex-M7 and 32-bit RISC-V (with and
// without a multiplier) as bare boards.
// The image also holds the stack that each run touches against what was stated of it.
#include <criterion/criterion.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/run_code.h"

extern char **environ;

// The last networks have what is rare: first tables of 16 bits, then slices.
enum { NETWORKS = 32, WITH_TABLES = 6, WITH_SLICES = 3 };
enum { FIRST_RARE = NETWORKS - WITH_TABLES - WITH_SLICES };

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
                        const struct sample *s, uint64_t stack)
{
    const struct ncr_qgraph *g = net->qgraph;
    ncr_buf_fmt(tables,
                "int n%u_init(void *, size_t);\n"
                "void n%u_run(void *, const signed char *const *, signed char *const *);\n"
                "const struct nacre_network *n%u_info(void);\n",
                i, i, i);
    for (uint32_t k = 0; k < g->n_inputs; k++)
        put_bytes(tables, "in", i, k, s->in[k], s->in_bytes[k]);
    for (uint32_t k = 0; k < g->n_outputs; k++)
        put_bytes(tables, "want", i, k, s->want[k], s->out_bytes[k]);
    ncr_buf_fmt(calls, "    {\n        const signed char *in[] = {");
    for (uint32_t k = 0; k < g->n_inputs; k++)
        ncr_buf_fmt(calls, "in%u_%u, ", i, k);
    ncr_buf_puts(calls, "0};\n        signed char *out[] = {");
    for (uint32_t k = 0; k < g->n_outputs; k++)
        ncr_buf_fmt(calls, "result[%u], ", k);
    ncr_buf_fmt(calls,
                "0};\n        if (n%u_init(arena, %lluu)) return 1;\n"
                "        volatile unsigned char *top = stack_paint();\n"
                "        n%u_run(arena, in, out);\n"
                "        bad += deep(%u, stack_used(top), %lluu);\n"
                "        bad += n%u_info()->stack_bytes != %lluu;\n",
                i, (unsigned long long)plan->arena_bytes, i, i, (unsigned long long)stack, i,
                (unsigned long long)stack);
    for (uint32_t k = 0; k < g->n_outputs; k++)
        ncr_buf_fmt(calls, "        bad += tell(%u, %u, result[%u], want%u_%u, %zu);\n", i, k, k, i,
                    k, s->out_bytes[k]);
    ncr_buf_puts(calls, "    }\n");
}

static const char head[] =
    "#include \"runtime/standalone/network.h\"\n"
    "#include \"runtime/standalone/stack.h\"\n"
    "#include \"runtime/standalone/system.h\"\n"
    "int memcmp(const void *, const void *, size_t);\n"
    "static _Alignas(64) unsigned char arena[1 << 20];\n"
    "static signed char result[3][1 << 16];\n"
    "static size_t most;\n"
    "static void put(const char *s) { size_t n = 0; while (s[n]) n++; "
    "system_write(SYSTEM_OUT, s, n); }\n"
    "static void number(size_t v) { char t[24]; int n = 23; t[n] = 0; do t[--n] = "
    "(char)('0' + v % 10); while (v /= 10);\n    put(t + n); }\n"
    "static int tell(unsigned i, unsigned k, const signed char *a, const signed char *b, size_t n) "
    "{\n"
    "    if (memcmp(a, b, n) == 0) return 0;\n"
    "    put(\"differs: network \"); number(i); put(\" output \"); number(k); put(\"\\n\");\n"
    "    return 1; }\n"
    "static int deep(unsigned i, size_t used, size_t stated) {\n"
    "    if (used > most) most = used;\n"
    "    if (used > 0 && used <= stated) return 0;\n"
    "    put(\"differs: network \"); number(i); put(\" stack \"); number(used); put(\" stated \"); "
    "number(stated); put(\"\\n\");\n"
    "    return 1; }\n";

static const struct machine {
    const char *name, *triple, *cpu, *script;
    const char *sources[3]; // of runtime/standalone
    const char *clang[4], *emulator[12];
} machines[] = {
    {"AArch64",
     "aarch64-linux-gnu",
     NULL,
     NULL,
     {"linux/system.c"},
     {"--target=aarch64-linux-gnu"},
     {"qemu-aarch64"}},
    {"AArch64 with dot products",
     "aarch64-linux-gnu",
     "neoverse-n1",
     NULL,
     {"linux/system.c"},
     {"--target=aarch64-linux-gnu"},
     {"qemu-aarch64", "-cpu", "max"}},
    {"RISC-V 64",
     "riscv64-linux-gnu",
     NULL,
     NULL,
     {"linux/system.c"},
     {"--target=riscv64-linux-gnu", "-march=rv64gc", "-mabi=lp64d", "-mno-relax"},
     {"qemu-riscv64"}},
    {"Cortex-M4",
     "thumbv7em-none-eabihf",
     "cortex-m4",
     "mps2.ld",
     {"bare/cortex_m.c", "bare/semihosting.c"},
     {"--target=thumbv7em-none-eabihf", "-mcpu=cortex-m4"},
     {"qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting-config",
      "enable=on,target=native", "-kernel"}},
    {"Cortex-M7",
     "thumbv7em-none-eabihf",
     "cortex-m7",
     "mps2.ld",
     {"bare/cortex_m.c", "bare/semihosting.c"},
     {"--target=thumbv7em-none-eabihf", "-mcpu=cortex-m7"},
     {"qemu-system-arm", "-M", "mps2-an500", "-nographic", "-semihosting-config",
      "enable=on,target=native", "-kernel"}},
    {"RISC-V 32",
     "riscv32-unknown-elf",
     NULL,
     "virt.ld",
     {"bare/riscv32.c", "bare/semihosting.c"},
     {"--target=riscv32-unknown-elf", "-march=rv32imac", "-mabi=ilp32"},
     {"qemu-system-riscv32", "-M", "virt", "-bios", "none", "-nographic", "-semihosting-config",
      "enable=on,target=native", "-kernel"}},
    {"RISC-V 32 without a multiplier",
     "riscv32-unknown-elf",
     "rv32i",
     "virt.ld",
     {"bare/riscv32.c", "bare/semihosting.c", "bare/arithmetic.c"},
     {"--target=riscv32-unknown-elf", "-march=rv32i", "-mabi=ilp32"},
     {"qemu-system-riscv32", "-M", "virt", "-cpu", "rv32,m=false", "-bios", "none", "-nographic",
      "-semihosting-config", "enable=on,target=native", "-kernel"}},
    {"RISC-V 32 with 16 registers",
     "riscv32-unknown-elf",
     "rv32ec",
     "virt.ld",
     {"bare/riscv32.c", "bare/semihosting.c", "bare/arithmetic.c"},
     {"--target=riscv32-unknown-elf", "-march=rv32e", "-mabi=ilp32e"},
     {"qemu-system-riscv32", "-M", "virt", "-cpu",
      "rv32,i=false,e=true,m=false,a=false,f=false,d=false,h=false", "-bios", "none", "-nographic",
      "-semihosting-config", "enable=on,target=native", "-kernel"}},
};

static bool there(const char *tool)
{
    return spawn_to((const char *const[]){tool, "--version", NULL}, "/dev/null") == 0;
}

static bool has_wide(const struct ncr_qgraph *g, enum ncr_qop op)
{
    for (uint32_t q = 0; q < g->n_nodes; q++)
        if (g->nodes[q].op == op && ncr_qnode_is_wide(g, &g->nodes[q])) return true;
    return false;
}

// Whether network i of a machine is one that is wanted there: the last ones have slices, those
// before have tables of 16 bits, which are rare.
static bool wanted(uint32_t i, const struct random_net *net, struct ncr_arena *arena)
{
    if (i < FIRST_RARE) return true;
    if (i < FIRST_RARE + WITH_TABLES)
        return has_wide(net->qgraph, i % 2 ? NCR_QOP_LUT : NCR_QOP_SOFTMAX);
    return has_slices(ncr_plan_build(arena, net->qgraph, NCR_PLAN_SHARED));
}

// A network in a drawn form, and gives its seed.
static uint64_t draw(struct ncr_arena *arena, uint64_t seed, uint32_t i, struct random_net *net)
{
    for (;; seed++) {
        random_net_of_pairs(arena, seed, 6, net);
        if (wanted(i, net, arena)) return seed;
    }
}

static void run_on(const struct machine *m, uint64_t seed)
{
    char folder[] = "/tmp/nacre-test-XXXXXX", paths[NETWORKS][48], source[64], image[64],
         output[64], include[512], sources[4][512], scripts[512], script[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(source, sizeof source, "%s/main.c", folder);
    snprintf(image, sizeof image, "%s/image", folder);
    snprintf(output, sizeof output, "%s/out", folder);
    struct ncr_buf text = {0}, calls = {0};
    struct ncr_arena *arena = ncr_arena_new(0);
    ncr_buf_puts(&text, head);
    // The first networks are in these forms, the others in drawn ones; sums of the last
    // one before the rare are large.
    static const struct ncr_weight_form forms[] = {
        {NCR_QF_LINEAR, 8, false}, {NCR_QF_FIXED, 4, false}, {NCR_QF_LOG2, 4, false},
        {NCR_QF_LOG2, 4, true},    {NCR_QF_LOG2, 5, false},  {NCR_QF_LOG2, 5, true}};
    for (uint32_t i = 0; i < NETWORKS; i++, seed++) {
        struct random_net net;
        struct sample sample;
        struct ncr_buf object = {0};
        struct ncr_error err;
        char prefix[16];
        uint64_t stack;
        // Every third network is of vectors at its end, and runs several samples at once.
        bool batch = i < FIRST_RARE && i % 3 == 2;
        if (batch)
            random_net_with_tail(arena, seed, 3, 4, &net);
        else
            seed = draw(arena, seed, i, &net);
        if (i < NCR_COUNT(forms)) random_net_in_form(arena, &net, forms[i]);
        if (i + 1 == FIRST_RARE) random_net_strain(&net);
        struct ncr_plan *plan = ncr_plan_build_batch(arena, net.qgraph, batch ? 2 + i % 4 : 1);
        cr_assert_leq(plan->arena_bytes, 1 << 20);
        sample_batch(arena, &net, seed, plan->batch, &sample);
        snprintf(prefix, sizeof prefix, "n%u", i);
        struct ncr_code_options options = {.triple = m->triple,
                                           .cpu = m->cpu,
                                           .prefix = prefix,
                                           .stack_bytes = &stack,
                                           .optimize =
                                               i % 2 ? NCR_OPTIMIZE_SIZE : NCR_OPTIMIZE_SPEED};
        cr_assert_eq(ncr_code_emit(plan, &options, NCR_CODE_OBJECT, &object, &err), NCR_OK, "%s",
                     err.text);
        snprintf(paths[i], sizeof paths[i], "%s/n%u.o", folder, i);
        write_file(paths[i], &object);
        ncr_buf_free(&object);
        put_network(&text, &calls, i, &net, plan, &sample, stack);
    }
    ncr_buf_fmt(&text,
                "int main(void)\n{\n    int bad = 0;\n%s    put(\"compared \");\n    number(%d);\n"
                "    put(\", stack \");\n    number(most);\n    put(\"\\n\");\n"
                "    return bad != 0;\n}\n",
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
    static const char part[] = NACRE_SOURCE_DIR "/runtime/standalone";
    snprintf(include, sizeof include, "-I%s", NACRE_SOURCE_DIR);
    snprintf(scripts, sizeof scripts, "-L%s/bare", part);
    snprintf(script, sizeof script, "-Wl,-T,%s", m->script ? m->script : "");
    snprintf(sources[3], sizeof sources[3], "%s/memory.c", part);
    argv[n++] = include;
    argv[n++] = source;
    argv[n++] = sources[3];
    for (int k = 0; k < 3 && m->sources[k]; k++) {
        snprintf(sources[k], sizeof sources[k], "%s/%s", part, m->sources[k]);
        argv[n++] = sources[k];
    }
    if (m->script) argv[n++] = scripts;
    if (m->script) argv[n++] = script;
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
MACHINE_TEST(riscv32, 5, 8500)
MACHINE_TEST(riscv32_without_multiplier, 6, 8600)
MACHINE_TEST(riscv32_with_16_registers, 7, 8700)
