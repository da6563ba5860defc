// The seam between campaigns and what runs the network: a step at a time, over an arena that holds
// every tensor in its own place. Implementations: the plain integer interpreter (the oracle) and
// machine code in memory. All of them give the same logical values; how a tensor lies in the arena
// is their own affair.
//
// An executor is read only and shared by threads; each worker has an arena and a copy of the
// constants, which weight faults are patched into.
#ifndef NCR_INJECT_EXECUTOR_H
#define NCR_INJECT_EXECUTOR_H

#include "compiler/codegen/codegen.h"

enum { NCR_ARENA_ALIGN = 64 };

struct ncr_executor;

struct ncr_executor_ops {
    const char *name; // "interpreter", "jit"
    // A copy of the constants for one worker, in `arena`.
    void *(*constants)(const struct ncr_executor *executor, struct ncr_arena *arena);
    // Puts the network's input (logical order [C, H, W]) where the first steps read it.
    void (*load_input)(const struct ncr_executor *executor, void *constants, uint8_t *tensors,
                       const int8_t *in);
    // Computes the tensor of steps[step] from those of its inputs. Not called for the input itself.
    void (*step)(const struct ncr_executor *executor, uint32_t step, const void *constants,
                 uint8_t *tensors);
    // Logical element (row-major [C, H, W]) of qnode q's tensor, and the bytes of all of them in
    // logical order.
    int32_t (*load)(const struct ncr_executor *executor, const uint8_t *tensors, uint32_t q,
                    int64_t index);
    void (*store)(const struct ncr_executor *executor, uint8_t *tensors, uint32_t q, int64_t index,
                  int32_t value);
    void (*read)(const struct ncr_executor *executor, const uint8_t *tensors, uint32_t q,
                 int8_t *out);
    // Replaces a stored constant; a bias is `from` now.
    void (*patch_weight)(const struct ncr_executor *executor, void *constants, uint32_t q,
                         int64_t index, int8_t to);
    void (*patch_bias)(const struct ncr_executor *executor, void *constants, uint32_t q,
                       int64_t index, int32_t from, int32_t to);
};

// Where a tensor lies: the bytes that hold it and nothing else.
struct ncr_tensor_span {
    uint64_t offset, bytes;
};

struct ncr_executor {
    const struct ncr_executor_ops *ops;
    const struct ncr_qgraph *qgraph;
    const struct ncr_code *code; // machine code only
    const struct ncr_plan *plan; // machine code only
    size_t arena_bytes;
    struct ncr_tensor_span *tensors; // per qnode
    const uint32_t *steps;           // qnodes in execution order, inputs among them
    uint32_t n_steps;
};

// Both need a qgraph with numbers; the executor lives in `arena`. The plan must be
// NCR_PLAN_SEPARATE, and code and plan outlive the executor.
struct ncr_executor *ncr_executor_interpreter(struct ncr_arena *arena,
                                              const struct ncr_qgraph *qgraph);
struct ncr_executor *ncr_executor_jit(struct ncr_arena *arena, const struct ncr_plan *plan,
                                      const struct ncr_code *code);

// A zeroed block aligned to NCR_ARENA_ALIGN.
uint8_t *ncr_executor_block(struct ncr_arena *arena, size_t bytes);
// A private copy of a quantised graph whose weights and biases can be changed.
struct ncr_qgraph *ncr_executor_copy(struct ncr_arena *arena, const struct ncr_qgraph *qgraph);

#endif
