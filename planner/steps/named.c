/* What the spec names on a node, found in docker_args and in the engine's arguments. */
#include "planner/steps/named.h"

#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/runtimes/container.h"

/* The options of `docker run` that name something on the host. */
static const struct named_option {
	const char *word, *letter;
	enum named_use use;
} named_options[] = {
	{"--volume", "-v", NAMED_VOLUME}, {"--mount", NULL, NAMED_MOUNT},
	{"--device", NULL, NAMED_DEVICE}, {"--env-file", NULL, NAMED_CLIENT_FILE},
	{"--label-file", NULL, NAMED_CLIENT_FILE}, {"--security-opt", NULL, NAMED_CLIENT_FILE},
	{"--user", "-u", NAMED_USER}, {"--group-add", NULL, NAMED_GROUP},
};

enum { MAX_NAMED = 128 };

struct named_list { struct named *v; size_t n, cap; };

static void
named_add(struct arena *a, struct named_list *list, const struct named *thing)
{
	/* observe.sh takes a line each. */
	if (list->n < MAX_NAMED && *thing->name && !strchr(thing->name, '\n') && !strchr(thing->name, '\t'))
		*vec_push(a, list) = *thing;
}

/* The value of that option in word i, or in the one behind it; NULL: it is another option. */
static const char *
named_value(const struct words *args, size_t i, const struct named_option *option)
{
	const char *text = args->v[i].text, *next = i + 1 < args->n ? args->v[i + 1].text : "";
	size_t n = strlen(option->word);

	if (strcmp(text, option->word) == 0 || (option->letter && strcmp(text, option->letter) == 0))
		return next;
	if (strncmp(text, option->word, n) == 0 && text[n] == '=')
		return text + n + 1;
	if (option->letter && strncmp(text, option->letter, 2) == 0 && text[2])
		return text + 2 + (text[2] == '=');
	return NULL;
}

/* The value of one of the keys in "type=bind,source=/x,target=/y". */
static const char *
named_key(struct arena *a, const char *text, const char *const *keys)
{
	for (; *keys; keys++)
		for (const char *at = text; *at; at += strcspn(at, ","), at += *at == ',') {
			size_t n = strlen(*keys);

			if (strncmp(at, *keys, n) == 0 && at[n] == '=')
				return arena_strndup(a, at + n + 1, strcspn(at + n + 1, ","));
		}
	return "";
}

/* SOURCE:TARGET[:OPTIONS]; a source without a slash is a volume of the runtime's own. */
static void
named_volume(struct arena *a, struct named_list *list, struct named thing, const char *value)
{
	size_t n = strcspn(value, ":");

	if (!value[n] || *value != '/')
		return;
	thing.name = arena_strndup(a, value, n);
	thing.inside = arena_strndup(a, value + n + 1, strcspn(value + n + 1, ":"));
	named_add(a, list, &thing);
}

static void
named_mount(struct arena *a, struct named_list *list, struct named thing, const char *value)
{
	static const char *const type[] = {"type", NULL}, *const from[] = {"source", "src", NULL},
		*const to[] = {"target", "destination", "dst", NULL};

	if (strcmp(named_key(a, value, type), "bind") != 0)
		return;
	thing.name = named_key(a, value, from);
	thing.inside = named_key(a, value, to);
	named_add(a, list, &thing);
}

/* A user or group by name, not by number. */
static void
named_login(struct arena *a, struct named_list *list, struct named thing, const char *value)
{
	size_t n = strcspn(value, ":");

	/* keep-groups and keep-id are podman's own. */
	if (strncmp(value, "keep-", 5) == 0)
		return;
	thing.name = arena_strndup(a, value, n);
	if (thing.name[strspn(thing.name, "0123456789")])
		named_add(a, list, &thing);
	if (thing.use != NAMED_USER || !value[n])
		return;
	thing.use = NAMED_GROUP;
	thing.name = value + n + 1;
	if (thing.name[strspn(thing.name, "0123456789")])
		named_add(a, list, &thing);
}

static void
named_option(struct arena *a, struct named_list *list, const struct named_option *option, const char *value)
{
	struct named thing = {.use = option->use, .option = option->word, .everywhere = true, .name = value};

	switch (option->use) {
	case NAMED_VOLUME:
		named_volume(a, list, thing, value);
		return;
	case NAMED_MOUNT:
		named_mount(a, list, thing, value);
		return;
	case NAMED_USER:
	case NAMED_GROUP:
		named_login(a, list, thing, value);
		return;
	case NAMED_DEVICE: /* what is not a path is a name of CDI */
		thing.name = arena_strndup(a, value, strcspn(value, ":"));
		break;
	default: /* of --security-opt only seccomp=FILE is one */
		if (strcmp(option->word, "--security-opt") == 0)
			thing.name = strncmp(value, "seccomp=", 8) == 0 ? value + 8 : "";
		break;
	}
	if (*thing.name == '/' || (option->use == NAMED_CLIENT_FILE && strcmp(thing.name, "unconfined") != 0))
		named_add(a, list, &thing);
}

/* Is the path the folder, or inside of it? *rest: the part behind. */
static bool
named_lies_in(const char *path, const char *folder, const char **rest)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	if (strncmp(path, folder, n) != 0 || (path[n] && path[n] != '/'))
		return false;
	*rest = path + n;
	return true;
}

/* What a path of the engine is on the node: through the longest mount that it lies in. */
static void
named_outside(struct arena *a, const struct cluster *c, const struct named_list *list, struct named *thing)
{
	const char *model = c->source && c->source->mount ? c->source->mount(&c->spec->model) : NULL;
	const char *rest;
	size_t longest = 0;

	thing->mounted = !c->runtime->contained || (model && named_lies_in(thing->inside, model, &rest));
	if (thing->mounted)
		return;
	if (c->hf_home && named_lies_in(thing->inside, HF_HOME_INSIDE, &rest)) {
		thing->mounted = true;
		thing->name = arena_printf(a, "%s%s", c->hf_home, rest);
	}
	for (size_t i = 0; i < list->n; i++) {
		const struct named *m = &list->v[i];

		if (m->use > NAMED_MOUNT || strlen(m->inside) <= longest ||
		    !named_lies_in(thing->inside, m->inside, &rest))
			continue;
		longest = strlen(m->inside);
		thing->mounted = true;
		thing->name = arena_printf(a, "%s%s", m->name, rest);
	}
}

/* The tokenizer is with the API. The others that are models are read where they run; of a
 * configuration only those that make their own. */
static bool
named_is_everywhere(const struct cluster *c, const char *use)
{
	if (!use || strcmp(use, "tokenizer") == 0)
		return false;
	return strcmp(use, "config") != 0 || c->shape == SHAPE_RANKS;
}

const struct named *
named_things(struct arena *a, const struct cluster *c, size_t *n)
{
	const struct words *args = &c->spec->engine.docker_args;
	struct named_list list = {0};
	const struct spec_path *path;
	size_t paths, mounts;

	for (size_t i = 0; c->runtime->contained && i < args->n; i++)
		for (size_t k = 0; k < countof(named_options); k++) {
			const char *value = named_value(args, i, &named_options[k]);

			if (value)
				named_option(a, &list, &named_options[k], value);
		}
	mounts = list.n;
	path = spec_paths(a, c->spec, &paths);
	for (size_t i = 0; i < paths; i++) {
		struct named thing = {.use = NAMED_ARG, .option = path[i].arg, .name = path[i].path,
			.inside = path[i].path, .made = path[i].made, .everywhere = named_is_everywhere(c, path[i].use)};

		named_outside(a, c, &(struct named_list){list.v, mounts, mounts}, &thing);
		named_add(a, &list, &thing);
	}
	*n = list.n;
	return list.v;
}

static const char *
named_kind(enum named_use use)
{
	return use == NAMED_USER ? "user" : use == NAMED_GROUP ? "group" : "path";
}

const char *
named_asked(struct arena *a, const struct cluster *c)
{
	size_t n;
	const struct named *thing = named_things(a, c, &n);
	const char *lines = NULL;

	for (size_t i = 0; i < n; i++)
		lines = arena_printf(a, "%s%s%s %s", lines ? lines : "", lines ? "\n" : "",
				     named_kind(thing[i].use), thing[i].name);
	return lines;
}

const struct fact_named *
named_there(const struct node *n, const struct named *thing)
{
	for (size_t i = 0; i < n->facts->named.n; i++) {
		const struct fact_named *f = &n->facts->named.v[i];

		if (strcmp(f->kind, named_kind(thing->use)) == 0 && strcmp(f->name, thing->name) == 0)
			return f;
	}
	return NULL;
}
