/* The interfaces that lead from a node to the others. */
#include "planner/cluster/route.h"

#include <string.h>

#include "planner/cluster/address.h"
#include "planner/cluster/node.h"

enum { ROUTE_MOST = 8 };

bool
route_is_on_lo(const struct cluster *c, const struct node *n)
{
	const char *interface = node_interface(n);

	return interface && strcmp(interface, "lo") == 0 && c->nlayout > 1;
}

/* An address that other hosts can dial: neither a loopback nor a link-local one. */
static bool
route_has_address(const struct facts *f, const char *interface)
{
	for (size_t i = 0; i < f->addr.n; i++) {
		const struct fact_addr *addr = &f->addr.v[i];

		if (strcmp(addr->interface, interface) == 0 && !address_is_loopback(addr->address) &&
		    !address_is_link_local(addr->address))
			return true;
	}
	return false;
}

/* Do the node's routes lead there? A look of an earlier version does not say; then any card that
 * is up may. */
static bool
route_leads(const struct facts *f, const struct fact_nic *nic)
{
	for (size_t i = 0; i < f->uplink.n; i++)
		if (strcmp(f->uplink.v[i].name, nic->name) == 0)
			return true;
	return !f->uplink.n && strcmp(nic->state, "up") == 0 &&
	       (strcmp(nic->kind, "physical") == 0 || strcmp(nic->kind, "bond") == 0 ||
		strcmp(nic->kind, "vlan") == 0);
}

const char *
route_interfaces(struct arena *a, const struct cluster *c, const struct node *n)
{
	const char *list = NULL;
	size_t found = 0;

	if (!route_is_on_lo(c, n))
		return node_interface(n);
	for (size_t i = 0; i < n->facts->nic.n && found < ROUTE_MOST; i++) {
		const struct fact_nic *nic = &n->facts->nic.v[i];

		if (!route_leads(n->facts, nic) || !route_has_address(n->facts, nic->name))
			continue;
		list = found++ ? arena_printf(a, "%s,%s", list, nic->name) : nic->name;
	}
	return list;
}
