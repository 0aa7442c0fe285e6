#ifndef PLANNER_NVIDIA_H
#define PLANNER_NVIDIA_H

#include "planner/accelerators/accelerator.h"

/* nvidia_mig.c: reads `nvidia-smi -L` followed by what `nvidia-smi` prints. */
void nvidia_read_mig(struct arena *, struct gpus *, const char *text);

/* nvidia_generation.c: see the members of these names in accelerator.h. */
int nvidia_capability(const struct gpu *);
int nvidia_driver(int cuda);
int nvidia_driver_runs(int driver);

#endif
