#ifndef PLANNER_LAYOUT_VIEW_H
#define PLANNER_LAYOUT_VIEW_H

#include "planner/cluster/cluster.h"

/* What `dray explain layout` prints, for a cluster after cluster_decide(). */
void layout_text(const struct cluster *, FILE *, bool color);
/* The same as one line of JSON (docs/json.md). `all`: with the rejected layouts; a plan omits
 * them. Without a layout_result, it has the sizes of the cluster. */
void layout_json(const struct cluster *, FILE *, bool all);

#endif
