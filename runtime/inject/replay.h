// One injection again, slowly: the whole network in the integer interpreter with and without the
// fault, layer by layer.
#ifndef NCR_INJECT_REPLAY_H
#define NCR_INJECT_REPLAY_H

#include "runtime/inject/campaign.h"

struct ncr_replay_layer {
    uint32_t node;
    int64_t elements, differ; // of the tensor; those that differ from the golden run
    int32_t largest;          // largest |difference|, in stored units
    int64_t place;            // the element that has it
    bool struck;              // a flip of this injection is here (its tensor or its constants)
    bool fed;                 // some input tensor differs
    // fed and differ == 0: the difference was masked here
};

struct ncr_replay {
    struct ncr_injection injection;
    struct ncr_record record; // as this run finds it, over all its inputs
    uint32_t input;           // the one that the layers are of
    struct ncr_judged judged; // on this input
    uint32_t golden_top;
    uint32_t n_layers;
    struct ncr_replay_layer *layers; // in order of execution
};

// Replays injection `index` of the job. input: which to show where the fault is judged on all;
// NCR_ALL_INPUTS: the first with the worst outcome. The job's executor gives the network only;
// everything runs in the interpreter.
enum ncr_status ncr_replay_run(struct ncr_arena *arena, struct ncr_diags *diags,
                               const struct ncr_campaign_job *job, uint64_t index, uint32_t input,
                               struct ncr_replay *out, struct ncr_error *err);
// Whether two records say the same of the same injection; otherwise `why` names the member with
// both values.
bool ncr_replay_agrees(const struct ncr_record *here, const struct ncr_record *there,
                       struct ncr_error *why);

// record: that of the file, or NULL.
void ncr_replay_text(const struct ncr_replay *replay, const struct ncr_campaign_job *job,
                     const struct ncr_record *record, struct ncr_buf *out);
// Schema "nacre.replay/1".
void ncr_replay_json(const struct ncr_replay *replay, const struct ncr_campaign_job *job,
                     const struct ncr_record *record, struct ncr_buf *out);

#endif
