#ifndef STEPS_LISTENER_H
#define STEPS_LISTENER_H

#include "planner/plan/kind.h"

/* Describes a process of somebody else that listens on that port of the node; NULL: there is none.
 * `container`, which is ours, does not count, nor does another container of the cluster that it
 * replaces. With `ours_runs`, a listener whose owner this login may not see counts as ours. */
const char *foreign_listener(struct arena *, const struct node *, int port,
			     const char *container, bool ours_runs);

#endif
