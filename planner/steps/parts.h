#ifndef PLANNER_PARTS_H
#define PLANNER_PARTS_H

#include "planner/plan/kind.h"

/*
 * An engine may not notice that one of its processes died while it was idle: its first process
 * runs, and its API answers until the next request. The layers below tell: the coordinator, the
 * tree of processes, and who holds memory of GPUs. Pure.
 *
 * For a step that is up and present: if less of it is there than its inputs say, it is gone, with
 * that cause. What is not known shows nothing.
 */
void observe_parts(struct arena *, struct step *);

#endif
