#ifndef PLANNER_PARTS_H
#define PLANNER_PARTS_H

#include "planner/plan/kind.h"

/*
 * An engine that is idle may not notice that one of its processes died: its first process runs, and
 * its API answers until the next request for tokens. But the coordinator, the tree of processes, and
 * the memory that processes hold on GPUs show it. Pure.
 *
 * If fewer parts of a present step are there than its inputs say, sets it to gone, with the cause.
 * A count that is not known changes nothing.
 */
void observe_parts(struct arena *, struct step *);

#endif
