#ifndef PLANNER_RECONCILE_H
#define PLANNER_RECONCILE_H

#include "planner/base/str.h"
#include "planner/plan/plan.h"

/* The parts of plan_make(), for planner/plan/{reconcile,choose,plan}.c only. */

/* Call it after each step of a group was decided alone. `last` is the last of the group in
 * topological order. Decides for the group as a whole. */
void group_decide(struct arena *, struct plan *, const struct op *last);

/* One flag per step of g: is it in `list`? An entry is an address, or a kind for all of its
 * steps. NULL for an empty list. Unknown entries are errors in d. */
bool *choose_steps(struct arena *, const struct graph *, const char **list,
		   const char *option, struct diags *d);
/* One flag per step of g: does it have the API, which a restart is about? None is an error. */
bool *choose_server(struct arena *, const struct graph *, struct diags *d);
/* -replace: a step that only looks, or that is kept and right, cannot be replaced; that is an
 * error in d. */
void choose_check_replace(const struct graph *, const bool *chosen, struct diags *d);
/* -target: excludes what is not chosen, and is neither needed nor affected by what is. */
void choose_targets(struct arena *, struct plan *, const bool *chosen);
/* Sets counts and fingerprints; call it last. */
void plan_finish(struct arena *, struct plan *);

/* For the views. "worker[gpu-1] must be replaced (because ...)". */
void plan_headline(struct str *, const struct op *);
/* "Plan: 1 to add, ... 6 steps unchanged." or "No changes..." */
void plan_summary(struct str *, const struct plan *);
/* "Downtime: about 11 min (last start: 11 min 20 s), after the download."; false: there is none. */
bool plan_downtime(struct str *, const struct plan *);
/* Did the node not answer? Then s gets the message: "node gpu3 is unreachable: ...". */
bool plan_silence(struct str *, const struct plan *, const struct node *);
/* "gpu-1 10.0.0.1 (eth0), ...": the addresses and RDMA, if dray chose any of them. */
bool plan_network(struct str *, const struct cluster *);

#endif
