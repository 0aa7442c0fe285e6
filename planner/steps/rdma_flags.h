#ifndef STEPS_RDMA_FLAGS_H
#define STEPS_RDMA_FLAGS_H

#include "planner/plan/kind.h"

/* RDMA for the containers of a node, if the layout has it and the user did not turn it off:
 * adds rdma.* and env.NCCL_*. Call it before the user's own environment is added. */
void rdma_want(struct arena *, const struct cluster *, const struct node *, struct attrs *);
/* If several nodes serve and NCCL's log shows which network it uses: adds a task that reads the log
 * after the start and shows it as a note. log: the file in the container, or NULL: its output. */
void rdma_report(struct arena *, const struct step *, const char *container, const char *log,
		 struct tasks *);

/* Is the memory limited that the engine on that node may lock? It is if the engine has the login's
 * limit and there is one; Docker's daemon grants more. */
bool rdma_locks_little(const struct cluster *, const struct node *);

#endif
