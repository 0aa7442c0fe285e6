#ifndef PLANNER_NVIDIA_H
#define PLANNER_NVIDIA_H

#include "planner/accelerators/accelerator.h"

/* nvidia_mig.c: reads `nvidia-smi -L` followed by what `nvidia-smi` prints. */
void nvidia_read_mig(struct arena *, struct gpus *, const char *text);

#endif
