/* Firewalls between nodes that let ssh through and not more. */
#include "planner/cluster/wall.h"

#include <string.h>

#include "planner/cluster/node.h"

struct walls {
	const struct fact_reach *met;   /* the first that was met */
	const struct node *from;
	size_t passed;
};

/* An address that is not reached at all is another fault, and not a firewall's. */
static bool
wall_reaches(const struct node *from, const char *address)
{
	for (size_t i = 0; i < from->facts->reach.n; i++)
		if (strcmp(from->facts->reach.v[i].address, address) == 0)
			return strcmp(from->facts->reach.v[i].state, "no") != 0;
	return true;
}

static bool
wall_is_reached(const struct address_node *n, const char *address)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->v[i].address, address) == 0)
			return !n->v[i].no;
	return true;
}

static void
wall_count(struct walls *w, const struct node *from, const struct fact_reach *v, size_t n,
	   const char *address)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].address, address) != 0)
			continue;
		if (strcmp(v[i].state, "yes") == 0) {
			w->passed++;
		} else if (!w->met) {
			w->met = &v[i];
			w->from = from;
		}
	}
}

const struct fact_reach *
wall_before(const struct cluster *c, const struct addresses *list, const struct node *n,
	    const struct node **from, bool *passed)
{
	const char *address = node_dial(n);
	struct walls w = {0};
	bool reached = true;

	for (size_t i = 0; address && i < c->nlayout; i++)
		if (&c->node[i] != n && node_observed(&c->node[i]) && wall_reaches(&c->node[i], address))
			wall_count(&w, &c->node[i], c->node[i].facts->open.v, c->node[i].facts->open.n,
				   address);
	for (size_t i = 0; address && list && i < list->n; i++)
		reached &= list->v[i].node != n || wall_is_reached(&list->v[i], address);
	for (size_t i = 0; address && list && reached && i < list->n; i++)
		if (list->v[i].node != n)
			wall_count(&w, list->v[i].node, list->v[i].open, list->v[i].nopen, address);
	*from = w.from;
	*passed = w.passed && !w.met;
	return w.met;
}

const char *
wall_hint(struct arena *a, const struct node *n, const struct node *from)
{
	const char *wall = n->facts->firewall, *address = node_dial(from) ? node_dial(from) : "ADDRESS";

	if (strcmp(wall, "ufw") == 0)
		return arena_printf(a, "let the nodes in: sudo ufw allow from %s, and from the others", address);
	if (strcmp(wall, "firewalld") == 0)
		return arena_printf(a, "let the nodes in: sudo firewall-cmd --permanent --zone=trusted "
				    "--add-source=%s, and the others; then firewall-cmd --reload", address);
	return arena_printf(a, "let all ports through between the nodes, in the cloud's security group or the "
			    "host's rules (sudo iptables -I INPUT -s %s -j ACCEPT): Ray, Gloo and NCCL use "
			    "any free port", address);
}
