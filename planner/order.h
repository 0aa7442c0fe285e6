#ifndef PLANNER_ORDER_H
#define PLANNER_ORDER_H

#include "planner/graph.h"

/*
 * Everything after what it depends on. Ties go by the order in which steps were added.
 */

/* Sorts g->v and numbers it. False when steps depend on each other in a circle: those, and
 * what depends on them, come last then, from g->nplaced on. */
bool graph_order(struct arena *, struct graph *);

/* A circle of a graph that was sorted in vain: each waits for the next, and the last is the
 * first again. n 0: there is none. */
struct circle {
	const struct step **v;
	size_t n, cap;
};
struct circle graph_circle(struct arena *, const struct graph *);
/* "steps wait for each other: a for b, b for c, c for a". */
const char *circle_text(struct arena *, const struct circle *);

#endif
