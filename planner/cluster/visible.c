/* The GPUs of a node that the engine may use. */
#include "planner/cluster/visible.h"

#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"

const struct accelerator *
cluster_image_accelerator(const struct cluster *c)
{
	const char *name = c->image ? c->engine->image_for(c->image) : NULL;

	return name ? accelerator_find(name) : NULL;
}

const struct accelerator *
node_accelerator(const struct cluster *c, const struct node *n)
{
	const struct accelerator *by_image = cluster_image_accelerator(c);

	if (n->facts && n->facts->gpu.n)
		return accelerator_of(&n->facts->gpu);
	return by_image ? by_image : accelerators[0];
}

const char *
node_selects(const struct cluster *c, const struct node *n, const char **variable)
{
	const struct accelerator *accelerator = node_accelerator(c, n);
	const char *const *too = accelerator->visible_too;
	const char *list = env_value(c, n, *variable = accelerator->visible);

	for (; !list && too && *too; too++)
		list = env_value(c, n, *variable = *too);
	return list;
}

const struct facts *
facts_visible(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *variable, *list = node_selects(c, n, &variable);
	struct facts *f;

	if (!node_observed(n) || (!list && !n->facts->gpu.slice.n))
		return node_observed(n) ? n->facts : NULL;
	f = ar_new(a, struct facts);
	*f = *n->facts;
	f->gpu = gpus_visible(a, &n->facts->gpu, list);
	return f;
}
