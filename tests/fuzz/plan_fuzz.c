/* libFuzzer: the reader of saved plans. What it takes must name its spec and be fit to
 * be compared; what it refuses must say why. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/plan.h"
#include "planner/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct err e = {0};
	struct spec spec = {0};
	struct model m = {.cluster = "x", .spec = &spec};
	struct graph g = {.model = &m};
	struct plan nothing = {.graph = &g};
	struct saved_plan *saved = plan_load(&a, (const char *)data, n, &e);
	struct plan_options options;

	attrs_add(&a, &spec.files, "hooks/a.lua", "0123");
	if (!saved != (e.text[0] != '\0'))
		abort();
	if (saved) {
		if (!saved_plan_spec(saved) || !saved_plan_spec_name(saved))
			abort();
		options = saved_plan_options(saved);
		for (const char **s = options.target; s && *s; s++)
			if (strlen(*s) > n)
				abort();
		plan_stale(&a, saved, &nothing);
	}
	arena_release(&a);
	return 0;
}
