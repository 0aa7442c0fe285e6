/* The RDMA ports that the nodes of a layout have in common, for NCCL. */
#include "planner/cluster/rdma.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/address.h"
#include "planner/cluster/node.h"

enum { MAX_LIST = 64 };

bool
rdma_works(const struct fact_rdma *p)
{
	return p->active && p->verbs;
}

static bool
rdma_is_roce(const struct fact_rdma *p)
{
	return rdma_works(p) && p->interface && strcmp(p->layer, "Ethernet") == 0;
}

static bool
rdma_is_ib(const struct fact_rdma *p)
{
	return strcmp(p->layer, "InfiniBand") == 0;
}

static long long
rdma_fastest_ib(const struct facts *f)
{
	long long most = -1;

	for (size_t i = 0; i < f->rdma.n; i++)
		if (rdma_works(&f->rdma.v[i]) && rdma_is_ib(&f->rdma.v[i]) &&
		    f->rdma.v[i].rate > most)
			most = f->rdma.v[i].rate;
	return most;
}

bool
rdma_sits_on(const struct facts *f, const char *interface, const char *port)
{
	size_t n = strlen(port);

	if (strncmp(interface, port, n) == 0 && (!interface[n] || interface[n] == '.'))
		return true;
	for (size_t i = 0; i < f->nic.n; i++)
		if (strcmp(f->nic.v[i].name, interface) == 0)
			return f->nic.v[i].below && strcmp(f->nic.v[i].below, port) == 0;
	return false;
}

/* Does the node have a working RoCE port in the network of that address? */
static bool
rdma_has_roce_in(const struct node *n, const struct fact_addr *in)
{
	const struct facts *f = n->facts;

	for (size_t i = 0; i < f->rdma.n; i++) {
		const struct fact_rdma *p = &f->rdma.v[i];

		if (!rdma_is_roce(p))
			continue;
		for (size_t k = 0; k < f->addr.n; k++)
			if (rdma_sits_on(f, f->addr.v[k].interface, p->interface) &&
			    address_same_network(&f->addr.v[k], in))
				return true;
	}
	return false;
}

/* Did every node that dialled an address of that port reach it? Then routes lead there. */
static bool
rdma_is_reached(const struct cluster *c, const struct node *n, const struct fact_rdma *p)
{
	const struct addresses *list = c->addresses;

	for (size_t i = 0; list && i < list->n; i++)
		for (size_t k = 0; list->v[i].node == n && k < list->v[i].n; k++) {
			const struct candidate *at = &list->v[i].v[k];

			if (at->interface && rdma_sits_on(n->facts, at->interface, p->interface) && !at->excluded &&
			    at->yes && !at->no && !at->unknown)
				return true;
		}
	return false;
}

/* The node with which that port shares a network of its own, such as a cable; from `from` on. */
static size_t
rdma_neighbour(const struct cluster *c, const struct node *n, const struct fact_rdma *p, size_t from)
{
	const struct facts *f = n->facts;
	size_t other = from;

	for (; other < c->nlayout; other++)
		for (size_t i = 0; &c->node[other] != n && i < f->addr.n; i++)
			if (rdma_sits_on(f, f->addr.v[i].interface, p->interface) &&
			    !strchr(f->addr.v[i].address, ':') &&
			    rdma_has_roce_in(&c->node[other], &f->addr.v[i]))
				return other;
	return other;
}

bool
rdma_linked(const struct cluster *c, const struct node *one, const struct node *two)
{
	for (size_t i = 0; i < one->facts->rdma.n; i++) {
		const struct fact_rdma *p = &one->facts->rdma.v[i];

		if (rdma_is_roce(p) && rdma_neighbour(c, one, p, two->rank) == two->rank)
			return true;
	}
	return false;
}

/* The version of NCCL that the engine on this node loads; NULL: not known. */
static const char *
rdma_nccl(const struct cluster *c, const struct node *n)
{
	const char *const others[] = {c->engine->nccl_env, "LD_PRELOAD", "LD_LIBRARY_PATH"};

	for (size_t i = 0; i < countof(others); i++)
		if (others[i] && env_value(c, n, others[i]))
			return NULL;
	if (c->image || c->sif)
		return c->engine->nccl ? c->engine->nccl(c->spec->engine.image.text) : NULL;
	return n->facts->nccl;
}

/* Can that version compare networks? */
static bool
rdma_nccl_can(const char *version)
{
	enum { MAJOR = 2, MINOR = 30 };
	char *end;
	long major = strtol(version, &end, 10);

	return *end == '.' && (major > MAJOR || (major == MAJOR && strtol(end + 1, NULL, 10) >= MINOR));
}

const char *
rdma_old_nccl(const struct cluster *c)
{
	for (size_t i = 0; c->spec && i < c->nlayout; i++) {
		const char *version = node_observed(&c->node[i]) ? rdma_nccl(c, &c->node[i]) : NULL;

		if (version && !rdma_nccl_can(version))
			return version;
	}
	return NULL;
}

/* A network for each cable: NCCL takes the port that leads to the peer only if it is told to
 * compare networks, which it can since 2.30. An older one would break, so where its version is not
 * known, as of most images, the user decides. */
static bool
rdma_told_cables(const struct cluster *c)
{
	const char *aware = c->spec ? env_value(c, &c->node[0], "NCCL_IB_SUBNET_AWARE_ROUTING") : NULL;

	return aware && strcmp(aware, "1") == 0 && !rdma_old_nccl(c);
}

static bool
rdma_nccl_compares(const struct cluster *c)
{
	if (!c->spec || env_value(c, &c->node[0], "NCCL_IB_SUBNET_AWARE_ROUTING") ||
	    env_value(c, &c->node[0], "NCCL_IB_HCA"))
		return false;
	for (size_t i = 0; i < c->nlayout; i++) {
		const char *version = rdma_nccl(c, &c->node[i]);

		if (!version || !rdma_nccl_can(version))
			return false;
	}
	return true;
}

static bool
rdma_all_linked(const struct cluster *c)
{
	for (size_t i = 0; i < c->nlayout; i++)
		for (size_t k = i + 1; k < c->nlayout; k++)
			if (!rdma_linked(c, &c->node[i], &c->node[k]))
				return false;
	return true;
}

/* A link-local network is one for each cable, although all look alike. */
static bool
rdma_roce_is_shared(const struct cluster *c, const struct node *n, const struct fact_rdma *p)
{
	for (size_t i = 0; i < n->facts->addr.n; i++) {
		const struct fact_addr *addr = &n->facts->addr.v[i];
		size_t with = 0;

		if (!rdma_sits_on(n->facts, addr->interface, p->interface) || strchr(addr->address, ':') ||
		    (c->nlayout > 2 && address_is_link_local(addr->address)))
			continue;
		while (with < c->nlayout && rdma_has_roce_in(&c->node[with], addr))
			with++;
		if (with == c->nlayout)
			return true;
	}
	return false;
}

/* Is this port used, given the layer that was chosen for all nodes? */
static bool
rdma_is_used(const struct cluster *c, const struct node *n, const struct fact_rdma *p, bool ib,
	     bool cables)
{
	const char *interface = node_interface(n);

	if (ib ? !rdma_works(p) || !rdma_is_ib(p) : !rdma_is_roce(p))
		return false;
	if (ib)
		return p->rate == rdma_fastest_ib(n->facts);
	return p->interface && ((interface && rdma_sits_on(n->facts, interface, p->interface)) ||
				rdma_roce_is_shared(c, n, p) || rdma_is_reached(c, n, p) ||
				(cables && rdma_neighbour(c, n, p, 0) < c->nlayout));
}

static bool
rdma_all_have_ib(const struct cluster *c)
{
	for (size_t i = 0; i < c->nlayout; i++)
		if (rdma_fastest_ib(c->node[i].facts) < 0)
			return false;
	return true;
}

static bool
rdma_add(const char **list, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	if (*n == MAX_LIST)
		return false;
	list[(*n)++] = name;
	return true;
}

/* The ports of all nodes that are used; false: some node has none. */
static bool
rdma_find(struct arena *a, const struct cluster *c, bool ib, bool cables, struct rdma *found)
{
	const char *list[MAX_LIST];
	size_t n = 0;

	*found = (struct rdma){.ports = (size_t)-1, .layer = ib ? "InfiniBand" : "RoCE", .cables = cables};
	for (size_t i = 0; i < c->nlayout; i++) {
		const struct facts *f = c->node[i].facts;
		size_t here = 0;

		for (size_t k = 0; k < f->rdma.n; k++) {
			const struct fact_rdma *p = &f->rdma.v[k];

			if (!rdma_is_used(c, &c->node[i], p, ib, cables))
				continue;
			here++;
			rdma_add(list, &n, arena_printf(a, "%s:%s", p->device, p->port));
			if (!found->rate || p->rate < found->rate)
				found->rate = p->rate;
		}
		found->ports = here < found->ports ? here : found->ports;
	}
	for (size_t i = 0; i < n; i++)
		found->hca = i ? arena_printf(a, "%s,%s", found->hca, list[i]) : list[i];
	return found->ports > 0;
}

void
rdma_choose(struct arena *a, struct cluster *c)
{
	struct rdma found;
	bool ib;

	c->rdma = NULL;
	if (c->nlayout < 2)
		return;
	for (size_t i = 0; i < c->nlayout; i++)
		if (!node_observed(&c->node[i]))
			return;
	ib = rdma_all_have_ib(c);
	if (!rdma_find(a, c, ib, !ib && rdma_told_cables(c) && rdma_all_linked(c), &found) &&
	    (ib || !rdma_nccl_compares(c) || !rdma_all_linked(c) || !rdma_find(a, c, false, true, &found)))
		return;
	c->rdma = arena_grow(a, &found, sizeof found, sizeof found);
}

bool
rdma_uses(const struct cluster *c, const struct node *n, const struct fact_rdma *p)
{
	return c->rdma && node_observed(n) && n->rank < c->nlayout &&
	       rdma_is_used(c, n, p, strcmp(c->rdma->layer, "InfiniBand") == 0, c->rdma->cables);
}

const char *
rdma_missing(struct arena *a, const struct cluster *c, const struct node *n)
{
	bool elsewhere = false;

	if (c->rdma || !node_observed(n) || c->nlayout < 2)
		return NULL;
	for (size_t i = 0; i < n->facts->rdma.n; i++)
		if (rdma_works(&n->facts->rdma.v[i]))
			return NULL;
	for (size_t i = 0; i < c->nlayout && !elsewhere; i++)
		for (size_t k = 0; node_observed(&c->node[i]) && k < c->node[i].facts->rdma.n; k++)
			elsewhere |= rdma_works(&c->node[i].facts->rdma.v[k]);
	if (n->facts->rdma.n && !n->facts->rdma.v[0].verbs)
		return "it has RDMA ports but no /dev/infiniband: is the module ib_uverbs loaded?";
	if (n->facts->rdma.n)
		return arena_printf(a, "none of its %zu RDMA ports is active", n->facts->rdma.n);
	return elsewhere ? "it has no RDMA port, but other nodes have" : NULL;
}
