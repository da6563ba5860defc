// The command line: finds the command in its table, reads the options, calls it.
#include <stdio.h>
#include <string.h>

#include "tools/nacre/cli.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("nacre " NACRE_VERSION);
        return EXIT_GOOD;
    }
    fputs("usage: nacre --version\n", stderr);
    return EXIT_COMMAND_LINE;
}
