// Campaign results as text and CSV.
#include "runtime/inject/report.h"

#include <stdio.h>

void ncr_buf_grouped(struct ncr_buf *out, uint64_t v)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) ncr_buf_putc(out, ',');
        ncr_buf_putc(out, digits[i]);
    }
}

void ncr_inject_place(const struct ncr_qgraph *qgraph, enum ncr_site_class site, uint32_t node,
                      int64_t element, char separator, struct ncr_buf *out)
{
    int32_t at[4];
    uint32_t rank = ncr_sites_coordinates(qgraph, site, node, element, at);
    for (uint32_t d = 0; d < rank; d++) {
        if (d) ncr_buf_putc(out, separator);
        ncr_buf_fmt(out, "%d", at[d]);
    }
}

// ---- text ----
enum { LEAST_NAME = 14, MOST_NAME = 40, SHARE = 25 };

// Right-aligned in `width`, with grouped digits.
static void number(struct ncr_buf *out, uint64_t v, size_t width)
{
    struct ncr_buf one = {0};
    ncr_buf_grouped(&one, v);
    if (one.n < width) ncr_buf_pad(out, ' ', width - one.n);
    ncr_buf_put(out, one.s, one.n);
    ncr_buf_free(&one);
}

// Left-aligned; what is too long loses its beginning, as the end tells layers apart.
static void name(struct ncr_buf *out, struct ncr_str v, size_t width)
{
    if (v.n > width) {
        ncr_buf_puts(out, "~");
        ncr_buf_put(out, v.s + (v.n - width + 1), width - 1);
    } else {
        ncr_buf_str(out, v);
        ncr_buf_pad(out, ' ', width - v.n);
    }
}

// "12.34 % [11.90, 12.80]", a digit more for small ones.
static void share(struct ncr_buf *out, struct ncr_estimate e)
{
    int digits = e.hi < 0.1 ? 3 : 2;
    ncr_buf_fmt(out, "%6.*f %% [%.*f, %.*f]", digits, 100 * e.p, digits, 100 * e.lo, digits,
                100 * e.hi);
}

static void counts(struct ncr_buf *out, const struct ncr_cell *c)
{
    number(out, c->n, 9);
    number(out, c->outcome[NCR_MASKED], 9);
    number(out, c->outcome[NCR_BENIGN], 9);
    number(out, c->outcome[NCR_SDC], 8);
}

// Share of SDC of a row: of faults, and of inferences where that is another thing.
static void shares(struct ncr_buf *out, struct ncr_shares s, bool two, const struct ncr_cell *cell,
                   double alpha)
{
    ncr_buf_puts(out, "  ");
    if (cell && cell->n == 0) {
        ncr_buf_puts(out, "     -");
    } else if (cell && cell->outcome[NCR_SDC] == 0 && s.faults.hi > s.faults.lo) {
        struct ncr_buf one = {0}; // no event seen: the one-sided bound says more
        ncr_buf_fmt(&one, "     0 %% [< %.3f]", 100 * ncr_zero_event_bound(cell->n, alpha));
        ncr_buf_put(out, one.s, one.n);
        ncr_buf_pad(out, ' ', two && one.n < SHARE ? SHARE - one.n : 0);
        ncr_buf_free(&one);
        if (two) ncr_buf_puts(out, "     0 %");
    } else {
        struct ncr_buf one = {0};
        share(&one, s.faults);
        ncr_buf_put(out, one.s, one.n);
        if (two) {
            ncr_buf_pad(out, ' ', one.n < SHARE ? SHARE - one.n : 1);
            share(out, s.inferences);
        }
        ncr_buf_free(&one);
    }
    ncr_buf_putc(out, '\n');
}

static void head(const struct ncr_inject_view *v, struct ncr_buf *out)
{
    const struct ncr_campaign_job *job = v->job;
    const struct ncr_campaign_result *r = v->result;
    ncr_buf_fmt(out, "%.*s%sfault %.*s: ", NCR_STR_ARG(v->campaign), v->campaign.n ? ", " : "",
                NCR_STR_ARG(v->fault));
    ncr_fault_text(&r->fault, out);
    ncr_buf_fmt(out, "\nnet %.*s, quant %.*s, on ", NCR_STR_ARG(job->executor->qgraph->name),
                NCR_STR_ARG(v->quant));
    ncr_buf_grouped(out, job->n_inputs);
    ncr_buf_fmt(out, " input%s of %.*s", job->n_inputs == 1 ? "" : "s", NCR_STR_ARG(v->data));
    if (job->labels)
        ncr_buf_fmt(out, "; fault-free accuracy %.2f %%",
                    100.0 * (double)r->golden_correct / job->n_inputs);
    ncr_buf_puts(out, "\n");
    ncr_buf_grouped(out, r->n);
    ncr_buf_puts(out, " injections");
    if (r->population) {
        ncr_buf_puts(out, " of ");
        ncr_buf_grouped(out, r->population);
        if (r->n == r->population) ncr_buf_puts(out, " (all there are)");
    }
    if (!job->injections && job->margin > 0)
        ncr_buf_fmt(out, ", for a margin of %g %% at %g %% confidence per %s%s", 100 * job->margin,
                    100 * job->confidence, job->per_layer ? "layer" : "network",
                    r->margin_reached   ? ""
                    : r->n < r->planned ? " (not reached yet)"
                                        : "");
    ncr_buf_fmt(out, "; seed %llu\n\n", (unsigned long long)job->seed);
}

static void rates(const struct ncr_inject_view *v, double t, struct ncr_buf *out)
{
    const struct ncr_campaign_result *r = v->result;
    bool all = r->sites->all_persistent;
    ncr_buf_fmt(out, "%-10s%11s%12s%11s%11s%9s  %s\n", r->n_rates ? "BER" : "", "injected",
                "flips each", "masked", "benign", "SDC",
                all ? "any input [interval]     CCR [interval]" : "CCR [interval]");
    for (uint32_t k = 0; k < r->tally->n_rates; k++) {
        const struct ncr_cell *c = &r->tally->cells[k];
        ncr_buf_fmt(out, "%-10.4g", r->n_rates ? r->rates[k] : 0.0);
        if (!r->n_rates) out->n -= 10, ncr_buf_pad(out, ' ', 10);
        ncr_buf_fmt(out, "%12.2f", c->n ? (double)c->flips / (double)c->n : 0.0);
        counts(out, c);
        shares(out, ncr_cell_shares(c, 0, t), all && v->job->n_inputs > 1, c, r->alpha);
    }
    if (!v->job->labels) return;
    ncr_buf_puts(out, "\n          accuracy under faults\n");
    for (uint32_t k = 0; k < r->tally->n_rates; k++) {
        const struct ncr_cell *c = &r->tally->cells[k];
        if (!c->runs) continue;
        double golden = (double)r->golden_correct / v->job->n_inputs;
        double change = ((double)c->mended - (double)c->broken) / (double)c->runs;
        if (r->n_rates)
            ncr_buf_fmt(out, "%-10.4g", r->rates[k]);
        else
            ncr_buf_pad(out, ' ', 10);
        ncr_buf_fmt(out, "%8.2f %% (%+.2f)\n", 100 * (golden + change), 100 * change);
    }
}

static void layers(const struct ncr_inject_view *v, double t, bool two, struct ncr_buf *out)
{
    const struct ncr_campaign_result *r = v->result;
    const struct ncr_tally *tally = r->tally;
    const struct ncr_qgraph *g = v->job->executor->qgraph;
    size_t fixed = 2 + 10 + 10 + 9 + 9 + 9 + 8 + 2 + SHARE + (two ? SHARE : 0), width = LEAST_NAME;
    for (uint32_t k = 0; k < r->sites->n_groups; k++) {
        size_t n = g->nodes[r->sites->groups[k].node].path.n;
        if (n > width) width = n;
    }
    size_t most = v->columns > fixed + LEAST_NAME ? v->columns - fixed : LEAST_NAME;
    if (most > MOST_NAME) most = MOST_NAME;
    if (width > most) width = most;
    const char *last =
        two ? "SDC of faults [interval]  of inferences [interval]" : "SDC share [interval]";
    name(out, NCR_STR("layer"), width);
    ncr_buf_fmt(out, "  %-10s%10s%9s%9s%9s%8s  %s\n", "site", "points", "injected", "masked",
                "benign", "SDC", last);
    for (uint32_t k = 0; k < r->sites->n_groups; k++) {
        const struct ncr_site_group *group = &r->sites->groups[k];
        struct ncr_cell c = ncr_tally_group(tally, k);
        name(out, g->nodes[group->node].path, width);
        ncr_buf_fmt(out, "  %-10s", ncr_site_name(group->site));
        number(out, group->n_points, 10);
        counts(out, &c);
        shares(out, ncr_cell_shares(&c, ncr_tally_population(tally, k, -1), t), two, &c, r->alpha);
    }
    ncr_buf_putc(out, '\n');
    name(out, NCR_STR("bit"), width);
    ncr_buf_fmt(out, "  %-10s%10s%9s%9s%9s%8s  %s\n", "", "points", "injected", "masked", "benign",
                "SDC", last);
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) {
        out->failed = true;
        return;
    }
    for (int b = 0; b < NCR_TALLY_BITS; b++) {
        uint64_t points = 0;
        for (uint32_t k = 0; k < r->sites->n_groups; k++)
            points += ncr_sites_of_bit(&r->sites->groups[k], (uint32_t)b);
        if (!points) continue;
        struct ncr_cell c = ncr_tally_bit(tally, (uint32_t)b);
        char text[16];
        snprintf(text, sizeof text, "%d", b);
        name(out, ncr_str_of(text), width);
        ncr_buf_pad(out, ' ', 12);
        number(out, points, 10);
        counts(out, &c);
        shares(out, ncr_tally_shares(scratch, tally, b, v->job->per_layer, false, t), two, &c,
               r->alpha);
    }
    ncr_buf_puts(out, "\nSDC share, every stored bit alike        ");
    shares(out, ncr_tally_shares(scratch, tally, -1, v->job->per_layer, false, t), two, NULL,
           r->alpha);
    ncr_buf_puts(out, "SDC share, bits weighted by time alive   ");
    shares(out, ncr_tally_shares(scratch, tally, -1, v->job->per_layer, true, t), two, NULL,
           r->alpha);
    ncr_arena_free(scratch);
}

// What the outcomes leave out, counted in inferences.
static void finer(const struct ncr_inject_view *v, const struct ncr_cell *sum, struct ncr_buf *out)
{
    ncr_buf_puts(out, "of ");
    ncr_buf_grouped(out, sum->runs);
    ncr_buf_puts(out, " faulty inferences ");
    ncr_buf_grouped(out, sum->run_sdc);
    ncr_buf_puts(out, " changed the decision, ");
    ncr_buf_grouped(out, sum->run_sdc5);
    ncr_buf_puts(out, " to one outside the golden five largest (SDC-5)");
    if (v->job->labels) {
        ncr_buf_puts(out, ";\n  ");
        ncr_buf_grouped(out, sum->broken);
        ncr_buf_puts(out, " went from right to wrong, ");
        ncr_buf_grouped(out, sum->mended);
        ncr_buf_puts(out, " from wrong to right");
    }
    ncr_buf_puts(out, ";\n  the confidence of the top element moved by more than 10 % in ");
    ncr_buf_grouped(out, sum->run_sdc10);
    ncr_buf_puts(out, ", by more than 20 % in ");
    ncr_buf_grouped(out, sum->run_sdc20);
    ncr_buf_puts(out, " (SDC-10 %, SDC-20 %)\n");
}

void ncr_inject_text(const struct ncr_inject_view *view, struct ncr_buf *out)
{
    const struct ncr_campaign_result *r = view->result;
    double t = ncr_normal_t(1 - r->alpha);
    struct ncr_cell sum = ncr_tally_total(r->tally);
    head(view, out);
    // Two shares where faults are judged on many inputs.
    bool two = sum.runs > sum.n;
    if (r->tally->n_rates)
        rates(view, t, out);
    else
        layers(view, t, two, out);
    ncr_buf_puts(out, "\n");
    finer(view, &sum, out);
    char digest[33];
    ncr_hash_text(r->digest, digest);
    ncr_buf_puts(out, "check: ");
    ncr_buf_grouped(out, r->n);
    ncr_buf_puts(out, " injected = ");
    for (int o = 0; o < NCR_OUTCOMES_; o++) {
        ncr_buf_puts(out, o ? " + " : "");
        ncr_buf_grouped(out, sum.outcome[o]);
        ncr_buf_fmt(out, " %s", ncr_outcome_name((enum ncr_outcome)o));
    }
    ncr_buf_fmt(out, " (no detector in this network); intervals at %.4g %%\ndigest %s",
                100 * (1 - r->alpha), digest);
    if (r->found) {
        ncr_buf_puts(out, "; ");
        ncr_buf_grouped(out, r->found);
        ncr_buf_puts(out, " taken from the file");
    }
    if (r->verified) {
        ncr_buf_puts(out, "; ");
        ncr_buf_grouped(out, r->verified);
        ncr_buf_puts(out, " runs verified densely in the interpreter");
    }
    ncr_buf_putc(out, '\n');
    if (r->wall_s > 0 && r->n > r->found) {
        ncr_buf_fmt(out, "%s: ", view->job->executor->ops->name);
        ncr_buf_grouped(out, (uint64_t)((double)(r->n - r->found) / r->wall_s));
        ncr_buf_puts(out, " injections/s, ");
        ncr_buf_grouped(out, (uint64_t)((double)r->runs / r->wall_s));
        ncr_buf_fmt(out, " faulty inferences/s, %.2f of %u layers run each\n",
                    r->runs ? (double)r->steps / (double)r->runs : 0.0,
                    view->job->executor->n_steps - 1);
    }
}

// ---- CSV ----
void ncr_inject_csv_head(struct ncr_buf *out)
{
    ncr_buf_puts(out, "index,layer,site,coordinates,element,bit,step,old,new,flips,rate,input,"
                      "outcome,benign,sdc,sdc5,sdc10,sdc20,"
                      "broken,mended,golden_top,faulty_top,output_hash\n");
}

void ncr_inject_csv(const struct ncr_qgraph *qgraph, const struct ncr_record *records, size_t n,
                    struct ncr_buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct ncr_record *r = &records[i];
        ncr_buf_fmt(out, "%llu,", (unsigned long long)r->index);
        if (r->n_flips) {
            ncr_buf_fmt(out, "%.*s,%s,", NCR_STR_ARG(qgraph->nodes[r->node].path),
                        ncr_site_name((enum ncr_site_class)r->site));
            ncr_inject_place(qgraph, (enum ncr_site_class)r->site, r->node, r->element, ':', out);
            ncr_buf_fmt(out, ",%lld,%u,%u,%d,%d", (long long)r->element, r->bit, r->step,
                        r->old_value, r->new_value);
        } else {
            ncr_buf_puts(out, ",,,,,,,");
        }
        ncr_buf_fmt(out, ",%u,%u,", r->n_flips, r->rate);
        if (r->input == NCR_ALL_INPUTS)
            ncr_buf_puts(out, "all");
        else
            ncr_buf_fmt(out, "%u", r->input);
        ncr_buf_fmt(out, ",%s,%u,%u,%u,%u,%u,%u,%u,%u,%u,%016llx\n",
                    ncr_outcome_name((enum ncr_outcome)r->outcome), r->n_benign, r->n_sdc,
                    r->n_sdc5, r->n_sdc10, r->n_sdc20, r->n_broken, r->n_mended, r->golden_top,
                    r->faulty_top, (unsigned long long)r->output_hash);
    }
}
