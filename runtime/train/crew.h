// A few threads that wait for lists of independent pieces of work. They sleep between lists, so a
// busy machine is not kept busier. Internal to runtime/train.
#ifndef NCR_TRAIN_CREW_H
#define NCR_TRAIN_CREW_H

#include "lang/base/base.h"

struct ncr_crew;

// The caller and threads - 1 others. enter (may be NULL) is called once in each of the others when
// it starts. Where the system grants fewer threads, the crew is smaller. NULL when out of memory.
struct ncr_crew *ncr_crew_new(uint32_t threads, void (*enter)(void));
void ncr_crew_free(struct ncr_crew *crew);

// Calls work(context, item) once for each item in [0, n), in any order and thread; returns when all
// are done. mine is true in the calling thread.
void ncr_crew_run(struct ncr_crew *crew, uint32_t n,
                  void (*work)(void *context, uint32_t item, bool mine), void *context);

#endif
