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
/* The same for a node of the cluster, after a look; the node itself: it takes none. */
struct node *node_weights_from(struct arena *, const struct cluster *, const struct node *);
/* Does the node have a whole copy, as far as the look shows? */
bool node_weights_whole(const struct cluster *, const struct node *);

/* Tasks of a copy. On the node that gives: weights-give.sh, read or open. On the one that takes:
 * weights-take.sh with that act. The run half adds what it learned from the other one. */
struct task *node_weights_give(struct arena *, const struct step *, const char *act, struct task *);
struct task *node_weights_take(struct arena *, const struct step *, const char *act, struct task *);

extern const struct kind kind_weights;

#endif
