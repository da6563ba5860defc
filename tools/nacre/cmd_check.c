// nacre check FILE: diagnostics, or one line that says what the program holds.
#include "lang/base/json.h"
#include "tools/nacre/cli.h"

static uint32_t count(const struct cli_program *p, const char *kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < ncr_program_item_count(p->program); i++)
        n += strcmp(ncr_program_item(p->program, i).kind, kind) == 0;
    return n;
}

// "2 nets (lenet: 61706 parameters, 416520 MACs; tiny: open decisions)".
static void nets(const struct cli_program *p, struct ncr_buf *out)
{
    uint32_t n = ncr_program_net_count(p->program);
    ncr_buf_fmt(out, "%u net%s", n, n == 1 ? "" : "s");
    for (uint32_t i = 0; i < n; i++) {
        const struct ncr_net_info *net = ncr_program_net(p->program, i);
        ncr_buf_fmt(out, "%s%.*s: ", i ? "; " : " (", NCR_STR_ARG(net->name));
        if (net->graph)
            ncr_buf_fmt(out, "%lld parameters, %lld MACs", (long long)ncr_graph_params(net->graph),
                        (long long)ncr_graph_macs(net->graph));
        else
            ncr_buf_puts(out, net->has_decisions ? "open decisions" : "open parameters");
    }
    if (n) ncr_buf_putc(out, ')');
}

static void summary(const struct cli_program *p, const char *path, struct ncr_buf *out)
{
    static const struct {
        const char *kind, *one, *many;
    } kinds[] = {{"block", "block", "blocks"},          {"let", "let", "lets"},
                 {"mutation", "mutation", "mutations"}, {"data", "data", "data"},
                 {"train", "train", "train"},           {"quant", "quant", "quant"},
                 {"fault", "fault", "fault"},           {"campaign", "campaign", "campaigns"},
                 {"target", "target", "targets"},       {"search", "search", "searches"}};
    ncr_buf_fmt(out, "%s: ", path);
    nets(p, out);
    for (size_t i = 0; i < NCR_COUNT(kinds); i++) {
        uint32_t n = count(p, kinds[i].kind);
        if (n) ncr_buf_fmt(out, ", %u %s", n, n == 1 ? kinds[i].one : kinds[i].many);
    }
    ncr_buf_putc(out, '\n');
}

static void summary_json(const struct cli_program *p, const char *path, struct ncr_buf *out)
{
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "schema", NCR_STR("nacre.check/1"));
    ncr_json_key_str(&json, "file", ncr_str_of(path));
    ncr_json_key_bool(&json, "good", p->diags.n_errors == 0);
    ncr_json_key(&json, "nets");
    ncr_json_array(&json);
    for (uint32_t i = 0; p->program && i < ncr_program_net_count(p->program); i++) {
        const struct ncr_net_info *net = ncr_program_net(p->program, i);
        ncr_json_object(&json);
        ncr_json_key_str(&json, "name", net->name);
        ncr_json_key_bool(&json, "has_decisions", net->has_decisions);
        if (net->graph) {
            ncr_json_key_i64(&json, "params", ncr_graph_params(net->graph));
            ncr_json_key_i64(&json, "macs", ncr_graph_macs(net->graph));
        }
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    ncr_json_key(&json, "items");
    ncr_json_array(&json);
    for (uint32_t i = 0; p->program && i < ncr_program_item_count(p->program); i++) {
        struct ncr_item_info item = ncr_program_item(p->program, i);
        ncr_json_object(&json);
        ncr_json_key_str(&json, "kind", ncr_str_of(item.kind));
        ncr_json_key_str(&json, "name", item.name);
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    ncr_json_key(&json, "diagnostics");
    ncr_diags_json_into(&p->diags, &json);
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

int cmd_check(struct cli *cli)
{
    int code = cli_no_csv(cli);
    if (code) return code;
    struct cli_program p;
    code = cli_open(cli, cli->args[0], &p);
    struct ncr_buf out = {0};
    if (cli->json && (code == EXIT_GOOD || code == EXIT_PROGRAM))
        summary_json(&p, cli->args[0], &out);
    else if (code == EXIT_GOOD && !cli->quiet)
        summary(&p, cli->args[0], &out);
    int written = cli_output(cli, &out);
    cli_close(&p);
    return code ? code : written;
}
