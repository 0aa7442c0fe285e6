/* Repositories besides the model's: adapters, draft models, tokenizers. They come to where the model
 * comes: into the shared directory, or onto each node's own disk. */
#include "planner/steps/download.h"
#include "planner/steps/inputs.h"
#include "planner/steps/node_weights.h"

static const char *
repo_address(struct arena *a, const struct cluster_extra *x, const struct node *n)
{
	return arena_printf(a, "repo.%s[%s]", x->name, n->name);
}

/* The step of the node that has it first, and from which the others have it. */
static struct step *
repo_source(struct arena *a, const struct cluster *c, struct graph_builder *b, const struct cluster_extra *x)
{
	return graph_find(b->graph, repo_address(a, x, node_weights_source(a, c, x)));
}

/* One after the other on a node: the script keeps one download, and one copy, there. */
static void
repo_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	size_t nodes = c->store_shared ? 1 : c->nlayout;

	if (!c->hf_home || !c->nlayout)
		return;
	for (size_t i = 0; i < nodes; i++)
		for (size_t k = 0; k < c->nextra; k++)
			graph_add_as(b, &kind_repo, &c->node[i], repo_address(a, &c->extra[k], &c->node[i]));
	for (size_t i = 0; i < nodes; i++) {
		struct step *before = graph_find(b->graph, c->store_shared ? "download"
			: arena_printf(a, "weights[%s]", c->node[i].name));

		for (size_t k = 0; k < c->nextra; k++) {
			const struct cluster_extra *x = &c->extra[k];
			struct step *s = graph_find(b->graph, repo_address(a, x, &c->node[i]));

			if (c->store_shared)
				download_want(a, b, s, true, x);
			else
				node_weights_want(a, b, s, x, repo_source(a, c, b, x));
			graph_dep(b, s, before, EDGE_ORDER, NULL);
			before = s;
		}
	}
}

void
repo_dep(struct graph_builder *b, struct step *s)
{
	const struct cluster *c = b->cluster;
	size_t nodes = c->store_shared ? 1 : c->nlayout;

	for (size_t k = 0; k < c->nextra; k++)
		for (size_t i = 0; i < nodes; i++) {
			bool own = c->store_shared || &c->node[i] == s->node;
			struct step *on = graph_find(b->graph,
						     repo_address(b->arena, &c->extra[k], &c->node[i]));

			graph_dep(b, s, on, own ? EDGE_CONTENT : EDGE_ORDER, own
				  ? arena_printf(b->arena, "extra.%s", c->extra[k].from.repo.text) : NULL);
		}
}

const struct kind kind_repo = {
	.name = "repo",
	.doc = "another repository that the engine needs, at one commit, complete and verified",
	.fields = download_fields,
	.keep = true,
	.plan = repo_plan,
	.observe = download_observe,
	.up = node_weights_up,
	.spread = &weights_spread,
	.down = download_down,
};
