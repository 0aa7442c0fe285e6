/* Chooses one of the addresses that were dialled. */
#include <arpa/inet.h>
#include <string.h>

#include "planner/cluster/address.h"
#include "planner/base/vec.h"

/* How a candidate did when it was dialled. */
enum standing { STANDS_NOT, STANDS_UNTESTED, STANDS };

static bool
address_choose_is_private(const char *address)
{
	unsigned char b[16];

	if (inet_pton(AF_INET6, address, b) == 1)
		return (b[0] & 0xfe) == 0xfc;
	return inet_pton(AF_INET, address, b) == 1 &&
	       (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168));
}

static bool
address_choose_same_network(const struct candidate *a, const struct candidate *b)
{
	struct fact_addr x = {.address = a->address, .prefix = a->prefix};
	struct fact_addr y = {.address = b->address, .prefix = b->prefix};

	return address_same_network(&x, &y);
}

static enum standing
address_choose_standing(const struct candidate *c)
{
	if (c->excluded || c->no || !c->interface)
		return STANDS_NOT;
	return c->yes && !c->unknown ? STANDS : STANDS_UNTESTED;
}

/* The merits of a group of addresses, the most important first. */
struct merit {
	long long v[5];
};

static int
address_choose_merit_compare(const struct merit *a, const struct merit *b)
{
	for (size_t i = 0; i < countof(a->v); i++)
		if (a->v[i] != b->v[i])
			return a->v[i] > b->v[i] ? 1 : -1;
	return 0;
}

static struct merit
address_choose_merit_of(const struct candidate *c)
{
	return (struct merit){
		{c->used, 0, address_choose_is_private(c->address), c->speed, c->ours}};
}

/* The node's best candidate of at least that standing; only in the network of `like`, if set. */
static const struct candidate *
address_choose_best(const struct address_node *n, enum standing least,
		    const struct candidate *like)
{
	const struct candidate *found = NULL;

	for (size_t i = 0; i < n->n; i++) {
		const struct candidate *c = &n->v[i];
		struct merit new = address_choose_merit_of(c), old;

		if (address_choose_standing(c) < least ||
		    (like && !address_choose_same_network(like, c)))
			continue;
		old = found ? address_choose_merit_of(found) : new;
		if (!found || address_choose_merit_compare(&new, &old) > 0)
			found = c;
	}
	return found;
}

static bool
address_choose_wants(const struct address_node *n)
{
	return n->facts && !n->given;
}

/* Does every node that needs one have an address in the network of `like`? */
static bool
address_choose_network_merit(const struct addresses *list, const struct candidate *like,
			     enum standing least, struct merit *sum)
{
	*sum = (struct merit){
		.v = {[2] = address_choose_is_private(like->address), [3] = like->speed}};
	for (size_t i = 0; i < list->n; i++) {
		const struct address_node *n = &list->v[i];
		const struct candidate *c =
			address_choose_wants(n) ? address_choose_best(n, least, like) : NULL;

		if (address_choose_wants(n) && !c)
			return false;
		for (size_t k = 0; n->given && k < n->n; k++)
			sum->v[1] += strcmp(n->v[k].address, n->given) == 0 &&
				     address_choose_same_network(like, &n->v[k]);
		if (!c)
			continue;
		sum->v[0] += c->used;
		sum->v[3] = c->speed < sum->v[3] ? c->speed : sum->v[3];
		sum->v[4] += c->ours;
	}
	return true;
}

static const struct candidate *
address_choose_best_network(const struct addresses *list, enum standing least)
{
	const struct candidate *found = NULL;
	struct merit most = {0}, merit;
	size_t first = 0;

	while (first < list->n && !address_choose_wants(&list->v[first]))
		first++;
	for (size_t i = 0; first < list->n && i < list->v[first].n; i++) {
		const struct candidate *c = &list->v[first].v[i];

		if (address_choose_standing(c) < least || !c->prefix ||
		    !address_choose_network_merit(list, c, least, &merit))
			continue;
		if (!found || address_choose_merit_compare(&merit, &most) > 0) {
			found = c;
			most = merit;
		}
	}
	return found;
}

void
addresses_choose(struct addresses *list)
{
	enum standing least = STANDS;
	const struct candidate *like = address_choose_best_network(list, least);

	if (!like)
		like = address_choose_best_network(list, least = STANDS_UNTESTED);
	for (size_t i = 0; i < list->n; i++) {
		struct address_node *n = &list->v[i];

		n->chosen = NULL;
		for (size_t k = 0; n->given && k < n->n; k++)
			if (strcmp(n->v[k].address, n->given) == 0)
				n->chosen = &n->v[k];
		if (!address_choose_wants(n))
			continue;
		n->chosen = like ? address_choose_best(n, least, like)
				 : address_choose_best(n, STANDS, NULL);
		if (!n->chosen)
			n->chosen = address_choose_best(n, STANDS_UNTESTED, NULL);
	}
}

/* Is that candidate on a RoCE port with which no other node shares a network? Whether routes
 * lead there only a test tells. */
static bool
address_choose_is_rail(const struct addresses *list, const struct address_node *n,
		       const struct candidate *c)
{
	bool roce = false;

	for (size_t i = 0; n->facts && c->interface && i < n->facts->rdma.n; i++) {
		const struct fact_rdma *p = &n->facts->rdma.v[i];

		roce |= p->active && p->verbs && p->interface && strcmp(p->interface, c->interface) == 0;
	}
	for (size_t i = 0; roce && i < list->n; i++)
		for (size_t k = 0; &list->v[i] != n && k < list->v[i].n; k++)
			if (address_choose_same_network(c, &list->v[i].v[k]))
				return false;
	return roce && !c->excluded;
}

bool
addresses_ask(struct addresses *list)
{
	bool more = false;

	addresses_choose(list);
	list->round++;
	for (size_t i = 0; i < list->n; i++) {
		struct address_node *n = &list->v[i];

		for (size_t k = 0; address_choose_wants(n) && k < n->n; k++)
			if ((n->chosen == &n->v[k] || address_choose_is_rail(list, n, &n->v[k])) &&
			    !n->v[k].round) {
				n->v[k].round = list->round;
				more = true;
			}
	}
	return more && list->observed > 1;
}

size_t
addresses_proof(const struct addresses *list)
{
	size_t least = list->observed - 1;

	for (size_t i = 0; i < list->n; i++) {
		const struct address_node *n = &list->v[i];

		if (!address_choose_wants(n))
			continue;
		if (!n->chosen || address_choose_standing(n->chosen) != STANDS)
			return 0;
		least = n->chosen->yes < least ? n->chosen->yes : least;
	}
	return least;
}

void
addresses_keep(struct addresses *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct address_node *n = &list->v[i];

		for (size_t k = 0; address_choose_wants(n) && k < n->n; k++)
			if (n->v[k].used && !n->v[k].excluded)
				n->chosen = &n->v[k];
	}
}
