#ifndef PLANNER_NODE_WEIGHTS_H
#define PLANNER_NODE_WEIGHTS_H

#include "planner/plan/kind.h"

/*
 * Each node's own copy of the weights. One node downloads, or has them already: the source. The
 * others are a chain behind it in the order of the spec: each takes from the one before it, while
 * that one still takes, so that all of them together take little longer than one.
 */

/* The node that node i takes its copy from, given which of n have a whole one; i itself if it is
 * the source, or has one. */
size_t spread_from(const bool *whole, size_t n, size_t i);
/* The same for a node of the cluster, after a look; the node itself: it takes none. x: of which other
 * repository; NULL: of the model. */
struct node *node_weights_from(struct arena *, const struct cluster *, const struct cluster_extra *x,
			       const struct node *);
/* Does the node have a whole copy, as far as the look shows? */
bool node_weights_whole(const struct cluster *, const struct cluster_extra *x, const struct node *);
/* The node whose copy is whole, or is the first to be. */
struct node *node_weights_source(struct arena *, const struct cluster *, const struct cluster_extra *x);
/* Adds what a step wants that has such a copy; source: the step of the node that has it first. */
void node_weights_want(struct arena *, struct graph_builder *, struct step *,
		       const struct cluster_extra *x, struct step *source);
/* The tasks that make the copy; in a shared directory, it is downloaded. */
void node_weights_up(struct arena *, const struct step *, struct tasks *);

/* Tasks of a copy. On the node that gives: weights-give.sh, read or open. On the one that takes:
 * weights-take.sh with that act. The run half adds what it learned from the other one. */
struct task *node_weights_give(struct arena *, const struct step *, const char *act, struct task *);
struct task *node_weights_take(struct arena *, const struct step *, const char *act, struct task *);

extern const struct kind kind_weights;

#endif
