/* The registry: accelerators.def as a list, and the calls to its rows. */
#include "planner/accelerators/accelerator.h"

#include <string.h>

#define ACCELERATOR(name) extern const struct accelerator accelerator_##name;
#include "planner/accelerators/accelerators.def"
#undef ACCELERATOR

#define ACCELERATOR(name) &accelerator_##name,
const struct accelerator *const accelerators[] = {
#include "planner/accelerators/accelerators.def"
	NULL,
};
#undef ACCELERATOR

const struct accelerator *
accelerator_find(const char *name)
{
	for (size_t i = 0; accelerators[i]; i++)
		if (strcmp(accelerators[i]->name, name) == 0)
			return accelerators[i];
	return NULL;
}

const struct accelerator *
accelerator_of(const struct gpus *all)
{
	const struct accelerator *found = all->n ? accelerator_find(all->v[0].vendor) : NULL;

	return found ? found : accelerators[0];
}

void
gpus_read_tool(struct arena *a, struct gpus *all, const char *tool, const char *text)
{
	for (size_t i = 0; accelerators[i]; i++)
		for (const struct accelerator_read *r = accelerators[i]->reads; r->name; r++)
			if (strcmp(r->name, tool) == 0)
				r->read(a, all, text);
}

struct gpu_faults
gpus_faults(struct arena *a, const struct gpus *all)
{
	struct gpu_faults out = {0};

	if (accelerator_of(all)->faults)
		accelerator_of(all)->faults(a, all, &out);
	else
		gpu_faults_busy(a, all, &out);
	return out;
}
