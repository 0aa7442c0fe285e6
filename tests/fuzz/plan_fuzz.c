/* libFuzzer: the reader of saved plans. A plan that it accepts must name its spec and be
 * comparable; a refusal must have a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/plan/plan.h"
#include "planner/spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct err e = {0};
	struct spec spec = {0};
	struct cluster c = {.name = "x", .engine = engine_find(NULL), .spec = &spec};
	struct graph g = {.cluster = &c};
	struct plan nothing = {.graph = &g};
	struct saved_plan *saved = plan_load(&a, (const char *)data, n, &e);
	struct plan_options options;

	*vec_push(&a, &spec.files) = (struct spec_file){"hooks/a.lua", "x", 1};
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
