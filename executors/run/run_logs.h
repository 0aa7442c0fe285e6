#ifndef EXECUTORS_RUN_LOGS_H
#define EXECUTORS_RUN_LOGS_H

#include "executors/run/run_private.h"
#include "planner/plan/kind.h"
#include "planner/why/evidence.h"

/* run_logs.c: run the tasks that print reports (evidence.h), all at once, and collect them. A
 * node that does not answer is evidence, too. `then` is called at the end, or at once if there
 * are no tasks. */
void logs_collect(struct run *, struct arena *, struct tasks *, struct evidence *,
		  void (*then)(void *owner), void *owner);
/* What the node answered to such a task. */
void logs_read(struct ask *, struct arena *, struct evidence *);
/* Set the arguments of the task that say how much of each log it prints. There are n such tasks.
 * depth NULL: as much as a diagnosis needs. */
void logs_limit(struct arena *, struct task *, size_t n, const struct logs_depth *);

#endif
