#ifndef PLANNER_ADDRESS_H
#define PLANNER_ADDRESS_H

#include "planner/facts.h"
#include "planner/task.h"

/*
 * Which address of a node do the others dial? What is written in the spec stands. Else
 * every address a node shows is a candidate, the nodes dial each other's candidates, and
 * the one that all of them reach is taken: addresses_list(), address_task() per node,
 * addresses_take() with what came, addresses_choose(). Pure.
 */
struct candidate {
	const char *address;
	const char *interface;          /* NULL: no interface of the node has it */
	int prefix;
	long long speed;                /* Mb/s of the interface; 0: not known */
	bool ours;                      /* our own connection to the node came to it */
	bool used;                      /* what runs on the node was started with it */
	const char *excluded;           /* why nobody has to dial it, or NULL */
	size_t yes, no, unknown;        /* how many of the others reach it */
	const char *who, *detail;       /* the first that cannot, and why */
	const char *dial;               /* as reach.sh is told of it; made when first needed */
};

struct address_node {
	const struct node *node;
	const struct facts *facts;      /* NULL: it did not answer and takes no part */
	const char *given;              /* written in the spec */
	struct candidate *v;
	size_t n, cap;
	const struct candidate *chosen; /* the given one too, where the node has it */
	const char *dialled;            /* what it said of the others, as it came; or NULL */
};

struct addresses {
	struct address_node *v;
	size_t n;
	size_t seen;                    /* nodes that answered */
	struct candidate **sorted;      /* all that are dialled, by address */
	size_t nsorted;
	const struct script *script;    /* that dials; made when first needed */
};

/* The candidates of nodes that were looked at, and why some are none. */
struct addresses *addresses_list(struct arena *, const struct node *, size_t n);
/* Is there anything to choose: several nodes, and one of them without an address? */
bool addresses_open(const struct addresses *);
/* What node i has to dial. Not `wide`: only of nodes without an address, and where
 * something runs already only the address that it was started with. False: nothing. */
bool address_task(struct arena *, struct addresses *, size_t i, bool wide, struct task *);
/* What came of it, once per node; a second round begins with a new list. */
void addresses_take(struct arena *, struct addresses *, size_t i, const char *text, size_t n);
/* Choose: one network for all nodes where there is one (private before public, the
 * fastest, the one of our own connections), else the best address of each; one that
 * could not be tried rather than none. True when every node that answered has one that
 * all others reach. */
bool addresses_choose(struct addresses *);
/* Without anybody to dial: what runs keeps the address that it was started with. */
void addresses_keep(struct addresses *);
/* Why node i has none, candidate by candidate, in one line. */
const char *address_story(struct arena *, const struct address_node *);

/* Means each machine itself. */
bool address_is_loopback(const char *);
bool address_same_network(const struct fact_addr *, const struct fact_addr *);

#endif
