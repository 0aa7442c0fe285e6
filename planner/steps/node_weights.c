/* The weights on each node's own disk (storage: local). */
#include "planner/steps/download.h"

static void
node_weights_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_weights;

	if (!download_needed(c) || c->store_shared)
		return;
	for (size_t i = 0; i < c->nlayout; i++)
		download_want(a, b, graph_add(b, &kind_weights, &c->node[i], true));
}

const struct kind kind_weights = {
	.name = "weights",
	.doc = "the model at one commit on the node's own disk, complete and verified",
	.fields = download_fields,
	.keep = true,
	.pool = "downloads",
	.plan = node_weights_plan,
	.observe = download_observe,
	.up = download_up,
	.down = download_down,
};
