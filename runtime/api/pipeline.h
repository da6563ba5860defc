// The common way of every command that needs more than the text: program → graph → weights → data →
// calibration → quantised graph → plan → machine code. Each step is made when first asked for and
// kept.
#ifndef NCR_API_PIPELINE_H
#define NCR_API_PIPELINE_H

#include "compiler/space/genotype.h"
#include "compiler/codegen/codegen.h"
#include "compiler/sema/program.h"
#include "runtime/data/dataset.h"

// What to take from the program; empty names mean "the only or first one".
struct ncr_pipeline_choice {
    struct ncr_str net, quant, train,
        data; // data: name of a data declaration; empty: that of the train declaration
    struct ncr_genes_given genes; // decisions of a net that has some: --genotype, --set
    const char *weights_path;     // safetensors; NULL: steps after the graph are refused
    const char
        *data_path; // replaces the program's folder as base of relative data paths; NULL: keep
    enum ncr_plan_mode mode;
    uint32_t batch; // images of a run of the code; 0: one
    bool many;      // in place of that, as many as are fast over many images; shared plans alone
    const struct ncr_code_store *store; // of compiled code; NULL: none
    enum ncr_code_optimize optimize;    // code in memory
};

struct ncr_pipeline {
    struct ncr_arena *arena; // holds all below but data and code
    struct ncr_diags *diags;
    const struct ncr_io *io;
    const struct ncr_program *program;
    struct ncr_pipeline_choice choice;

    const struct ncr_net_info *net;
    const uint32_t *taken;         // the genotype of that member; NULL: the net has no decisions
    const struct ncr_graph *whole; // as the program says it, with dropout
    const struct ncr_graph *graph; // simplified
    struct ncr_weights *weights;
    const struct ncr_train_spec *train; // may be NULL: the program trains nothing
    struct ncr_quant_spec quant;        // the declared one, or linear int8
    bool quant_is_default;
    struct ncr_data *data; // opened source of `data_spec`
    const struct ncr_data_spec *data_spec;
    struct ncr_data *other; // another source that ncr_pipeline_images was asked for
    const struct ncr_data_spec *other_spec;
    const struct ncr_qgraph *qgraph;
    const struct ncr_plan *plan;
    struct ncr_code *code;
};

// Nothing is loaded yet. The arguments must outlive the pipeline.
void ncr_pipeline_init(struct ncr_pipeline *pipeline, struct ncr_arena *arena,
                       struct ncr_diags *diags, const struct ncr_io *io,
                       const struct ncr_program *program, const struct ncr_pipeline_choice *choice);
// Frees data and code; the arena is the caller's.
void ncr_pipeline_free(struct ncr_pipeline *pipeline);

// Each makes what it names and all before it. NCR_DIAGNOSED with a diagnostic in the sink,
// NCR_USAGE or NCR_ENVIRONMENT with a text in err.
enum ncr_status ncr_pipeline_graph(struct ncr_pipeline *pipeline, struct ncr_error *err);
enum ncr_status ncr_pipeline_quant(struct ncr_pipeline *pipeline,
                                   struct ncr_error *err); // chooses the quant spec
enum ncr_status ncr_pipeline_weights(struct ncr_pipeline *pipeline,
                                     struct ncr_error *err); // reads the file
// Chooses and opens the data; checks that image shape and classes fit the net.
enum ncr_status ncr_pipeline_data(struct ncr_pipeline *pipeline, struct ncr_error *err);
enum ncr_status ncr_pipeline_qgraph(struct ncr_pipeline *pipeline,
                                    struct ncr_error *err); // calibrates on the training split
enum ncr_status ncr_pipeline_plan(struct ncr_pipeline *pipeline, struct ncr_error *err);
enum ncr_status ncr_pipeline_code(struct ncr_pipeline *pipeline, struct ncr_error *err);

// The images that ncr_pipeline_qgraph calibrates on: the first of the training split that the train
// declaration names (the split is already in a drawn order where it was cut by seed). Data and
// quantisation must have been chosen. The view is valid as long as the pipeline's data.
enum ncr_status ncr_pipeline_calibration(struct ncr_pipeline *pipeline, struct ncr_dataset *out,
                                         struct ncr_error *err);

// The images of a reference; its source is opened where it is not the pipeline's own. The view is
// valid until images of a third source are asked for.
enum ncr_status ncr_pipeline_images(struct ncr_pipeline *pipeline, const struct ncr_data_ref *ref,
                                    struct ncr_dataset *out, struct ncr_error *err);

// A split as text, `images.test`, `test` (of the chosen data) or `images.test[0..1000]`, against
// the program's data.
enum ncr_status ncr_pipeline_data_ref(const struct ncr_pipeline *pipeline, struct ncr_str text,
                                      struct ncr_data_ref *out, struct ncr_error *err);

// linear int8 for weights per channel and activations, min-max calibration over 512 images: what is
// used where the program declares no quantisation.
struct ncr_quant_spec ncr_quant_default(void);

#endif
