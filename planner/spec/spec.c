/* bytes -> tree -> spec -> checks. */
#include "planner/base/path.h"
#include "planner/spec/spec.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/spec/read.h"

static const char *
spec_without_slashes(struct arena *a, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	while (n > 1 && text[n - 1] == '/')
		n--;
	return text ? arena_strndup(a, text, n) : NULL;
}

static const struct word *
spec_store_word(const struct spec *s)
{
	return s->storage.local.text ? &s->storage.local
	       : s->storage.shared.text ? &s->storage.shared : &s->shared_dir;
}

const char *
spec_store(const struct spec *s)
{
	return spec_store_word(s)->text;
}

const char *
spec_store_key(const struct spec *s)
{
	const struct word *word = spec_store_word(s);

	return word == &s->storage.local ? "storage.local"
	       : word == &s->storage.shared ? "storage.shared" : "shared_dir";
}

bool
spec_store_shared(const struct spec *s)
{
	return !s->storage.local.text && spec_store(s);
}

/* Sets the name of the model, and defaults that depend on its source. With a url, what the server
 * has now is the only revision. */
static void
spec_finish_model(struct arena *a, struct spec_model *m)
{
	m->endpoint.text = spec_without_slashes(a, m->endpoint.text);
	m->path.text = spec_without_slashes(a, m->path.text);
	m->url.text = spec_without_slashes(a, m->url.text);
	if (m->repo.text && m->source.text && strcmp(m->source.text, "modelscope") == 0) {
		m->repo.text = arena_printf(a, "modelscope:%s", m->repo.text);
		if (!m->endpoint.at.line)
			m->endpoint.text = MODELSCOPE_ENDPOINT;
		if (!m->revision.at.line)
			m->revision.text = "master";
	}
	if (!m->url.text || m->repo.text)
		return;
	m->repo.text = m->url.text;
	if (!m->revision.at.line)
		m->revision.text = "latest";
	if (strncmp(m->url.text, "s3://", 5) == 0 && !m->endpoint.at.line && m->region.text)
		m->endpoint.text = arena_printf(a, "https://s3.%s.amazonaws.com", m->region.text);
}

const char *
spec_archive_here(struct arena *a, const struct spec *s)
{
	const char *path = s->engine.image_archive.text;
	const char *folder = path_folder(a, s->src ? s->src->name : "");

	if (!path || *path == '/')
		return NULL;
	return strcmp(folder, ".") == 0 ? path : arena_printf(a, "%s/%s", folder, path);
}

/* Defaults that depend on other fields, and one spelling for each path. */
static void
spec_finish(struct arena *a, struct spec *s)
{
	struct spec_script *script = &s->engine.script;
	const struct engine *engine = engine_find(NULL);

	s->engine.kind = engine;
	read_inherit(s);
	if (engine->script_url && !script->url.at.line && !script->sha256.at.line)
		script->url.text = engine->script_url(
			a, engine->version_of_image(s->engine.image.text, false), &script->sha256.text);
	s->shared_dir.text = spec_without_slashes(a, s->shared_dir.text);
	s->storage.shared.text = spec_without_slashes(a, s->storage.shared.text);
	s->storage.local.text = spec_without_slashes(a, s->storage.local.text);
	spec_finish_model(a, &s->model);
	spec_carried_finish(a, s);
}

/* nodes: {lua: FILE}: runs the file if nothing in this map is wrong. */
static void
spec_take_inventory(struct reading *r, struct spec *s, const struct spec_world *world)
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
spec_is_secret_field(const struct field_group *g, const char *name)
{
	for (const struct field *f = g->field; f->name; f++)
		if ((f->type == FIELD_SECRET && strcmp(f->name, name) == 0) ||
		    (f->group && spec_is_secret_field(f->group, name)))
			return true;
	return false;
}

/* The word before a ':', perhaps quoted; "" if there is none after `from`. */
static const char *
spec_key_before(struct arena *a, const char *from, const char *colon)
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

/* Not YAML, so there are no fields: hide the rest of the line after a name of a secret, as
 * the error message shows the line. */
static void
spec_hide_by_looks(struct arena *a, const struct source *src, struct diags *d)
{
	const char *end = src->text + src->len, *line = src->text, *line_end, *colon, *value;

	for (; line < end; line = line_end + 1) {
		line_end = memchr(line, '\n', (size_t)(end - line));
		line_end = line_end ? line_end : end;
		for (colon = line; (colon = memchr(colon, ':', (size_t)(line_end - colon))); colon++) {
			const char *key = spec_key_before(a, line, colon);

			if (!spec_is_secret_field(&spec_fields, key) && !read_names_secret(key))
				continue;
			for (value = colon + 1; value < line_end && strchr(" \"'", *value) && *value;)
				value++;
			if (secret_ref_of(arena_strndup(a, value, (size_t)(line_end - value))).from ==
			    SECRET_NONE)
				diag_hide(d, src, (size_t)(value - src->text),
					  (size_t)(line_end - src->text));
		}
	}
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
	const struct tree *vars, *kinds;

	if (!top)
		spec_hide_by_looks(a, src, d);
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
		diag_error(d, vars->at, "'vars' must be a map: {NAME: STRING}");
	else if (vars && vars->type == TREE_MAP)
		vars_read(&r.vars, vars);
	read_group(&r, &spec_fields, top, s);
	/* Perhaps the spec names kinds that could not be read. */
	kinds = read_find(top, "kinds");
	s->kinds_lost = !kinds ? read_has_unknown(&spec_fields, top) :
			kinds->type == TREE_LIST ? kinds->n != s->kinds.n : !tree_is_empty(kinds);
	spec_take_inventory(&r, s, world);
	reading_release(&r);
	spec_finish(a, s);
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

/* Questions to engine.args. */
const char *
spec_arg_value(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->engine.args.n; i++)
		if (strcmp(s->engine.args.v[i].key.text, key) == 0)
			return s->engine.args.v[i].value.text ? s->engine.args.v[i].value.text : "true";
	return NULL;
}

bool
spec_arg_flag(const struct spec *s, const char *key)
{
	const char *value = spec_arg_value(s, key);

	return value && strcmp(value, "false") != 0;
}

double
spec_arg_number(const struct spec *s, const char *key)
{
	static const struct { char letter; double times; } unit[] = {{'k', 1e3}, {'m', 1e6},
		{'g', 1e9}, {'K', 1024.0}, {'M', 1024.0 * 1024}, {'G', 1024.0 * 1024 * 1024}};
	const char *value = spec_arg_value(s, key);
	char *end;
	double x;

	if (!value)
		return 0;
	x = strtod(value, &end);
	if (end == value || !(x > 0) || x > 1e15)
		return 0;
	for (size_t i = 0; *end && i < countof(unit); i++)
		if (*end == unit[i].letter)
			x *= unit[i].times;
	return x;
}

const char *
words_text(struct arena *a, const struct words *list)
{
	struct str s = {0};
	const char *copy;

	for (size_t i = 0; i < list->n; i++) {
		const char *word = list->v[i].text;

		if (i)
			str_putc(&s, ' ');
		if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_=+./:,@%*") == strlen(word))
			str_puts(&s, word);
		else
			str_shquote(&s, word);
	}
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

const char **
words_of(struct arena *a, const char *text, size_t *n)
{
	struct { const char **v; size_t n, cap; } out = {0};
	struct str word = {0};

	while (*text) {
		bool quoted = false;

		for (; *text && (quoted || *text != ' '); text++) {
			if (*text == '\'')
				quoted = !quoted;
			else if (*text == '\\' && !quoted && text[1])
				str_putc(&word, *++text);
			else
				str_putc(&word, *text);
		}
		text += *text == ' ';
		*vec_push(a, &out) = arena_strdup(a, str_text(&word));
		str_reset(&word);
	}
	str_release(&word);
	*n = out.n;
	return out.v;
}
