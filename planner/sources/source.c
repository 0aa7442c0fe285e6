#include "planner/sources/source.h"

#define SOURCE(name) extern const struct weights_source source_##name;
#include "planner/sources/sources.def"
#undef SOURCE

static const struct weights_source *const sources[] = {
#define SOURCE(name) &source_##name,
#include "planner/sources/sources.def"
#undef SOURCE
	NULL,
};

const struct weights_source *
source_of(const struct spec_model *spec)
{
	size_t i = 0;

	while (sources[i + 1] && !sources[i]->name(spec))
		i++;
	return sources[i];
}

const struct weights_source *
source_of_inputs(struct attrs *inputs)
{
	size_t i = 0;

	while (sources[i + 1] && !attrs_get(inputs, sources[i]->input))
		i++;
	return sources[i];
}
