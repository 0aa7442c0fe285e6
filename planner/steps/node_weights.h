#ifndef PLANNER_NODE_WEIGHTS_H
#define PLANNER_NODE_WEIGHTS_H

#include "planner/steps/spread.h"

/* Each node's own copy of the weights, which one node downloads, or has already (spread.h). */

/* The node that a node takes its copy from, after a look; the node itself: it takes none. x: of which other
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

extern const struct spread_way weights_spread;
extern const struct kind kind_weights;

#endif
