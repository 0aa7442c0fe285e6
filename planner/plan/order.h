#ifndef PLANNER_ORDER_H
#define PLANNER_ORDER_H

#include "planner/plan/graph.h"

/*
 * Puts every step after those it depends on. Ties keep the order in which steps were added.
 */

/* Sorts g->v and numbers it. False if steps depend on each other in a circle: those and what
 * depends on them come last, from g->nplaced on. */
bool graph_order(struct arena *, struct graph *);

/* For a graph with circles: reports each one as an error at the words of the spec that make
 * it, removes their edges and sorts again. Circles that share a word are reported once. */
void graph_tell_circles(struct arena *, struct graph *, struct diags *);

#endif
