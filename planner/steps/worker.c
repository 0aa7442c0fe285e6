/* Kind worker: the coordinator's process on each other node. */
#include "planner/runtimes/runtime.h"
#include "planner/steps/coordinator.h"

static void
worker_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_worker;

	for (size_t i = 1; c->shape == SHAPE_COORDINATOR && i < c->nlayout; i++) {
		struct step *s = graph_add(b, &kind_worker, &c->node[i], true);

		coordinator_plan(a, b, s, ENGINE_WORKER);
		graph_dep_all(b, s, kind_head.name, EDGE_INSTANCE, NULL);
	}
}

const struct kind kind_worker = {
	.name = "worker",
	.doc = "a Ray worker: a container on each other node, joined to the head",
	.fields = coordinator_fields,
	.engine = true,
	.plan = worker_plan,
	.observe = coordinator_observe,
	.up = coordinator_up,
	.down = coordinator_down,
};
