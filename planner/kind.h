#ifndef PLANNER_KIND_H
#define PLANNER_KIND_H

#include "planner/base/attr.h"
#include "planner/facts.h"
#include "planner/model.h"
#include "planner/task.h"

/*
 * A step kind knows *what* has to be true and how a node is made to have it; it
 * does no I/O. Each kind is one file planner/kinds/NAME.c (plus NAME-*.sh for the
 * node side) and one line in kinds.def.
 */

/* What a changed attribute does to the step; ordered by weight. RECORD: what runs is
 * right, only its record is written anew. */
enum effect { EFFECT_NONE, EFFECT_RECORD, EFFECT_UPDATE, EFFECT_RESTART, EFFECT_REPLACE };

struct field_effect {
	const char *name;       /* an attribute, or a prefix when it ends with '.' */
	enum effect effect;
	const char *doc;
};

enum edge {
	EDGE_ORDER,             /* only waits */
	EDGE_CONTENT,           /* waits; the upstream's output is one of our inputs */
	EDGE_INSTANCE,          /* bound to the live identity of the upstream */
};

struct step;
struct graph;
struct graph_builder;

struct dep {
	struct step *on;
	enum edge edge;
	const char *input;      /* content: the attribute that holds the output */
};

enum seen_state {
	SEEN_UNKNOWN,           /* the node did not answer */
	SEEN_ABSENT,            /* nothing there, and no record of it */
	SEEN_GONE,              /* a record, but no live object: drift */
	SEEN_PRESENT,
	SEEN_INTERRUPTED,       /* intent without done */
	SEEN_CONFLICT,          /* something that is not ours is in the way */
};

struct seen {
	enum seen_state state;
	struct attrs have;      /* canonical inputs of what is there */
	struct attrs bound;     /* upstream address -> instance */
	struct attrs down;      /* parameters for the down script as recorded */
	const char *instance;   /* identity of what runs; NULL: none */
	const char *output;     /* content digest */
	const char *why;        /* for the cause: "its container is gone; exit 137" */
	bool adopted;           /* live and ours, but no record */
};

/* One problem that preflight (or another kind) sees in the facts. */
struct problem {
	enum severity severity;
	const struct node *node;
	const char *text;
	const char *hint;       /* or NULL */
	const struct step *step;        /* whose look showed it, or NULL */
};
struct problems {
	struct problem *v;
	size_t n, cap;
};

struct step {
	const char *addr;               /* "worker[gpu-2]", "serve" */
	const struct kind *kind;
	struct node *node;              /* where it runs */
	const struct model *model;
	struct attrs want;              /* canonical inputs; value NULL: known after apply */
	struct { struct dep *v; size_t n, cap; } deps;
	struct user_step *user;         /* of the user's own (user.h); NULL: ours, or an orphan */
	struct attrs keep;              /* for the record: what its down will need one day */
	struct seen seen;
	bool orphan;                    /* not in the spec any more: only down */
	struct loc at;
	size_t index;                   /* topological */
};

/* Tasks in order: each runs when the one before it ended with 0. */
struct tasks {
	struct step_task { struct task task; struct node *node; const char *what; } *v;
	size_t n, cap;
};
/* A new script task at the end; `what` is shown to the user ("docker run ..."). */
struct task *tasks_add(struct arena *, struct tasks *, struct node *, const char *script,
		       const char *what);

struct kind {
	const char *name, *doc;
	const char *verb;               /* "run" for probe; NULL: create/update/... */
	const struct field_effect *fields;      /* ends with a NULL name; default REPLACE */
	bool restarts;                  /* a REPLACE of it is called restart */
	bool group;                     /* its steps are one unit: work on one is work on all,
					 * and all go down before any comes up */
	bool again;                     /* gone, interrupted, bound to what is no more: another up
					 * mends it, without a down; each up is a new instance */
	bool keep;                      /* destroy leaves it (image, download) unless -purge */
	const char *pool;               /* a named limit ("downloads"), or NULL */
	/* Add this kind's steps and their edges to the graph, want filled in. */
	void (*plan)(struct arena *, const struct model *, struct graph_builder *);
	/* Facts of the step's node -> step->seen; problems that only facts show. */
	void (*see)(struct arena *, struct step *, struct problems *);
	/* The tasks that make it true, and those that take it away. */
	void (*up)(struct arena *, const struct step *, struct tasks *);
	void (*down)(struct arena *, const struct step *, struct tasks *);
	/* What no look can prove (a sentinel through the shared directory): the first act
	 * of an apply, before any operation; may be NULL. */
	void (*prove)(struct arena *, const struct graph *, struct tasks *);
	/* Alive check on every node the step depends on while `up` waits; may be NULL.
	 * Ends with status 0 while all is well. */
	void (*guard)(struct arena *, const struct step *, struct tasks *);
	/* After a failed up: what each node's logs say, first cause first; may be NULL. */
	void (*blame)(struct arena *, const struct step *, struct tasks *);
};

extern const struct kind *const kinds[];        /* ends with NULL */
const struct kind *kind_find(const char *name);
/* What a change of that attribute does to a step of the kind. */
enum effect kind_effect(const struct kind *, const char *attr);

/* For kinds' see(): the record of this step, or NULL. */
const struct record *step_record(const struct step *);
/* Is what lives there what an apply wrote down last? */
bool step_on_record(const struct step *);

#endif
