#ifndef STEPS_HANDED_H
#define STEPS_HANDED_H

#include "planner/base/attr.h"
#include "planner/cluster/cluster.h"

/* How the node's GPUs get into a container, as arguments of `docker run`. If the GPUs are cut into
 * slices, only the slice that the node's env selects is handed over, and is the only GPU there. */
const char *handed_gpus(struct arena *, const struct cluster *, const struct node *);
/* Rewrites the variable in `want` that selects GPUs so that engines can read it: numbers in place of
 * uuids, and nothing if only a slice is handed over. Call it after env_want(). */
void handed_select(struct arena *, const struct cluster *, const struct node *, struct attrs *want);

#endif
