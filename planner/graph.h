#ifndef PLANNER_GRAPH_H
#define PLANNER_GRAPH_H

#include "planner/kind.h"

/* All steps in topological order; ties by the order of kinds.def, then node rank. */
struct graph {
	const struct model *model;
	struct step **v;
	size_t n, cap;
	size_t nplaced;                         /* the first of v; the rest is in a circle */
	const struct problems *problems;        /* what the look showed; plan_make() copies it */
	struct step **slot;                     /* address -> step, a power of two of them */
	size_t nslot;
	struct {                                /* steps of one kind while kinds add theirs */
		struct graph_range { const struct kind *kind; size_t first, end; } *v;
		size_t n, cap;
	} range;
};

/* What a kind's plan() talks to. */
struct graph_builder {
	struct arena *arena;
	const struct model *model;
	struct graph *graph;
};
/* A new step: kind "worker", node -> "worker[name]"; node-less address with NULL label. */
struct step *graph_add(struct graph_builder *, const struct kind *, struct node *, bool label);
/* The same with an address of another form: "command.scratch[gpu-1]". */
struct step *graph_add_as(struct graph_builder *, const struct kind *, struct node *,
			  const char *addr);
/* The step of that address so far, or NULL: kinds come in the order of kinds.def. */
struct step *graph_find(const struct graph *, const char *addr);
void graph_dep(struct graph_builder *, struct step *, struct step *on, enum edge,
	       const char *input);
/* Every step of that kind so far as a dependency. */
void graph_dep_all(struct graph_builder *, struct step *, const char *kind, enum edge,
		   const char *input);

/* Are both of one group (kind.group), in which work on one is work on all? */
bool graph_same_group(const struct step *, const struct step *);

/* A content input that was not known when the plan was made gets the upstream's output
 * as it is by now. sched_next() calls it before an up starts. */
void graph_resolve(struct arena *, struct step *);

/* Model (with facts) -> steps with edges, what is wanted and what is seen. Steps that
 * records name and the model does not are added as orphans. Pure. */
struct graph *graph_build(struct arena *, const struct model *, struct problems *);
/* The same with another list of kinds, NULL-terminated; for tests. */
struct graph *graph_build_of(struct arena *, const struct model *, struct problems *,
			     const struct kind *const *);

#endif
