// The comparison's parts: a network with its numbers and Nacre's code; ONNX models of it; the same
// network in oneDNN; a runtime in a process of its own.
#ifndef PEERS_PEERS_H
#define PEERS_PEERS_H

#include "compiler/codegen/codegen.h"
#include "lang/base/io.h"
#include "tests/bench/peers/onnx_write.h"

enum { PEERS_IMAGES = 100, PEERS_CHECKED = 4 }; // CHECKED: by the plain interpreters
// Batches of Nacre's code: one image, all of them, and the half that each of two threads has.
enum { PEERS_ONE, PEERS_ALL, PEERS_HALF, PEERS_BATCHES };

// ---- subject.c: one network of networks.ncr ----
struct subject {
    struct ncr_arena *arena;
    const char *name;
    const struct ncr_graph *graph; // simplified
    const struct ncr_weights *weights;
    const struct ncr_qgraph *qgraph;
    const struct ncr_plan *plans[PEERS_BATCHES];
    struct ncr_code *codes[PEERS_BATCHES];
    struct ncr_code_sizes sizes; // of the same code as an object
    uint8_t *memory[2];          // an arena for each thread
    int64_t in, out;             // elements of one image, of one result
    double macs;
    float *real;    // PEERS_IMAGES images, logical order [C, H, W]
    int8_t *images; // the same, quantised
    int8_t *turned; // the same, [H, W, C], as the emitted code wants them
    int8_t *result; // of all images, from the emitted code
};
// Random weights and images; calibrated, quantised, planned, compiled; all images run. Stops the
// program where emitted code and interpreter differ.
void subject_make(struct subject *s, const struct ncr_io *io, const char *program,
                  const char *name);
void subject_free(struct subject *s);
// Images first … end - 1, as many as one of the batches has; results into their places of
// s->result.
void subject_run(const struct subject *s, int thread, int first, int end);
const struct ncr_qnode *subject_input(const struct subject *s);
const struct ncr_qnode *subject_output(const struct subject *s);
// Real weights and biases of a node of the quantised graph with its batchnorm folded in, in the
// subject's arena.
void subject_folded(const struct subject *s, const struct ncr_qnode *q, float **w, float **bias);
// Bias in units of (weight scale · input scale): what is stored, without the folded zero point.
int32_t *subject_bias(const struct subject *s, const struct ncr_qnode *q);

// ---- onnx_net.c ----
enum model { MODEL_FLOAT, MODEL_INT8, MODEL_EMPTY };
// The network as an ONNX model for `batch` images: in float; with QuantizeLinear and
// DequantizeLinear around int8 weights and uint8 tensors; or an identity on the int8 model's
// output, which shows what a call costs. False with err filled where an operator is not known here.
bool onnx_net(const struct subject *s, enum model model, int batch, struct ncr_buf *out,
              struct ncr_error *err);

// ---- dnnl_net.c ----
struct dnnl_net;
// NULL with err filled where oneDNN refuses.
struct dnnl_net *dnnl_net_make(const struct subject *s, int batch, int threads,
                               struct ncr_error *err);
void dnnl_net_free(struct dnnl_net *net);
// Images first … first + batch - 1 become the input.
void dnnl_net_set(struct dnnl_net *net, const float *real);
bool dnnl_net_run(struct dnnl_net *net);
// Results of the batch as real numbers.
void dnnl_net_get(const struct dnnl_net *net, float *out);
// Names of oneDNN's implementations that look like plain loops, or "".
const char *dnnl_net_slow(const struct dnnl_net *net);
const char *dnnl_net_isa(void);
const char *dnnl_net_version(void);

// ---- worker.c: ONNX Runtime by its package for Node.js, PyTorch by its module for Python ----
struct worker;
// Starts `command` (NULL-terminated). NULL with err filled.
struct worker *worker_start(char *const *command, struct ncr_error *err);
void worker_stop(struct worker *w);
// One request, one line of answer, without its "ok "; NULL with err filled.
const char *worker_ask(struct worker *w, struct ncr_error *err, const char *request, ...)
    NCR_PRINTF(3, 4);

#endif
