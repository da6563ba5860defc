// Diagnostics: one table of codes (diag.def), a sink that collects, printers for text and JSON.
#ifndef NCR_BASE_DIAG_H
#define NCR_BASE_DIAG_H

#include "lang/base/source.h"

enum ncr_severity { NCR_ERROR, NCR_WARNING, NCR_LINT };

// NCR_N_<NAME> for each row. Numbers are permanent: "N0417" is printed from ncr_diag_number.
enum ncr_diag_code {
#define NCR_DIAG_ROW(number, NAME, severity, format, page) NCR_N_##NAME,
#include "lang/base/diag.def"
#undef NCR_DIAG_ROW
    NCR_N_COUNT_
};

// The formats as constants, so that the compiler checks the arguments of ncr_diag.
#define NCR_DIAG_ROW(number, NAME, severity, format, page)                                         \
    static const char NCR_F_##NAME[] NCR_UNUSED = format;
#include "lang/base/diag.def"
#undef NCR_DIAG_ROW

struct ncr_note {
    struct ncr_note *next;
    struct ncr_span span; // NCR_NOWHERE: only text
    struct ncr_str text;
};

struct ncr_diag {
    struct ncr_diag *next;
    enum ncr_diag_code code;
    struct ncr_span span;
    struct ncr_str text;
    struct ncr_note *notes, **last_note; // "= in block …", "= with …"
    struct ncr_str help;                 // empty: none
};

struct ncr_diags {
    struct ncr_arena *arena;
    const struct ncr_sources *sources;
    struct ncr_diag *first, **last;
    uint32_t n_errors, n_warnings;
    uint32_t limit; // errors and warnings kept, each; further ones are only counted
};

void ncr_diags_init(struct ncr_diags *diags, struct ncr_arena *arena, const struct ncr_sources *sources);

// Reports: NCR_DIAG(diags, KERNEL_TOO_LARGE, span, args…) with the arguments of the row's format. Never NULL.
#define NCR_DIAG(diags, NAME, ...) NCR_DIAG_(diags, NAME, __VA_ARGS__)
#define NCR_DIAG_(diags, NAME, span, ...)                                                          \
    ncr_diag_at((diags), NCR_N_##NAME, (span), NCR_F_##NAME, __VA_ARGS__)
// The same for a row whose format takes no arguments.
#define NCR_DIAG0(diags, NAME, span) ncr_diag_at((diags), NCR_N_##NAME, (span), "%s", NCR_F_##NAME)
struct ncr_diag *ncr_diag_at(struct ncr_diags *diags, enum ncr_diag_code code, struct ncr_span span,
                             const char *fmt, ...) NCR_PRINTF(4, 5);
// Both return d, so that calls can be chained by the caller.
struct ncr_diag *ncr_diag_note(struct ncr_diags *diags, struct ncr_diag *d, struct ncr_span span,
                               const char *fmt, ...) NCR_PRINTF(4, 5);
struct ncr_diag *ncr_diag_help(struct ncr_diags *diags, struct ncr_diag *d, const char *fmt, ...)
    NCR_PRINTF(3, 4);

// Facts of the table.
unsigned ncr_diag_number(enum ncr_diag_code code);
enum ncr_severity ncr_diag_severity(enum ncr_diag_code code);
const char *ncr_diag_name(enum ncr_diag_code code);
// The page of `nacre explain`: what it means, an example, how to mend it.
const char *ncr_diag_page(enum ncr_diag_code code);
// Finds "N0417", "n417" or "417"; false when there is none.
bool ncr_diag_find(struct ncr_str text, enum ncr_diag_code *out);

// The nearest of n names to `found` within a third of its length; empty when none is near. For "did you mean".
struct ncr_str ncr_diag_nearest(struct ncr_str found, const struct ncr_str *names, uint32_t n);

// Prints all that was collected, in order of report, as text with source lines and carets (section 11 of the design).
void ncr_diags_text(const struct ncr_diags *diags, struct ncr_buf *out, bool colour);
// The same as a JSON array: code, severity, message, file, line, column, end_line, end_column, notes, help.
void ncr_diags_json(const struct ncr_diags *diags, struct ncr_buf *out);
// The array alone, as a value of a larger text.
struct ncr_json;
void ncr_diags_json_into(const struct ncr_diags *diags, struct ncr_json *writer);

#endif
