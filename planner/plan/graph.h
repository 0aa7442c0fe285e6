#ifndef PLANNER_GRAPH_H
#define PLANNER_GRAPH_H

#include "planner/plan/kind.h"

/* What the API said when it was asked for one token; see answer.h. */
struct answer {
	enum answer_state {
		ANSWER_NOT_ASKED,       /* nothing runs, -no-probe, or there is no way to ask */
		ANSWER_SERVING,         /* a token came, or others get theirs (why says so) */
		ANSWER_SLOW,            /* tokens trickle */
		ANSWER_HANGS,           /* no token came, and no other request gets one */
		ANSWER_REFUSES,         /* it answers with an error */
		ANSWER_SILENT,          /* nobody listens, or the API itself does not answer */
	} state;
	const char *why;                /* in words, or NULL */
	long long ms;                   /* until the answer, or until it was given up */
	double running, waiting;        /* requests; < 0: not known */
	double rate;                    /* tokens per second; < 0: not known */
	double kv;                      /* of the KV cache in use, 0 to 1; < 0: not known */
};

/* All steps in topological order; ties by the order of kinds.def, then by node rank. */
struct graph {
	const struct cluster *cluster;
	const struct kind *const *kinds;        /* that it was built from */
	struct step **v;
	size_t n, cap;
	size_t nplaced;                         /* the first of v; the rest is in circles */
	const struct diags *problems;        /* from the observation; plan_make() copies them */
	struct answer answer;                   /* answer_take() */
	struct step **slot;                     /* address -> step; a power of two slots */
	size_t nslot;
	struct {                                /* steps of one kind, while kinds add theirs */
		struct graph_range { const struct kind *kind; size_t first, end; } *v;
		size_t n, cap;
	} range;
};

/* What a kind's plan() uses to add steps and edges. */
struct graph_builder {
	struct arena *arena;
	const struct cluster *cluster;
	struct graph *graph;
};
/* Adds a step: kind "worker", node -> "worker[name]"; without `label` just the kind. */
struct step *graph_add(struct graph_builder *, const struct kind *, struct node *, bool label);
/* The same with an explicit address: "command.scratch[gpu-1]". */
struct step *graph_add_as(struct graph_builder *, const struct kind *, struct node *,
			  const char *addr);
/* The step of that address added so far, or NULL. Kinds come in the order of kinds.def. */
struct step *graph_find(const struct graph *, const char *addr);
void graph_dep(struct graph_builder *, struct step *, struct step *on, enum edge,
	       const char *input);
/* The same for an edge that a word of the spec asks for. */
void graph_dep_by(struct graph_builder *, struct step *, struct step *on, enum edge,
		  const struct word *why);
/* Depends on every step of that kind added so far. */
void graph_dep_all(struct graph_builder *, struct step *, const char *kind, enum edge,
		   const char *input);

/* Are both in one group (kind.group), where work on one is work on all? */
bool graph_same_group(const struct step *, const struct step *);

/* Gives content inputs that were unknown when the plan was made the upstream's present output.
 * sched_next() calls it before an up starts. */
void graph_resolve(struct arena *, struct step *);

/* Cluster (with facts, or from the spec alone) -> steps with edges, wanted and observed
 * attributes. Steps that are in records but not in the cluster are added as orphans. Steps that
 * wait for each other in a circle are errors at the words of the spec that make the circle;
 * the graph is sorted without these words. Pure. */
struct graph *graph_build(struct arena *, const struct cluster *, struct diags *);
/* The same with another list of kinds, NULL-terminated; for tests. */
struct graph *graph_build_of(struct arena *, const struct cluster *, struct diags *,
			     const struct kind *const *);

#endif
