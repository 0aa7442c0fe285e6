#ifndef PLANNER_WALL_H
#define PLANNER_WALL_H

#include "planner/cluster/cluster.h"
#include "planner/cluster/address.h"
#include "planner/facts/facts.h"

/* What another node (*from) found when it dialled this one at a port where nobody listens, and a
 * firewall stopped it. NULL: none was stopped. The list has what was found when the addresses were
 * chosen, and may be NULL. *passed: some node tried, and all that tried got through. */
const struct fact_reach *wall_before(const struct cluster *, const struct addresses *,
				     const struct node *, const struct node **from, bool *passed);
/* How to let another node in, with the commands of the firewall that this one has. */
const char *wall_hint(struct arena *, const struct node *, const struct node *from);

#endif
