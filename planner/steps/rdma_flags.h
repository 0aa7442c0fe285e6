#ifndef STEPS_RDMA_FLAGS_H
#define STEPS_RDMA_FLAGS_H

#include "planner/plan/kind.h"

/* RDMA for the containers of a node, if the layout has it and the user did not turn it off:
 * adds rdma.* and env.NCCL_*. Call it before the user's own environment is added. */
void rdma_want(struct arena *, const struct cluster *, const struct node *, struct attrs *);
/* After the start, where several nodes serve and NCCL's log tells which way it took: a task that
 * reads it and tells it as a note. In a container it is the file `log`, or NULL: its own output. */
void rdma_report(struct arena *, const struct step *, const char *container, const char *log,
		 struct tasks *);

/* Does the engine there have the login's limit of memory that may be locked, and is there one? Docker's
 * daemon grants more. */
bool rdma_locks_little(const struct cluster *, const struct node *);

#endif
