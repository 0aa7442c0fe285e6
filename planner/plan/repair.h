#ifndef PLANNER_REPAIR_H
#define PLANNER_REPAIR_H

#include "planner/plan/plan.h"

/*
 * Which operations of a plan only bring back what an apply started, with the same inputs? What
 * would roll out a change of the spec is not one of them. An apply that a person did not end is
 * theirs; one of dray watch is taken up. Probes are neither. Pure.
 */
struct repair {
	size_t n;                       /* operations that repair */
	const char **target;            /* their addresses, for plan_options; ends with NULL */
	const char *what;               /* "rank[gpu-2] (its process is gone), and 2 more"; or NULL */
	size_t others;                  /* operations that are no repair */
	const char *other;              /* the first of them: "serve (args.x changed)"; or NULL */
};
struct repair repair_of(struct arena *, const struct plan *);

/* What the record of an apply by dray watch says behind the name of its user. */
extern const char repair_mark[];

#endif
