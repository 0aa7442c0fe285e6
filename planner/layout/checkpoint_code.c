/* The Python code that a model brings (auto_map in its config.json), maybe in another repository. */
#include <string.h>

#include "planner/layout/checkpoint_private.h"

enum { CODE_NAME = 193 };

/* The repository in "ORG/NAME--FILE.CLASS". NULL: the code is in the model's own folder. */
static const char *
code_repo(struct arena *a, const json_t *value)
{
	const char *text = json_string_value(json_is_array(value) ? json_array_get(value, 0) : value);
	const char *end = text ? strstr(text, "--") : NULL, *slash = text ? strchr(text, '/') : NULL;

	if (!end || !slash || slash > end || end - text > CODE_NAME ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") < (size_t)(end - text))
		return NULL;
	return arena_strndup(a, text, (size_t)(end - text));
}

void
checkpoint_read_code(struct checkpoint_reader *r)
{
	json_t *map = json_object_get(r->root, "auto_map");
	const char *name, *repo;
	json_t *value;

	if (!json_is_object(map))
		return;
	r->f->own_code = json_object_size(map) > 0;
	/* `known` becomes false later if a number that the shapes need is missing. */
	r->f->code_needed = !r->f->known;
	json_object_foreach(map, name, value)
		if (!r->f->code_repo && (repo = code_repo(r->arena, value)))
			r->f->code_repo = repo;
}
