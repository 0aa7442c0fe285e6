/* The plan's line about the network between the nodes, if dray chose anything of it. */
#include "planner/cluster/address.h"
#include "planner/cluster/rdma.h"
#include "planner/plan/reconcile.h"

enum { MAX_SHOWN = 4 };

/* By how many each address that was chosen is reached. */
static void
network_proof(struct str *line, const struct addresses *list)
{
	size_t least = addresses_proof(list), others = list->observed - 1;

	if (!list->observed || !others)
		return;
	if (least == others)
		str_puts(line, ", each reached by the others");
	else if (least)
		str_printf(line, ", each reached by the %zu of %zu others that tried", least, others);
	else
		str_puts(line, ", not all of them tested");
}

bool
plan_network(struct str *to, const struct cluster *c)
{
	struct str line = {0};

	if (c->nlayout < 2 || (!c->addresses && !c->rdma))
		return false;
	for (size_t i = 0; i < c->nlayout && i < MAX_SHOWN; i++) {
		const struct node *n = &c->node[i];
		const char *address = node_dial(n), *interface = node_interface(n);

		str_printf(&line, "%s%s ", i ? ", " : "", n->name);
		str_puts(&line, address ? address : "has none");
		if (interface)
			str_printf(&line, " (%s)", interface);
	}
	if (c->nlayout > MAX_SHOWN)
		str_printf(&line, " and %zu more", c->nlayout - MAX_SHOWN);
	if (c->addresses)
		network_proof(&line, c->addresses);
	if (c->rdma) {
		str_printf(&line, "   %s, %zu port%s", c->rdma->layer, c->rdma->ports,
			   c->rdma->ports == 1 ? "" : "s");
		if (c->rdma->rate)
			str_printf(&line, " of %lld Gb/s", c->rdma->rate);
		if (c->rdma->cables)
			str_puts(&line, ", a network for each cable");
	}
	str_safe(to, str_text(&line), line.len);
	str_release(&line);
	return true;
}
