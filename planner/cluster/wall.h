#ifndef PLANNER_WALL_H
#define PLANNER_WALL_H

#include "planner/cluster/cluster.h"
#include "planner/cluster/address.h"
#include "planner/facts/facts.h"

/* What another node found when it dialled this one at a port where nobody listens, and did not get
 * through; NULL: nobody was stopped. What was found when the addresses were chosen is in the list, which
 * may be NULL. passed: somebody tried, and all got through. */
const struct fact_reach *wall_before(const struct cluster *, const struct addresses *,
				     const struct node *, const struct node **from, bool *passed);
/* How to let another node in, by the firewall that this one has. */
const char *wall_hint(struct arena *, const struct node *, const struct node *from);

#endif
