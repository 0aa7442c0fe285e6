#ifndef PLANNER_KIND_H
#define PLANNER_KIND_H

#include "planner/base/attr.h"
#include "planner/base/diag.h"
#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"
#include "planner/base/task.h"

/*
 * A step kind knows *what* must be true and how to make it true on a node; it does no
 * I/O. Each kind is a file planner/steps/NAME.c, with NAME-*.sh for the node side, and one
 * line in kinds.def.
 */

/* What a changed attribute does to the step, in order of weight. RECORD: what runs is right,
 * only its record is rewritten. */
enum effect { EFFECT_NONE, EFFECT_RECORD, EFFECT_UPDATE, EFFECT_REPLACE };

struct field_effect {
	const char *name;       /* an attribute, or a prefix that ends with '.' */
	enum effect effect;
	const char *doc;
	bool later;             /* earlier versions started it the same way but did not record
				 * it: in what they left, a missing value is not a difference */
};

enum edge {
	EDGE_ORDER,             /* only waits */
	EDGE_CONTENT,           /* waits; the upstream's output is one of our inputs */
	EDGE_INSTANCE,          /* bound to the upstream's running instance */
};

struct step;
struct spread_way;
struct graph;
struct graph_builder;

struct dep {
	struct step *on;
	enum edge edge;
	const char *input;      /* content: the attribute that holds the output */
	const struct word *why; /* the word of the spec that asks for it; NULL: dray itself */
};

enum state {
	STATE_UNKNOWN,           /* the node did not answer */
	STATE_ABSENT,            /* nothing there, and no record */
	STATE_GONE,              /* a record, but nothing there: drift */
	STATE_PRESENT,
	STATE_INTERRUPTED,       /* a record of an intent, but not of its end */
	STATE_CONFLICT,          /* something that is not ours is in the way */
};

struct observed {
	enum state state;
	struct attrs have;      /* canonical inputs of what is there */
	struct attrs bound;     /* upstream step -> instance */
	struct attrs down;      /* recorded parameters for the down script */
	const char *instance;   /* identity of what runs; NULL: none */
	const char *output;     /* content digest */
	const char *why;        /* for the cause: "its container is gone; exit 137" */
	bool starting;          /* not really interrupted: an apply is starting it */
	bool coming;            /* interrupted, but what was started with these inputs is alive */
	bool stopped;           /* absent, because dray stop ended it */
	bool adopted;           /* live and ours, but no record */
	bool foreign;           /* conflict: another owner has a cluster of this name */
};

struct step {
	const char *addr;               /* "worker[gpu-2]", "serve" */
	const struct kind *kind;
	struct node *node;              /* where it runs */
	const struct cluster *cluster;
	struct attrs want;              /* canonical inputs; value NULL: known after apply */
	struct { struct dep *v; size_t n, cap; } deps;
	struct custom_step *custom;         /* a user's step (custom.h), or NULL */
	struct attrs keep;              /* for the record: parameters of its down */
	struct observed observed;
	const struct step *tries;       /* the server whose options the engine reads once this is
					 * up, before anything is stopped; or NULL */
	bool orphan;                    /* no longer in the spec: can only go down */
	bool copies;                    /* takes what it brings from another node: no download */
	struct loc at;
	size_t index;                   /* topological */
};

/* Tasks in order. Each runs only if the one before it succeeded. */
struct tasks {
	struct step_task { struct task task; struct node *node; const char *what; } *v;
	size_t n, cap;
};
/* Appends a script task; `what` is shown to the user ("docker run ..."). */
struct task *tasks_add(struct arena *, struct tasks *, struct node *, const char *script,
		       const char *what);

struct kind {
	const char *name, *doc;
	const char *verb;               /* "run" for probe; NULL: create/update/... */
	const struct field_effect *fields;      /* ends with a NULL name; default REPLACE */
	bool restarts;                  /* its REPLACE is called restart */
	bool group;                     /* its steps are one unit: work on one is work on
					 * all, and all go down before any comes up */
	bool again;                     /* if it is gone, interrupted or bound to an old instance,
					 * another up repairs it without a down; each up is a new
					 * instance */
	const char *undo;               /* the attribute with the script that down runs; a plan
					 * shows it. Or NULL */
	bool engine;                    /* a part of the running engine: dray stop ends it */
	bool server;                    /* has the API; in a group, on the first node */
	bool asks;                      /* asks the API that serves: a new answer makes an old
					 * one void */
	bool keep;                      /* destroy leaves it (image, download) unless -purge */
	const char *pool;               /* a named limit ("downloads"), or NULL */
	const struct spread_way *spread;        /* how its tasks of type TASK_SPREAD work, or NULL */
	bool users;                     /* its steps belong to the user */
	const struct custom_kind *custom;       /* its Lua kind, or NULL */
	/* Adds this kind's steps and their edges to the graph, with want filled in. */
	void (*plan)(struct arena *, const struct cluster *, struct graph_builder *);
	/* Adds edges that need the steps of all kinds, after all have planned; and edges between
	 * steps that left the spec. May be NULL. */
	void (*link)(struct graph_builder *, struct diags *);
	void (*link_left)(struct graph_builder *);
	/* Facts of the step's node -> step->observed; reports problems that only facts show. */
	void (*observe)(struct arena *, struct step *, struct diags *);
	/* The tasks that make it true, and those that remove it. */
	void (*up)(struct arena *, const struct step *, struct tasks *);
	void (*down)(struct arena *, const struct step *, struct tasks *);
	/* A proof that observing cannot give (a file written through the shared directory). Runs
	 * in apply before any operation; may be NULL. */
	void (*prove)(struct arena *, const struct graph *, struct tasks *);
	/* Checks, while `up` waits, that every node it depends on is still well: status 0 if so.
	 * May be NULL. */
	void (*guard)(struct arena *, const struct step *, struct tasks *);
	/* After a failed up: what each node's logs say, first cause first; may be NULL. */
	void (*diagnose)(struct arena *, const struct step *, struct tasks *);
};

/* The kind's table entry for that attribute, or NULL. */
const struct field_effect *kind_field(const struct kind *, const char *attr);
/* What a change of that attribute does to a step of the kind, and the word for it. */
enum effect kind_effect(const struct kind *, const char *attr);
const char *kind_effect_word(const struct kind *, enum effect);

/* For observe() of kinds: the record of this step, or NULL. */
const struct record *step_record(const struct step *);
/* Is what runs there what an apply recorded last? */
bool step_on_record(const struct step *);

#endif
