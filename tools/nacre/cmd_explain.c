// nacre explain: the page of a diagnostic, or the list of all.
#include "lang/base/json.h"
#include "tools/nacre/cli.h"

static const char *const severities[] = {"error", "warning", "lint"};

static void list_json(struct ncr_buf *out)
{
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_array(&json);
    for (int c = 0; c < NCR_N_COUNT_; c++) {
        enum ncr_diag_code code = (enum ncr_diag_code)c;
        char text[8];
        struct ncr_buf number = {0};
        ncr_buf_fmt(&number, "N%04u", ncr_diag_number(code));
        memcpy(text, number.s, 6);
        ncr_buf_free(&number);
        ncr_json_object(&json);
        ncr_json_key_str(&json, "code", ncr_str_of(text));
        ncr_json_key_str(&json, "name", ncr_str_of(ncr_diag_name(code)));
        ncr_json_key_str(&json, "severity", ncr_str_of(severities[ncr_diag_severity(code)]));
        ncr_json_key_str(&json, "page", ncr_str_of(ncr_diag_page(code)));
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

// "KERNEL_TOO_LARGE" as "kernel too large".
static void title(struct ncr_buf *out, const char *name)
{
    for (; *name; name++)
        ncr_buf_putc(out, *name == '_' ? ' '
                                       : (char)(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name));
}

int cmd_explain(struct cli *cli)
{
    int code = cli_no_csv(cli);
    if (code) return code;
    struct ncr_buf out = {0};
    if (cli->n_args == 0) {
        if (cli->json) {
            list_json(&out);
            return cli_output(cli, &out);
        }
        for (int c = 0; c < NCR_N_COUNT_; c++) {
            ncr_buf_fmt(&out, "N%04u  %-7s  ", ncr_diag_number((enum ncr_diag_code)c),
                        severities[ncr_diag_severity((enum ncr_diag_code)c)]);
            title(&out, ncr_diag_name((enum ncr_diag_code)c));
            ncr_buf_putc(&out, '\n');
        }
        return cli_output(cli, &out);
    }
    enum ncr_diag_code found;
    if (!ncr_diag_find(ncr_str_of(cli->args[0]), &found))
        return cli_usage(cli, "there is no diagnostic `%s`; `nacre explain` lists all",
                         cli->args[0]);
    ncr_buf_fmt(&out, "N%04u (%s): ", ncr_diag_number(found), severities[ncr_diag_severity(found)]);
    title(&out, ncr_diag_name(found));
    ncr_buf_fmt(&out, "\n\n%s\n", ncr_diag_page(found));
    return cli_output(cli, &out);
}
