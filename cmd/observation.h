#ifndef CMD_OBSERVATION_H
#define CMD_OBSERVATION_H

#include "cmd/load.h"
#include "cmd/view.h"
#include "planner/facts/history.h"
#include "planner/plan/plan.h"

/*
 * What plan, apply, destroy and status share: compile the spec, look at the nodes, make the
 * plan. If a stage fails, the members of later stages are NULL.
 */
struct observation {
	struct compiled c;
	struct loop *loop;
	struct view view;
	struct run *run;
	struct diags problems;          /* of the nodes */
	struct diags wrong;             /* errors in the spec that only nodes or graph show */
	struct graph *graph;
	struct plan *plan;
	int asks;                       /* as struct command has it */
	bool recorded;                  /* the look was taken earlier: -facts */
	bool again;                     /* the apply stopped: look and plan again */
	bool carried;                   /* carry_out() has begun to change the nodes */
};

/* From a spec file to the observed graph; errors are printed. Returns an exit code. */
int observation_open(struct observation *, const struct cli *);
/* The same from a text in memory, such as that of a saved plan. */
int observation_open_text(struct observation *, const struct cli *, const char *name, const char *text);
/* Only compile the spec and get ready to ask its nodes: nothing is looked at. */
int observation_reach(struct observation *, const struct cli *);
/* Look again over the same connections: a new cluster and graph of the same spec. What is
 * known about the model to serve is kept. */
int observation_again(struct observation *);
/* Make the plan from what was observed. EXIT_ERROR: an unknown -target or similar. */
int observation_plan(struct observation *, const struct cli *, const struct plan_options *);
/* Print the plan and call the hooks; false: a hook vetoed or failed, which was printed. */
bool observation_show(struct observation *, const struct cli *);
/* Call the hooks of an event before or about the plan; false likewise. */
bool observation_ask_hooks(struct observation *, const struct cli *, enum event);
/* The tasks that read the logs of the server's steps, or those that were kept when the last ones
 * ended; each on a node that answers. */
void observation_logs(struct observation *, bool previous, struct tasks *);
void observation_close(struct observation *);

/* The number of reasons why an apply of this plan must not start (unreachable nodes, errors,
 * conflicts). */
size_t plan_blockers(const struct plan *);

/* What was approved, and how to ask for it. */
struct approval {
	const char *command;            /* "apply", "restart", "stop", "destroy" */
	const char *verb;               /* "Apply", ... */
	const char *question;
	const struct plan_options *options;
	const char *saved;              /* the file of the saved plan, which must not be replaced
					 * by another plan; NULL: this run made the plan */
	/* Is asked instead of the user, and nothing is printed: dray watch. Or NULL. */
	bool (*accepts)(struct observation *, void *arg);
	void *arg;
};
/* Is there nothing to do? A full destroy also removes records that an interrupted one left. */
bool is_idle(const struct observation *, const struct approval *);
/* May it start? The obstacles are printed. */
bool may_start(const struct observation *, const struct approval *);
/* Ask for "yes" on the terminal; without a terminal only -auto-approve passes. The connections
 * are kept alive meanwhile. */
bool approve(const struct observation *, const struct cli *, const struct approval *);
/* Carry out an approved plan: take the locks, look again, apply, show the result. If the plan
 * has changed by then, the new one is shown and approved again, or with -auto-approve carried
 * out; a saved plan ends with EXIT_STALE. Returns an exit code. */
int carry_out(struct observation *, const struct cli *, const struct approval *);

/* cmd_history.c: reach the nodes of the spec and ask for their history. Close it in any case. */
int history_open(struct observation *, const struct cli *, struct history *);
/* The entry of that id, with a spec; NULL: there is none, which was said. */
const struct history_entry *history_need(const struct history *, const char *id);
/* Does the API run, as far as the look shows? cmd_open.c. */
bool api_may_be_asked(struct observation *);
/* Say that the API does not run, and what to do about it. Returns EXIT_ERROR. cmd_open.c. */
int api_is_down(struct observation *);
/* outcome.c: curl with a question to the API at that base, over two lines of the terminal,
 * with `before` in front of it. Nothing if the model's name would need more quoting. */
struct curl_line {
	const char *before, *base, *name;
	const char *kind;               /* what is asked: answer_kind() */
	bool any_certificate;           /* the name in it is not that in base */
};
void print_curl(const struct cluster *, const struct curl_line *);
/* cmd_apply.c: all of an apply, or of a restart. */
int apply_all(struct cli *, const struct plan_options *, const struct approval *);
/* cmd_destroy.c: all of a destroy, or of a stop. */
int destroy_all(struct cli *, const struct plan_options *, const char *verb, const char *question);

#endif
