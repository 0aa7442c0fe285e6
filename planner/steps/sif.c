#include <string.h>

#include "planner/base/limits.h"
#include "planner/plan/graph.h"
#include "planner/plan/observed.h"
#include "planner/runtimes/runtime.h"
#include "planner/steps/inputs.h"
#include "planner/steps/sif.h"
#include "planner/steps/trial.h"

/*
 * The image of a runtime without containers of its own: a SIF file, and a folder with commands
 * that run in it. On shared storage the head makes both, and the others find them. Else one node makes
 * the file, and the others get it from there (sif_copy.c).
 */
static void
sif_plan_spread(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_sif;
	struct step **steps = ar_array(a, struct step *, c->nlayout);

	for (size_t i = 0; i < c->nlayout; i++)
		steps[i] = graph_add(b, &kind_sif, &c->node[i], true);
	for (size_t i = 0; i < c->nlayout; i++) {
		struct step *s = steps[i];
		const struct node *from = sif_from(a, c, s->node);
		const char *id = sif_wanted(c, s->node);

		attrs_add(a, &s->want, "image", c->sif);
		attrs_add(a, &s->want, "image_id", id);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
		if (from == s->node)
			continue;
		if (node_observed(s->node))
			attrs_addf(a, &s->want, "sent", "from %s", from->name);
		attrs_sort(&s->want);
		s->copies = true;
		graph_dep(b, s, steps[sif_source(a, c, s->node)->rank], id ? EDGE_ORDER : EDGE_CONTENT,
			  id ? NULL : "image_id");
	}
}

static void
sif_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_sif;
	struct step *first = NULL;

	if (sif_spreads(c)) {
		sif_plan_spread(a, c, b);
		return;
	}
	for (size_t i = 0; c->sif && i < c->nlayout; i++) {
		struct step *s = graph_add(b, &kind_sif, &c->node[i], true);
		const struct node *head = &c->node[0];

		attrs_add(a, &s->want, "image", c->sif);
		attrs_add(a, &s->want, "image_id", node_observed(head) ? head->facts->sif.id : NULL);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
		if (first && c->store_shared)
			graph_dep(b, s, first, EDGE_CONTENT, "image_id");
		first = first ? first : s;
	}
}

static void
sif_link(struct graph_builder *b, struct diags *problems)
{
	const struct graph *g = b->graph;
	const struct cluster *c = b->cluster;
	struct step *image = c->sif ? graph_find(g, arena_printf(b->arena, "sif[%s]", c->node[0].name)) : NULL;

	(void)problems;
	for (size_t i = 0; image && i < g->n; i++)
		if (g->v[i]->kind->server && !g->v[i]->orphan && g->v[i]->node == image->node)
			image->tries = g->v[i];
}

static void
sif_observe(struct arena *a, struct step *s, struct diags *problems)
{
	struct attrs want = s->want;
	const struct fact_sif *there;

	(void)problems;
	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || s->orphan)
		return;
	there = &s->node->facts->sif;
	/* The commands count no matter who made them. They say of which file. */
	if (there->id && there->made) {
		s->observed = (struct observed){.state = STATE_PRESENT, .output = there->made,
			.down = s->observed.down};
		attrs_add(a, &s->observed.have, "image", attrs_value(&want, "image", ""));
		attrs_add(a, &s->observed.have, "image_id", there->made);
		return;
	}
	s->observed.output = NULL;
	if (s->observed.state == STATE_PRESENT) {
		s->observed.state = STATE_GONE;
		s->observed.why = there->id ? "its commands are gone" : "the image is gone";
	} else if (s->observed.state == STATE_INTERRUPTED) {
		s->observed.state = STATE_ABSENT;
	}
}

static void
sif_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	const struct step *first = step_upstream(s, "sif", &c->node[0]);
	const char *coordinator = c->engine->shape[SHAPE_COORDINATOR].package;
	bool pulls = *c->sif != '/';
	struct attrs want = s->want;
	struct task trial, *t;

	if (s->copies)
		sif_up_copy(a, s, tasks);
	t = tasks_add(a, tasks, s->node, "sif-up",
		      pulls && !s->copies ? arena_printf(a, "%s pull %s", c->runtime->name, c->sif)
					  : arena_printf(a, "make the commands of %s", c->sif));

	t->script = script_with(a, "sif-look", "sif-up");
	t->changes = true;
	task_arg(a, t, "runtime", c->runtime->name);
	task_arg(a, t, "sif", c->runtime->file(a, c->sif, c->store));
	task_arg(a, t, "pull", pulls ? c->sif : NULL);
	task_arg(a, t, "venv", c->venv);
	task_arg(a, t, "store", c->store);
	task_arg(a, t, "image_id", s->copies ? attrs_value(&want, "image_id", NULL)
		 : first ? first->observed.output : NULL);
	task_arg(a, t, "package", c->engine->package);
	task_arg(a, t, "needs", coordinator);
	if (s->tries && trial_task(a, s->tries, &(struct trial_how){.keep = true, .strict = true}, &trial))
		*tasks_add(a, tasks, s->node, NULL,
			   arena_printf(a, "%s reads its options", c->engine->server)) = trial;
}

/* Only `destroy -purge` calls it. A file that dray did not pull is left. */
static void
sif_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct attrs have = s->observed.have;
	const char *image = attrs_value(&have, "image", c->sif);
	struct task *t;

	if (!c->runtime->prefix || !image || !c->store)
		return;
	t = tasks_add(a, tasks, s->node, "sif-down", arena_printf(a, "remove the commands of %s", image));
	t->changes = true;
	t->timeout_s = IMAGE_LIMIT;
	task_arg(a, t, "venv", c->runtime->prefix(a, image, c->store));
	task_arg(a, t, "sif", *image == '/' ? NULL : c->runtime->file(a, image, c->store));
}

static const struct field_effect fields[] = {
	{"image", EFFECT_UPDATE, "the SIF file, or the reference that it is made from"},
	{"sent", EFFECT_UPDATE, "the node that the file comes from, where it has to come (storage.local)"},
	{"image_id", EFFECT_UPDATE, "hash of the file's header, with its UUID, and of its size"},
	{NULL}
};

const struct kind kind_sif = {
	.name = "sif",
	.doc = "runtime apptainer: the image as a SIF file, and commands that run in it, on each node",
	.fields = fields,
	.keep = true,
	.pool = "downloads",
	.spread = &sif_spread,
	.plan = sif_plan,
	.link = sif_link,
	.observe = sif_observe,
	.up = sif_up,
	.down = sif_down,
};
