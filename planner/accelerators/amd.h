#ifndef PLANNER_AMD_H
#define PLANNER_AMD_H

#include "planner/accelerators/accelerator.h"

/* For amd.c and amd_text.c: what AMD's tools say. */

/* The GPU with that PCI address, else the one at that position in the tool's list; a new one if
 * there is none. NULL: there are GPUS_MAX. */
struct gpu *amd_card(struct arena *, struct gpus *, const char *pci, size_t position);
/* Its own memory and the host's that it can reach (GTT), in MiB; -1: not known. A GPU that has
 * little of its own, as in a Strix Halo, works in the host's. */
void amd_set_memory(struct gpu *, long long vram, long long vram_used, long long gtt,
		    long long gtt_used);
/* What the tools print without --json. */
void amd_read_rocm_text(struct arena *, struct gpus *, const char *text);
void amd_read_smi_text(struct arena *, struct gpus *, const char *text);

#endif
