/* Which source a spec takes its model from, and the format of a model by its files. */
#include <string.h>

#include "planner/base/path.h"
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

enum { SEEN_CONFIG = 1, SEEN_PARAMS = 2, SEEN_CONSOLIDATED = 4, SEEN_GGUF = 8, SEEN_WEIGHTS = 16 };

static unsigned
source_format_seen(const char *name)
{
	if (strcmp(name, "config.json") == 0)
		return SEEN_CONFIG;
	if (strcmp(name, "params.json") == 0)
		return SEEN_PARAMS;
	if (strncmp(name, "consolidated", 12) == 0 && path_ends(name, ".safetensors"))
		return SEEN_CONSOLIDATED;
	if (path_ends(name, ".safetensors") || path_ends(name, ".bin"))
		return SEEN_WEIGHTS;
	return path_ends(name, ".gguf") ? SEEN_GGUF : 0;
}

/* Engines look for config.json first; repositories of GGUF files may have that, too. */
static enum checkpoint_format
source_format_of(unsigned seen)
{
	if (seen & SEEN_GGUF && !(seen & (SEEN_WEIGHTS | SEEN_CONSOLIDATED)))
		return FORMAT_GGUF;
	if (seen & SEEN_CONFIG)
		return FORMAT_HF;
	if (seen & SEEN_PARAMS && seen & SEEN_CONSOLIDATED)
		return FORMAT_MISTRAL;
	return seen & SEEN_GGUF ? FORMAT_GGUF : FORMAT_NONE;
}

enum checkpoint_format
format_of_facts(const struct facts *f)
{
	unsigned seen = 0;

	for (size_t i = 0; i < f->file.n; i++)
		if (f->file.v[i].size >= 0 && !strchr(f->file.v[i].path, '/'))
			seen |= source_format_seen(f->file.v[i].path);
	return source_format_of(seen);
}

enum checkpoint_format
format_of_manifest(const struct manifest *list)
{
	unsigned seen = 0;

	for (size_t i = 0; i < list->n; i++)
		seen |= source_format_seen(list->v[i].path);
	return source_format_of(seen);
}
