#ifndef PLANNER_PLACES_H
#define PLANNER_PLACES_H

#include "planner/spec/spec.h"

/* The nodes that tensor x pipeline takes: always the first ones, so the head is among them. */
struct layout {
	bool known;             /* every node says how many GPUs it has */
	bool fits;              /* false only when known */
	bool spans;             /* a tensor group does not fit into one node */
	size_t nodes;           /* that it takes; if not known, the most that it could take */
	long long wanted, have; /* GPUs; `have` only if known */
};

struct layout layout_of(const struct spec *);

/* How many of the first nodes tensor x pipeline x data takes; 0: it does not fit. With mp
 * every node gives the same number of GPUs, `each`; a coordinator fills the nodes in order. */
struct placed {
	size_t nodes;
	bool spans;             /* a tensor group is on several nodes */
	long long each;         /* mp; else 0 */
};

struct places {
	long long (*gpus)(const void *nodes, size_t i);
	const void *nodes;
	size_t n;
};

struct placed layout_place(const struct places *, long long tensor, long long pipeline,
			   long long data, bool mp);
/* The fewest first nodes that have that many GPUs together; 0: all nodes have fewer. */
size_t layout_by_gpus(const struct places *, long long wanted);
/* Why each layer will wait for the network. `most`: GPUs of the largest node. */
const char *layout_spans_why(struct arena *, long long tensor, long long most);

#endif
