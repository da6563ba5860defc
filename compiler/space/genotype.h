// Genotypes as text: the alternatives that a member takes, by the paths of the decisions.
//
//     tiny {
//         width = 24;
//         body[0]/depth = 2;
//     }
//
// as JSON: { "schema": "nacre.genotype/1", "net": "tiny", "genes": { "width": "24", … } }, and on
// one line. Only decisions that exist are written. Values are written as in the program.
#ifndef NCR_SPACE_GENOTYPE_H
#define NCR_SPACE_GENOTYPE_H

#include "compiler/space/space.h"
#include "lang/base/diag.h"
#include "lang/base/json.h"

// Values by path as they were given: what stands after `=`, and where (NCR_NOWHERE: --set).
struct ncr_gene {
    struct ncr_str path, value; // relative to the net
    struct ncr_span span;
};

struct ncr_genes_given {
    struct ncr_str net; // named in a file; empty otherwise
    NCR_VEC(struct ncr_gene) genes;
};

// "width = 24; body[0]/depth = 2" or "width=24": adds genes. NCR_USAGE where that is something
// else.
enum ncr_status ncr_genes_parse(struct ncr_arena *arena, struct ncr_str text,
                                struct ncr_genes_given *out, struct ncr_error *err);
// Reads a genotype file, text or JSON (told apart by what it holds). False after diagnostics.
bool ncr_genes_read(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file,
                    struct ncr_genes_given *out);

// The alternatives that genes name: given[d], NCR_UNSET where none does; later genes win. Resolved
// in the order of the decisions, so that a value which depends on earlier ones is understood. open:
// the first decision that exists and was not given; NCR_UNSET where the genotype is complete (then
// given[] is it, absent decisions at 0). False after diagnostics with the nearest valid paths or
// the valid values.
bool ncr_genotype_resolve(const struct ncr_space *space, struct ncr_diags *diags,
                          const struct ncr_genes_given *genes, uint32_t *given, uint32_t *open);

void ncr_genotype_text(const struct ncr_space *space, const uint32_t *taken, struct ncr_buf *out);
void ncr_genotype_line(const struct ncr_space *space, const uint32_t *taken, struct ncr_buf *out);
void ncr_genotype_json(const struct ncr_space *space, const uint32_t *taken, struct ncr_json *json);

#endif
