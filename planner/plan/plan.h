#ifndef PLANNER_PLAN_H
#define PLANNER_PLAN_H

#include <stdio.h>

#include "planner/base/err.h"
#include "planner/plan/graph.h"

enum action {
	ACT_NONE, ACT_CREATE, ACT_UPDATE, ACT_RESTART, ACT_REPLACE, ACT_DESTROY,
	ACT_RUN,                /* probe */
	ACT_UNKNOWN,            /* the node did not answer */
	ACT_CONFLICT,
};

struct change {
	const char *name;
	const char *old, *new;  /* NULL old: added; NULL new: removed, or unknown */
	bool secret, unknown;
	enum effect effect;
};

/* Why, as one word for programs; `cause` is the full text. */
enum reason {
	REASON_NONE, REASON_ABSENT, REASON_GONE, REASON_INTERRUPTED, REASON_CHANGED,
	REASON_STALE,           /* bound to an instance that no longer runs */
	REASON_UPSTREAM,        /* an upstream gets a new instance in this plan */
	REASON_GROUP,           /* another step of its group needs work */
	REASON_REQUESTED,       /* -replace, or dray restart */
	REASON_UNRECORDED,      /* running and ours, but without a record */
	REASON_STARTING,        /* coming up with the wanted inputs, by an earlier apply */
	REASON_NOT_IN_SPEC, REASON_DESTROY, REASON_UNREACHABLE, REASON_CONFLICT,
	REASON_STOP,            /* dray stop */
	REASON_STOPPED,         /* an earlier dray stop ended it */
};

struct op {
	struct step *step;
	enum action action;
	enum reason reason;
	const char *cause;      /* always set unless action is ACT_NONE */
	struct { struct change *v; size_t n, cap; } changes;
	size_t unchanged;       /* attributes */
	bool excluded;          /* left out by -target */
	bool pulled;            /* not a target, but a target needs it or affects it */
	bool record_only;       /* an update that only rewrites the record */
	bool awaits;            /* an update that only waits until it is up */
	bool kept;              /* destroy leaves it */
	const char *fingerprint; /* of what was observed, for plan_stale() */
};

struct plan_options {
	bool destroy, purge;
	bool stop;                      /* with destroy: only the engine, and its records stay */
	bool restart;                   /* replace the server; with `replace`, those steps */
	const char **target, **replace; /* addresses; end with NULL, or NULL */
	const char **forget;            /* names of nodes, likewise */
};

struct plan {
	struct graph *graph;
	struct op *v;           /* one per step, same order */
	size_t n;
	struct diags problems;
	size_t nadd, nchange, nreplace, nrestart, ndestroy, nrun, nunknown, nconflict, nkept;
	size_t nexcluded;       /* operations that -target leaves out */
	/* The API is taken down and started again: `downtime`. How long its start took by the
	 * records, and what starts before it in this plan, too; 0: not known. */
	bool downtime;
	long long downtime_s, last_start_s;
	double observe_seconds; /* negative (from plan_make()): not printed */
	const char *slowest;    /* node, or NULL */
	const char *spec_note;  /* "spec cluster.yaml (git a1b2c3d, clean)" */
	struct plan_options options;    /* as given to plan_make(); plan_save() saves them */
};

/* Graph with observations -> what to do, each with its cause. Pure, deterministic. */
struct plan *plan_make(struct arena *, struct graph *, const struct plan_options *,
		       struct diags *);
/* Does the node not answer although apply needs it? */
bool plan_blocked_by(const struct node *);
/* Is there a node to forget, which apply records? */
bool plan_forgets(const struct plan *);
/* How many operations apply would perform. */
size_t plan_nops(const struct plan *);
/* Does -target leave nothing but the user's own steps? */
bool plan_users_only(const struct plan *);
/* Would apply do something (not unknown, not a conflict, not excluded)? */
bool op_acts(const struct op *);
/* Does it take the API down, for another one to come up? */
bool op_interrupts(const struct plan *, const struct op *);
/* "create", "update", ... and "absent", "changed", ...: words of the JSON. */
const char *action_word(enum action);
const char *reason_word(enum reason);

void plan_text(const struct plan *, FILE *, bool color, bool verbose);
/* NDJSON: version, planned_change..., diagnostic..., change_summary. */
void plan_json(const struct plan *, FILE *);
void plan_dot(const struct plan *, FILE *);

/* A saved plan: what was approved for each step, with fingerprints. Contains no secret. */
const char *plan_save(struct arena *, const struct plan *, const char *spec_text);
/* Parses a saved plan; NULL with e set. Bounded. */
struct saved_plan;
struct saved_plan *plan_load(struct arena *, const char *json, size_t n, struct err *);
const char *saved_plan_spec(const struct saved_plan *);
const char *saved_plan_spec_name(const struct saved_plan *);
struct plan_options saved_plan_options(const struct saved_plan *);  /* as planned with */
/* NULL if the new plan does the same; otherwise the differences, as text. */
const char *plan_stale(struct arena *, const struct saved_plan *, const struct plan *);

#endif
