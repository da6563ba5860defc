// What the commands share: messages, option values, output.
#include "tools/nacre/cli.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int cli_fail(struct cli *cli, enum ncr_status status, const struct ncr_error *err)
{
    cli_io_done(cli);
    switch (status) {
    case NCR_OK: return EXIT_GOOD;
    case NCR_DIAGNOSED: return EXIT_PROGRAM;
    case NCR_USAGE:
    case NCR_ENVIRONMENT:
        fprintf(stderr, "nacre %s: error: %s\n", cli->name, err->text);
        return status == NCR_USAGE ? EXIT_COMMAND_LINE : EXIT_ENVIRONMENT;
    case NCR_INTERRUPTED:
        if (!cli->quiet) fprintf(stderr, "nacre %s: stopped\n", cli->name);
        return EXIT_STOPPED;
    }
    NCR_BUG("status %d", (int)status);
}

int cli_usage(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "nacre %s: error: ", cli->name);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_COMMAND_LINE;
}

int cli_no_csv(struct cli *cli)
{
    if (!cli->csv) return EXIT_GOOD;
    return cli_usage(cli, "--format csv has no meaning for `%s`; use text or json", cli->name);
}

static const char *option_name(enum cli_option option)
{
    static const char *const names[] = {
#define CLI_OPTION(NAME, name, ...) name,
#include "tools/nacre/options.def"
#undef CLI_OPTION
    };
    return names[option];
}

bool cli_u64(struct cli *cli, enum cli_option option, uint64_t lo, uint64_t hi, uint64_t fallback,
             uint64_t *out)
{
    const char *text = cli->opt[option];
    *out = fallback;
    if (!text) return true;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || v < lo || v > hi) {
        cli_usage(cli, "--%s takes a whole number from %llu to %llu, not `%s`", option_name(option),
                  (unsigned long long)lo, (unsigned long long)hi, text);
        return false;
    }
    *out = v;
    return true;
}

bool cli_f64(struct cli *cli, enum cli_option option, double lo, double hi, double fallback,
             double *out)
{
    const char *text = cli->opt[option];
    *out = fallback;
    if (!text) return true;
    char *end;
    double v = strtod(text, &end);
    if (end != text && *end == '%' && end[1] == 0) {
        v /= 100;
        end++;
    }
    if (end == text || *end || !isfinite(v) || v < lo || v > hi) {
        cli_usage(cli, "--%s takes a number from %g to %g, not `%s`", option_name(option), lo, hi,
                  text);
        return false;
    }
    *out = v;
    return true;
}

int cli_output(struct cli *cli, struct ncr_buf *buf)
{
    int code = EXIT_GOOD;
    cli_io_done(cli);
    if (buf->failed) {
        fprintf(stderr, "nacre %s: error: out of memory for the output\n", cli->name);
        code = EXIT_ENVIRONMENT;
    } else if (buf->n && (fwrite(buf->s, 1, buf->n, stdout) != buf->n || fflush(stdout) != 0)) {
        fprintf(stderr, "nacre %s: error: cannot write standard output: %s\n", cli->name,
                strerror(errno));
        code = EXIT_ENVIRONMENT;
    }
    ncr_buf_free(buf);
    return code;
}

int cli_output_to(struct cli *cli, const char *path, struct ncr_buf *buf)
{
    if (!path || strcmp(path, "-") == 0) return cli_output(cli, buf);
    struct ncr_error err;
    int code = EXIT_ENVIRONMENT;
    if (buf->failed)
        fprintf(stderr, "nacre %s: error: out of memory for '%s'\n", cli->name, path);
    else
        code = cli_fail(
            cli, cli->io.write_file(cli->io.user, path, buf->s ? buf->s : "", buf->n, false, &err),
            &err);
    ncr_buf_free(buf);
    return code;
}
