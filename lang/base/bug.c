// NCR_BUG: the one way for our own mistakes.
#include "lang/base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ncr_bug_at(const char *file, int line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "nacre: internal error at %s:%d: ", file, line);
    vfprintf(stderr, fmt, args);
    fputs("\nThis is a defect of Nacre, not of your program; please report it with the input.\n", stderr);
    va_end(args);
    abort();
}
