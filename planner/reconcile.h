#ifndef PLANNER_RECONCILE_H
#define PLANNER_RECONCILE_H

#include "planner/base/str.h"
#include "planner/plan.h"

/* The halves of plan_make(), for planner/{reconcile,choose,plan}.c only. */

/* After `last`, the last of its group in topological order, was decided by itself: what
 * its group makes of all of them. */
void group_decide(struct arena *, struct plan *, const struct op *last);

/* Places in g of the addresses in `list` (a kind's name stands for all of its steps)
 * as flags, one per step; NULL for an empty list. Unknown ones are errors in d. */
bool *choose_steps(struct arena *, const struct graph *, const char **list,
		   const char *option, struct diags *d);
/* -replace: a look makes nothing, and what is kept is not put there anew while it is right;
 * a step of either sort is an error in d. */
void choose_check_replace(const struct graph *, const bool *chosen, struct diags *d);
/* -target: what is not chosen, and not needed by or made stale by what is, is excluded. */
void choose_targets(struct arena *, struct plan *, const bool *chosen);
/* Counts and fingerprints, the last act. */
void plan_finish(struct arena *, struct plan *);

/* For the views. "worker[gpu-1] must be replaced (because ...)". */
void plan_headline(struct str *, const struct op *);
/* "Plan: 1 to add, ... 6 steps unchanged." or what stands in its place. */
void plan_summary(struct str *, const struct plan *);
/* Did the node not answer? Its words in s then: "node gpu3 is unreachable: ...". */
bool plan_silence(struct str *, const struct plan *, const struct node *);
/* "gpu-1 10.0.0.1 (eth0), ...": how the nodes talk, when anything of it was chosen. */
bool plan_network(struct str *, const struct model *);

#endif
