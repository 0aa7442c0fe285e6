#ifndef PLANNER_NODE_WEIGHTS_H
#define PLANNER_NODE_WEIGHTS_H

#include "planner/steps/spread.h"

/* Each node's own copy of the weights: one node downloads it or has it already, and the others copy it
 * from there (spread.h). x: another repository, or NULL for the model. */

/* The node that a node takes its copy from, after a look; the node itself: it takes none. */
struct node *node_weights_from(struct arena *, const struct cluster *, const struct cluster_extra *x,
			       const struct node *);
/* Does the node have a whole copy, as far as the look shows? */
bool node_weights_whole(const struct cluster *, const struct cluster_extra *x, const struct node *);
/* The first node with a whole copy; if none has one, the node that gets it first. */
struct node *node_weights_source(struct arena *, const struct cluster *, const struct cluster_extra *x);
/* Adds the inputs of a step that makes such a copy; source: the step of the node that has it first. */
void node_weights_want(struct arena *, struct graph_builder *, struct step *,
		       const struct cluster_extra *x, struct step *source);
/* The tasks that make the copy, or in a shared directory those that download it. */
void node_weights_up(struct arena *, const struct step *, struct tasks *);

extern const struct spread_way weights_spread;
extern const struct kind kind_weights;

#endif
