/* Which address of a node all others can dial: candidates, and the test. */
#include "planner/cluster/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { MAX_CANDIDATES = 24 };

struct bytes {
	unsigned char b[16];
	size_t bits;            /* 32, 128; 0: not an address */
};

static struct bytes
address_parse(const char *address)
{
	struct bytes x = {0};

	if (inet_pton(AF_INET, address, x.b) == 1)
		x.bits = 32;
	else if (inet_pton(AF_INET6, address, x.b) == 1)
		x.bits = 128;
	return x;
}

bool
address_is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

bool
address_is_link_local(const char *address)
{
	struct bytes x = address_parse(address);

	return strncmp(address, "169.254.", 8) == 0 ||
	       (x.bits == 128 && x.b[0] == 0xfe && (x.b[1] & 0xc0) == 0x80);
}

bool
address_same_network(const struct fact_addr *a, const struct fact_addr *b)
{
	struct bytes x = address_parse(a->address), y = address_parse(b->address);
	size_t whole = (size_t)a->prefix / 8, rest = (size_t)a->prefix % 8;

	if (x.bits != y.bits || a->prefix != b->prefix || a->prefix < 1 ||
	    (size_t)a->prefix > x.bits)
		return false;
	return memcmp(x.b, y.b, whole) == 0 &&
	       (!rest || x.b[whole] >> (8 - rest) == y.b[whole] >> (8 - rest));
}

/* ---- candidates ---- */

static const struct fact_nic *
address_find_nic(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->nic.n; i++)
		if (strcmp(f->nic.v[i].name, name) == 0)
			return &f->nic.v[i];
	return NULL;
}

static bool
address_is_for_containers(const char *interface)
{
	static const char *const names[] = {"docker", "br-", "virbr", "cni", "flannel", "podman",
		"kube-", "lxcbr", "lxdbr", "incusbr", "weave", "veth", "cilium", "cali", "vxlan.calico", "tunl",
		"ovn-k8s", "genev_sys", "antrea", "nodelocaldns", "nerdctl", "vmnet", "vboxnet", NULL};

	for (size_t i = 0; names[i]; i++)
		if (strncmp(interface, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static const char *
address_excluded(const struct fact_addr *addr, const struct fact_nic *nic, bool has_v4)
{
	struct bytes x = address_parse(addr->address);

	if (!x.bits)
		return "not an IP address";
	if (address_is_loopback(addr->address))
		return "loopback: on each node it means the node itself";
	if (address_is_link_local(addr->address))
		return "link-local";
	if (address_is_for_containers(addr->interface))
		return "a bridge for containers";
	if (nic && (strcmp(nic->state, "down") == 0 || strcmp(nic->state, "lowerlayerdown") == 0))
		return "its interface is down";
	if (x.bits == 128 && has_v4)
		return "IPv6, but there is an IPv4 address";
	return NULL;
}

/* The address that the engine on the node was started with, from its record. */
static const char *
address_used(const struct facts *f)
{
	for (size_t i = 0; i < f->record.n; i++) {
		/* A user's step may also have an input named address: skip it. */
		struct record *r = &f->record.v[i];
		const char *address = attrs_value(&r->inputs, "address", NULL);

		if (address && !record_is_custom(r) && strcmp(r->phase, "done") == 0)
			return address;
	}
	return NULL;
}

static bool
address_usable_v4(const struct fact_addr *addr, const struct facts *f)
{
	return address_parse(addr->address).bits == 32 &&
	       !address_excluded(addr, address_find_nic(f, addr->interface), false);
}

static void
address_list_node(struct arena *a, struct address_node *n)
{
	const struct facts *f = n->facts;
	const char *used = address_used(f);
	bool has_v4 = false, given_is_here = false, first = true;

	for (size_t i = 0; i < f->addr.n && !has_v4; i++)
		has_v4 = address_usable_v4(&f->addr.v[i], f);
	for (size_t i = 0; i < f->addr.n && n->n < MAX_CANDIDATES; i++) {
		const struct fact_addr *addr = &f->addr.v[i];
		const struct fact_nic *nic = address_find_nic(f, addr->interface);
		struct candidate *c = vec_push(a, n);

		*c = (struct candidate){.address = addr->address, .interface = addr->interface,
			.prefix = addr->prefix, .speed = nic ? nic->speed : 0,
			.used = used && strcmp(used, addr->address) == 0,
			.excluded = address_excluded(addr, nic, has_v4)};
		/* observe.sh lists the address of our own connection first. */
		c->ours = first && !c->excluded;
		first = first && c->excluded;
		given_is_here |= n->given && strcmp(n->given, addr->address) == 0;
	}
	if (n->given && !given_is_here)
		*vec_push(a, n) = (struct candidate){.address = n->given};
}

/* Several nodes show the same address (every Docker host has 172.17.0.1): exclude it. */
static void
address_exclude_doubles(struct arena *a, struct address_node *one, struct address_node *two)
{
	for (size_t x = 0; x < one->n; x++)
		for (size_t y = 0; y < two->n; y++) {
			struct candidate *c = &one->v[x], *d = &two->v[y];

			if (strcmp(c->address, d->address) != 0)
				continue;
			if (!c->excluded)
				c->excluded = arena_printf(a, "%s has it too", two->node->name);
			if (!d->excluded)
				d->excluded = arena_printf(a, "%s has it too", one->node->name);
		}
}

static int
address_by(const void *a, const void *b)
{
	return strcmp((*(struct candidate *const *)a)->address,
		      (*(struct candidate *const *)b)->address);
}

static void
address_sort(struct arena *a, struct addresses *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->v[i].n;
	list->sorted = ar_array(a, struct candidate *, n);
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->v[i].n; k++)
			if (!list->v[i].v[k].excluded)
				list->sorted[list->nsorted++] = &list->v[i].v[k];
	if (list->nsorted)
		qsort(list->sorted, list->nsorted, sizeof(struct candidate *), address_by);
}

/* Is the node's address the one of `host`, and does no interface of the node have it? Then the node
 * is behind a router that translates addresses, and the others dial it by one of its own. */
static bool
address_is_outer(const struct node *n)
{
	const struct facts *f = n->facts;
	bool others = false;

	if (!n->spec || n->spec->address.text || !n->address || !f || f->state != FACTS_OK || !f->complete)
		return false;
	for (size_t i = 0; i < f->addr.n; i++) {
		if (strcmp(f->addr.v[i].address, n->address) == 0)
			return false;
		others |= !address_excluded(&f->addr.v[i], address_find_nic(f, f->addr.v[i].interface), false);
	}
	return others;
}

void
addresses_leave_outer(struct node *nodes, size_t n)
{
	bool outer = false;

	for (size_t i = 0; i < n && !outer; i++)
		outer = address_is_outer(&nodes[i]);
	/* A node that does not answer is probably behind the same router. */
	for (size_t i = 0; outer && i < n; i++)
		if (address_is_outer(&nodes[i]) || (nodes[i].spec && !nodes[i].spec->address.text && !nodes[i].facts))
			nodes[i].address = NULL;
}

struct addresses *
addresses_list(struct arena *a, const struct node *nodes, size_t n)
{
	struct addresses *list = ar_new(a, struct addresses);

	list->v = ar_array(a, struct address_node, n);
	list->answered = ar_array(a, struct address_node *, n);
	list->n = n;
	for (size_t i = 0; i < n; i++) {
		struct address_node *to = &list->v[i];
		const struct facts *f = nodes[i].facts;

		*to = (struct address_node){.node = &nodes[i], .given = nodes[i].address};
		if (!f || f->state != FACTS_OK || !f->complete)
			continue;
		to->facts = f;
		to->place = list->observed;
		list->answered[list->observed++] = to;
		address_list_node(a, to);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			address_exclude_doubles(a, &list->v[i], &list->v[k]);
	address_sort(a, list);
	return list;
}

static bool
address_node_same(const struct address_node *x, const struct address_node *y)
{
	if (strcmp(x->node->name, y->node->name) != 0 || !x->facts != !y->facts || x->n != y->n ||
	    !x->given != !y->given || (x->given && strcmp(x->given, y->given) != 0))
		return false;
	for (size_t i = 0; i < x->n; i++) {
		const struct candidate *c = &x->v[i], *d = &y->v[i];

		if (strcmp(c->address, d->address) != 0 || c->used != d->used ||
		    !c->excluded != !d->excluded)
			return false;
	}
	return true;
}

bool
addresses_same(const struct addresses *x, const struct addresses *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (!address_node_same(&x->v[i], &y->v[i]))
			return false;
	return true;
}

bool
addresses_open(const struct addresses *list)
{
	bool open = false;

	for (size_t i = 0; i < list->n; i++)
		open |= list->v[i].facts && !list->v[i].given;
	return open && list->observed > 1;
}

/* ---- the test ---- */

size_t
address_peers(size_t n, size_t i, size_t peer[ADDRESS_PEERS])
{
	bool few = n <= ADDRESS_PEERS + 1;
	size_t found = 0, root = 1;

	while (root * root * root < n)
		root++;
	for (size_t step = 1; step < n && found < (few ? ADDRESS_PEERS : 3);
	     step = few ? step + 1 : root * step)
		peer[found++] = (i + step) % n;
	return found;
}

void
addresses_ask_all(struct addresses *list)
{
	list->round++;
	for (size_t i = 0; i < list->nsorted; i++)
		list->sorted[i]->round = list->round;
}

static const char *
address_dial(struct arena *a, const struct address_node *n, struct candidate *c)
{
	if (!c->dial)
		c->dial = arena_printf(a, "%s %d", c->address, node_ssh_port(n->node));
	return c->dial;
}

bool
address_task(struct arena *a, struct addresses *list, size_t i, struct task *t)
{
	const struct address_node *own = &list->v[i];
	size_t peer[ADDRESS_PEERS];
	size_t n = own->facts ? address_peers(list->observed, own->place, peer) : 0;

	if (!list->script)
		list->script = script_with(a, "net", "reach");
	*t = (struct task){.type = TASK_SCRIPT, .script = list->script,
		.timeout_s = REACH_LIMIT};
	for (size_t k = 0; k < n; k++) {
		struct address_node *other = list->answered[peer[k]];

		for (size_t c = 0; c < other->n; c++)
			if (other->v[c].round == list->round)
				task_word_kept(a, t, address_dial(a, other, &other->v[c]));
	}
	return t->argc > 0;
}

static struct candidate *
address_find_candidate(const struct addresses *list, const char *address)
{
	struct candidate key = {.address = address}, *at = &key, **found = NULL;

	if (list->nsorted)
		found = bsearch(&at, list->sorted, list->nsorted, sizeof(struct candidate *),
				address_by);
	return found ? *found : NULL;
}

void
addresses_take(struct arena *a, struct addresses *list, size_t from, const char *text, size_t n)
{
	const struct facts *f = facts_read(a, text, n);

	struct address_node *own = &list->v[from];
	const char *before = own->dialled ? own->dialled : "", *end = strstr(before, "end\n");

	/* One text of all rounds, with one end. */
	own->dialled = arena_printf(a, "%.*s%.*s", (int)(end ? end - before : 0), before, (int)n,
				    text);
	if (f->open.n) {
		own->open = f->open.v;
		own->nopen = f->open.n;
	}
	for (size_t i = 0; i < f->reach.n; i++) {
		const struct fact_reach *r = &f->reach.v[i];
		struct candidate *c = address_find_candidate(list, r->address);

		if (!c)
			continue;
		if (strcmp(r->state, "yes") == 0) {
			c->yes++;
			continue;
		}
		if (strcmp(r->state, "no") == 0)
			c->no++;
		else
			c->unknown++;
		if (!c->who || (c->no == 1 && strcmp(r->state, "no") == 0)) {
			c->who = list->v[from].node->name;
			c->detail = r->detail;
		}
	}
}

const char *
address_story(struct arena *a, const struct address_node *n)
{
	struct str s = {0};
	const char *copy;

	for (size_t i = 0; i < n->n; i++) {
		const struct candidate *c = &n->v[i];

		str_printf(&s, "%s%s (%s): ", i ? "; " : "", c->address,
			   c->interface ? c->interface : "on no interface");
		if (c->excluded)
			str_puts(&s, c->excluded);
		else if (c->no || c->unknown)
			str_printf(&s, "%s %s, %s", c->who,
				   c->no ? "cannot reach it" : "could not try", c->detail);
		else
			str_printf(&s, "reached by %zu", c->yes);
	}
	if (!n->n)
		str_puts(&s, "it shows no address");
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}
