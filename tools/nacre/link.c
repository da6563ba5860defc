// Object of a network to a static program: in a new folder, with the compilers of the machine.
#define _XOPEN_SOURCE 700 // nftw
#include "tools/nacre/link.h"

#include <errno.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/codegen/standalone.h"

extern char **environ;

enum { PATH_BYTES = 640, ARGUMENTS = 32 };

static bool is_bare(const char *triple)
{
    return strstr(triple, "-none") != NULL;
}

bool link_can(const char *triple, const char *cpu)
{
    if (!triple) return true;
    if (is_bare(triple))
        return strncmp(triple, "thumbv7em", 9) == 0 && cpu &&
               (strcmp(cpu, "cortex-m4") == 0 || strcmp(cpu, "cortex-m7") == 0);
    static const char *const machines[] = {"x86_64-", "aarch64-", "riscv64-"};
    for (size_t i = 0; i < NCR_COUNT(machines); i++)
        if (strncmp(triple, machines[i], strlen(machines[i])) == 0)
            return strstr(triple, "linux") != NULL;
    return false;
}

// Runs names[0], or the next where there is no such program; argv[0] is set.
static int run(const char *const *names, char **argv)
{
    pid_t child;
    int why = ENOENT, state = 0;
    for (; *names && why == ENOENT; names++) {
        argv[0] = (char *)(uintptr_t)*names;
        why = posix_spawnp(&child, argv[0], NULL, NULL, argv, environ);
    }
    if (why) {
        fprintf(stderr, "nacre build: error: cannot start the linker `%s`: %s\n", argv[0],
                strerror(why));
        return EXIT_ENVIRONMENT;
    }
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return EXIT_GOOD;
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

// Whether the program for the triple has that source.
static bool belongs(const char *path, bool bare)
{
    size_t n = strlen(path);
    if (n < 2 || strcmp(path + n - 2, ".c") != 0) return false;
    return !strstr(path, bare ? "/linux/" : "/cortex_m/");
}

static int link_other(struct cli *cli, const char *folder, char *program, char *object,
                      const char *triple, const char *cpu)
{
    char paths[ARGUMENTS][PATH_BYTES], *argv[ARGUMENTS + 24];
    char target[128], machine[128], include[PATH_BYTES], script[PATH_BYTES + 64];
    bool bare = is_bare(triple), x86 = strncmp(triple, "x86_64", 6) == 0;
    snprintf(target, sizeof target, "--target=%s", triple);
    snprintf(machine, sizeof machine, "-mcpu=%s", cpu ? cpu : "");
    snprintf(include, sizeof include, "-I%s", folder);
    snprintf(script, sizeof script, "-Wl,-T,%s/runtime/standalone/cortex_m/image.ld", folder);
    char *fixed[] = {target,     include,   "-std=gnu11", "-O2",          "-ffreestanding",
                     "-fno-pie", "-static", "-nostdlib",  "-fuse-ld=lld", "-fno-stack-protector",
                     "-o",       program,   object};
    uint32_t n = 1, used = 0;
    for (size_t i = 0; i < NCR_COUNT(fixed); i++)
        argv[n++] = fixed[i];
    if (bare) argv[n++] = machine; // elsewhere the program around the network suits every processor
    if (bare) argv[n++] = script;
    if (!bare) argv[n++] = x86 ? "-Wl,-z,noexecstack" : "-Wl,-e,_start";
    for (size_t i = 0; i < ncr_standalone_n_sources; i++) {
        const struct ncr_standalone_source *s = &ncr_standalone_sources[i];
        int code = write_part(cli, folder, s->path, s->bytes, s->n);
        if (code) return code;
        if (!belongs(s->path, bare)) continue;
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
