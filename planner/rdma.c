/* Which RDMA ports the nodes of a layout have in common, for NCCL. */
#include "planner/rdma.h"

#include <string.h>

#include "planner/address.h"
#include "planner/kinds/common.h"

enum { MAX_LIST = 64 };

static bool
works(const struct fact_rdma *p)
{
	return p->active && p->verbs;
}

static bool
is_ib(const struct fact_rdma *p)
{
	return strcmp(p->layer, "InfiniBand") == 0;
}

static long long
fastest_ib(const struct facts *f)
{
	long long most = -1;

	for (size_t i = 0; i < f->rdma.n; i++)
		if (works(&f->rdma.v[i]) && is_ib(&f->rdma.v[i]) && f->rdma.v[i].rate > most)
			most = f->rdma.v[i].rate;
	return most;
}

/* Interface "bond0.100" sits on "bond0", whose port it uses. */
static bool
sits_on(const char *interface, const char *port)
{
	size_t n = strlen(port);

	return strncmp(interface, port, n) == 0 && (!interface[n] || interface[n] == '.');
}

/* Has the node a working RoCE port in the network of that address? */
static bool
has_roce_in(const struct node *n, const struct fact_addr *in)
{
	const struct facts *f = n->facts;

	for (size_t i = 0; i < f->rdma.n; i++) {
		const struct fact_rdma *p = &f->rdma.v[i];

		if (!works(p) || is_ib(p) || !p->interface)
			continue;
		for (size_t k = 0; k < f->addr.n; k++)
			if (strcmp(f->addr.v[k].interface, p->interface) == 0 &&
			    address_same_network(&f->addr.v[k], in))
				return true;
	}
	return false;
}

static bool
roce_is_shared(const struct model *m, const struct node *n, const struct fact_rdma *p)
{
	for (size_t i = 0; i < n->facts->addr.n; i++) {
		const struct fact_addr *addr = &n->facts->addr.v[i];
		size_t with = 0;

		if (strcmp(addr->interface, p->interface) != 0 || strchr(addr->address, ':'))
			continue;
		while (with < m->nlayout && has_roce_in(&m->node[with], addr))
			with++;
		if (with == m->nlayout)
			return true;
	}
	return false;
}

/* Of the layer that is decided for all nodes: is it one of those to use? */
static bool
is_used(const struct model *m, const struct node *n, const struct fact_rdma *p, bool ib)
{
	const char *interface = node_interface(n);

	if (!works(p) || is_ib(p) != ib)
		return false;
	if (ib)
		return p->rate == fastest_ib(n->facts);
	return p->interface && ((interface && sits_on(interface, p->interface)) ||
				roce_is_shared(m, n, p));
}

static bool
all_have_ib(const struct model *m)
{
	for (size_t i = 0; i < m->nlayout; i++)
		if (fastest_ib(m->node[i].facts) < 0)
			return false;
	return true;
}

static bool
add(const char **list, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	if (*n == MAX_LIST)
		return false;
	list[(*n)++] = name;
	return true;
}

void
rdma_choose(struct arena *a, struct model *m)
{
	struct rdma found = {.ports = (size_t)-1};
	const char *list[MAX_LIST];
	size_t n = 0;
	bool ib;

	m->rdma = NULL;
	if (m->nlayout < 2)
		return;
	for (size_t i = 0; i < m->nlayout; i++)
		if (!node_seen(&m->node[i]))
			return;
	ib = all_have_ib(m);
	for (size_t i = 0; i < m->nlayout; i++) {
		const struct facts *f = m->node[i].facts;
		size_t here = 0;

		for (size_t k = 0; k < f->rdma.n; k++) {
			const struct fact_rdma *p = &f->rdma.v[k];

			if (!is_used(m, &m->node[i], p, ib))
				continue;
			here++;
			add(list, &n, arena_printf(a, "%s:%s", p->device, p->port));
			if (!found.rate || p->rate < found.rate)
				found.rate = p->rate;
		}
		found.ports = here < found.ports ? here : found.ports;
	}
	if (!found.ports)
		return;
	found.layer = ib ? "InfiniBand" : "RoCE";
	for (size_t i = 0; i < n; i++)
		found.hca = i ? arena_printf(a, "%s,%s", found.hca, list[i]) : list[i];
	m->rdma = arena_grow(a, &found, sizeof found, sizeof found);
}

bool
rdma_uses(const struct model *m, const struct node *n, const struct fact_rdma *p)
{
	return m->rdma && node_seen(n) && n->rank < m->nlayout &&
	       is_used(m, n, p, strcmp(m->rdma->layer, "InfiniBand") == 0);
}

const char *
rdma_missing(struct arena *a, const struct model *m, const struct node *n)
{
	bool elsewhere = false;

	if (m->rdma || !node_seen(n) || m->nlayout < 2)
		return NULL;
	for (size_t i = 0; i < n->facts->rdma.n; i++)
		if (works(&n->facts->rdma.v[i]))
			return NULL;
	for (size_t i = 0; i < m->nlayout && !elsewhere; i++)
		for (size_t k = 0; node_seen(&m->node[i]) && k < m->node[i].facts->rdma.n; k++)
			elsewhere |= works(&m->node[i].facts->rdma.v[k]);
	if (n->facts->rdma.n && !n->facts->rdma.v[0].verbs)
		return "it has RDMA ports, but no /dev/infiniband: is the module ib_uverbs loaded?";
	if (n->facts->rdma.n)
		return arena_printf(a, "none of its %zu RDMA ports is active", n->facts->rdma.n);
	return elsewhere ? "it has no RDMA port, and other nodes have" : NULL;
}
