// Progress bar on a terminal, and Ctrl-C: the first one asks the job to stop cleanly, the second
// one kills.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/nacre/cli.h"

static volatile sig_atomic_t stop_asked;

static void on_interrupt(int signal_number)
{
    if (stop_asked) { // the second time: leave at once, as by default
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    stop_asked = 1;
}

static bool stop(void *user)
{
    (void)user;
    return stop_asked != 0;
}

static struct {
    bool shown;
    double last_s;
} bar;

enum { BAR_WIDTH = 24 };

static void put_duration(struct ncr_buf *out, double s)
{
    if (s < 60)
        ncr_buf_fmt(out, "%.0f s", s);
    else if (s < 3600)
        ncr_buf_fmt(out, "%d min %02d s", (int)s / 60, (int)s % 60);
    else
        ncr_buf_fmt(out, "%d h %02d min", (int)s / 3600, (int)s / 60 % 60);
}

static void progress(void *user, const struct ncr_progress *step)
{
    (void)user;
    bool last = step->total && step->done >= step->total;
    if (!last && step->elapsed_s - bar.last_s < 0.1 && step->elapsed_s >= bar.last_s) return;
    bar.last_s = step->elapsed_s;
    struct winsize w;
    size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
    struct ncr_buf line = {0};
    ncr_buf_fmt(&line, "%s ", step->job);
    if (step->total) {
        double share = (double)step->done / (double)step->total;
        int full = (int)(share * BAR_WIDTH);
        ncr_buf_putc(&line, '[');
        ncr_buf_pad(&line, '#', (size_t)full);
        ncr_buf_pad(&line, '.', (size_t)(BAR_WIDTH - full));
        ncr_buf_fmt(&line, "] %3.0f %%  ", share * 100);
        if (step->done && !last) {
            ncr_buf_puts(&line, "left ");
            put_duration(&line, step->elapsed_s * (1 - share) / share);
            ncr_buf_puts(&line, "  ");
        }
    }
    if (step->text) ncr_buf_puts(&line, step->text);
    if (line.n >= columns) line.n = columns - 1;
    fprintf(stderr, "\r%.*s\033[K", (int)line.n, line.s ? line.s : "");
    fflush(stderr);
    bar.shown = true;
    ncr_buf_free(&line);
}

void cli_io_init(struct cli *cli)
{
    cli->io = ncr_io_posix();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    cli->io.stop = stop;
    if (isatty(STDERR_FILENO) && !cli->quiet) cli->io.progress = progress;
}

void cli_io_done(struct cli *cli)
{
    (void)cli;
    if (bar.shown) fputs("\r\033[K", stderr);
    bar.shown = false;
    bar.last_s = 0;
}
