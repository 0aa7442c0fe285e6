/* Every decision that depends on facts, once, in a fixed order. */
#include "planner/cluster/decide.h"

#include <string.h>

#include "planner/base/diag.h"
#include "planner/cluster/rdma.h"
#include "planner/facts/facts.h"

/* A node without an address in the spec gets one that all others reach. What runs keeps its
 * address as long as they do. */
static void
decide_addresses(struct cluster *c)
{
	struct addresses *list = c->addresses;

	if (!list)
		return;
	if (list->observed > 1)
		addresses_choose(list);
	else
		addresses_keep(list);
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].chosen && !list->v[i].given)
			c->node[i].address = list->v[i].chosen->address;
	if (!addresses_open(list))
		c->addresses = NULL;
}

void
cluster_decide_network(struct arena *a, struct cluster *c)
{
	decide_addresses(c);
	rdma_choose(a, c);
}

/* False: a node has accelerators, and dray can serve on none of them. Then no other error about
 * the layout matters. */
static bool
decide_accelerators(const struct cluster *c, struct diags *d)
{
	const char *told = c->engine->resources_env, *cpu = c->engine->cpu_version;
	bool good = true;

	for (size_t i = 0; i < c->nspec; i++) {
		const struct node *n = &c->node[i];
		const struct gpus *gpus = node_observed(n) ? &n->facts->gpu : NULL;

		if (!gpus || gpus->n || !gpus->other || (told && env_value(c, n, told)) ||
		    (cpu && n->facts->venv_engine && strstr(n->facts->venv_engine, cpu)))
			continue;
		diag_error(d, n->spec->name.at, "dray cannot serve on %s, which node '%s' has (it serves "
			   "on GPUs of NVIDIA and AMD)", gpus->other, n->name);
		good = false;
	}
	return good;
}

void
cluster_decide(struct arena *a, struct cluster *c, struct diags *d)
{
	decide_addresses(c);
	if (decide_accelerators(c, d))
		decide_layout(a, c, d);
	cluster_choose_shape(a, c);
	cluster_check_shape(a, c, d);
	rdma_choose(a, c);
}
