// The command line: finds the command in its table, reads the options, calls it.
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/nacre/cli.h"
#include "tools/nacre/completion.h"

static const struct command {
    const char *name, *arguments;
    int min_args, max_args;
    const char *summary;
    int (*run)(struct cli *cli);
} commands[] = {
#define CLI_COMMAND(NAME, name, arguments, min, max, summary)                                      \
    {#name, arguments, min, max, summary, cmd_##name},
#include "tools/nacre/commands.def"
#undef CLI_COMMAND
};

#define C(NAME) (1u << CMD_##NAME)
#define ALL     (~0u)
static const struct option_row {
    const char *name, *value;
    unsigned commands;
    const char *help;
} options[] = {
#define CLI_OPTION(NAME, name, value, commands, help) {name, value, commands, help},
#include "tools/nacre/options.def"
#undef CLI_OPTION
};

static int general_help(FILE *out)
{
    fputs("Nacre designs neural networks that withstand bit flips: describe, report, train, "
          "quantise, "
          "attack, ship.\n\nusage: nacre COMMAND [OPTIONS] ARGUMENTS\n\ncommands:\n",
          out);
    for (size_t i = 0; i < NCR_COUNT(commands); i++)
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fputs("\n  nacre COMMAND --help         options of a command\n"
          "  nacre --version              version\n"
          "  nacre --completion SHELL     completion script for bash or zsh\n\n"
          "exit status: 0 success, 1 the program is wrong, 2 the command line is wrong, 3 the "
          "environment\n"
          "failed (file, memory, disk), 4 a --fail-on condition holds, 130 stopped by Ctrl-C\n",
          out);
    return EXIT_GOOD;
}

static int command_help(enum cli_command c)
{
    printf("usage: nacre %s [OPTIONS] %s\n\n%s\n\noptions:\n", commands[c].name,
           commands[c].arguments, commands[c].summary);
    for (size_t i = 0; i < NCR_COUNT(options); i++) {
        if (!(options[i].commands & 1u << c)) continue;
        char head[64];
        snprintf(head, sizeof head, "--%s%s%s", options[i].name, options[i].value ? " " : "",
                 options[i].value ? options[i].value : "");
        printf("  %-26s %s\n", head, options[i].help);
    }
    return EXIT_GOOD;
}

static void suggest(const char *found, const struct ncr_str *names, uint32_t n, const char *prefix)
{
    struct ncr_str near = ncr_diag_nearest(ncr_str_of(found), names, n);
    if (near.n) fprintf(stderr, "      help: did you mean `%s%.*s`?\n", prefix, NCR_STR_ARG(near));
}

static int unknown_command(const char *text)
{
    struct ncr_str names[CMD_COUNT_];
    for (size_t i = 0; i < NCR_COUNT(commands); i++)
        names[i] = ncr_str_of(commands[i].name);
    fprintf(stderr, "nacre: error: there is no command `%s`\n", text);
    suggest(text, names, CMD_COUNT_, "");
    fputs("      help: `nacre --help` lists the commands\n", stderr);
    return EXIT_COMMAND_LINE;
}

static int unknown_option(const struct cli *cli, const char *text)
{
    struct ncr_str names[OPT_COUNT_];
    uint32_t n = 0;
    for (size_t i = 0; i < NCR_COUNT(options); i++)
        if (options[i].commands & 1u << cli->command) names[n++] = ncr_str_of(options[i].name);
    fprintf(stderr, "nacre %s: error: there is no option `%s`\n", commands[cli->command].name,
            text);
    while (*text == '-')
        text++;
    suggest(text, names, n, "--");
    return EXIT_COMMAND_LINE;
}

static const struct {
    char letter;
    const char *name;
} letters[] = {{'q', "quiet"}, {'o', "output"}};

// Takes one option at argv[*i]; moves *i to its last word. EXIT_GOOD or an exit code after a
// message.
static int take_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *name = word + 2, *eq = strchr(word, '=');
    if (word[1] != '-') {
        name = NULL;
        for (size_t k = 0; k < NCR_COUNT(letters); k++)
            if (word[1] == letters[k].letter && word[2] == 0) name = letters[k].name;
        if (!name) return unknown_option(cli, word);
        eq = NULL;
    }
    size_t n = eq ? (size_t)(eq - name) : strlen(name);
    for (size_t k = 0; k < NCR_COUNT(options); k++) {
        const struct option_row *o = &options[k];
        if (!(o->commands & 1u << cli->command) || strlen(o->name) != n ||
            memcmp(o->name, name, n) != 0)
            continue;
        if (cli->opt[k] && k != OPT_SET) {
            fprintf(stderr, "nacre %s: error: --%s is given twice\n", commands[cli->command].name,
                    o->name);
            return EXIT_COMMAND_LINE;
        }
        if (!o->value) {
            if (eq) {
                fprintf(stderr, "nacre %s: error: --%s takes no value\n",
                        commands[cli->command].name, o->name);
                return EXIT_COMMAND_LINE;
            }
            cli->opt[k] = "";
        } else if (eq) {
            cli->opt[k] = eq + 1;
        } else if (*i + 1 < argc) {
            cli->opt[k] = argv[++*i];
        } else {
            fprintf(stderr, "nacre %s: error: --%s needs a value: %s\n",
                    commands[cli->command].name, o->name, o->value);
            return EXIT_COMMAND_LINE;
        }
        if (k != OPT_SET) return EXIT_GOOD;
        if (cli->n_set == (int)NCR_COUNT(cli->set)) {
            fprintf(stderr, "nacre %s: error: --set is given more than %d times\n",
                    commands[cli->command].name, cli->n_set);
            return EXIT_COMMAND_LINE;
        }
        cli->set[cli->n_set++] = cli->opt[k];
        return EXIT_GOOD;
    }
    return unknown_option(cli, word);
}

static int take_words(struct cli *cli, int argc, char **argv)
{
    const struct command *command = &commands[cli->command];
    bool only_args = false;
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        if (!only_args && strcmp(word, "--") == 0) {
            only_args = true;
        } else if (!only_args && word[0] == '-' && word[1]) {
            int code = take_option(cli, argc, argv, &i);
            if (code) return code;
        } else {
            if (cli->n_args == command->max_args || cli->n_args == (int)NCR_COUNT(cli->args)) {
                fprintf(stderr, "nacre %s: error: %d argument%s at most, but `%s` is one more\n",
                        command->name, command->max_args, command->max_args == 1 ? "" : "s", word);
                return EXIT_COMMAND_LINE;
            }
            cli->args[cli->n_args++] = word;
        }
    }
    if (cli->n_args < command->min_args) {
        fprintf(stderr,
                "nacre %s: error: %s is missing\n      help: usage: nacre %s [OPTIONS] %s\n",
                command->name, command->arguments, command->name, command->arguments);
        return EXIT_COMMAND_LINE;
    }
    return EXIT_GOOD;
}

static int terminal_columns(void)
{
    struct winsize w;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40)
        return w.ws_col;
    return 100;
}

static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    if (code != EXIT_GOOD) return code;
    fputs("nacre: error: cannot write standard output\n", stderr);
    return EXIT_ENVIRONMENT;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); // a closed pipe is a write error with a message, not a death
    if (argc < 2) {
        general_help(stderr);
        return EXIT_COMMAND_LINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("nacre " NACRE_VERSION);
        return finish(EXIT_GOOD);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return finish(general_help(stdout));
    if (strcmp(argv[1], "--completion") == 0)
        return finish(completion_print(argc > 2 ? argv[2] : ""));
    struct cli cli = {0};
    size_t c = 0;
    while (c < NCR_COUNT(commands) && strcmp(commands[c].name, argv[1]) != 0)
        c++;
    if (c == NCR_COUNT(commands)) return unknown_command(argv[1]);
    cli.command = (enum cli_command)c;
    cli.name = commands[c].name;
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return finish(command_help(cli.command));
    int code = take_words(&cli, argc, argv);
    if (code) return code;
    const char *format = cli.opt[OPT_FORMAT];
    cli.json = format && strcmp(format, "json") == 0;
    cli.csv = format && strcmp(format, "csv") == 0;
    // A page is the JSON with what draws it.
    cli.html = format && strcmp(format, "html") == 0 && cli.command == CMD_REPORT;
    cli.json |= cli.html;
    if (format && !cli.json && !cli.csv && strcmp(format, "text") != 0)
        return cli_usage(&cli,
                         cli.command == CMD_REPORT ? "--format is text, json, csv or html, not `%s`"
                                                   : "--format is text, json or csv, not `%s`",
                         format);
    cli.quiet = cli.opt[OPT_QUIET] != NULL;
    cli.colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    cli.colour_out = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    cli.columns = terminal_columns();
    cli_io_init(&cli);
    code = commands[c].run(&cli);
    cli_io_done(&cli);
    return finish(code);
}
