/* Which address of a node all others can dial: candidates, what was tested, a choice. */
#include "planner/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"

enum { MAX_CANDIDATES = 24, REACH_TIMEOUT = 120 };

/* How well a candidate stands with those that dialled it. */
enum standing { STANDS_NOT, STANDS_UNTESTED, STANDS };

struct bytes {
	unsigned char b[16];
	size_t bits;            /* 32, 128; 0: not an address */
};

static struct bytes
parse(const char *address)
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

static bool
is_private(const char *address)
{
	struct bytes x = parse(address);

	if (x.bits == 128)
		return (x.b[0] & 0xfe) == 0xfc;
	return x.b[0] == 10 || (x.b[0] == 172 && (x.b[1] & 0xf0) == 16) ||
	       (x.b[0] == 192 && x.b[1] == 168);
}

bool
address_same_network(const struct fact_addr *a, const struct fact_addr *b)
{
	struct bytes x = parse(a->address), y = parse(b->address);
	size_t whole = (size_t)a->prefix / 8, rest = (size_t)a->prefix % 8;

	if (x.bits != y.bits || a->prefix != b->prefix || a->prefix < 1 ||
	    (size_t)a->prefix > x.bits)
		return false;
	return memcmp(x.b, y.b, whole) == 0 &&
	       (!rest || x.b[whole] >> (8 - rest) == y.b[whole] >> (8 - rest));
}

static bool
same_network(const struct candidate *a, const struct candidate *b)
{
	struct fact_addr x = {.address = a->address, .prefix = a->prefix};
	struct fact_addr y = {.address = b->address, .prefix = b->prefix};

	return address_same_network(&x, &y);
}

/* ---- candidates ---- */

static const struct fact_nic *
find_nic(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->nic.n; i++)
		if (strcmp(f->nic.v[i].name, name) == 0)
			return &f->nic.v[i];
	return NULL;
}

static bool
is_for_containers(const char *interface)
{
	static const char *const names[] = {"docker", "br-", "virbr", "cni", "flannel", "podman",
		"kube-", "lxcbr", "lxdbr", "weave", "veth", NULL};

	for (size_t i = 0; names[i]; i++)
		if (strncmp(interface, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static const char *
excluded(const struct fact_addr *addr, const struct fact_nic *nic, bool has_v4)
{
	struct bytes x = parse(addr->address);

	if (!x.bits)
		return "not an IP address";
	if (address_is_loopback(addr->address))
		return "loopback: it means each node itself";
	if (strncmp(addr->address, "169.254.", 8) == 0 ||
	    (x.bits == 128 && x.b[0] == 0xfe && (x.b[1] & 0xc0) == 0x80))
		return "link-local";
	if (is_for_containers(addr->interface))
		return "a bridge for containers";
	if (nic && (strcmp(nic->state, "down") == 0 || strcmp(nic->state, "lowerlayerdown") == 0))
		return "its interface is down";
	if (x.bits == 128 && has_v4)
		return "IPv6, and there is IPv4";
	return NULL;
}

/* A step of the user's may have an address, too, which is another matter. */
static bool
is_of_engine(const struct record *r)
{
	static const char *const kinds[] = {"head[", "worker[", "rank["};

	for (size_t i = 0; i < countof(kinds); i++)
		if (strncmp(r->step, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

/* What the engine on the node was started with, by its record. */
static const char *
used_address(const struct facts *f)
{
	for (size_t i = 0; i < f->record.n; i++) {
		struct record *r = &f->record.v[i];
		const char *address = attrs_value(&r->inputs, "address", NULL);

		if (address && is_of_engine(r) && strcmp(r->phase, "done") == 0)
			return address;
	}
	return NULL;
}

static bool
usable_v4(const struct fact_addr *addr, const struct facts *f)
{
	return parse(addr->address).bits == 32 &&
	       !excluded(addr, find_nic(f, addr->interface), false);
}

static void
list_node(struct arena *a, struct address_node *n)
{
	const struct facts *f = n->facts;
	const char *used = used_address(f);
	bool has_v4 = false, given_is_here = false, first = true;

	for (size_t i = 0; i < f->addr.n && !has_v4; i++)
		has_v4 = usable_v4(&f->addr.v[i], f);
	for (size_t i = 0; i < f->addr.n && n->n < MAX_CANDIDATES; i++) {
		const struct fact_addr *addr = &f->addr.v[i];
		const struct fact_nic *nic = find_nic(f, addr->interface);
		struct candidate *c = vec_push(a, n);

		*c = (struct candidate){.address = addr->address, .interface = addr->interface,
			.prefix = addr->prefix, .speed = nic ? nic->speed : 0,
			.used = used && strcmp(used, addr->address) == 0,
			.excluded = excluded(addr, nic, has_v4)};
		/* observe.sh lists the one that our connection came to first. */
		c->ours = first && !c->excluded;
		first = first && c->excluded;
		given_is_here |= n->given && strcmp(n->given, addr->address) == 0;
	}
	if (n->given && !given_is_here)
		*vec_push(a, n) = (struct candidate){.address = n->given};
}

/* An address that several nodes show (every Docker host has 172.17.0.1) names none. */
static void
exclude_doubles(struct arena *a, struct address_node *one, struct address_node *two)
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
by_address(const void *a, const void *b)
{
	return strcmp((*(struct candidate *const *)a)->address,
		      (*(struct candidate *const *)b)->address);
}

static void
sort(struct arena *a, struct addresses *list)
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
		qsort(list->sorted, list->nsorted, sizeof(struct candidate *), by_address);
}

struct addresses *
addresses_list(struct arena *a, const struct node *nodes, size_t n)
{
	struct addresses *list = ar_new(a, struct addresses);

	list->v = ar_array(a, struct address_node, n);
	list->n = n;
	for (size_t i = 0; i < n; i++) {
		struct address_node *to = &list->v[i];
		const struct facts *f = nodes[i].facts;

		*to = (struct address_node){.node = &nodes[i], .given = nodes[i].address};
		if (!f || f->state != FACTS_OK || !f->complete)
			continue;
		to->facts = f;
		list->seen++;
		list_node(a, to);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			exclude_doubles(a, &list->v[i], &list->v[k]);
	sort(a, list);
	return list;
}

bool
addresses_open(const struct addresses *list)
{
	bool open = false;

	for (size_t i = 0; i < list->n; i++)
		open |= list->v[i].facts && !list->v[i].given;
	return open && list->seen > 1;
}

/* ---- the test ---- */

static bool
is_dialled(const struct address_node *n, const struct candidate *c, bool wide)
{
	bool used = false;

	if (c->excluded || (n->given && !wide))
		return false;
	for (size_t i = 0; i < n->n && !wide; i++)
		used |= n->v[i].used && !n->v[i].excluded;
	return !used || c->used;
}

static const char *
dial(struct arena *a, const struct address_node *n, struct candidate *c)
{
	const struct spec_node *spec = n->node->spec;

	if (!c->dial)
		c->dial = arena_printf(a, "%s %lld", c->address,
				       spec && spec->ssh.port.set ? spec->ssh.port.value : 22LL);
	return c->dial;
}

/* Nodes x nodes: each text is made once. */
bool
address_task(struct arena *a, struct addresses *list, size_t i, bool wide, struct task *t)
{
	if (!list->script)
		list->script = script_with(a, "net", "reach");
	*t = (struct task){.type = TASK_SCRIPT, .script = list->script,
		.timeout_s = REACH_TIMEOUT};
	for (size_t k = 0; k < list->n && list->v[i].facts; k++) {
		struct address_node *n = &list->v[k];

		for (size_t c = 0; k != i && c < n->n; c++)
			if (is_dialled(n, &n->v[c], wide))
				task_arg_kept(a, t, dial(a, n, &n->v[c]));
	}
	return t->argc > 0;
}

static struct candidate *
find_candidate(const struct addresses *list, const char *address)
{
	struct candidate key = {.address = address}, *at = &key, **found = NULL;

	if (list->nsorted)
		found = bsearch(&at, list->sorted, list->nsorted, sizeof(struct candidate *), by_address);
	return found ? *found : NULL;
}

void
addresses_take(struct arena *a, struct addresses *list, size_t from, const char *text, size_t n)
{
	const struct facts *f = facts_read(a, text, n);

	list->v[from].dialled = arena_strndup(a, text, n);
	for (size_t i = 0; i < f->reach.n; i++) {
		const struct fact_reach *r = &f->reach.v[i];
		struct candidate *c = find_candidate(list, r->address);

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

/* ---- the choice ---- */

static enum standing
standing(const struct addresses *list, const struct candidate *c)
{
	if (c->excluded || c->no || !c->interface)
		return STANDS_NOT;
	return c->yes + 1 >= list->seen ? STANDS : STANDS_UNTESTED;
}

/* What speaks for a group of addresses, the weightiest first. */
struct merit {
	long long v[5];
};

static int
merit_compare(const struct merit *a, const struct merit *b)
{
	for (size_t i = 0; i < countof(a->v); i++)
		if (a->v[i] != b->v[i])
			return a->v[i] > b->v[i] ? 1 : -1;
	return 0;
}

static struct merit
merit_of(const struct candidate *c)
{
	return (struct merit){{c->used, 0, is_private(c->address), c->speed, c->ours}};
}

/* The node's best candidate of at least that standing; in the network of `like`, if any. */
static const struct candidate *
best(const struct addresses *list, const struct address_node *n, enum standing least,
     const struct candidate *like)
{
	const struct candidate *found = NULL;

	for (size_t i = 0; i < n->n; i++) {
		const struct candidate *c = &n->v[i];
		struct merit new = merit_of(c), old;

		if (standing(list, c) < least || (like && !same_network(like, c)))
			continue;
		old = found ? merit_of(found) : new;
		if (!found || merit_compare(&new, &old) > 0)
			found = c;
	}
	return found;
}

static bool
wants(const struct address_node *n)
{
	return n->facts && !n->given;
}

/* Has every node that needs one an address in the network of `like`? */
static bool
network_merit(const struct addresses *list, const struct candidate *like, enum standing least,
	      struct merit *sum)
{
	*sum = (struct merit){.v = {[2] = is_private(like->address), [3] = like->speed}};
	for (size_t i = 0; i < list->n; i++) {
		const struct address_node *n = &list->v[i];
		const struct candidate *c = wants(n) ? best(list, n, least, like) : NULL;

		if (wants(n) && !c)
			return false;
		for (size_t k = 0; n->given && k < n->n; k++)
			sum->v[1] += strcmp(n->v[k].address, n->given) == 0 &&
				     same_network(like, &n->v[k]);
		if (!c)
			continue;
		sum->v[0] += c->used;
		sum->v[3] = c->speed < sum->v[3] ? c->speed : sum->v[3];
		sum->v[4] += c->ours;
	}
	return true;
}

static const struct candidate *
best_network(const struct addresses *list, enum standing least)
{
	const struct candidate *found = NULL;
	struct merit most = {0}, merit;
	size_t first = 0;

	while (first < list->n && !wants(&list->v[first]))
		first++;
	for (size_t i = 0; first < list->n && i < list->v[first].n; i++) {
		const struct candidate *c = &list->v[first].v[i];

		if (standing(list, c) < least || !c->prefix ||
		    !network_merit(list, c, least, &merit))
			continue;
		if (!found || merit_compare(&merit, &most) > 0) {
			found = c;
			most = merit;
		}
	}
	return found;
}

bool
addresses_choose(struct addresses *list)
{
	enum standing least = STANDS;
	const struct candidate *like = best_network(list, least);
	bool all = true;

	if (!like)
		like = best_network(list, least = STANDS_UNTESTED);
	for (size_t i = 0; i < list->n; i++) {
		struct address_node *n = &list->v[i];

		n->chosen = NULL;
		for (size_t k = 0; n->given && k < n->n; k++)
			if (strcmp(n->v[k].address, n->given) == 0)
				n->chosen = &n->v[k];
		if (!wants(n))
			continue;
		n->chosen = like ? best(list, n, least, like) : best(list, n, STANDS, NULL);
		if (!n->chosen)
			n->chosen = best(list, n, STANDS_UNTESTED, NULL);
		all &= n->chosen && standing(list, n->chosen) == STANDS;
	}
	return all;
}

void
addresses_keep(struct addresses *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct address_node *n = &list->v[i];

		for (size_t k = 0; wants(n) && k < n->n; k++)
			if (n->v[k].used && !n->v[k].excluded)
				n->chosen = &n->v[k];
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
		str_puts(&s, "it shows no address at all");
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}
