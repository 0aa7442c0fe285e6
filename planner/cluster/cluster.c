/* Spec -> cluster: ranks, roles, names and paths, as far as the spec alone decides them. */
#include "planner/cluster/cluster.h"

#include <string.h>

#include "planner/base/path.h"
#include "planner/base/str.h"
#include "planner/spec/places.h"

static const struct spec_file *
cluster_file_of(const struct spec *s, const char *executor)
{
	for (size_t i = 0; executor && i < s->files.n; i++)
		if (strcmp(s->files.v[i].name, executor) == 0)
			return &s->files.v[i];
	return NULL;
}

static void
cluster_node_build(struct node *to, const struct spec_node *from, size_t rank, const char *folder)
{
	*to = (struct node){
		.name = from->name.text,
		.spec = from,
		.host = from->host.text,
		.executor = from->executor.text,
		.folder = folder,
		.role = rank == 0 ? ROLE_HEAD : ROLE_WORKER,
		.rank = rank,
		.gpus = from->gpus.set ? from->gpus.value : -1,
		.address = from->address.text ? from->address.text
			   : str_ip(from->host.text, NULL) && !from->host_shared ? from->host.text
										  : NULL,
	};
}

/* A node that is listed under `left`, to be cleaned up. */
static void
cluster_left_build(struct node *to, const struct spec_node *from, size_t rank, const char *folder)
{
	cluster_node_build(to, from, rank, folder);
	to->spec = NULL;
	to->member = from;
	to->left = true;
	to->gpus = -1;
	to->role = ROLE_WORKER;
}

static bool
cluster_is_below(const char *path, const char *folder)
{
	size_t n = folder ? strlen(folder) : 0;

	return path && n && strncmp(path, folder, n) == 0 && (path[n] == '/' || !path[n]);
}

static void
cluster_build_extras(struct arena *a, struct cluster *c)
{
	const struct spec_model *model = &c->spec->model;
	struct spec_model other = {.client = model->client, .source.text = "hub",
		.endpoint.text = HUB_ENDPOINT};
	const struct spec_extra *from = spec_extras(a, c->spec, &c->nextra);
	bool modelscope;

	c->extra = ar_array(a, struct cluster_extra, c->nextra + 1);
	/* With a url, these repositories are on the Hub, and the token for the model's server is not
	 * sent there. */
	if (model->url.text)
		model = &other;
	modelscope = model->source.text && strcmp(model->source.text, "modelscope") == 0;
	for (size_t i = 0; i < c->nextra; i++) {
		c->extra[i] = (struct cluster_extra){
			.from = {.repo = from[i].repo, .revision = from[i].revision, .at = from[i].at,
				.token = model->token, .endpoint = model->endpoint, .ca = model->ca,
				.client = model->client},
			.use = from[i].use.text, .at = from[i].at};
		if (modelscope) {
			c->extra[i].from.repo.text = arena_printf(a, "modelscope:%s", from[i].repo.text);
			if (!from[i].revision.at.line)
				c->extra[i].from.revision.text = "master";
		}
		c->extra[i].hub = hub_folder_name(a, c->extra[i].from.repo.text);
		c->extra[i].name = c->extra[i].hub + strlen("models--");
	}
}

struct cluster *
cluster_build(struct arena *a, const struct spec *s)
{
	struct cluster *c = ar_new(a, struct cluster);

	*c = (struct cluster){
		.spec = s,
		.folder = path_folder(a, s->src ? s->src->name : ""),
		.name = s->cluster.text,
		.nnode = s->nnode + s->left.n,
		.capnode = s->nnode + s->left.n,
		.nspec = s->nnode,
		.nlayout = layout_of(s).nodes,
		/* decide_layout() replaces these. */
		.tensor = s->parallelism.tensor.set ? s->parallelism.tensor.value : 1,
		.pipeline = s->parallelism.pipeline.set ? s->parallelism.pipeline.value : 1,
		.data = s->parallelism.data.value,
		.store = spec_store(s),
		.store_shared = spec_store_shared(s),
		.launcher_script = strcmp(s->engine.launcher.text, "script") == 0,
	};
	c->engine = s->engine.kind;
	c->runtime = runtime_find(s->engine.runtime.text);
	c->image = runtime_image(a, c->runtime, s->engine.image.text);
	c->archive = c->image ? s->engine.image_archive.text : NULL;
	c->archive_from = c->image ? spec_archive_here(a, s) : NULL;
	c->archive_stamp = s->engine.archive_stamp;
	c->pull_once = s->engine.pull.text && strcmp(s->engine.pull.text, "once") == 0;
	c->proof = c->archive_from ? s->engine.archive_proof : NULL;
	if (c->pull_once && s->engine.image_config.text)
		c->proof = image_proof_of(a, s->engine.image_config.text);
	c->venv = c->image ? NULL : s->engine.venv.text;
	if (!c->image && runtime_prefix(a, c->runtime, s->engine.image.text, c->store)) {
		c->venv = runtime_prefix(a, c->runtime, s->engine.image.text, c->store);
		c->sif = s->engine.image.text;
	}
	if (c->store)
		c->hf_home = arena_printf(a, "%s/.cache/huggingface", c->store);
	if (c->store && s->engine.script.sha256.text)
		c->script_path = arena_printf(a, "%s/.dray/run_cluster-%.12s.sh",
					      c->store, s->engine.script.sha256.text);
	c->source = source_of(&s->model);
	if (c->source->fetched)
		c->hub = hub_folder_name(a, s->model.repo.text);
	c->store_proved = c->store_shared && (c->source->fetched || c->launcher_script ||
					      cluster_is_below(s->model.path.text, c->store));
	cluster_build_extras(a, c);
	c->served_name = s->serve.name.n ? s->serve.name.v[0].text
					 : c->source->served_name(&s->model);
	c->served_names = c->served_name;
	for (size_t i = 1; i < s->serve.name.n; i++)
		c->served_names = arena_printf(a, "%s %s", c->served_names, s->serve.name.v[i].text);
	c->node = ar_array(a, struct node, c->nnode);
	for (size_t i = 0; i < s->nnode; i++)
		cluster_node_build(&c->node[i], &s->node[i], i, c->folder);
	for (size_t i = s->nnode; i < c->nnode; i++)
		cluster_left_build(&c->node[i], &s->left.v[i - s->nnode], i, c->folder);
	for (size_t i = 0; i < c->nnode; i++)
		c->node[i].file = cluster_file_of(s, c->node[i].executor);
	cluster_choose_shape(a, c);
	return c;
}

struct cluster *
cluster_local(struct arena *a)
{
	struct cluster *c = ar_new(a, struct cluster);
	struct spec *s = ar_new(a, struct spec);

	s->node = ar_new(a, struct spec_node);
	s->nnode = 1;
	s->node->name.text = s->node->host.text = "localhost";
	s->node->executor.text = "local";
	*c = (struct cluster){.spec = s, .engine = engine_find(NULL), .name = "local",
		.nnode = 1, .capnode = 1, .nspec = 1, .nlayout = 1, .served_name = ""};
	c->node = ar_new(a, struct node);
	cluster_node_build(c->node, s->node, 0, NULL);
	return c;
}

struct node *
cluster_node(const struct cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nnode; i++)
		if (strcmp(c->node[i].name, name) == 0)
			return &c->node[i];
	return NULL;
}

void
cluster_take_manifest(struct cluster *c, struct manifest *list, const char *why)
{
	c->manifest = list;
	c->commit = list ? list->commit : NULL;
	c->commit_why = why;
	if (list && !c->texts.config)
		c->texts.format = format_of_manifest(list);
}

bool
cluster_take_snapshot(struct arena *a, struct cluster *c)
{
	const char *revision = c->spec->model.revision.text, *first = NULL, *of = NULL;

	for (size_t i = 0; i < c->nlayout; i++) {
		const struct facts *f = node_observed(&c->node[i]) ? c->node[i].facts : NULL;
		const char *commit = hub_is_commit(revision) ? revision : f ? f->model_commit : NULL;
		const char *why = NULL;
		struct manifest *list = snapshot_read(a, &c->spec->model, f, commit, &why);

		if (list) {
			cluster_take_manifest(c, list, c->commit_why);
			c->cached = f;
			return true;
		}
		if (why && !first) {
			first = why;
			of = commit;
		}
	}
	if (first && c->commit_why)
		c->commit_why = arena_printf(a, "%s; and the cache does not have all of %.12s: %s",
					     c->commit_why, of, first);
	return false;
}

void
cluster_extra_set(struct cluster_extra *x, struct manifest *list, const char *why)
{
	x->manifest = list;
	x->commit = list ? list->commit : NULL;
	x->commit_why = why;
}

/* The commit of that revision in a node's cache, or NULL. */
static const char *
cluster_cached_commit(const struct facts *f, const struct cluster_extra *x)
{
	if (hub_is_commit(x->from.revision.text))
		return x->from.revision.text;
	for (size_t i = 0; f && i < f->repo.n; i++)
		if (strcmp(f->repo.v[i].folder, x->hub) == 0)
			return f->repo.v[i].commit;
	return NULL;
}

bool
cluster_take_extra(struct arena *a, struct cluster *c, struct cluster_extra *x)
{
	for (size_t i = 0; i < c->nlayout; i++) {
		const struct facts *f = node_observed(&c->node[i]) ? c->node[i].facts : NULL;
		const char *commit = cluster_cached_commit(f, x), *why;
		struct manifest *list = snapshot_extra(a, &x->from, x->use, x->hub, f, commit, &why);

		if (list) {
			cluster_extra_set(x, list, x->commit_why);
			return true;
		}
		if (why && x->commit_why) {
			x->commit_why = arena_printf(a, "%s; and the cache does not have all of %.12s: %s",
						     x->commit_why, commit, why);
			return false;
		}
	}
	return false;
}

void
cluster_keep_outside(struct cluster *c, const struct cluster *then)
{
	c->ca = then->ca;
	c->commit = then->commit;
	c->commit_why = then->commit_why;
	c->manifest = then->manifest;
	c->texts = then->texts;
	for (size_t i = 0; i < c->nextra && i < then->nextra; i++)
		c->extra[i] = then->extra[i];
	/* No node has it yet: keep it, so that the same secret looks the same. */
	if (then->mac_key_new)
		c->mac_key = then->mac_key;
}

static const char *
cluster_key_of(const struct node *n)
{
	return n->facts && n->facts->state == FACTS_OK ? n->facts->mac_key : NULL;
}

void
cluster_find_key(struct cluster *c)
{
	size_t most = 0, n = c->nspec;

	c->mac_key = c->mac_key_other = NULL;
	for (size_t i = 0; i < n; i++)
		if (cluster_key_of(&c->node[i]))
			break;
		else if (i + 1 == n)
			n = c->nnode;
	for (size_t i = 0; i < n; i++) {
		const char *key = cluster_key_of(&c->node[i]);
		size_t have = 0;

		for (size_t k = 0; key && k < n; k++)
			have += cluster_key_of(&c->node[k]) &&
				strcmp(cluster_key_of(&c->node[k]), key) == 0;
		if (have > most) {
			most = have;
			c->mac_key = key;
		}
	}
	for (size_t i = c->nnode; c->mac_key && i-- > 0;)
		if (cluster_key_of(&c->node[i]) &&
		    strcmp(cluster_key_of(&c->node[i]), c->mac_key) != 0)
			c->mac_key_other = c->node[i].name;
}
