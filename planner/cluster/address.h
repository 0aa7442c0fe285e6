#ifndef PLANNER_ADDRESS_H
#define PLANNER_ADDRESS_H

#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"
#include "planner/base/task.h"

/*
 * Which address of a node do the others dial? An address in the spec is final. Otherwise every
 * address that a node shows is a candidate, and the best one that its peers reach is chosen:
 * addresses_list(), then rounds of addresses_ask(), address_task() per node and
 * addresses_take() with its result, until nothing is left to ask. Pure.
 */

/* Whom node i of n dials: all others where they are few, else the three nodes that follow it in the
 * list at the distances 1, s and s * s, where s is the cube root of n, rounded up: 1, 4 and 16 for 64
 * nodes. However the nodes fall into two parts that do not reach each other, some node dials across,
 * in either direction: the dials of distance 1 are a ring. A single pair that is cut off may go
 * unseen. Each node is dialled by as many as it dials: dial() in net.sh says at which port. */
enum { ADDRESS_PEERS = 8 };
size_t address_peers(size_t n, size_t i, size_t peer[ADDRESS_PEERS]);

struct candidate {
	const char *address;
	const char *interface;          /* NULL: no interface of the node has it */
	int prefix;
	long long speed;                /* Mb/s of the interface; 0: not known */
	bool ours;                      /* our own connection to the node uses it */
	bool used;                      /* what runs on the node was started with it */
	const char *excluded;           /* why it is not dialled, or NULL */
	size_t round;                   /* in which it is dialled; 0: it is not */
	size_t yes, no, unknown;        /* what its peers found */
	const char *who, *detail;       /* the first node that cannot reach it, and why */
	const char *dial;               /* as an argument of reach.sh; made when needed */
};

struct address_node {
	const struct node *node;
	const struct facts *facts;      /* NULL: it did not answer and is left out */
	const char *given;              /* the address in the spec */
	struct candidate *v;
	size_t n, cap;
	const struct candidate *chosen; /* also the given one, if the node has it */
	const char *dialled;            /* its raw output about the others, or NULL */
	struct fact_reach *open;        /* what it found of firewalls in the last round */
	size_t nopen;
	size_t place;                   /* its index among the nodes that answered */
};

struct addresses {
	struct address_node *v;
	size_t n;
	struct address_node **answered; /* the nodes that answered */
	size_t observed;                /* how many nodes that is */
	size_t round;                   /* of dialling, from 1 */
	struct candidate **sorted;      /* all that may be dialled, sorted by address */
	size_t nsorted;
	const struct script *script;    /* dials; made when needed */
};

/* Clears the address of each node whose host is an IP address that none of its interfaces has, such
 * as the public one of a machine in a cloud, so that one of its own is chosen. */
void addresses_leave_outer(struct node *, size_t n);
/* Lists the candidates of observed nodes, with the reason against those that are excluded. */
struct addresses *addresses_list(struct arena *, const struct node *, size_t n);
/* Is there anything to choose: several nodes, one of them without an address? */
bool addresses_open(const struct addresses *);
/* Begins a round: chooses, and asks about chosen addresses that were not dialled yet, and about
 * those of RoCE ports that share no network with another node. False: nothing is left to ask. */
bool addresses_ask(struct addresses *);
/* Begins a round about every address. */
void addresses_ask_all(struct addresses *);
/* What node i has to dial in this round. False: nothing. */
bool address_task(struct arena *, struct addresses *, size_t i, struct task *);
/* Takes the result, once per node and round. */
void addresses_take(struct arena *, struct addresses *, size_t i, const char *text, size_t n);
/* Chooses one network for all nodes if there is one (private before public, then the
 * fastest, then that of our own connections), otherwise the best address of each node. An
 * untested address is better than none. */
void addresses_choose(struct addresses *);
/* The number of peers that reach each chosen address, at least; 0: some address is untested. */
size_t addresses_proof(const struct addresses *);
/* If nothing can be dialled: what runs keeps the address that it was started with. */
void addresses_keep(struct addresses *);
/* Do both lists have the same nodes, candidates and used addresses? Then what the nodes found
 * for one holds for the other. */
bool addresses_same(const struct addresses *, const struct addresses *);
/* Why node i has no address: each candidate with its fault, in one line. */
const char *address_story(struct arena *, const struct address_node *);

/* Does the address mean the machine itself, whichever uses it? */
bool address_is_loopback(const char *);
/* Is it valid on one link only? */
bool address_is_link_local(const char *);
/* Are both in one network, by the same prefix length? */
bool address_same_network(const struct fact_addr *, const struct fact_addr *);

#endif
