// Error texts.
#include "lang/base/status.h"

#include <stdarg.h>
#include <stdio.h>

enum ncr_status ncr_fail(struct ncr_error *err, enum ncr_status status, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, args);
        va_end(args);
    }
    return status;
}
