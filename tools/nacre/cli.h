// What the commands share: parsed command line, loaded program, output. Only tools/ talks to a
// person.
#ifndef NCR_TOOLS_CLI_H
#define NCR_TOOLS_CLI_H

#include "compiler/sema/program.h"
#include "lang/base/io.h"

enum cli_command {
#define CLI_COMMAND(NAME, ...) CMD_##NAME,
#include "tools/nacre/commands.def"
#undef CLI_COMMAND
    CMD_COUNT_
};

enum cli_option {
#define CLI_OPTION(NAME, ...) OPT_##NAME,
#include "tools/nacre/options.def"
#undef CLI_OPTION
    OPT_COUNT_
};

// Exit codes (docs/reference): data on standard output, everything else on standard error.
enum cli_exit {
    EXIT_GOOD = 0,
    EXIT_PROGRAM = 1,
    EXIT_COMMAND_LINE = 2,
    EXIT_ENVIRONMENT = 3,
    EXIT_FAIL_ON = 4,
    EXIT_STOPPED = 130
};

struct cli {
    enum cli_command command;
    const char *name;    // of the command
    const char *args[8]; // positional
    int n_args;
    const char *opt[OPT_COUNT_]; // value as written; "" for a flag; NULL where not given
    const char *set[256];        // --set, which may be given several times
    int n_set;
    bool html;             // of report: json is set, too
    bool json, csv, quiet; // a command without a CSV form refuses it with cli_no_csv
    bool colour;           // standard error is a terminal and NO_COLOR is not set
    bool colour_out;       // the same of standard output
    int columns;           // width of standard output's terminal, 100 where it is none
    struct ncr_io io;      // POSIX, with a progress bar on a terminal and stop on Ctrl-C
};

// A loaded and checked program with everything that lives as long.
struct cli_program {
    struct ncr_arena *arena;
    struct ncr_sources *sources;
    struct ncr_diags diags;
    struct ncr_modules *modules;
    struct ncr_program *program;
};

// Empty sources and diagnostics in a new arena, for commands that need no checked program.
int cli_begin(struct cli *cli, struct cli_program *out);
// Loads and checks path. Diagnostics go to standard error (JSON form on standard output for `check
// --format json`). EXIT_GOOD, or the exit code to return; call cli_close in both cases.
int cli_open(struct cli *cli, const char *path, struct cli_program *out);
void cli_close(struct cli_program *program);
// Prints what is new in diags since the last call.
void cli_diags(struct cli *cli, struct cli_program *program);

// Prints lints of a report as a compiler's warnings: on standard error, behind the report.
void cli_lints(const struct cli *cli, const struct ncr_diags *lints);

// Sets up the callbacks of cli->io: files, progress, Ctrl-C. Done clears the progress line.
void cli_io_init(struct cli *cli);
void cli_io_done(struct cli *cli);
// EXIT_COMMAND_LINE after a message where --format csv was given, else EXIT_GOOD.
int cli_no_csv(struct cli *cli);

// "nacre COMMAND: error: …" on standard error; gives the exit code that fits status.
int cli_fail(struct cli *cli, enum ncr_status status, const struct ncr_error *err);
int cli_usage(struct cli *cli, const char *fmt, ...) NCR_PRINTF(2, 3);
// An unsigned number from an option; false (after a message) when malformed or outside [lo, hi].
bool cli_u64(struct cli *cli, enum cli_option option, uint64_t lo, uint64_t hi, uint64_t fallback,
             uint64_t *out);
bool cli_f64(struct cli *cli, enum cli_option option, double lo, double hi, double fallback,
             double *out);
// Writes a finished buffer to standard output (checking for errors such as a full disk) and frees
// it.
int cli_output(struct cli *cli, struct ncr_buf *buf);
// The same to --output FILE where given (atomically), else standard output.
int cli_output_to(struct cli *cli, const char *path, struct ncr_buf *buf);

#define CLI_COMMAND(NAME, name, ...) int cmd_##name(struct cli *cli);
#include "tools/nacre/commands.def"
#undef CLI_COMMAND

#endif
