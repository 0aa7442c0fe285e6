#ifndef STEPS_RDMA_FLAGS_H
#define STEPS_RDMA_FLAGS_H

#include "planner/plan/kind.h"

/* RDMA for the containers of a node, if the layout has it and the user did not turn it off:
 * adds rdma.* and env.NCCL_*. Call it before the user's own environment is added. */
void rdma_want(struct arena *, const struct cluster *, const struct node *, struct attrs *);
/* After the start: a task that reads in `log` (a file in the container, or NULL for its
 * own output) which way NCCL took, and tells it as a note. */
void rdma_report(struct arena *, const struct cluster *, struct node *, const char *container,
		 const char *log, struct tasks *);

#endif
