#ifndef PLANNER_OBSERVE_H
#define PLANNER_OBSERVE_H

#include "planner/kind.h"

/*
 * The tasks that belong to no kind: looking at a node, writing its records, holding
 * the lock. Their node sides are planner/kinds/{observe,record,lock}.sh.
 */

/* One look at a node: everything facts.h lists, in one request. Changes nothing. */
void observe_task(struct arena *, const struct model *, const struct node *, struct task *);

/* Write (tmp, fsync, rename) or, with rec NULL, remove the record of a step. */
void record_task(struct arena *, const struct model *, const char *step_addr,
		 const struct record *rec, struct task *);
/* Write members.json and, when the cluster has none, its MAC key (which goes by stdin);
 * with json NULL remove all of dray's state of this cluster on the node. */
void members_task(struct arena *, const struct model *, const char *json, struct task *);
/* Take the lock in the shell that runs the script: flock on fd 9, which the shell loop
 * keeps open. Status 0: ours; LOCK_HELD: stdout says by whom. */
enum { LOCK_HELD = 75 };
void lock_task(struct arena *, const struct model *, const char *info_json, struct task *);

/* The record of a step as it is now: inputs, bound and down from the step. */
struct record *record_of(struct arena *, const struct step *, const char *phase,
			 const char *apply_id, const char *at);

#endif
