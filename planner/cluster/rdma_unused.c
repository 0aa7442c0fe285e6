/* A fast network that NCCL does not use: which, and why. */
#include <string.h>

#include "planner/base/str.h"
#include "planner/cluster/address.h"
#include "planner/cluster/node.h"
#include "planner/cluster/rdma.h"

/* Slower iWARP is not worth a warning: drivers turn it on by themselves. */
enum { NAMES_MOST = 8, SLOW = 1000, IWARP_LEAST = 25 };

/* Did the user hand RDMA over by hand, or turn it off? */
static bool
rdma_unused_is_given(const struct cluster *c)
{
	const struct words *args = &c->spec->engine.docker_args;
	const char *off = env_value(c, &c->node[0], "NCCL_IB_DISABLE");
	const char *net = env_value(c, &c->node[0], "NCCL_NET");

	if ((off && *off && strcmp(off, "0") != 0) || (net && strcmp(net, "Socket") == 0))
		return true;
	for (size_t i = 0; i < args->n; i++)
		if (strstr(args->v[i].text, "/dev/infiniband") || strstr(args->v[i].text, "--privileged"))
			return true;
	return env_value(c, &c->node[0], "NCCL_IB_HCA") != NULL;
}

/* Does the user say which network NCCL uses? */
static bool
rdma_unused_is_told(const struct cluster *c)
{
	static const char *const names[] = {"NCCL_IB_DISABLE", "NCCL_IB_HCA", "NCCL_NET", "NCCL_NET_PLUGIN", NULL};

	for (size_t i = 0; names[i]; i++)
		if (env_value(c, &c->node[0], names[i]))
			return true;
	return false;
}

static bool
rdma_unused_has(const struct node *n)
{
	const struct facts *f = n->facts;

	for (size_t i = 0; i < f->rdma.n; i++) {
		const char *layer = f->rdma.v[i].layer;

		if (rdma_works(&f->rdma.v[i]) &&
		    (strcmp(layer, "InfiniBand") == 0 || strcmp(layer, "Ethernet") == 0 || strcmp(layer, "iWARP") == 0))
			return true;
	}
	return false;
}

bool
rdma_must_be_off(const struct cluster *c)
{
	size_t have = 0;

	if (c->rdma || c->nlayout < 2 || rdma_unused_is_told(c))
		return false;
	for (size_t i = 0; i < c->nlayout; i++) {
		if (!node_observed(&c->node[i]))
			return false;
		have += rdma_unused_has(&c->node[i]);
	}
	/* A container has the ports only if the user hands them over; where each node has some, the
	 * user may know how they are joined. */
	return have && (!c->image || (rdma_unused_is_given(c) && have < c->nlayout));
}

/* The fastest ports of a node that work and are not used. */
struct idle {
	const char *name[NAMES_MOST];
	size_t n;
	long long rate;
	bool efa, bare;         /* of another layer; without an address */
	bool iwarp;
};

static bool
rdma_unused_has_address(const struct facts *f, const char *interface)
{
	for (size_t i = 0; interface && i < f->addr.n; i++)
		if (rdma_sits_on(f, f->addr.v[i].interface, interface) && !strchr(f->addr.v[i].address, ':'))
			return true;
	return false;
}

static struct idle
rdma_unused_ports(struct arena *a, const struct cluster *c, const struct node *n)
{
	struct idle idle = {0};

	for (size_t i = 0; i < n->facts->rdma.n; i++) {
		const struct fact_rdma *p = &n->facts->rdma.v[i];
		bool ethernet = strcmp(p->layer, "Ethernet") == 0;
		bool iwarp = strcmp(p->layer, "iWARP") == 0;

		if (!rdma_works(p) || rdma_uses(c, n, p) || p->rate < idle.rate ||
		    (iwarp && p->rate < IWARP_LEAST))
			continue;
		if (p->rate > idle.rate)
			idle = (struct idle){.rate = p->rate, .bare = true};
		if (idle.n < NAMES_MOST)
			idle.name[idle.n++] = p->interface
				? arena_printf(a, "%s (%s)", p->device, p->interface) : p->device;
		idle.iwarp |= iwarp;
		idle.efa |= !ethernet && !iwarp && strcmp(p->layer, "InfiniBand") != 0;
		idle.bare &= ethernet && !rdma_unused_has_address(n->facts, p->interface);
	}
	return idle;
}

/* Finds two nodes that have no RoCE network in common. False: each two have one. */
static bool
rdma_unused_apart(const struct cluster *c, const struct node **one, const struct node **two)
{
	for (size_t i = 0; i < c->nlayout; i++)
		for (size_t k = i + 1; k < c->nlayout; k++)
			if (!rdma_linked(c, &c->node[i], &c->node[k])) {
				*one = &c->node[i];
				*two = &c->node[k];
				return true;
			}
	return false;
}

/* Do any two of the nodes have a RoCE network in common? */
static bool
rdma_unused_some_linked(const struct cluster *c)
{
	for (size_t i = 0; i < c->nlayout; i++)
		for (size_t k = i + 1; k < c->nlayout; k++)
			if (rdma_linked(c, &c->node[i], &c->node[k]))
				return true;
	return false;
}

static const char *
rdma_unused_why(struct arena *a, const struct cluster *c, const struct idle *idle, const char **hint)
{
	const struct node *one, *two;

	if (idle->iwarp) {
		*hint = "switch cards that can do both to RoCE: sudo modprobe -r irdma, then sudo modprobe irdma "
			"roce_ena=1; if TCP will do, set NCCL_IB_DISABLE: 1 in engine.env";
		return "they speak iWARP, which NCCL cannot use";
	}
	if (idle->efa) {
		*hint = "an image that has the plugin (aws-ofi-nccl, libfabric) uses them with docker_args: "
			"[--device=/dev/infiniband, --cap-add=IPC_LOCK, --ulimit=memlock=-1] and engine.env: "
			"{FI_PROVIDER: efa}; if TCP will do, set NCCL_IB_DISABLE: 1 in engine.env";
		return "they are not InfiniBand or RoCE (EFA?), and NCCL needs a plugin for them that the "
		       "engine's own images do not have";
	}
	if (idle->bare) {
		*hint = "give each of them an address in a network that all nodes share, as netplan or ip addr do";
		return "their interfaces have no IPv4 address";
	}
	if (!rdma_unused_apart(c, &one, &two)) {
		const char *place = c->image || c->sif ? "image" : "environment", *old = rdma_old_nccl(c);

		*hint = old && (c->image || c->sif)
			? arena_printf(a, "take an image with a newer one, such as %s; or name one in engine.env: "
				       "{%s: PATH, NCCL_IB_SUBNET_AWARE_ROUTING: 1}; if TCP will do, set "
				       "NCCL_IB_DISABLE: 1 there", c->engine->nccl_image, c->engine->nccl_env)
			: arena_printf(a, "with NCCL 2.30 or newer in the %s, set engine.env: "
				       "{NCCL_IB_SUBNET_AWARE_ROUTING: 1}: dray then hands these ports over; if TCP "
				       "will do, set NCCL_IB_DISABLE: 1 there", place);
		return old ? arena_printf(a, "each cable between two nodes is a network of its own, which NCCL can "
					  "use since 2.30, and the %s has %s", place, old)
			   : "each cable between two nodes is a network of its own, and NCCL uses any port for "
			     "any node unless it is told otherwise";
	}
	*hint = arena_printf(a, "give the ports addresses in networks that all nodes share, or let routes lead to "
			     "them; if they do already, set NCCL_IB_HCA in engine.env%s; if TCP will do, set "
			     "NCCL_IB_DISABLE: 1 there", c->image ? " and docker_args: [--device=/dev/infiniband, "
			     "--cap-add=IPC_LOCK, --ulimit=memlock=-1]" : "");
	return arena_printf(a, rdma_unused_some_linked(c)
			    ? "they do not join all nodes: %s and %s have no network in common"
			    : "%s and %s have no network in common on them, and are not known to reach each other over them",
			    one->name, two->name);
}

static const struct fact_nic *
rdma_unused_card(const struct node *n, const char *interface)
{
	for (size_t i = 0; interface && i < n->facts->nic.n; i++)
		if (strcmp(n->facts->nic.v[i].name, interface) == 0)
			return &n->facts->nic.v[i];
	return NULL;
}

const char *
rdma_unused(struct arena *a, const struct cluster *c, const char **hint)
{
	const struct node *head = &c->node[0];
	const struct fact_nic *card;
	const char *why, *instead;
	struct idle idle;

	if (c->nlayout < 2 || rdma_unused_is_given(c))
		return NULL;
	for (size_t i = 0; i < c->nlayout; i++)
		if (!node_observed(&c->node[i]) || !rdma_unused_ports(a, c, &c->node[i]).n)
			return NULL;
	idle = rdma_unused_ports(a, c, head);
	if (c->rdma && (idle.rate <= c->rdma->rate || strcmp(c->rdma->layer, "InfiniBand") == 0))
		return NULL;
	why = rdma_unused_why(a, c, &idle, hint);
	card = rdma_unused_card(head, node_interface(head));
	instead = c->rdma ? arena_printf(a, "ports of %lld Gb/s", c->rdma->rate)
		: card && card->speed ? arena_printf(a, "TCP over %s (%g Gb/s)", card->name, (double)card->speed / 1000)
		: "TCP";
	return arena_printf(a, "NCCL does not use the RDMA ports%s (%s): %s; it uses %s instead",
			    idle.rate ? arena_printf(a, " of %lld Gb/s", idle.rate) : "",
			    str_names(a, idle.name, idle.n, NAMES_MOST), why, instead);
}

/* ---- cards ---- */

static bool
rdma_unused_is_wifi(const struct fact_nic *nic)
{
	return strcmp(nic->kind, "wifi") == 0 || strncmp(nic->name, "wl", 2) == 0;
}

/* The speed of a VPN is not known, and it is never the fast way between hosts in one room. */
static bool
rdma_unused_is_vpn(const struct fact_nic *nic)
{
	static const char *const names[] = {"tailscale", "wg", "zt", "tun", "nebula", "netmaker", "wt0", "nordlynx", "ppp", NULL};

	for (size_t i = 0; names[i]; i++)
		if (strncmp(nic->name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

/* An address that the others can or may reach, on that card. */
static const char *
rdma_unused_reachable(const struct cluster *c, const struct node *n, const struct fact_nic *nic)
{
	const struct addresses *list = c->addresses;

	for (size_t i = 0; i < n->facts->addr.n; i++) {
		const struct fact_addr *addr = &n->facts->addr.v[i];
		bool reached = true;

		if (strcmp(addr->interface, nic->name) != 0 || strchr(addr->address, ':') ||
		    address_is_link_local(addr->address))
			continue;
		for (size_t k = 0; list && k < list->n; k++)
			for (size_t x = 0; list->v[k].node == n && x < list->v[k].n; x++)
				if (strcmp(list->v[k].v[x].address, addr->address) == 0)
					reached = !list->v[k].v[x].excluded && !list->v[k].v[x].no;
		if (reached)
			return addr->address;
	}
	return NULL;
}

const char *
rdma_slow_card(struct arena *a, const struct cluster *c, const struct node *n, const char **hint)
{
	const struct fact_nic *card, *best = NULL;
	const char *address = NULL;

	if (c->nlayout < 2 || !node_observed(n))
		return NULL;
	card = rdma_unused_card(n, node_interface(n));
	/* With RDMA only little goes over it. */
	if (!card || (!rdma_unused_is_wifi(card) && !rdma_unused_is_vpn(card) &&
		      (!card->speed || (c->rdma && card->speed > SLOW))))
		return NULL;
	for (size_t i = 0; i < n->facts->nic.n; i++) {
		const struct fact_nic *nic = &n->facts->nic.v[i];
		const char *at = rdma_unused_reachable(c, n, nic);

		if (nic == card || strcmp(nic->state, "up") != 0 || rdma_unused_is_wifi(nic) ||
		    rdma_unused_is_vpn(nic) || !at ||
		    nic->speed < 2 * card->speed || !nic->speed || (best && nic->speed <= best->speed))
			continue;
		best = nic;
		address = at;
	}
	if (!best && (!rdma_unused_is_wifi(card) || c->rdma))
		return NULL;
	if (!best) {
		*hint = "connect the nodes by a cable if you can: a pipeline waits for the network at each token, "
			"and tensor parallelism at each layer";
		return arena_printf(a, "its address %s is on %s (Wi-Fi), and no cable is known: NCCL is slow over "
				    "Wi-Fi, and may end when the link is lost for a moment", node_dial(n), card->name);
	}
	*hint = arena_printf(a, "if all nodes reach each other there, set 'address' of node '%s' to %s, and of "
			     "the others likewise", n->name, address);
	return arena_printf(a, "its address %s is on %s (%s), but %s has %g Gb/s", node_dial(n), card->name,
			    rdma_unused_is_vpn(card) ? "a VPN" : rdma_unused_is_wifi(card)
				    ? card->speed ? arena_printf(a, "Wi-Fi, %g Gb/s", (double)card->speed / 1000) : "Wi-Fi"
				    : arena_printf(a, "%g Gb/s", (double)card->speed / 1000),
			    best->name, (double)best->speed / 1000);
}
