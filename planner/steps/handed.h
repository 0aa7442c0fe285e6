#ifndef STEPS_HANDED_H
#define STEPS_HANDED_H

#include "planner/base/attr.h"
#include "planner/cluster/cluster.h"

/* How the node's GPUs get into a container, as arguments of `docker run`. Of GPUs that are cut up
 * only the slice that the node's env selects, which is then the only GPU there. */
const char *handed_gpus(struct arena *, const struct cluster *, const struct node *);
/* The variable in `want` that selects GPUs, as engines can read it: numbers in place of uuids, and
 * nothing where only the slice is handed over. Call it after env_want(). */
void handed_select(struct arena *, const struct cluster *, const struct node *, struct attrs *want);

#endif
