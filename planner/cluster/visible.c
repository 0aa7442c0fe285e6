/* The GPUs of a node that the engine may use. */
#include "planner/cluster/visible.h"

#include "planner/facts/facts.h"

const struct accelerator *
node_accelerator(const struct node *n)
{
	static const struct gpus none;

	return accelerator_of(n->facts ? &n->facts->gpu : &none);
}

const struct facts *
facts_visible(struct arena *a, const struct cluster *c, const struct node *n)
{
	const struct accelerator *accelerator = node_accelerator(n);
	const char *list = env_value(c, n, accelerator->visible);
	struct facts *f;

	if (!node_observed(n) || (!list && accelerator->docker))
		return node_observed(n) ? n->facts : NULL;
	f = ar_new(a, struct facts);
	*f = *n->facts;
	if (accelerator->docker)
		f->gpu = gpus_visible(a, &n->facts->gpu, list);
	else
		f->gpu = (struct gpus){.fabric_manager = "", .none = arena_printf(a,
			"dray cannot serve on GPUs of %s yet", accelerator->maker)};
	return f;
}
