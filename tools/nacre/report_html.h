// A JSON report as one page that opens without a network: our page, style and script, the plotting
// library and the JSON itself.
#ifndef NCR_TOOLS_REPORT_HTML_H
#define NCR_TOOLS_REPORT_HTML_H

#include "lang/base/str.h"

// Parts of the page (scripts/cmake/embed_web.cmake), each with a 0 behind it. The library's are
// empty where it was not fetched.
extern const unsigned char cli_web_page[], cli_web_style[], cli_web_script[], cli_web_d3[],
    cli_web_plot[];
extern const size_t cli_web_page_bytes, cli_web_style_bytes, cli_web_script_bytes, cli_web_d3_bytes,
    cli_web_plot_bytes;

// Whether the build has the plotting library.
bool report_html_there(void);
// Wraps the JSON of a report, or of the report of a space.
void report_html(const struct ncr_buf *json, struct ncr_str title, struct ncr_buf *out);

#endif
