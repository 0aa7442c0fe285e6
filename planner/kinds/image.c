#include <string.h>

#include "planner/kinds/common.h"

static const struct fact_image *
find_image(const struct node *n, const char *ref)
{
	if (!node_seen(n) || !ref)
		return NULL;
	for (size_t i = 0; i < n->facts->image.n; i++)
		if (strcmp(n->facts->image.v[i].ref, ref) == 0)
			return &n->facts->image.v[i];
	return NULL;
}

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_image;
	const char *ref = m->image;
	const struct fact_image *first = find_image(&m->node[0], ref);
	struct step *head = NULL;

	for (size_t i = 0; m->image && i < m->nlayout; i++) {
		struct step *s = graph_add(b, &kind_image, &m->node[i], true);
		const struct fact_image *own = find_image(&m->node[i], ref);
		const char *id = first ? first->id : own ? own->id : NULL;
		/* It may get another one than this node has: a tag moves. */
		bool later = !first && own && node_seen(&m->node[0]);

		/* What the head has is what all must have. */
		attrs_add(a, &s->want, "image", ref);
		attrs_add(a, &s->want, "image_id", later ? NULL : id);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
		if (later)
			graph_dep(b, s, head, EDGE_CONTENT, "image_id");
		head = head ? head : s;
	}
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	struct attrs recorded;
	const char *ref = attrs_value(&s->want, "image", NULL);
	const struct fact_image *image;

	(void)problems;
	see_record(a, s);
	if (s->seen.state == SEEN_UNKNOWN || s->orphan || see_silent(a, s, s->model->runtime))
		return;
	image = find_image(s->node, ref);
	recorded = s->seen.have;
	if (image) {
		/* Whoever brought it: an image is an image. */
		s->seen = (struct seen){.state = SEEN_PRESENT, .output = image->id,
			.down = s->seen.down};
		attrs_add(a, &s->seen.have, "image", ref);
		attrs_add(a, &s->seen.have, "image_id", image->id);
		return;
	}
	s->seen.output = NULL;
	if (s->seen.state == SEEN_PRESENT && strcmp(attrs_value(&recorded, "image", ""), ref) == 0) {
		s->seen.state = SEEN_GONE;
		s->seen.why = "the image is gone";
	} else if (s->seen.state == SEEN_INTERRUPTED) {
		/* Layers that are there already are not pulled again. */
		s->seen.state = SEEN_ABSENT;
	}
}

/* What `auto` means when nobody knows the image: only a container of it can tell. */
static void
look_task(struct arena *a, const struct model *m, struct tasks *tasks)
{
	const struct words *more = &m->spec->engine.docker_args;
	const char *ref = m->image;
	struct task *t = tasks_add(a, tasks, &m->node[0], "image-look",
				   arena_printf(a, "%s run --rm %s: is Ray in it?",
						runtime_word(m->runtime), ref));

	t->script = script_with(a, "state", "image-look");
	container_task(a, t, m->runtime);
	t->changes = true;
	t->timeout_s = 300;
	task_arg(a, t, m->cluster);
	task_arg(a, t, ref);
	task_arg(a, t, m->backend == BACKEND_MP ? "mp" : "ray");
	task_arg(a, t, container_text(a, m->runtime, "image-id"));
	for (size_t i = 0; i < more->n; i++)
		task_arg(a, t, more->v[i].text);
}

static void
prove(struct arena *a, const struct graph *g, struct tasks *tasks)
{
	const struct model *m = g->model;

	if (m->backend_guessed && m->image && find_image(&m->node[0], m->image))
		look_task(a, m, tasks);
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	const char *ref = m->image;
	const struct fact_image *first = find_image(&m->node[0], ref);
	const struct step *head = step_upstream(s, "image", &m->node[0]);
	const char *id = first ? first->id : head ? head->seen.output : NULL;
	struct task *t = tasks_add(a, tasks, s->node, "image-up",
				   arena_printf(a, "%s pull %s", runtime_word(m->runtime), ref));

	container_task(a, t, m->runtime);
	t->changes = true;
	task_arg(a, t, ref);
	task_arg(a, t, id ? id : "-");
	task_arg(a, t, first && first->digest ? first->digest : "-");
	task_arg(a, t, container_text(a, m->runtime, "image-id"));
	if (m->backend_guessed && !first && s->node == &m->node[0])
		look_task(a, m, tasks);
}

/* Only what a registry has can be had again. */
static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->seen.have;
	const char *ref = attrs_value(&have, "image", NULL);
	const struct fact_image *image = find_image(s->node, ref);
	struct task *t;

	if (!image || !image->digest)
		return;
	t = tasks_add(a, tasks, s->node, "image-down",
		      arena_printf(a, "%s image rm %s", runtime_word(s->model->runtime), ref));
	container_task(a, t, s->model->runtime);
	t->changes = true;
	t->timeout_s = 300;
	task_arg(a, t, ref);
}

static const struct field_effect fields[] = {
	{"image", EFFECT_UPDATE, "the reference to pull; containers that run it are replaced"},
	{"image_id", EFFECT_UPDATE, "fingerprint of its layers and settings, the same on all nodes"},
	{NULL}
};

const struct kind kind_image = {
	.name = "image",
	.doc = "the engine's image on each node, the same everywhere",
	.fields = fields,
	.keep = true,
	.pool = "downloads",
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
	.prove = prove,
};
