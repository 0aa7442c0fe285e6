#ifndef PLANNER_REPAIR_H
#define PLANNER_REPAIR_H

#include "planner/plan/plan.h"

/*
 * Which operations of a plan are repairs? They bring back what an apply started, with the same
 * inputs. An operation that rolls out a change of the spec is not a repair. An apply that did not
 * end is taken up only if dray watch began it: a person's is left to that person. Probes do not
 * count. Pure.
 */
struct repair {
	size_t n;                       /* operations that repair */
	const char **target;            /* their addresses, for plan_options; ends with NULL */
	const char *what;               /* "rank[gpu-2] (its process is gone), and 2 more"; or NULL */
	size_t others;                  /* operations that are not repairs */
	const char *other;              /* the first of them: "serve (args.x changed)"; or NULL */
};
struct repair repair_of(struct arena *, const struct plan *);

/* In the record of an apply by dray watch, what stands behind the name of its user. */
extern const char repair_mark[];

#endif
