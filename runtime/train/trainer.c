// Name to trainer.
#include "runtime/train/trainer.h"

#include <string.h>

#define NCR_TRAINER_ROW(name) extern const struct ncr_trainer ncr_trainer_##name;
#include "runtime/train/trainer.def"
#undef NCR_TRAINER_ROW

static const struct ncr_trainer *const trainers[] = {
#define NCR_TRAINER_ROW(name) &ncr_trainer_##name,
#include "runtime/train/trainer.def"
#undef NCR_TRAINER_ROW
};

const struct ncr_trainer *ncr_trainer_find(const char *name)
{
    for (size_t i = 0; i < NCR_COUNT(trainers); i++)
        if (strcmp(trainers[i]->name, name) == 0) return trainers[i];
    return NULL;
}
