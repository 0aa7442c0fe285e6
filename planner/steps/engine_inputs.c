#include "planner/steps/engine_inputs.h"

#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/route.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/container.h"
#include "planner/steps/handed.h"
#include "planner/steps/inputs.h"
#include "planner/steps/proxy.h"
#include "planner/steps/rdma_flags.h"

/* Engines copy NCCL_* of the first process to all workers, so every node gets the same list of
 * exact names. */
static const char *
engine_inputs_nccl_interfaces(struct arena *a, const struct cluster *c)
{
	const char *list = NULL;
	const char *observed[16];
	size_t n = 0;

	for (size_t i = 0; i < c->nlayout && n < 16; i++) {
		const char *name = route_interfaces(a, c, &c->node[i]);
		bool known = !name;

		for (size_t k = 0; k < n && !known; k++)
			known = strcmp(observed[k], name) == 0;
		if (known)
			continue;
		observed[n++] = name;
		list = list ? arena_printf(a, "%s,%s", list, name) : arena_printf(a, "=%s", name);
	}
	return list;
}

/* Gloo listens on the address that the host's own name has, if no interface is named. */
static const char *
engine_inputs_gloo_interfaces(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *address = node_dial(n);

	if (route_is_on_lo(c, n) && strcmp(n->facts->resolve_address, address) == 0)
		return NULL;
	return route_interfaces(a, c, n);
}

/* May a node's path be part of an argument of `docker run -v`? */
static bool
engine_inputs_mountable(const char *path)
{
	return *path == '/' && path[1] && !strpbrk(path, ":\n\r") && !strstr(path, "/../");
}

/* What links in the model's folder lead to, for `docker run -v`; NULL: they stay in it. */
static const char *
engine_inputs_links(struct arena *a, const struct facts *f)
{
	enum { MOST = 64 };
	struct words list = {0};

	for (size_t i = 0; f && i < f->mount.n && list.n < MOST; i++) {
		const struct fact_mount *m = &f->mount.v[i];
		const char *word = arena_printf(a, "%s:%s:ro", m->from, m->to);
		bool known = !engine_inputs_mountable(m->from) || !engine_inputs_mountable(m->to);

		for (size_t k = 0; k < list.n && !known; k++)
			known = strcmp(list.v[k].text, word) == 0;
		if (!known)
			*vec_push(a, &list) = (struct word){.text = word};
	}
	return list.n ? words_text(a, &list) : NULL;
}

/* What the runtime is to bring into the image, in front of what the user names. */
static void
engine_inputs_binds(struct arena *a, struct step *s)
{
	const struct cluster *c = s->cluster;
	const char *user = env_value(c, s->node, "APPTAINER_BIND");
	const char *own = c->runtime->binds ? c->runtime->binds(a, c, s->node) : NULL;

	if (own)
		attrs_add(a, &s->want, "env.APPTAINER_BIND",
			  user && *user ? arena_printf(a, "%s,%s", own, user) : own);
}

void
engine_want(struct arena *a, struct step *s, enum engine_role role)
{
	const struct cluster *c = s->cluster;
	const char *interface = engine_inputs_gloo_interfaces(a, c, s->node);
	const char *nccl = engine_inputs_nccl_interfaces(a, c);

	attrs_add(a, &s->want, "address", node_dial(s->node));
	runtime_want(a, s);
	if (c->runtime->contained) {
		attrs_add(a, &s->want, "image", c->image);
		attrs_add(a, &s->want, "image_id", NULL);
		attrs_add(a, &s->want, "gpus", handed_gpus(a, c, s->node));
	}
	if (c->sif) {
		attrs_add(a, &s->want, "image", c->sif);
		attrs_add(a, &s->want, "image_id", NULL);
	}
	if (c->hf_home)
		attrs_add(a, &s->want, "hf_home", c->hf_home);
	if (c->source->mount && c->runtime->contained) {
		const char *links = engine_inputs_links(a, s->node->facts);

		attrs_add(a, &s->want, "model_path", c->source->mount(&c->spec->model));
		if (links)
			attrs_add(a, &s->want, "model_links", links);
	}
	if (c->spec->engine.docker_args.n)
		attrs_add(a, &s->want, "docker_args", words_text(a, &c->spec->engine.docker_args));
	attrs_add(a, &s->want, "env.HF_HUB_OFFLINE", "1");
	if (interface)
		attrs_add(a, &s->want, "env.GLOO_SOCKET_IFNAME", interface);
	if (nccl)
		attrs_add(a, &s->want, "env.NCCL_SOCKET_IFNAME", nccl);
	c->engine->want(a, s, role, &s->want);
	rdma_want(a, c, s->node, &s->want);
	env_want(a, c, s->node, &s->want);      /* last: the user's value replaces an equal name */
	handed_select(a, c, s->node, &s->want); /* rewrites it in words that the engine knows */
	engine_inputs_binds(a, s);              /* adds to the user's list */
	proxy_want(a, c, s->node, &s->want);    /* adds to the user's list */
	carried_want(a, c, s->node, true, &s->want);
}

static bool
engine_inputs_is_common(const struct step *s, const char *name)
{
	static const char *const names[] = {"NCCL_SOCKET_IFNAME", "NCCL_IB_HCA", "NCCL_IB_DISABLE", "NCCL_DEBUG",
		"NCCL_IB_SUBNET_AWARE_ROUTING", "NCCL_IB_MERGE_NICS"};

	for (size_t i = 0; i < countof(names); i++)
		if (strncmp(name, "env.", 4) == 0 && strcmp(name + 4, names[i]) == 0)
			return !env_value(s->cluster, s->node, names[i]);
	if (strncmp(name, "env.", 4) == 0 && proxy_is_own(name + 4))
		return true;
	return strncmp(name, "rdma.", 5) == 0;
}

static void
engine_inputs_take_common(struct arena *a, const struct step *s, const struct attrs *from, bool common,
		      struct attrs *to)
{
	for (size_t i = 0; i < from->n; i++)
		if (engine_inputs_is_common(s, from->v[i].name) == common)
			*vec_push(a, to) = from->v[i];
}

void
engine_keep_common(struct arena *a, struct step *s)
{
	const struct cluster *c = s->cluster;
	struct attrs want = {0};
	size_t observed = 0;

	while (observed < c->nlayout && node_observed(&c->node[observed]))
		observed++;
	if (observed == c->nlayout || !s->observed.have.n || s->orphan)
		return;
	engine_inputs_take_common(a, s, &s->want, false, &want);
	engine_inputs_take_common(a, s, &s->observed.have, true, &want);
	attrs_sort(&want);
	s->want = want;
}

/* The file of a repository that is the model itself, or NULL: its folder is. */
static const char *
engine_inputs_file(const struct cluster *c)
{
	return c->texts.format == FORMAT_GGUF && c->source->fetched ? gguf_first(c->manifest) : NULL;
}

void
engine_serve_want(struct arena *a, struct step *s)
{
	const struct cluster *c = s->cluster;
	const struct spec *spec = c->spec;

	c->source->want(a, &spec->model, model_commit(c), &s->want);
	if (engine_inputs_file(c))
		attrs_add(a, &s->want, "model.file", engine_inputs_file(c));
	for (size_t i = 0; i < c->nextra; i++)
		attrs_add(a, &s->want, arena_printf(a, "extra.%s", c->extra[i].from.repo.text),
			  extra_commit(c, &c->extra[i]));
	attrs_addf(a, &s->want, "tensor", "%lld", c->tensor);
	attrs_addf(a, &s->want, "pipeline", "%lld", c->pipeline);
	attrs_addf(a, &s->want, "nodes", "%zu", c->nlayout);
	for (size_t i = 0; i < spec->engine.args.n; i++) {
		const struct pair *arg = &spec->engine.args.v[i];

		attrs_add(a, &s->want, arena_printf(a, "args.%s", arg->key.text),
			  arg->value.text ? arg->value.text : "true");
	}
	attrs_sort(&s->want);
}

void
engine_api_want(struct arena *a, struct step *s)
{
	const struct cluster *c = s->cluster;

	attrs_add(a, &s->want, "name", c->served_names);
	attrs_add(a, &s->want, "bind", c->spec->serve.bind.text);
	attrs_addf(a, &s->want, "port", "%lld", c->spec->serve.port.value);
	if (c->spec->serve.api_key.from != SECRET_NONE)
		attrs_add_secret(a, &s->want, "api_key", c->api_key_mac ? c->api_key_mac : "-");
	attrs_sort(&s->want);
}

const char *
engine_model(struct arena *a, struct attrs *inputs)
{
	return source_of_inputs(inputs)->folder(a, inputs, runtime_of(*inputs)->contained
						? HF_HOME_INSIDE : attrs_value(inputs, "hf_home", ""));
}

/* Does `"key": "` end just before text[at]? */
static bool
engine_inputs_is_value(const char *text, size_t at, const char *key)
{
	size_t k = key ? strlen(key) : 0;

	for (at--; at && strchr(" \t\n", text[at - 1]); at--)
		;
	if (!k || !at || text[--at] != ':')
		return false;
	while (at && strchr(" \t\n", text[at - 1]))
		at--;
	return at >= k + 2 && text[at - 1] == '"' && text[at - k - 2] == '"' &&
	       strncmp(text + at - k - 1, key, k) == 0;
}

/* Is that word, ORG/NAME, how an argument names it? It may be modelscope:ORG/NAME. */
static bool
engine_inputs_is_repo(const char *repo, const char *word, size_t n)
{
	repo += strncmp(repo, "modelscope:", 11) == 0 ? 11 : 0;
	return strlen(repo) == n && strncmp(repo, word, n) == 0;
}

/* The repository at text[at], if the whole word there is one that the engine has: its folder. */
static const char *
engine_inputs_repo(struct arena *a, struct attrs *inputs, const char *text, size_t at, const char *key,
		   size_t *n)
{
	const char *model = attrs_value(inputs, "model.repo", NULL), *home = runtime_of(*inputs)->contained
		? HF_HOME_INSIDE : attrs_value(inputs, "hf_home", "");

	*n = strcspn(text + at, "\n=\" ,");
	if (at && (!strchr("\n=\"", text[at - 1]) ||
		   (text[at - 1] == '"' && !engine_inputs_is_value(text, at, key))))
		return NULL;
	if (model && engine_inputs_is_repo(model, text + at, *n))
		return engine_model(a, inputs);
	for (size_t i = 0; i < inputs->n; i++) {
		const struct attr *attr = &inputs->v[i];
		const char *repo = attr->name + 6;

		if (strncmp(attr->name, "extra.", 6) == 0 && engine_inputs_is_repo(repo, text + at, *n) &&
		    hub_is_commit(attr->value))
			return arena_printf(a, "%s/hub/%s/snapshots/%s", home, hub_folder_name(a, repo),
					    attr->value);
	}
	return NULL;
}

static const char *
engine_inputs_with_repos(struct arena *a, struct attrs *inputs, const char *text, const char *key)
{
	struct str s = {0};
	const char *copy, *folder;
	size_t n;

	for (size_t at = 0; text[at]; at += n) {
		folder = engine_inputs_repo(a, inputs, text, at, key, &n);
		n = n ? n : 1;
		if (folder)
			str_puts(&s, folder);
		else
			str_printf(&s, "%.*s", (int)n, text + at);
	}
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

void
engine_argv(struct arena *a, const struct engine *e, enum engine_role role, struct attrs *inputs,
	    struct task *t)
{
	struct attrs told = {0};

	for (size_t i = 0; i < inputs->n; i++) {
		struct attr attr = inputs->v[i];

		for (const struct engine_repo_arg *known = e->repo_args; known && known->arg; known++)
			if (strncmp(attr.name, "args.", 5) == 0 && strcmp(attr.name + 5, known->arg) == 0)
				attr.value = engine_inputs_with_repos(a, inputs, attr.value, known->key);
		if (strncmp(attr.name, "args.", 5) == 0)
			attr.value = carried_text(a, inputs, attr.value);
		*vec_push(a, &told) = attr;
	}
	e->argv(a, role, &told, engine_model(a, inputs), t);
}
