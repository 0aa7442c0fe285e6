/* Repositories besides the model's, and paths on the nodes, that the engine's arguments name. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/engines/engine.h"
#include "planner/spec/spec.h"

enum { MAX_EXTRAS = 64, MAX_PATHS = 64 };

struct extras {
	struct arena *arena;
	const struct spec *spec;
	struct { struct spec_extra *v; size_t n, cap; } list;
};

/* ORG/NAME, and not a path? */
static bool
extras_is_repo(const char *s, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t org = strspn(s, letters), name;

	if (!org || org >= n || s[org] != '/' || *s == '.' || *s == '-')
		return false;
	name = strspn(s + org + 1, letters);
	return name && org + 1 + name == n && s[org + 1] != '.' && s[org + 1] != '-' && n <= 193;
}

static void
extras_add(struct extras *e, const struct spec_extra *x)
{
	const char *own = e->spec->model.repo.text;

	if (e->list.n == MAX_EXTRAS || (own && strcmp(own + (strncmp(own, "modelscope:", 11) == 0 ? 11 : 0), x->repo.text) == 0))
		return;
	for (size_t i = 0; i < e->list.n; i++)
		if (strcmp(e->list.v[i].repo.text, x->repo.text) == 0)
			return;
	*vec_push(e->arena, &e->list) = *x;
}

static void
extras_add_text(struct extras *e, const struct pair *arg, const char *text, size_t n, const char *use)
{
	const char *revision = NULL;

	if (!extras_is_repo(text, n))
		return;
	if (strcmp(arg->key.text, "tokenizer") == 0)
		revision = spec_arg_value(e->spec, "tokenizer-revision");
	extras_add(e, &(struct spec_extra){
		.repo = {arena_strndup(e->arena, text, n), arg->value.at},
		.revision = {revision ? revision : "main", revision ? arg->value.at : (struct loc){0}},
		.use = {use, arg->value.at}, .at = arg->value.at});
}

/* The string of that key in JSON, wherever it is; *n is its length. */
static const char *
extras_json(const char *text, const char *end, const char *key, size_t *n)
{
	size_t k = strlen(key);

	for (const char *at = text; at < end && (at = memchr(at, '"', (size_t)(end - at))); at++) {
		if ((size_t)(end - at) < k + 2 || strncmp(at + 1, key, k) != 0 || at[k + 1] != '"')
			continue;
		at += k + 2;
		at += strspn(at, " \t\n");
		if (*at != ':')
			continue;
		at += 1 + strspn(at + 1, " \t\n");
		if (*at != '"')
			continue;
		*n = strcspn(at + 1, "\"\\");
		return at + 1;
	}
	return NULL;
}

/* The repository or path that one value of *n bytes names: the value itself, what is behind
 * "WORD=", or the string of a key in JSON. Sets *n to its length. NULL: it names none. */
static const char *
extras_value(const struct engine_repo_arg *known, const char *text, size_t *n)
{
	const char *equals = memchr(text, '=', *n);

	if (known->key && *n && (*text == '{' || *text == '['))
		return extras_json(text, text + *n, known->key, n);
	if (!equals || !known->key)
		return text;
	*n -= (size_t)(equals + 1 - text);
	return equals + 1;
}

static void
extras_read(struct extras *e, const struct pair *arg, const struct engine_repo_arg *known, const char *text,
	    size_t n)
{
	const char *found = extras_value(known, text, &n);

	if (found)
		extras_add_text(e, arg, found, n, known->use);
}

const struct spec_extra *
spec_extras(struct arena *a, const struct spec *s, size_t *n)
{
	struct extras e = {.arena = a, .spec = s};
	const struct engine_repo_arg *known = s->engine.kind ? s->engine.kind->repo_args : NULL;

	for (size_t i = 0; i < s->model.extra.n; i++)
		if (s->model.extra.v[i].repo.text)
			extras_add(&e, &s->model.extra.v[i]);
	for (; known && known->arg; known++)
		for (size_t i = 0; i < s->engine.args.n; i++) {
			const struct pair *arg = &s->engine.args.v[i];
			const char *at = arg->value.text;

			if (!at || strcmp(arg->key.text, known->arg) != 0)
				continue;
			for (; *at; at += strcspn(at, "\n"), at += *at == '\n')
				extras_read(&e, arg, known, at, strcspn(at, "\n"));
		}
	*n = e.list.n;
	return e.list.v;
}

/* ---- paths ---- */

struct extras_paths { struct spec_path *v; size_t n, cap; };

/* Adds a path, with what `like` says of it; only a string that begins with '/' is one. */
static void
extras_add_path(struct arena *a, struct extras_paths *list, const struct spec_path *like, const char *text, size_t n)
{
	struct spec_path path = *like;

	/* dray carries the files in CARRIED_INSIDE to the nodes itself. */
	if (n < 2 || *text != '/' || list->n == MAX_PATHS || strncmp(text, CARRIED_INSIDE "/", sizeof CARRIED_INSIDE) == 0)
		return;
	path.path = arena_strndup(a, text, n);
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].path, path.path) == 0 && !list->v[i].use == !path.use)
			return;
	*vec_push(a, list) = path;
}

/* Adds the strings in JSON that begin with '/'. Only the engine knows what they mean. */
static void
extras_add_json(struct arena *a, struct extras_paths *list, const struct spec_path *like, const char *text)
{
	for (const char *at = text; (at = strstr(at, "\"/")); at++) {
		size_t n = strcspn(at + 1, "\"\\");

		if (at[1 + n] == '"' && at[2 + n + strspn(at + 2 + n, " \t\n")] != ':')
			extras_add_path(a, list, like, at + 1, n);
	}
}

static const struct engine_repo_arg *
extras_known(const struct engine *e, const char *arg)
{
	const struct engine_repo_arg *known = e->repo_args;

	while (known && known->arg && strcmp(known->arg, arg) != 0)
		known++;
	return known && known->arg ? known : NULL;
}

static bool
extras_is_one_of(const char *const *names, const char *name)
{
	while (names && *names && strcmp(*names, name) != 0)
		names++;
	return names && *names;
}

static void
extras_paths_of(struct arena *a, struct extras_paths *list, const struct engine *e, const struct pair *arg)
{
	const struct engine_repo_arg *known = extras_known(e, arg->key.text);
	bool file = extras_is_one_of(e->file_args, arg->key.text);
	struct spec_path like = {.arg = arg->key.text, .use = known ? known->use : NULL, .at = arg->value.at};

	if (!known && !file && arg->value.text && strchr("{[", *arg->value.text)) {
		like.use = "";
		like.made = true;
		extras_add_json(a, list, &like, arg->value.text);
		return;
	}
	for (const char *at = arg->value.text; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t n = strcspn(at, "\n"), skip = *at == '/' ? 0 : strcspn(at, "=\n") + 1;

		if (known) {
			const char *found = extras_value(known, at, &n);

			if (found)
				extras_add_path(a, list, &like, found, n);
		} else if (file && skip < n) {
			extras_add_path(a, list, &like, at + skip, n - skip);
		}
	}
}

const struct spec_path *
spec_paths(struct arena *a, const struct spec *s, size_t *n)
{
	const struct pairs *env = &s->engine.env;
	struct extras_paths list = {0};

	for (size_t i = 0; s->engine.kind && i < s->engine.args.n; i++)
		extras_paths_of(a, &list, s->engine.kind, &s->engine.args.v[i]);
	for (size_t i = 0; s->engine.kind && i < env->n; i++)
		if (env->v[i].value.text && extras_is_one_of(s->engine.kind->file_envs, env->v[i].key.text))
			extras_add_path(a, &list, &(struct spec_path){.arg = env->v[i].key.text, .use = "",
					.at = env->v[i].value.at}, env->v[i].value.text, strlen(env->v[i].value.text));
	*n = list.n;
	return list.v;
}

const struct spec_path *
spec_loose_paths(struct arena *a, const struct spec *s, size_t *n)
{
	static const char *const starts[] = {"./", "../", "~/"};
	struct extras_paths list = {0};

	for (size_t i = 0; s->engine.kind && i < s->engine.args.n; i++) {
		const struct pair *arg = &s->engine.args.v[i];
		const struct engine_repo_arg *known = extras_known(s->engine.kind, arg->key.text);

		for (const char *at = arg->value.text; known && at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
			size_t len = strcspn(at, "\n");
			const char *found = extras_value(known, at, &len);

			for (size_t k = 0; found && k < countof(starts) && list.n < MAX_PATHS; k++)
				if (strncmp(found, starts[k], strlen(starts[k])) == 0)
					*vec_push(a, &list) = (struct spec_path){.path = arena_strndup(a, found, len),
						.arg = arg->key.text, .use = known->use, .at = arg->value.at};
		}
	}
	*n = list.n;
	return list.v;
}
