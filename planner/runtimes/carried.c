/* How the engine sees the files under files: of the spec. */
#include "planner/runtimes/carried.h"

#include <string.h>

#include "planner/base/str.h"
#include "planner/runtimes/runtime.h"

enum { KEY = 16 };
static const char sha256[] = "sha256:";

/* Both parts are checked: one may come from a record. */
static const char *
carried_path_of(struct arena *a, const char *sum, const char *name)
{
	size_t n = sizeof sha256 - 1;

	if (!sum || strncmp(sum, sha256, n) != 0 || strspn(sum + n, "0123456789abcdef") < KEY || strchr(name, '/'))
		return NULL;
	return arena_printf(a, "%.*s/%s", KEY, sum + n, name);
}

const char *
carried_path(struct arena *a, const struct spec_carried *f)
{
	return f->name ? carried_path_of(a, f->sha256, f->name) : NULL;
}

bool
carried_mountable(const char *path)
{
	return *path == '/' && path[1] && !strpbrk(path, ":,\"\n\r") && !strstr(path, "/../");
}

/* state.sh makes the same. */
const char *
carried_folder(struct arena *a, const struct cluster *c, const struct node *n)
{
	const struct facts *f = node_observed(n) ? n->facts : NULL;
	const char *states = f && f->owner ? strchr(f->owner, '@') : NULL;

	if (!states || states[1] != '/' || strpbrk(states, "\n\r") || !*f->machine_id ||
	    strpbrk(f->machine_id, "/\n\r"))
		return NULL;
	return arena_printf(a, "%s/%s/%s/files", states + 1, c->name, f->machine_id);
}

/* Is that the name of a file that the text names? */
static bool
carried_names(const char *text, const char *name)
{
	size_t n = 0;

	for (; text && (text = spec_carried_named(text, &n)); text += n)
		if (strlen(name) == n && strncmp(text, name, n) == 0)
			return true;
	return false;
}

void
carried_want(struct arena *a, const struct cluster *c, const struct node *n, bool mounts, struct attrs *to)
{
	const struct spec *spec = c->spec;
	bool contained = c->runtime->contained, named = false;
	size_t before = to->n;

	for (size_t i = 0; i < spec->carried.n; i++) {
		const struct spec_carried *f = &spec->carried.v[i];
		bool used = false;

		for (size_t k = 0; f->name && k < before && !used; k++)
			used = (strncmp(to->v[k].name, "args.", 5) == 0 ||
				strncmp(to->v[k].name, "env.", 4) == 0) &&
			       carried_names(to->v[k].value, f->name);
		if (used)
			attrs_add(a, to, arena_printf(a, "files.%s", f->name), f->sha256);
		named |= used;
	}
	if (spec->carried.n && (contained ? mounts : named))
		attrs_add(a, to, "files_dir", carried_folder(a, c, n));
	attrs_sort(to);
}

const char *
carried_text(struct arena *a, struct attrs *inputs, const char *text)
{
	const char *folder = runtime_of(*inputs)->contained ? CARRIED_INSIDE
			   : attrs_value(inputs, "files_dir", CARRIED_INSIDE);
	const size_t inside = strlen(CARRIED_INSIDE "/");
	struct str s = {0};
	const char *at = text, *name, *copy;
	size_t n = 0;

	if (!text || !strstr(text, CARRIED_INSIDE))
		return text;
	for (; (name = spec_carried_named(at, &n)); at = name + n) {
		const char *word = arena_strndup(a, name, n);
		const char *path = carried_path_of(a, attrs_value(inputs, arena_printf(a, "files.%s", word), NULL),
						   word);

		str_add(&s, at, (size_t)(name - at) - inside);
		if (path)
			str_printf(&s, "%s/%s", folder, path);
		else
			str_printf(&s, CARRIED_INSIDE "/%s", word);
	}
	str_puts(&s, at);
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

const char *
carried_list(struct arena *a, struct attrs *inputs)
{
	const char *list = NULL;

	for (size_t i = 0; i < inputs->n; i++) {
		const char *name = inputs->v[i].name, *path;

		if (strncmp(name, "files.", 6) != 0)
			continue;
		path = carried_text(a, inputs, arena_printf(a, CARRIED_INSIDE "/%s", name + 6));
		list = list ? arena_printf(a, "%s %s", list, path) : path;
	}
	return list;
}
