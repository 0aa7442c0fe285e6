/* Kind image: the engine's image on each node, pulled, loaded from an archive or copied. */
#include <string.h>

#include "planner/base/limits.h"
#include "planner/plan/graph.h"
#include "planner/steps/image.h"
#include "planner/steps/inputs.h"
#include "planner/steps/trial.h"
#include "planner/plan/observed.h"
#include "planner/runtimes/runtime.h"

const struct fact_image *
image_find(const struct node *n, const char *ref)
{
	if (!node_observed(n) || !ref)
		return NULL;
	for (size_t i = 0; i < n->facts->image.n; i++)
		if (strcmp(n->facts->image.v[i].ref, ref) == 0)
			return &n->facts->image.v[i];
	return NULL;
}

/* ---- one image under several names ---- */

/* The lengths of a reference without tag and digest, and of its registry. */
struct repository {
	size_t n, host;
};

static struct repository
image_repository_of(const char *ref)
{
	struct repository r = {.n = strcspn(ref, "@"), .host = strcspn(ref, "/")};
	const char *last = memrchr(ref, '/', r.n), *tag;

	last = last ? last : ref;
	tag = memchr(last, ':', r.n - (size_t)(last - ref));
	if (tag)
		r.n = (size_t)(tag - ref);
	/* How Docker tells a registry from the first part of a name. */
	if (r.host >= r.n || !(memchr(ref, '.', r.host) || memchr(ref, ':', r.host) ||
			       (r.host == 9 && memcmp(ref, "localhost", 9) == 0)))
		r.host = 0;
	return r;
}

/* ghcr.io/a/b, docker.io/library/a: with all parts that may be omitted. */
static const char *
image_full_name(struct arena *a, const char *ref)
{
	struct repository r = image_repository_of(ref);
	const char *name = ref + r.host + (r.host > 0);
	size_t n = r.n - (size_t)(name - ref);
	bool docker = !r.host || (r.host == 9 && memcmp(ref, "docker.io", 9) == 0) ||
		      (r.host == 15 && memcmp(ref, "index.docker.io", 15) == 0);

	if (!docker)
		return arena_printf(a, "%.*s/%.*s", (int)r.host, ref, (int)n, name);
	return arena_printf(a, "docker.io/%s%.*s", memchr(name, '/', n) ? "" : "library/", (int)n,
			    name);
}

/* The sha256 of NAME@sha256:... if it is complete, else NULL. */
static const char *
image_hash_of(const char *digest, size_t n)
{
	const char *at = memchr(digest, '@', n);

	if (!at || n - (size_t)(at - digest) != 8 + 64 || memcmp(at, "@sha256:", 8) != 0)
		return NULL;
	return strspn(at + 8, "0123456789abcdef") >= 64 ? at + 8 : NULL;
}

/* The digest by which the registry of `ref` knows an image on a node. The node may have it from
 * other registries too, but a node never decides where another node pulls from. NULL: not
 * known. */
static const char *
image_pull_from(struct arena *a, const char *ref, const struct fact_image *image)
{
	const char *wanted = image_full_name(a, ref), *s = image->digests;
	struct repository own = image_repository_of(ref);

	for (size_t n; !strchr(ref, '@') && s && *s; s += n + (s[n] != '\0')) {
		const char *hash = image_hash_of(s, n = strcspn(s, " "));

		if (hash && strcmp(image_full_name(a, arena_strndup(a, s, n)), wanted) == 0)
			return arena_printf(a, "%.*s@sha256:%.64s", (int)own.n, ref, hash);
	}
	return NULL;
}

/* ---- an image from an archive ---- */

/* One that is sent was read on this machine. For one of the nodes: where the file is not there any more,
 * what it gave counts. */
const char *
image_of_archive(const struct cluster *c, const struct node *lead)
{
	const struct fact_image *there = image_find(lead, c->image);

	if (c->archive_from)
		return c->proof ? c->proof->id : NULL;
	if (!node_observed(lead))
		return NULL;
	if (lead->facts->archive && strcmp(lead->facts->archive, "missing") == 0)
		return there ? there->id : NULL;
	return lead->facts->archive_id;
}

static void
image_plan_archive(struct arena *a, const struct cluster *c, struct step *s)
{
	const struct fact_image *own = image_find(s->node, c->image);
	const char *id = image_of_archive(c, node_alike(c, s->node));

	attrs_add(a, &s->want, "image_id", id);
	if (node_observed(s->node) && (!own || !id || strcmp(own->id, id) != 0))
		attrs_addf(a, &s->want, "archive", "%s%s", c->archive, c->archive_from ? " from here" : "");
	attrs_sort(&s->want);
}

const char *
image_folder(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *owner = node_observed(n) ? n->facts->owner : NULL, *self = owner ? strchr(owner, '@') : NULL;
	const char *machine = node_observed(n) ? n->facts->machine_id : "";

	if (c->store)
		return arena_printf(a, "%s/.dray/images/%s", c->store, machine);
	return arena_printf(a, "%s/%s/%s/images", self ? self + 1 : "", c->name, machine);
}

static void
image_up_archive(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	const char *id = image_of_archive(c, node_alike(c, s->node));
	const char *file = c->archive;
	const struct script *script = script_behind(a, "image-wait", script_with(a, "state", "image-load"));
	struct task *t;

	if (c->archive_from) {
		file = arena_printf(a, "%s/%s.archive", image_folder(a, c, s->node), c->archive_stamp);
		t = tasks_add(a, tasks, s->node, "image-put", arena_printf(a, "send %s", c->archive));
		t->type = TASK_UPLOAD;
		t->url = c->archive_from;
		t->changes = true;
		task_arg(a, t, "to", file);
	}
	t = tasks_add(a, tasks, s->node, "image-load", arena_printf(a, "%s load %s", c->runtime->name, c->archive));
	t->script = script_behind(a, "archive", script);
	container_task(a, t, c->runtime);
	t->changes = true;
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "ref", c->image);
	task_arg(a, t, "archive", file);
	task_arg(a, t, "image_id", id);
	task_arg(a, t, "must", c->proof ? c->proof->config : NULL);
	task_arg(a, t, "image_id_sh", container_text(a, c->runtime, "image-id"));
	task_arg(a, t, "arch", *node_arch(c, s->node) ? node_arch(c, s->node) : NULL);
	task_arg(a, t, "there", !id && image_find(s->node, c->image) ? "yes" : NULL);
	task_arg(a, t, "remove", c->archive_from ? "yes" : NULL);
}

/* From a registry, to each node. */
static void
image_plan_pull(struct arena *a, const struct cluster *c, struct graph_builder *b, struct step *s,
		struct step *first_step)
{
	const struct node *lead = first_step->node;
	const struct fact_image *first = image_find(lead, c->image), *own = image_find(s->node, c->image);
	const char *id = first ? first->id : own ? own->id : NULL;
	const char *from = first ? image_pull_from(a, c->image, first) : NULL;
	/* A tag moves: the pull may bring another image than this node has. */
	bool later = !first && own && node_observed(lead);

	attrs_add(a, &s->want, "image_id", later ? NULL : id);
	if (first && from && node_observed(s->node) && (!own || strcmp(own->id, first->id) != 0))
		attrs_add(a, &s->want, "pull_from", from);
	if (later)
		graph_dep(b, s, first_step, EDGE_CONTENT, "image_id");
}

/* To one node first, and from there to the others. */
static void
image_plan_spread(struct arena *a, const struct cluster *c, struct graph_builder *b, struct step *s,
		  struct step **steps)
{
	const struct node *source = image_source(a, c, s->node), *from = image_from(a, c, s->node);
	const struct fact_image *own = image_find(s->node, c->image);
	const char *id = image_wanted(c, s->node);

	if (from != s->node) {
		attrs_add(a, &s->want, "image_id", id);
		if (node_observed(s->node))
			attrs_addf(a, &s->want, "sent", "from %s", from->name);
		s->copies = true;
		graph_dep(b, s, steps[source->rank], id ? EDGE_ORDER : EDGE_CONTENT, id ? NULL : "image_id");
	} else if (c->archive_from) {
		attrs_add(a, &s->want, "image_id", id);
		if (node_observed(s->node) && (!own || !id || strcmp(own->id, id) != 0))
			attrs_addf(a, &s->want, "archive", "%s from here", c->archive);
	} else {
		attrs_add(a, &s->want, "image_id", id);
	}
	attrs_sort(&s->want);
}

static void
image_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_image;
	struct step **steps = ar_array(a, struct step *, c->nlayout + 1);

	for (size_t i = 0; c->image && i < c->nlayout; i++)
		steps[i] = graph_add(b, &kind_image, &c->node[i], true);
	for (size_t i = 0; c->image && i < c->nlayout; i++) {
		struct step *s = steps[i];

		/* The head's image is the one that all nodes must have; of nodes with other
		 * processors, the first one's. */
		attrs_add(a, &s->want, "image", c->image);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
		if (image_spreads(c))
			image_plan_spread(a, c, b, s, steps);
		else if (c->archive)
			image_plan_archive(a, c, s);
		else
			image_plan_pull(a, c, b, s, steps[node_alike(c, s->node) - c->node]);
	}
}

/* The parser of a new image reads the options of the server before the old one goes down. */
static void
image_link(struct graph_builder *b, struct diags *problems)
{
	const struct graph *g = b->graph;
	const struct cluster *c = b->cluster;
	struct step *image = c->image ? graph_find(g, arena_printf(b->arena, "image[%s]", c->node[0].name)) : NULL;

	(void)problems;
	for (size_t i = 0; image && i < g->n; i++)
		if (g->v[i]->kind->server && !g->v[i]->orphan && g->v[i]->node == image->node)
			image->tries = g->v[i];
}

static void
image_observe(struct arena *a, struct step *s, struct diags *problems)
{
	struct attrs recorded;
	const char *ref = attrs_value(&s->want, "image", NULL);
	const struct fact_image *image;

	(void)problems;
	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || s->orphan || observe_silent(a, s, s->cluster->runtime))
		return;
	image = image_find(s->node, ref);
	recorded = s->observed.have;
	/* Where it came from makes no difference. */
	s->observed.have = (struct attrs){0};
	for (size_t i = 0; i < recorded.n; i++)
		if (strcmp(recorded.v[i].name, "pull_from") != 0 && strcmp(recorded.v[i].name, "archive") != 0 &&
		    strcmp(recorded.v[i].name, "sent") != 0)
			attrs_add(a, &s->observed.have, recorded.v[i].name, recorded.v[i].value);
	if (image) {
		/* The image counts no matter who pulled it. */
		s->observed = (struct observed){.state = STATE_PRESENT, .output = image->id,
			.down = s->observed.down};
		attrs_add(a, &s->observed.have, "image", ref);
		attrs_add(a, &s->observed.have, "image_id", image->id);
		return;
	}
	s->observed.output = NULL;
	if (s->observed.state == STATE_PRESENT && strcmp(attrs_value(&recorded, "image", ""), ref) == 0) {
		s->observed.state = STATE_GONE;
		s->observed.why = "the image is gone";
	} else if (s->observed.state == STATE_INTERRUPTED) {
		/* A pull continues with the layers that are there. */
		s->observed.state = STATE_ABSENT;
	}
}

/* For `auto` with an unknown image: a container of it shows what is in it. */
static void
image_look_task(struct arena *a, const struct cluster *c, struct tasks *tasks)
{
	const struct words *more = &c->spec->engine.docker_args;
	const char *ref = c->image;
	const struct engine *e = c->engine;
	const struct engine_shape *other = &e->shape[SHAPE_COORDINATOR];
	struct task *t = tasks_add(a, tasks, &c->node[0], "image-observe",
				   arena_printf(a, "%s run --rm %s: is %s in it?",
						c->runtime->name, ref, other->needs));

	t->script = script_with(a, "state", "image-observe");
	container_task(a, t, c->runtime);
	t->changes = true;
	t->timeout_s = IMAGE_LIMIT;
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "ref", ref);
	task_arg(a, t, "image_id_sh", container_text(a, c->runtime, "image-id"));
	task_arg(a, t, "engine", e->package);
	task_arg(a, t, "engine_title", e->title);
	task_arg(a, t, "needs", other->package);
	task_arg(a, t, "needs_title", other->needs);
	task_arg(a, t, "backend", c->shape == SHAPE_RANKS ? e->shape[SHAPE_RANKS].word : NULL);
	task_arg(a, t, "other", other->word);
	task_arg(a, t, "broken", e->ranks_broken[0]);
	task_arg(a, t, "mended", e->ranks_broken[1]);
	task_words(a, t);
	for (size_t i = 0; i < more->n; i++)
		task_word(a, t, more->v[i].text);
}

static void
image_prove(struct arena *a, const struct graph *g, struct tasks *tasks)
{
	const struct cluster *c = g->cluster;

	if (c->shape_guessed && c->image && image_find(&c->node[0], c->image))
		image_look_task(a, c, tasks);
}

/* Another node like this one that has an image of that name, or NULL. */
static const char *
image_elsewhere(const struct cluster *c, const struct node *n)
{
	for (size_t i = 0; i < c->nlayout; i++)
		if (&c->node[i] != n && node_alike(c, &c->node[i]) == node_alike(c, n) &&
		    image_find(&c->node[i], c->image))
			return c->node[i].name;
	return NULL;
}

static void
image_up_pull(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct attrs want = s->want;
	const char *ref = attrs_value(&want, "image", "");
	const struct node *lead = node_alike(c, s->node);
	const struct fact_image *first = image_find(lead, ref);
	const struct step *head = step_upstream(s, "image", lead);
	const char *id = first ? first->id : head ? head->observed.output : NULL;
	struct task *t = tasks_add(a, tasks, s->node, "image-up",
				   arena_printf(a, "%s pull %s", c->runtime->name, ref));

	t->script = script_with(a, "state", "image-up");
	container_task(a, t, c->runtime);
	t->changes = true;
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "ref", ref);
	task_arg(a, t, "image_id", id);
	task_arg(a, t, "image_id_sh", container_text(a, c->runtime, "image-id"));
	task_arg(a, t, "pull_from", attrs_value(&want, "pull_from", NULL));
	if (!strchr(ref, '@') && !image_find(s->node, ref))
		task_arg(a, t, "elsewhere", image_elsewhere(c, s->node));
	/* Of most images there is one for amd64, so only others ask the registry beforehand. */
	if (*node_arch(c, s->node) && (strcmp(node_arch(c, s->node), "amd64") != 0 || lead != &c->node[0]))
		task_arg(a, t, "arch", node_arch(c, s->node));
}

static void
image_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct task trial;

	if (s->copies)
		image_up_copy(a, s, tasks);
	else if (c->archive)
		image_up_archive(a, s, tasks);
	else
		image_up_pull(a, s, tasks);
	if (c->shape_guessed && !image_find(node_alike(c, s->node), c->image) && s->node == &c->node[0])
		image_look_task(a, c, tasks);
	else if (s->tries && trial_task(a, s->tries, &(struct trial_how){.keep = true, .strict = true}, &trial))
		*tasks_add(a, tasks, s->node, NULL,
			   arena_printf(a, "%s reads its options", c->engine->server)) = trial;
}

/* Removes an image only if a registry, an archive or dray brought it. */
static void
image_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->observed.have;
	const char *ref = attrs_value(&have, "image", NULL);
	const struct fact_image *image = image_find(s->node, ref);
	struct task *t;

	if (!image || (!image->digests && !s->cluster->archive && !image_spreads(s->cluster)))
		return;
	t = tasks_add(a, tasks, s->node, "image-down",
		      arena_printf(a, "%s image rm %s", s->cluster->runtime->name, ref));
	container_task(a, t, s->cluster->runtime);
	t->changes = true;
	t->timeout_s = IMAGE_LIMIT;
	task_arg(a, t, "ref", ref);
}

static const struct field_effect fields[] = {
	{"image", EFFECT_UPDATE, "the reference to pull; containers that run it are replaced"},
	{"archive", EFFECT_UPDATE, "the archive that it comes from, where it has to be loaded"},
	{"pull_from", EFFECT_UPDATE, "its digest, if the head's image came from the same registry"},
	{"sent", EFFECT_UPDATE, "the node that it comes from, where it has to come (engine.pull: once, or an archive that is sent)"},
	{"image_id", EFFECT_UPDATE, "hash of its layers and settings, the same on all nodes of one architecture"},
	{NULL}
};

const struct kind kind_image = {
	.name = "image",
	.doc = "the engine's image on each node, the same everywhere",
	.fields = fields,
	.keep = true,
	.pool = "downloads",
	.spread = &image_spread,
	.plan = image_plan,
	.link = image_link,
	.observe = image_observe,
	.up = image_up,
	.down = image_down,
	.prove = image_prove,
};
