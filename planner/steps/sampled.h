#ifndef PLANNER_SAMPLED_H
#define PLANNER_SAMPLED_H

#include "planner/cluster/cluster.h"

/*
 * Copies of one file on several nodes have one name and one size; each look takes a sample of their
 * contents, too. Nobody knows which of two that differ is right: the hashes say it, which the next
 * apply calculates of those in doubt.
 */

/* Is the node's copy of that blob in doubt: of the nodes that have a sample of it, half or more have
 * another? False where each node has no copy of its own. */
bool sampled_doubt(const struct cluster *, const struct node *, const char *blob);

#endif
