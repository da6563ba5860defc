// The diagnostic sink and its table. Printing is in diag_print.c.
#include "lang/base/diag.h"

#include <stdarg.h>

static const struct {
    unsigned number;
    enum ncr_severity severity;
    const char *name, *page;
} table[] = {
#define NCR_DIAG_ROW(number, NAME, severity, format, page) {number, severity, #NAME, page},
#include "lang/base/diag.def"
#undef NCR_DIAG_ROW
};

enum { ERROR_LIMIT = 20 };

void ncr_diags_init(struct ncr_diags *diags, struct ncr_arena *arena, const struct ncr_sources *sources)
{
    *diags = (struct ncr_diags){.arena = arena, .sources = sources, .limit = ERROR_LIMIT};
    diags->last = &diags->first;
}

struct ncr_diag *ncr_diag_at(struct ncr_diags *diags, enum ncr_diag_code code, struct ncr_span span,
                             const char *fmt, ...)
{
    struct ncr_diag *d = NCR_NEW(diags->arena, struct ncr_diag);
    va_list args;
    va_start(args, fmt);
    d->text = ncr_str_vfmt(diags->arena, fmt, args);
    va_end(args);
    d->code = code;
    d->span = span;
    d->last_note = &d->notes;
    bool is_error = table[code].severity == NCR_ERROR;
    if (is_error)
        diags->n_errors++;
    else
        diags->n_warnings++;
    // Beyond the limit they are counted, not kept.
    if ((is_error ? diags->n_errors : diags->n_warnings) > diags->limit) return d;
    *diags->last = d;
    diags->last = &d->next;
    return d;
}

struct ncr_diag *ncr_diag_note(struct ncr_diags *diags, struct ncr_diag *d, struct ncr_span span,
                               const char *fmt, ...)
{
    struct ncr_note *note = NCR_NEW(diags->arena, struct ncr_note);
    va_list args;
    va_start(args, fmt);
    note->text = ncr_str_vfmt(diags->arena, fmt, args);
    va_end(args);
    note->span = span;
    *d->last_note = note;
    d->last_note = &note->next;
    return d;
}

struct ncr_diag *ncr_diag_help(struct ncr_diags *diags, struct ncr_diag *d, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    d->help = ncr_str_vfmt(diags->arena, fmt, args);
    va_end(args);
    return d;
}

unsigned ncr_diag_number(enum ncr_diag_code code)
{
    return table[code].number;
}

enum ncr_severity ncr_diag_severity(enum ncr_diag_code code)
{
    return table[code].severity;
}

const char *ncr_diag_name(enum ncr_diag_code code)
{
    return table[code].name;
}

const char *ncr_diag_page(enum ncr_diag_code code)
{
    return table[code].page;
}

bool ncr_diag_find(struct ncr_str text, enum ncr_diag_code *out)
{
    unsigned number = 0;
    uint32_t i = text.n && (text.s[0] == 'N' || text.s[0] == 'n');
    if (i == text.n || text.n - i > 6) return false;
    for (; i < text.n; i++) {
        if (text.s[i] < '0' || text.s[i] > '9') return false;
        number = number * 10 + (unsigned)(text.s[i] - '0');
    }
    for (size_t k = 0; k < NCR_COUNT(table); k++)
        if (table[k].number == number) return *out = (enum ncr_diag_code)k, true;
    return false;
}

struct ncr_str ncr_diag_nearest(struct ncr_str found, const struct ncr_str *names, uint32_t n)
{
    uint32_t best = found.n / 3 + 1;
    struct ncr_str nearest = {"", 0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = ncr_str_distance(found, names[i], best);
        if (d < best || (d == best && nearest.n == 0 && d <= found.n / 3 + (found.n < 3))) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}
