// What `inject` and `replay` share: from the command line to a campaign that is ready to run.
#ifndef NCR_TOOLS_CAMPAIGN_H
#define NCR_TOOLS_CAMPAIGN_H

#include "runtime/inject/campaign.h"
#include "tools/nacre/work.h"

enum { CAMPAIGN_RATES = 64 };

struct cli_campaign {
    struct cli_work work;
    const struct ncr_campaign_spec *spec; // NULL: the program declares none
    struct ncr_fault_spec fault;
    struct ncr_campaign_job job;
    struct ncr_str name, data_text;
    double rates[CAMPAIGN_RATES];
};

// Loads the program, chooses net, quantisation, fault and data, and quantises the inputs. EXIT_GOOD
// or the exit code; cli_campaign_close in both cases. with_code: compile, unless --executor says
// otherwise.
int cli_campaign_open(struct cli *cli, bool with_code, struct cli_campaign *out);
void cli_campaign_close(struct cli_campaign *campaign);

#endif
