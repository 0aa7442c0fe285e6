#ifndef PLANNER_OBSERVE_H
#define PLANNER_OBSERVE_H

#include "planner/facts/history.h"
#include "planner/plan/kind.h"

/*
 * The tasks that belong to no kind: observe a node, write its records, take the lock. Their
 * node side is planner/steps/{observe,record,lock}.sh.
 */

/* Observes a node: everything that facts.h lists, in one request. Changes nothing. verify: it reads
 * all of the weights there, too, which may take hours. Status LOOK_UNSURE: it cannot read what it needs;
 * stderr ends with a line that says why, and maybe one that begins with "hint: ". */
enum { LOOK_UNSURE = 3 };
void observe_task(struct arena *, const struct cluster *, const struct node *, bool verify,
		  struct task *);

/* Writes (tmp, fsync, rename) the record of a step, or removes it if rec is NULL. */
void record_task(struct arena *, const struct cluster *, const char *step_addr,
		 const struct record *rec, struct task *);
/* The file name of a step's record: worker[gpu-2] -> worker@gpu-2. */
const char *record_name(struct arena *, const char *step_addr);
/* Writes members.json and, if the cluster has none, its MAC key (passed on stdin). With json
 * NULL, removes all of dray's state of this cluster from the node. */
void members_task(struct arena *, const struct cluster *, const char *json, struct task *);
/* The same, and an entry of the history beside it. */
void members_task_with(struct arena *, const struct cluster *, const char *json,
		       const struct history_entry *, struct task *);
/* Prints the entries of the history. */
void history_task(struct arena *, const struct cluster *, struct task *);
/* Takes the lock in the shell that runs the script: flock on fd 9, which the shell loop keeps
 * open. Status 0: taken; LOCK_HELD: another apply holds it, and stdout says which. */
enum { LOCK_HELD = 75 };
void lock_task(struct arena *, const struct cluster *, const char *info_json, struct task *);

/* The record of a step as it is now, with its inputs, bound and down. */
struct record *record_of(struct arena *, const struct step *, const char *phase,
			 const char *apply_id, const char *at);

#endif
