#include "planner/kinds/common.h"

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_head;

	if (m->backend == BACKEND_RAY)
		ray_plan(a, b, graph_add(b, &kind_head, &m->node[0], true));
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const char *name = container_name(a, s->model, "head"), *other;

	see_engine(a, s, problems);
	if (s->orphan || s->seen.state == SEEN_CONFLICT)
		return;
	other = foreign_listener(a, s->node, RAY_PORT, name, engine_lives(a, s));
	if (other)
		see_conflict(a, s, problems, arena_printf(a, "Ray's %s", other),
			     "another Ray, or a Redis? end it there: dray does not touch what is not "
			     "its own; a cluster of another name, or this one before it was "
			     "renamed? destroy it with its own spec");
}

const struct kind kind_head = {
	.name = "head",
	.doc = "the Ray head: a container (or process) on the first node that the others join",
	.fields = ray_fields,
	.plan = plan,
	.see = see,
	.up = ray_up,
	.down = ray_down,
};
