// JSON to a page: @NAME@ in page.html stands for a part.
#include "tools/nacre/report_html.h"

bool report_html_there(void)
{
    return cli_web_d3_bytes > 0 && cli_web_plot_bytes > 0;
}

static void put_escaped(struct ncr_buf *out, struct ncr_str text)
{
    for (uint32_t i = 0; i < text.n; i++)
        switch (text.s[i]) {
        case '<': ncr_buf_puts(out, "&lt;"); break;
        case '>': ncr_buf_puts(out, "&gt;"); break;
        case '&': ncr_buf_puts(out, "&amp;"); break;
        case '"': ncr_buf_puts(out, "&quot;"); break;
        default: ncr_buf_putc(out, text.s[i]); break;
        }
}

// No text of a program can end the script element that holds the data: < stands only in strings.
static void put_data(struct ncr_buf *out, const struct ncr_buf *json)
{
    for (size_t i = 0; i < json->n; i++)
        if (json->s[i] == '<')
            ncr_buf_puts(out, "\\u003c");
        else
            ncr_buf_putc(out, json->s[i]);
}

static void put_part(struct ncr_buf *out, struct ncr_str name, const struct ncr_buf *json,
                     struct ncr_str title)
{
    if (ncr_str_is(name, "title")) put_escaped(out, title);
    if (ncr_str_is(name, "data")) put_data(out, json);
    if (ncr_str_is(name, "style")) ncr_buf_put(out, cli_web_style, cli_web_style_bytes);
    if (ncr_str_is(name, "d3")) ncr_buf_put(out, cli_web_d3, cli_web_d3_bytes);
    if (ncr_str_is(name, "plot")) ncr_buf_put(out, cli_web_plot, cli_web_plot_bytes);
    if (ncr_str_is(name, "script")) ncr_buf_put(out, cli_web_script, cli_web_script_bytes);
}

void report_html(const struct ncr_buf *json, struct ncr_str title, struct ncr_buf *out)
{
    const char *at = (const char *)cli_web_page, *end = at + cli_web_page_bytes;
    while (at < end) {
        const char *open = memchr(at, '@', (size_t)(end - at)),
                   *close = open ? memchr(open + 1, '@', (size_t)(end - open - 1)) : NULL;
        if (!close) break;
        ncr_buf_put(out, at, (size_t)(open - at));
        put_part(out, (struct ncr_str){open + 1, (uint32_t)(close - open - 1)}, json, title);
        at = close + 1;
    }
    ncr_buf_put(out, at, (size_t)(end - at));
}
