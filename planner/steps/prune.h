#ifndef PLANNER_PRUNE_H
#define PLANNER_PRUNE_H

#include "planner/cluster/cluster.h"
#include "planner/base/task.h"

/*
 * What dray put on the nodes and nothing needs any more. Each node finds that by itself (prune.sh):
 * from its records, its containers, and the hashes that the other nodes' records name. So an answer
 * of another node can keep things, but never remove them.
 */
struct prune_item {
	const struct node *node;
	const char *kind;               /* weights, partial, image, log, archive */
	const char *name;               /* as prune.sh knows it */
	const char *why;                /* why it can go, or must stay */
	long long bytes;
	bool kept;                      /* it must stay, or could not be removed */
	bool gone;                      /* it was removed */
};
struct prune {
	struct { struct prune_item *v; size_t n, cap; } item;
	struct { const char **v; size_t n, cap; } named;        /* hashes that records name */
	const struct node *closed;      /* has records that cannot be read, or NULL */
};

enum prune_act { PRUNE_NAMES, PRUNE_LIST, PRUNE_REMOVE };

/* The task for a node. PRUNE_REMOVE gets the items of the list that are of this node and not kept. */
void prune_task(struct arena *, const struct cluster *, const struct node *, enum prune_act,
		const struct prune *, struct task *);
/* Adds what the node answered. False: it is not a whole answer. */
bool prune_read(struct arena *, struct prune *, const struct node *, const char *text, size_t n);
/* "org/name @ 1a2b3c4d5e6f", for people. */
const char *prune_name(struct arena *, const struct prune_item *);

#endif
