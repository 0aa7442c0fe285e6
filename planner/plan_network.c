/* The plan's line about the way between the nodes, when anything of it was chosen. */
#include "planner/address.h"
#include "planner/kinds/common.h"
#include "planner/rdma.h"
#include "planner/reconcile.h"

enum { MAX_SHOWN = 4 };

static void
addresses(struct str *to, const struct model *m)
{
	for (size_t i = 0; i < m->nlayout && i < MAX_SHOWN; i++) {
		const struct node *n = &m->node[i];
		const char *address = node_dial(n), *interface = node_interface(n);

		str_printf(to, "%s%s ", i ? ", " : "", n->name);
		str_puts(to, address ? address : "has none");
		if (interface)
			str_printf(to, " (%s)", interface);
	}
	if (m->nlayout > MAX_SHOWN)
		str_printf(to, " and %zu more", m->nlayout - MAX_SHOWN);
}

bool
plan_network(struct str *to, const struct model *m)
{
	struct str line = {0};

	if (m->nlayout < 2 || (!m->addresses && !m->rdma))
		return false;
	addresses(&line, m);
	if (m->addresses)
		str_puts(&line, ", each reached by the others");
	if (m->rdma) {
		str_printf(&line, "   %s, %zu port%s", m->rdma->layer, m->rdma->ports,
			   m->rdma->ports == 1 ? "" : "s");
		if (m->rdma->rate)
			str_printf(&line, " of %lld Gb/s", m->rdma->rate);
	}
	str_safe(to, str_text(&line), line.len);
	str_release(&line);
	return true;
}
