// What the parts of `nacre mutate` share: networks (cmd_mutate.c) and genotypes
// (mutate_genotype.c).
#ifndef NCR_TOOLS_MUTATE_H
#define NCR_TOOLS_MUTATE_H

#include "compiler/mutate/genotype.h"
#include "lang/base/json.h"
#include "tools/nacre/work.h"

enum {
    MUTATE_LIMIT_STEPS = 10000,
    MUTATE_LIMIT_LISTED = 100000,
    MUTATE_GIVEN = 16,
    MUTATE_ONLY = 64
};

struct mutate_step {
    struct ncr_str place, draws;
    enum ncr_inherit inherit;
    uint32_t train_steps;
};

struct mutate_job {
    struct cli_work work;
    struct ncr_arena *arena;
    struct ncr_program *program;
    const struct ncr_net_info *open_net; // --reach of a net with decisions; the rest is empty then
    const struct ncr_graph *graph;       // as it stands in the program, with dropout
    const struct ncr_weights *weights;   // NULL: none
    const struct ncr_mutation *mutations[MUTATE_ONLY];
    uint32_t n_mutations;
    struct ncr_given given[MUTATE_GIVEN];
    uint32_t n_given;
    uint64_t seed;
    NCR_VEC(struct mutate_step) steps;
};

// Whether --apply, or all of --only, name mutations of decisions: then it is the genotype that
// changes.
bool mutate_of_genotype(struct cli *cli, struct mutate_job *job);
// --apply or --random on the genotype; prints it, or writes PREFIX.genotype and PREFIX.safetensors.
int mutate_genotype(struct cli *cli, struct mutate_job *job);
// The places of mutations of decisions, for --list.
void mutate_genotype_list(struct cli *cli, struct mutate_job *job, struct ncr_buf *out,
                          struct ncr_json *json);
// EXIT_COMMAND_LINE after a message where a value of --draw was not drawn.
int mutate_unused_draws(struct cli *cli, struct mutate_job *job, const struct ncr_mutation *m,
                        struct ncr_str drawn);

#endif
