// Object of a network to a static program: in a new folder, with the compilers of the machine.
#define _XOPEN_SOURCE 700 // nftw
#include "tools/nacre/link.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/codegen/standalone.h"

extern char **environ;

enum { PATH_BYTES = 640, TRIPLE_BYTES = 100, ARGUMENTS = 32 };

// Machines that programs are made for, by how their triples begin and what else is in them.
static const struct machine {
    const char *begin, *part;
    const char *start, *script; // without a system: of runtime/standalone/bare; NULL: Linux
    const char *cpus[3];        // one of them must be given; none: any
    const char *flags[3];       // of Clang, after its target; none: the processor
    bool divides;               // in instructions, and multiplies
} machines[] = {
    {"x86_64-", "linux", NULL, NULL, {NULL}, {"-Wl,-z,noexecstack"}, true},
    {"aarch64-", "linux", NULL, NULL, {NULL}, {NULL}, true},
    {"riscv64-", "linux", NULL, NULL, {NULL}, {NULL}, true},
    {"thumbv7em", "-none", "cortex_m.c", "mps2.ld", {"cortex-m4", "cortex-m7"}, {NULL}, true},
    {"riscv32-",
     "-elf",
     "riscv32.c",
     "virt.ld",
     {"rv32i", "rv32ic", "syntacore-scr1-base"},
     {"-march=rv32i", "-mabi=ilp32"},
     false},
    {"riscv32-",
     "-elf",
     "riscv32.c",
     "virt.ld",
     {"rv32e", "rv32ec"},
     {"-march=rv32e", "-mabi=ilp32e"},
     false},
    {"riscv32-", "-elf", "riscv32.c", "virt.ld", {NULL}, {"-march=rv32imac", "-mabi=ilp32"}, true},
};

static const struct machine *find_machine(const char *triple, const char *cpu)
{
    for (size_t i = 0; i < NCR_COUNT(machines) && strlen(triple) < TRIPLE_BYTES; i++) {
        const struct machine *m = &machines[i];
        if (strncmp(triple, m->begin, strlen(m->begin)) != 0 || !strstr(triple, m->part)) continue;
        bool fits = !m->cpus[0];
        for (size_t k = 0; k < NCR_COUNT(m->cpus) && m->cpus[k] && cpu; k++)
            fits |= strcmp(cpu, m->cpus[k]) == 0;
        if (fits) return m;
    }
    return NULL;
}

bool link_can(const char *triple, const char *cpu)
{
    return !triple || find_machine(triple, cpu);
}

// Runs names[0], or the next where there is no such program; argv[0] is set.
static int run(const char *const *names, char **argv)
{
    pid_t child;
    int why = ENOENT, state = 0;
    signal(SIGCHLD, SIG_DFL); // where a caller has it ignored, no status would be kept for us
    for (; *names && why == ENOENT; names++) {
        argv[0] = (char *)(uintptr_t)*names;
        why = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    }
    if (why) {
        fprintf(stderr, "nacre build: error: cannot start the linker `%s`: %s\n", argv[0],
                strerror(why));
        return EXIT_ENVIRONMENT;
    }
    pid_t ended;
    while ((ended = waitpid(child, &state, 0)) < 0 && errno == EINTR)
        continue;
    if (ended == child && WIFEXITED(state) && WEXITSTATUS(state) == 0) return EXIT_GOOD;
    fprintf(stderr, "nacre build: error: the linker `%s` failed; see its words above\n", argv[0]);
    return EXIT_ENVIRONMENT;
}

static int write_part(struct cli *cli, const char *folder, const char *name, const void *bytes,
                      size_t n)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *at = path + strlen(folder) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = 0;
        if (mkdir(path, 0700) && errno != EEXIST) {
            fprintf(stderr, "nacre build: error: cannot make '%s': %s\n", path, strerror(errno));
            return EXIT_ENVIRONMENT;
        }
    }
    struct ncr_error err;
    return cli_fail(cli, cli->io.write_file(cli->io.user, path, bytes, n, false, &err), &err);
}

static int link_here(struct cli *cli, const char *folder, char *program, char *object)
{
    char library[PATH_BYTES];
    int code = write_part(cli, folder, "libprogram.a", ncr_standalone_program,
                          ncr_standalone_program_bytes);
    snprintf(library, sizeof library, "%s/libprogram.a", folder);
    char *argv[] = {
        NULL,    "-static", "-nostdlib", "-no-pie", "-Wl,-z,noexecstack", "-Wl,-u,_start", "-o",
        program, object,    library,     NULL};
    static const char *const names[] = {"cc", NULL};
    return code ? code : run(names, argv);
}

// Whether the program for the machine has that source.
static bool belongs(const char *path, const struct machine *m)
{
    size_t n = strlen(path);
    if (n < 2 || strcmp(path + n - 2, ".c") != 0) return false;
    const char *bare = strstr(path, "/bare/");
    if (!bare) return !m->start || !strstr(path, "/linux/");
    const char *name = bare + strlen("/bare/");
    if (strcmp(name, "arithmetic.c") == 0) return !m->divides;
    return m->start && (strcmp(name, m->start) == 0 || strcmp(name, "semihosting.c") == 0);
}

static int link_other(struct cli *cli, const char *folder, char *program, char *object,
                      const char *triple, const char *cpu)
{
    const struct machine *m = find_machine(triple, cpu);
    char paths[ARGUMENTS][PATH_BYTES], *argv[ARGUMENTS + 24];
    char target[TRIPLE_BYTES + 16], processor[128], include[PATH_BYTES], scripts[PATH_BYTES + 64],
        script[64];
    snprintf(target, sizeof target, "--target=%s", triple);
    snprintf(processor, sizeof processor, "-mcpu=%s", cpu ? cpu : "");
    snprintf(include, sizeof include, "-I%s", folder);
    snprintf(scripts, sizeof scripts, "-L%s/runtime/standalone/bare", folder);
    snprintf(script, sizeof script, "-Wl,-T,%s", m->script ? m->script : "");
    char *fixed[] = {target,     include,   "-std=gnu11", "-O2",          "-ffreestanding",
                     "-fno-pie", "-static", "-nostdlib",  "-fuse-ld=lld", "-fno-stack-protector",
                     "-o",       program,   object};
    uint32_t n = 1, used = 0;
    for (size_t i = 0; i < NCR_COUNT(fixed); i++)
        argv[n++] = fixed[i];
    // Elsewhere the program around the network suits every processor.
    if (m->cpus[0] && !m->flags[0]) argv[n++] = processor;
    for (size_t i = 0; i < NCR_COUNT(m->flags) && m->flags[i]; i++)
        argv[n++] = (char *)(uintptr_t)m->flags[i];
    if (m->script) argv[n++] = scripts;
    argv[n++] = m->script ? script : "-Wl,-e,_start";
    for (size_t i = 0; i < ncr_standalone_n_sources; i++) {
        const struct ncr_standalone_source *s = &ncr_standalone_sources[i];
        int code = write_part(cli, folder, s->path, s->bytes, s->n);
        if (code) return code;
        if (!belongs(s->path, m)) continue;
        if (used == ARGUMENTS) NCR_BUG("more than %d sources of a program", ARGUMENTS);
        snprintf(paths[used], PATH_BYTES, "%s/%s", folder, s->path);
        argv[n++] = paths[used++];
    }
    argv[n] = NULL;
    static const char *const names[] = {"clang-19", "clang", NULL};
    return run(names, argv);
}

static int remove_one(const char *path, const struct stat *state, int type, struct FTW *at)
{
    (void)state, (void)type, (void)at;
    return remove(path);
}

int link_program(struct cli *cli, const char *triple, const char *cpu, const struct ncr_buf *object,
                 struct ncr_buf *out)
{
    const char *top = getenv("TMPDIR");
    char folder[512], network[PATH_BYTES], program[PATH_BYTES];
    errno = ENAMETOOLONG;
    if (snprintf(folder, sizeof folder, "%s/nacre-build-XXXXXX", top && *top ? top : "/tmp") >=
            (int)sizeof folder ||
        !mkdtemp(folder)) {
        fprintf(stderr, "nacre build: error: cannot make a temporary folder: %s\n",
                strerror(errno));
        return EXIT_ENVIRONMENT;
    }
    snprintf(network, sizeof network, "%s/network.o", folder);
    snprintf(program, sizeof program, "%s/program", folder);
    int code = write_part(cli, folder, "network.o", object->s, object->n);
    if (!code)
        code = triple ? link_other(cli, folder, program, network, triple, cpu)
                      : link_here(cli, folder, program, network);
    struct ncr_error err;
    if (!code)
        code = cli_fail(cli, cli->io.read_file(cli->io.user, program, (size_t)1 << 30, out, &err),
                        &err);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return code;
}
