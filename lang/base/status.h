// How a function says that it did not succeed. User errors are in the diagnostic sink (NCR_DIAGNOSED);
// environment errors carry a text complete enough to print.
#ifndef NCR_BASE_STATUS_H
#define NCR_BASE_STATUS_H

#include "lang/base/base.h"

enum ncr_status {
    NCR_OK = 0,
    NCR_DIAGNOSED,   // the program is wrong: see the sink                          (exit 1)
    NCR_USAGE,       // the request is wrong: unknown net, bad option value          (exit 2)
    NCR_ENVIRONMENT, // file, memory, disk, a library                                (exit 3)
    NCR_INTERRUPTED, // the stop callback said so; all finished work is saved       (exit 130)
};

// Text of an NCR_USAGE or NCR_ENVIRONMENT error, without "error:" and without a full stop.
struct ncr_error {
    char text[1024];
};

// Formats into err (which may be NULL) and returns status.
enum ncr_status ncr_fail(struct ncr_error *err, enum ncr_status status, const char *fmt, ...) NCR_PRINTF(3, 4);

#endif
