// Prints diagnostics as text with source lines and carets, or as JSON.
#include "lang/base/diag.h"
#include "lang/base/json.h"

static const char *const severity_text[] = {"error", "warning", "lint"};
static const char *const severity_colour[] = {"\033[1;31m", "\033[1;35m", "\033[1;36m"};

static uint32_t characters(struct ncr_str v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v.n; i++) n += ((unsigned char)v.s[i] & 0xC0) != 0x80;
    return n;
}

static void place(const struct ncr_sources *sources, struct ncr_buf *out, struct ncr_span span)
{
    struct ncr_pos pos = ncr_sources_pos(sources, span.file, span.begin);
    ncr_buf_str(out, ncr_sources_name(sources, span.file));
    ncr_buf_fmt(out, ":%u:%u", pos.line, pos.column);
}

// Bytes of the first n characters of text.
static uint32_t bytes_of(struct ncr_str text, uint32_t n)
{
    uint32_t i = 0;
    while (i < text.n) {
        bool begins = ((unsigned char)text.s[i] & 0xC0) != 0x80;
        if (begins && n-- == 0) break;
        i++;
    }
    return i;
}

// The source line and a caret line under [begin, end); a span over several lines is marked on its first. Of a line that is
// too long for any screen the part around the span is shown.
static void excerpt(const struct ncr_sources *sources, struct ncr_buf *out, struct ncr_span span)
{
    enum { SHOWN = 160, BEFORE = 80 };
    struct ncr_pos pos = ncr_sources_pos(sources, span.file, span.begin);
    struct ncr_str line = ncr_sources_line(sources, span.file, pos.line);
    struct ncr_pos stop = ncr_sources_pos(sources, span.file, span.end);
    uint32_t count = characters(line), at = pos.column - 1, first = 0;
    uint32_t width = stop.line == pos.line ? stop.column - pos.column : count > at ? count - at : 1;
    bool cut = count > SHOWN;
    if (cut && at > BEFORE) first = at - BEFORE;
    uint32_t begin = bytes_of(line, first);
    struct ncr_str part = {line.s + begin, line.n - begin};
    if (cut) part.n = bytes_of(part, SHOWN);
    uint32_t shown = characters(part);
    if (at - first + width > shown) width = shown > at - first ? shown - (at - first) : 1;
    if (width == 0) width = 1;
    ncr_buf_fmt(out, "%5u | %s", pos.line, first ? "… " : "");
    for (uint32_t i = 0; i < part.n; i++) {
        unsigned char c = (unsigned char)part.s[i];
        ncr_buf_putc(out, c < 0x20 ? ' ' : (char)c); // a tab is one column, as in the position
    }
    ncr_buf_puts(out, cut && first + shown < count ? " …\n      | " : "\n      | ");
    ncr_buf_pad(out, ' ', at - first + (first ? 2 : 0));
    ncr_buf_pad(out, '^', width);
    ncr_buf_putc(out, '\n');
}

void ncr_diags_text(const struct ncr_diags *diags, struct ncr_buf *out, bool colour)
{
    for (const struct ncr_diag *d = diags->first; d; d = d->next) {
        enum ncr_severity severity = ncr_diag_severity(d->code);
        if (d->span.file) {
            place(diags->sources, out, d->span);
            ncr_buf_puts(out, ": ");
        }
        if (colour) ncr_buf_puts(out, severity_colour[severity]);
        ncr_buf_fmt(out, "%s[N%04u]", severity_text[severity], ncr_diag_number(d->code));
        if (colour) ncr_buf_puts(out, "\033[0m");
        ncr_buf_puts(out, ": ");
        ncr_buf_str(out, d->text);
        ncr_buf_putc(out, '\n');
        if (d->span.file) excerpt(diags->sources, out, d->span);
        for (const struct ncr_note *note = d->notes; note; note = note->next) {
            ncr_buf_puts(out, "      = ");
            ncr_buf_str(out, note->text);
            if (note->span.file) {
                ncr_buf_puts(out, " at ");
                place(diags->sources, out, note->span);
            }
            ncr_buf_putc(out, '\n');
        }
        if (d->help.n) {
            ncr_buf_puts(out, "      help: ");
            ncr_buf_str(out, d->help);
            ncr_buf_putc(out, '\n');
        }
    }
    if (diags->n_errors > diags->limit)
        ncr_buf_fmt(out, "%u more errors are not shown\n", diags->n_errors - diags->limit);
    if (diags->n_warnings > diags->limit)
        ncr_buf_fmt(out, "%u more warnings are not shown\n", diags->n_warnings - diags->limit);
}

static void json_place(const struct ncr_diags *diags, struct ncr_json *json, struct ncr_span span)
{
    if (!span.file) return;
    struct ncr_pos begin = ncr_sources_pos(diags->sources, span.file, span.begin);
    struct ncr_pos end = ncr_sources_pos(diags->sources, span.file, span.end);
    ncr_json_key_str(json, "file", ncr_sources_name(diags->sources, span.file));
    ncr_json_key_i64(json, "line", begin.line);
    ncr_json_key_i64(json, "column", begin.column);
    ncr_json_key_i64(json, "end_line", end.line);
    ncr_json_key_i64(json, "end_column", end.column);
}

void ncr_diags_json_into(const struct ncr_diags *diags, struct ncr_json *writer)
{
    struct ncr_json json = *writer;
    ncr_json_array(&json);
    for (const struct ncr_diag *d = diags->first; d; d = d->next) {
        char code[8];
        struct ncr_buf text = {0};
        ncr_buf_fmt(&text, "N%04u", ncr_diag_number(d->code));
        for (size_t i = 0; i < sizeof code; i++) code[i] = i < text.n ? text.s[i] : 0;
        ncr_buf_free(&text);
        ncr_json_object(&json);
        ncr_json_key_str(&json, "code", ncr_str_of(code));
        ncr_json_key_str(&json, "severity", ncr_str_of(severity_text[ncr_diag_severity(d->code)]));
        ncr_json_key_str(&json, "message", d->text);
        json_place(diags, &json, d->span);
        ncr_json_key(&json, "notes");
        ncr_json_array(&json);
        for (const struct ncr_note *note = d->notes; note; note = note->next) {
            ncr_json_object(&json);
            ncr_json_key_str(&json, "message", note->text);
            json_place(diags, &json, note->span);
            ncr_json_end(&json);
        }
        ncr_json_end(&json);
        if (d->help.n) ncr_json_key_str(&json, "help", d->help);
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    *writer = json;
}

void ncr_diags_json(const struct ncr_diags *diags, struct ncr_buf *out)
{
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_diags_json_into(diags, &json);
    ncr_buf_putc(out, '\n');
}
