#include "planner/kinds/common.h"

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_worker;

	for (size_t i = 1; m->backend == BACKEND_RAY && i < m->nlayout; i++) {
		struct step *s = graph_add(b, &kind_worker, &m->node[i], true);

		ray_plan(a, b, s);
		graph_dep_all(b, s, "head", EDGE_INSTANCE, NULL);
	}
}

const struct kind kind_worker = {
	.name = "worker",
	.doc = "a Ray worker: a container on each further node, joined to the head",
	.fields = ray_fields,
	.plan = plan,
	.see = see_engine,
	.up = ray_up,
	.down = ray_down,
};
