#ifndef PLANNER_SAMPLED_H
#define PLANNER_SAMPLED_H

#include "planner/cluster/cluster.h"

/*
 * Copies of a file on several nodes have the same name and size, so each look also takes a sample of
 * their contents. If two samples differ, the sample does not tell which copy is right; the next apply
 * calculates the hashes of the copies in doubt, which do.
 */

/* Is the node's copy of that blob in doubt, because at least half of the nodes with a sample have
 * another one? False if the nodes share one copy. */
bool sampled_doubt(const struct cluster *, const struct node *, const char *blob);

#endif
