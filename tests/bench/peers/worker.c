// A process that answers line by line over two pipes.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/peers/peers.h"

extern char **environ;

struct worker {
    pid_t pid;
    FILE *to, *from;
    char line[1024];
};

static bool spawn(struct worker *w, char *const *command, const int in[2], const int out[2])
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) return false;
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    int status = posix_spawnp(&w->pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    errno = status;
    return status == 0;
}

struct worker *worker_start(char *const *command, struct ncr_error *err)
{
    struct worker *w = calloc(1, sizeof *w);
    int in[2], out[2];
    if (!w || pipe(in) != 0 || pipe(out) != 0) NCR_BUG("no pipe: %s", strerror(errno));
    // No other worker may hold this one's input open. The child's 0 and 1 are copies without the
    // flag.
    const int ends[] = {in[0], in[1], out[0], out[1]};
    for (size_t i = 0; i < NCR_COUNT(ends); i++)
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN); // a worker that ended is an error message
    bool ok = spawn(w, command, in, out);
    int why = errno;
    close(in[0]);
    close(out[1]);
    w->to = fdopen(in[1], "w");
    w->from = fdopen(out[0], "r");
    if (!w->to || !w->from) NCR_BUG("no stream: %s", strerror(errno));
    if (ok) return w;
    ncr_fail(err, NCR_ENVIRONMENT, "%s: %s", command[0], strerror(why));
    worker_stop(w);
    return NULL;
}

void worker_stop(struct worker *w)
{
    if (!w) return;
    fclose(w->to); // the end of its input ends the worker
    fclose(w->from);
    if (w->pid) waitpid(w->pid, NULL, 0);
    free(w);
}

const char *worker_ask(struct worker *w, struct ncr_error *err, const char *request, ...)
{
    va_list args;
    va_start(args, request);
    vfprintf(w->to, request, args);
    va_end(args);
    fputc('\n', w->to);
    if (fflush(w->to) != 0 || !fgets(w->line, sizeof w->line, w->from)) {
        ncr_fail(err, NCR_ENVIRONMENT, "the process ended");
        return NULL;
    }
    w->line[strcspn(w->line, "\n")] = 0;
    if (strncmp(w->line, "ok ", 3) == 0) return w->line + 3;
    ncr_fail(err, NCR_ENVIRONMENT, "%s", w->line);
    return NULL;
}
