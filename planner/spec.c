/* bytes -> tree -> spec -> checks: the compile line up to the model. */
#include "planner/spec.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/engine_version.h"
#include "planner/read.h"

static const char *
without_slashes(struct arena *a, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	while (n > 1 && text[n - 1] == '/')
		n--;
	return text ? arena_strndup(a, text, n) : NULL;
}

/* Defaults that depend on other fields, and one spelling for each path. */
static void
finish(struct arena *a, struct spec *s)
{
	struct spec_script *script = &s->engine.script;

	read_inherit(s);
	if (!script->url.at.line && !script->sha256.at.line) {
		script->url.text = engine_script_url(a, engine_version_of_image(s->engine.image.text),
						     &script->sha256.text);
	}
	s->shared_dir.text = without_slashes(a, s->shared_dir.text);
	s->model.endpoint.text = without_slashes(a, s->model.endpoint.text);
	s->model.path.text = without_slashes(a, s->model.path.text);
}

/* nodes: {lua: FILE}: the file is asked when nothing in this map is wrong. */
static void
take_inventory(struct reading *r, struct spec *s, const struct spec_world *world)
{
	const struct field *f = spec_fields.field;
	struct tree *list;

	if (!r->ask)
		return;
	if (!world->inventory) {
		diag_error(r->d, s->inventory.at, "the nodes come from '%s', which cannot be asked "
			   "here", s->inventory.text);
		return;
	}
	list = world->inventory(world->arg, r->arena, s, r->d);
	if (!list)
		return;
	while (f->type != FIELD_NODES)
		f++;
	r->as_is = true;
	read_nodes_of(r, f, list, s);
}

static bool
is_secret_field(const struct field_group *g, const char *name)
{
	for (const struct field *f = g->field; f->name; f++)
		if ((f->type == FIELD_SECRET && strcmp(f->name, name) == 0) ||
		    (f->group && is_secret_field(f->group, name)))
			return true;
	return false;
}

static bool
is_reference(const char *s, size_t n)
{
	static const char *const prefix[] = {"env:", "file:", "cmd:"};

	for (size_t i = 0; i < countof(prefix); i++)
		if (n >= strlen(prefix[i]) && memcmp(s, prefix[i], strlen(prefix[i])) == 0)
			return true;
	return false;
}

/* The word that a ':' ends, perhaps quoted; "" when there is none since `from`. */
static const char *
key_before(struct arena *a, const char *from, const char *colon)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_";
	const char *end = colon, *start;

	while (end > from && (end[-1] == ' ' || end[-1] == '"' || end[-1] == '\''))
		end--;
	for (start = end; start > from && memchr(letters, start[-1], sizeof letters - 1);)
		start--;
	return arena_strndup(a, start, (size_t)(end - start));
}

/* A file that is no YAML has no fields: what stands behind the name of a secret is
 * hidden to the end of its line, lest the complaint shows it. */
static void
hide_by_looks(struct arena *a, const struct source *src, struct diags *d)
{
	const char *end = src->text + src->len, *line = src->text, *line_end, *colon, *value;

	for (; line < end; line = line_end + 1) {
		line_end = memchr(line, '\n', (size_t)(end - line));
		line_end = line_end ? line_end : end;
		for (colon = line; (colon = memchr(colon, ':', (size_t)(line_end - colon))); colon++) {
			const char *key = key_before(a, line, colon);

			if (!is_secret_field(&spec_fields, key) && !read_names_secret(key))
				continue;
			for (value = colon + 1; value < line_end && strchr(" \"'", *value) && *value;)
				value++;
			if (!is_reference(value, (size_t)(line_end - value)))
				diag_hide(d, src, (size_t)(value - src->text),
					  (size_t)(line_end - src->text));
		}
	}
}

/* Whether there may be more kinds than the files that could be read from the spec. */
static bool
misses_kinds(const struct spec *s, const struct tree *top)
{
	const struct tree *kinds = read_find(top, "kinds");

	if (!kinds)
		return read_has_unknown(&spec_fields, top);
	return kinds->type == TREE_LIST ? kinds->n != s->kinds.n : !tree_is_empty(kinds);
}

struct spec *
spec_read(struct arena *a, const struct source *src, spec_env *env, struct diags *d)
{
	size_t before = d->nerror;
	struct spec *s = spec_read_in(a, src, &(struct spec_world){.env = env}, d);

	return d->nerror == before ? s : NULL;
}

struct spec *
spec_read_in(struct arena *a, const struct source *src, const struct spec_world *world,
	     struct diags *d)
{
	struct reading r = {.arena = a, .d = d,
		.vars = {.arena = a, .d = d, .env = world->env}};
	struct spec *s = ar_new(a, struct spec);
	struct tree *top = tree_read(a, src, d);
	const struct tree *vars;

	if (!top)
		hide_by_looks(a, src, d);
	if (!top || top->type == TREE_BAD)
		return NULL;
	if (top->type != TREE_MAP) {
		diag_error(d, top->at, "the file must be a map: lines of 'key: value'");
		return NULL;
	}
	s->src = src;
	read_defaults(&spec_fields, s);
	vars = read_find(top, "vars");
	if (vars && vars->type != TREE_MAP && vars->type != TREE_BAD && !tree_is_empty(vars))
		diag_error(d, vars->at, "'vars' must be a map: {NAME: TEXT}");
	else if (vars && vars->type == TREE_MAP)
		vars_read(&r.vars, vars);
	read_group(&r, &spec_fields, top, s);
	s->kinds_lost = misses_kinds(s, top);
	take_inventory(&r, s, world);
	reading_release(&r);
	finish(a, s);
	checks_run(s, d);
	return s;
}

const char **
spec_arg(struct arena *a, const char *key, const char *value, size_t *n)
{
	struct { const char **v; size_t n, cap; } out = {0};
	bool no = strcmp(value, "false") == 0, flag = no || strcmp(value, "true") == 0;

	*vec_push(a, &out) = arena_printf(a, no ? "--no-%s" : "--%s", key);
	while (!flag && value) {
		const char *end = strchrnul(value, '\n');

		*vec_push(a, &out) = arena_strndup(a, value, (size_t)(end - value));
		value = *end ? end + 1 : NULL;
	}
	*n = out.n;
	return out.v;
}
