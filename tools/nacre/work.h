// What the commands on trained networks share: a loaded program with its pipeline, made from the
// options.
#ifndef NCR_TOOLS_WORK_H
#define NCR_TOOLS_WORK_H

#include "runtime/api/pipeline.h"
#include "runtime/train/trainer.h"
#include "tools/nacre/cache.h"

struct cli_work {
    struct cli_cache cache;
    struct cli_program program;
    struct ncr_pipeline pipeline;
    struct ncr_data_ref ref;   // what --data names, with --limit
    struct ncr_dataset images; // its images
    char data_text[128];       // "images.test[0..100]"
    struct ncr_error err;
};

// Loads the program of the first argument and sets its pipeline up from --net, --quant, --train,
// --weights and --data-dir. EXIT_GOOD, or the exit code to return; call work_close in both cases.
int work_open(struct cli *cli, struct cli_work *work);
void work_close(struct cli_work *work);
// Adds the genes of a genotype file to out. EXIT_GOOD, or the exit code to return after a message.
int work_genotype(struct cli *cli, struct cli_program *program, const char *path,
                  struct ncr_genes_given *out);
// The decisions of --genotype and --set. EXIT_GOOD, or the exit code to return.
int work_genes(struct cli *cli, struct cli_program *program, struct ncr_genes_given *out);
// The exit code for a status of a pipeline's step; prints what it collected or work->err.
int work_status(struct cli *cli, struct cli_work *work, enum ncr_status status);

// --optimize, or what suits the machine: size for one without a system, where constant memory is
// short, else speed. False after a message.
bool work_optimize(struct cli *cli, enum ncr_code_optimize *out);
// Places of the layers of a pipeline's integer network, by qnode, where --debug is given; else
// NULL.
const struct ncr_code_place *work_places(struct cli *cli, struct cli_work *work);

// Opens the images of --data (the test split of the program's data where it is not given), at most
// --limit of them, and checks that the net can classify them. Refuses an empty set.
int work_images(struct cli *cli, struct cli_work *work);
// --threads, or the number of processors. False after a message.
bool work_threads(struct cli *cli, uint32_t *out);
// --threads, or one: for what waits for all threads after each layer, where a second thread gains
// little on small networks and costs a multiple on processors that others use too.
bool work_close_threads(struct cli *cli, uint32_t *out);
// The trainer of --trainer, or the default one. NULL after a message.
const struct ncr_trainer *work_trainer(struct cli *cli);
// "98.75 %" of part in whole.
void work_percent(struct ncr_buf *out, uint64_t part, uint64_t whole);

#endif
