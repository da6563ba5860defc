// Shell completion: the tables of commands and options as a bash or zsh script.
#include "tools/nacre/completion.h"

#include <stdio.h>
#include <string.h>

#include "tools/nacre/cli.h"

#define C(NAME) (1u << CMD_##NAME)
#define ALL     (~0u)

static const char *const command_names[] = {
#define CLI_COMMAND(NAME, name, ...) #name,
#include "tools/nacre/commands.def"
#undef CLI_COMMAND
};

static const char *const command_summaries[] = {
#define CLI_COMMAND(NAME, name, arguments, min, max, summary) summary,
#include "tools/nacre/commands.def"
#undef CLI_COMMAND
};

static const struct {
    const char *name, *value, *help;
    unsigned commands;
} options[] = {
#define CLI_OPTION(NAME, name, value, commands, help) {name, value, help, commands},
#include "tools/nacre/options.def"
#undef CLI_OPTION
};

static void bash_script(void)
{
    puts("# bash completion for nacre; load with: source <(nacre --completion bash)\n"
         "_nacre() {\n"
         "    local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        words='--help --version --completion", stdout);
    for (size_t i = 0; i < NCR_COUNT(command_names); i++)
        printf(" %s", command_names[i]);
    puts("'\n    else\n        case ${COMP_WORDS[1]} in");
    for (size_t i = 0; i < NCR_COUNT(command_names); i++) {
        printf("        %s) words='--help", command_names[i]);
        for (size_t k = 0; k < NCR_COUNT(options); k++)
            if (options[k].commands & 1u << i) printf(" --%s", options[k].name);
        puts("' ;;");
    }
    puts("        esac\n"
         "        [[ $cur == -* ]] || words=\n"
         "    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "}\n"
         "complete -o filenames -F _nacre nacre");
}

// Single quotes and brackets have a meaning in _arguments specifications.
static void put_plain(const char *text)
{
    for (; *text; text++)
        if (!strchr("'[]:", *text)) putchar(*text);
}

static void zsh_script(void)
{
    puts("#compdef nacre\n# zsh completion for nacre; put it in a folder of $fpath as "
         "_nacre\n_nacre() {\n"
         "  local -a commands\n  commands=(");
    for (size_t i = 0; i < NCR_COUNT(command_names); i++) {
        printf("    '%s:", command_names[i]);
        put_plain(command_summaries[i]);
        puts("'");
    }
    puts("  )\n  if (( CURRENT == 2 )); then _describe command commands; return; fi\n  case "
         "$words[2] in");
    for (size_t i = 0; i < NCR_COUNT(command_names); i++) {
        printf("    %s) _arguments '*:file:_files'", command_names[i]);
        for (size_t k = 0; k < NCR_COUNT(options); k++) {
            if (!(options[k].commands & 1u << i)) continue;
            printf(" '--%s[", options[k].name);
            put_plain(options[k].help);
            printf("]%s'", options[k].value ? ":value:_files" : "");
        }
        puts(" ;;");
    }
    puts("  esac\n}\n_nacre \"$@\"");
}

int completion_print(const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        bash_script();
    } else if (strcmp(shell, "zsh") == 0) {
        zsh_script();
    } else {
        fprintf(stderr, "nacre: error: --completion takes bash or zsh, not `%s`\n", shell);
        return EXIT_COMMAND_LINE;
    }
    return EXIT_GOOD;
}
