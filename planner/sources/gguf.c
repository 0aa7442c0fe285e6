/* GGUF files: one of them is a whole model, and a repository has many, one for each quantisation. */
#include <stdio.h>
#include <string.h>

#include "planner/base/path.h"
#include "planner/base/vec.h"
#include "planner/sources/source.h"

unsigned
gguf_part(const char *path, unsigned *of)
{
	size_t n = strlen(path);
	unsigned part = 0;
	int end = 0;

	*of = 1;
	if (n < 20 || sscanf(path + n - 20, "-%5u-of-%5u.gguf%n", &part, of, &end) != 2 || end != 20) {
		*of = 1;
		return 0;
	}
	return part;
}

static bool
gguf_begins(const char *path, unsigned *parts)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return path_ends(path, ".gguf") && strncmp(name, "mmproj", 6) != 0 && gguf_part(path, parts) <= 1;
}

const char *
gguf_first(const struct manifest *list)
{
	unsigned parts;

	for (size_t i = 0; list && i < list->n; i++)
		if (gguf_begins(list->v[i].path, &parts))
			return list->v[i].path;
	return NULL;
}

const char *
gguf_models(struct arena *a, const struct manifest *list, size_t *models, size_t *parts)
{
	enum { SHOWN = 4 };
	const char *names = "";
	unsigned of;

	*models = *parts = 0;
	for (size_t i = 0; i < list->n; i++) {
		if (!gguf_begins(list->v[i].path, &of))
			continue;
		if (*models < SHOWN)
			names = arena_printf(a, "%s%s%.100s", names, *models ? ", " : "", list->v[i].path);
		*parts = of;
		++*models;
	}
	return *models > SHOWN ? arena_printf(a, "%s and %zu more", names, *models - SHOWN) : names;
}

const char *
gguf_pattern(struct arena *a, const char *first)
{
	unsigned of;
	size_t n = strlen(first);

	return gguf_part(first, &of) ? arena_printf(a, "%.*s-*", (int)(n - 20), first) : first;
}
