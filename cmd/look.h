#ifndef CMD_LOOK_H
#define CMD_LOOK_H

#include "cmd/load.h"
#include "cmd/view.h"
#include "planner/plan.h"

/*
 * What plan, apply, destroy and status share: compile the spec, look at the nodes,
 * make the plan. Later members are NULL when an earlier stage failed.
 */
struct look {
	struct compiled c;
	struct loop *loop;
	struct view view;
	struct run *run;
	struct problems problems;
	struct diags layout;            /* why `parallelism: auto` has no answer */
	struct graph *graph;
	struct plan *plan;
	bool again;                     /* the apply stopped: look and plan once more */
};

/* From a spec file to the observed graph; what is wrong is printed. An exit code. */
int look_open(struct look *, const struct cli *);
/* The same from a text, as a saved plan has it. */
int look_open_text(struct look *, const struct cli *, const char *name, const char *text);
/* The plan over what was seen. EXIT_ERROR: unknown -target, and the like. */
int look_plan(struct look *, const struct cli *, const struct plan_options *);
/* Print the plan that was made, and have the hooks' word on it; false: one vetoes it or
 * failed, which was printed. */
bool look_show(struct look *, const struct cli *);
void look_close(struct look *);

/* Why an apply of this plan must not start (unreachable nodes, errors, conflicts):
 * the number of reasons. */
size_t plan_blockers(const struct plan *);

/* From an approved plan to its end: locks, applies, shows. An exit code. */
int carry_out(struct look *, const struct cli *, const char *verb);
/* Ask for "yes" on the terminal; without one only -auto-approve passes. */
bool approve(const struct cli *, const char *question, const char *verb);

#endif
