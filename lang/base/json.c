// JSON writer.
#include "lang/base/json.h"

#include <inttypes.h>
#include <math.h>

void ncr_json_init(struct ncr_json *json, struct ncr_buf *out)
{
    *json = (struct ncr_json){.out = out};
}

static void newline(struct ncr_json *json)
{
    ncr_buf_putc(json->out, '\n');
    ncr_buf_pad(json->out, ' ', (size_t)json->depth * 2);
}

// Comma and place before a value or key.
static void before(struct ncr_json *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (json->depth == 0) return;
    if (json->has_item[json->depth - 1]) ncr_buf_putc(json->out, ',');
    json->has_item[json->depth - 1] = true;
    newline(json);
}

static void open(struct ncr_json *json, bool is_array)
{
    before(json);
    if (json->depth == NCR_JSON_DEPTH) NCR_BUG("JSON nests deeper than %d", NCR_JSON_DEPTH);
    json->is_array[json->depth] = is_array;
    json->has_item[json->depth] = false;
    json->depth++;
    ncr_buf_putc(json->out, is_array ? '[' : '{');
}

void ncr_json_object(struct ncr_json *json)
{
    open(json, false);
}

void ncr_json_array(struct ncr_json *json)
{
    open(json, true);
}

void ncr_json_end(struct ncr_json *json)
{
    if (json->depth == 0) NCR_BUG("JSON closed more often than opened");
    json->depth--;
    if (json->has_item[json->depth]) newline(json);
    ncr_buf_putc(json->out, json->is_array[json->depth] ? ']' : '}');
}

// Length of the valid UTF-8 sequence at s, or 0.
static uint32_t utf8(const unsigned char *s, uint32_t n)
{
    if (s[0] < 0x80) return 1;
    uint32_t len = s[0] >= 0xF0 && s[0] < 0xF5 ? 4 : s[0] >= 0xE0 ? 3 : s[0] >= 0xC2 ? 2 : 0;
    if (s[0] >= 0xF5 || len == 0 || len > n) return 0;
    for (uint32_t i = 1; i < len; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return len;
}

static void quoted(struct ncr_json *json, struct ncr_str v)
{
    ncr_buf_putc(json->out, '"');
    for (uint32_t i = 0; i < v.n;) {
        unsigned char c = (unsigned char)v.s[i];
        uint32_t len = utf8((const unsigned char *)v.s + i, v.n - i);
        if (c == '"' || c == '\\') {
            ncr_buf_putc(json->out, '\\');
            ncr_buf_putc(json->out, (char)c);
        } else if (c == '\n') {
            ncr_buf_puts(json->out, "\\n");
        } else if (c < 0x20 || c == 0x7F) {
            ncr_buf_fmt(json->out, "\\u%04x", c);
        } else if (len) {
            ncr_buf_put(json->out, v.s + i, len);
        } else {
            ncr_buf_puts(json->out, "\\ufffd");
        }
        i += len ? len : 1;
    }
    ncr_buf_putc(json->out, '"');
}

void ncr_json_key(struct ncr_json *json, const char *key)
{
    before(json);
    quoted(json, ncr_str_of(key));
    ncr_buf_puts(json->out, ": ");
    json->after_key = true;
}

void ncr_json_str(struct ncr_json *json, struct ncr_str v)
{
    before(json);
    quoted(json, v);
}

void ncr_json_i64(struct ncr_json *json, int64_t v)
{
    before(json);
    ncr_buf_fmt(json->out, "%" PRId64, v);
}

void ncr_json_f64(struct ncr_json *json, double v)
{
    before(json);
    if (isfinite(v))
        ncr_buf_f64(json->out, v);
    else
        ncr_buf_puts(json->out, "null");
}

void ncr_json_bool(struct ncr_json *json, bool v)
{
    before(json);
    ncr_buf_puts(json->out, v ? "true" : "false");
}

void ncr_json_null(struct ncr_json *json)
{
    before(json);
    ncr_buf_puts(json->out, "null");
}

void ncr_json_key_str(struct ncr_json *json, const char *key, struct ncr_str v)
{
    ncr_json_key(json, key);
    ncr_json_str(json, v);
}

void ncr_json_key_i64(struct ncr_json *json, const char *key, int64_t v)
{
    ncr_json_key(json, key);
    ncr_json_i64(json, v);
}

void ncr_json_key_f64(struct ncr_json *json, const char *key, double v)
{
    ncr_json_key(json, key);
    ncr_json_f64(json, v);
}

void ncr_json_key_bool(struct ncr_json *json, const char *key, bool v)
{
    ncr_json_key(json, key);
    ncr_json_bool(json, v);
}
