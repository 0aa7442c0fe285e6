#ifndef PLANNER_VISIBLE_H
#define PLANNER_VISIBLE_H

#include "planner/accelerators/accelerator.h"
#include "planner/cluster/node.h"

/* The maker of the node's GPUs; the first of accelerators.def if it shows none. */
const struct accelerator *node_accelerator(const struct node *);
/* The node's facts with only the GPUs that the engine may use: those that the variable in its
 * env selects, and none that dray cannot serve on. NULL: it was not observed. */
const struct facts *facts_visible(struct arena *, const struct cluster *, const struct node *);

#endif
