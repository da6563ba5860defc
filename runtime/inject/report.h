// What a campaign found, in words: text table, JSON (schema "nacre.inject/1"), CSV of records.
#ifndef NCR_INJECT_REPORT_H
#define NCR_INJECT_REPORT_H

#include "runtime/inject/campaign.h"

struct ncr_inject_view {
    const struct ncr_campaign_job *job;
    const struct ncr_campaign_result *result;
    struct ncr_str campaign, fault, quant, data; // names, data as text; campaign may be empty
    uint32_t columns;                            // of the terminal
};

void ncr_inject_text(const struct ncr_inject_view *view, struct ncr_buf *out);
void ncr_inject_json(const struct ncr_inject_view *view, struct ncr_buf *out);

// One line a record, after the line of names.
void ncr_inject_csv_head(struct ncr_buf *out);
void ncr_inject_csv(const struct ncr_qgraph *qgraph, const struct ncr_record *records, size_t n,
                    struct ncr_buf *out);

// 1234567 as "1,234,567".
void ncr_buf_grouped(struct ncr_buf *out, uint64_t v);
// Element coordinates of a record as "3,0,2,1".
void ncr_inject_place(const struct ncr_qgraph *qgraph, enum ncr_site_class site, uint32_t node,
                      int64_t element, char separator, struct ncr_buf *out);

#endif
