/* Every decision that depends on facts, once, in a fixed order. */
#include "planner/cluster/decide.h"

#include "planner/cluster/rdma.h"

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

void
cluster_decide(struct arena *a, struct cluster *c, struct diags *d)
{
	decide_addresses(c);
	decide_layout(a, c, d);
	cluster_choose_shape(a, c);
	cluster_check_shape(a, c, d);
	rdma_choose(a, c);
}
