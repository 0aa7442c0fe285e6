#ifndef EXECUTORS_RUN_H
#define EXECUTORS_RUN_H

#include "executors/loop.h"
#include "planner/event.h"
#include "planner/plan.h"
#include "planner/sched.h"

/*
 * The run half: sessions to all nodes, one observation each, and the carrying out of
 * a plan. What the user sees goes through struct run_view, so that text, JSON and a
 * live terminal are three small files in cmd/.
 */
struct run;

/* Everything a failure prints: step, node, what was run, status, its last lines. */
struct failure {
	const char *step, *node, *what;
	bool ran;
	int status;
	const char *why;                /* transport error when !ran, or the cause found */
	const char *tail;               /* last 20 lines of stderr, secrets scrubbed */
	const char *next;               /* one next command */
	double seconds;
};

struct run_view {
	void (*node_unreachable)(void *arg, const struct node *, const struct err *);
	void (*started)(void *arg, const struct job *);
	void (*progress)(void *arg, const struct job *, const char *text);
	void (*ended)(void *arg, const struct job *, double seconds);
	/* A failure with all there is to say; see struct failure. The job is NULL when it
	 * came before any operation (what only a write can prove). */
	void (*failed)(void *arg, const struct job *, const struct failure *);
	void (*note)(void *arg, const char *text);
	void *arg;
};


struct run_options {
	const char *facts_dir;          /* look there instead of at the nodes, or NULL */
	const char *record_dir;         /* write each observation there, or NULL */
	size_t parallel;                /* 0: the spec's limits.parallel */
	bool verbose;
	const struct modules *modules;  /* hooks and Lua kinds of the spec, or NULL */
	const char *command;            /* for events: "plan", "apply", "destroy"; NULL: hooks
					 * are not asked */
};

struct run *run_new(struct loop *, struct model *, const struct run_options *,
		    const struct run_view *);
/* Look at every node (one request each), merge members, resolve the commit. Fills
 * node->facts and the model's outside facts. False only for an error of our own. */
bool run_observe(struct run *, struct arena *, struct err *);
/* Explore every node of the spec (one request each), then let them dial each other. NULL
 * only for an error of our own. */
struct discovery *run_discover(struct run *, struct arena *, struct err *);
/* The lock on every node of the plan, head first. False: held (exit 4) or lost. */
bool run_lock(struct run *, const char *apply_id, bool *held, struct err *);
struct run_tally {
	size_t ok, failed, skipped, cancelled;
	bool changed;                   /* anything at all was changed */
	bool interrupted;
	bool again;                     /* it stopped: what came to light changes the plan */
	const struct sched *sched;      /* every job with its outcome, in the arena; or NULL */
};
/* Ask the hooks about an event that has no plan yet (before_plan), or one about the plan
 * (after_plan, on_drift when there is drift); waits. False: one failed or vetoes; what it
 * says is in d. */
bool run_hooks(struct run *, struct arena *, enum event, const struct plan *, struct diags *d);
/* Carry the plan out. The point of no return. */
struct run_tally run_apply(struct run *, struct arena *, struct plan *, const char *apply_id);
/* The secret a reference names, read now; NULL with e set. Kept until run_free(). */
const char *run_secret(struct run *, const struct secret_ref *, struct err *);
void run_free(struct run *);

/* run_headers.c: the tensors of a safetensors file at hand, of a folder of them, or of a list
 * that -record wrote; only the headers are read. NULL with e set. */
struct tensors *headers_read(struct arena *, const char *path, struct err *);

#endif
