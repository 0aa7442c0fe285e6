#ifndef PLANNER_IMAGE_H
#define PLANNER_IMAGE_H

#include "planner/plan/kind.h"
#include "planner/steps/spread.h"

/* The image of that name on the node, or NULL. */
const struct fact_image *image_find(const struct node *, const char *ref);
/* The fingerprint that an archive gives, for nodes like this one; NULL: only a load can tell. */
const char *image_of_archive(const struct cluster *, const struct node *lead);
/* Where a node keeps what was sent for an image. */
const char *image_folder(struct arena *, const struct cluster *, const struct node *);

/* image_copy.c: the image that one node has, or gets first, is copied from there to the other nodes
 * with the same processors. */
/* Is it so in this cluster? */
bool image_spreads(const struct cluster *);
/* The fingerprint that the image must have on such a node; NULL: known after apply. */
const char *image_wanted(const struct cluster *, const struct node *);
/* The node that this one takes it from; the node itself: it has it, or is the first to get it. */
struct node *image_from(struct arena *, const struct cluster *, const struct node *);
/* The node that has it, or gets it, first. */
struct node *image_source(struct arena *, const struct cluster *, const struct node *);
void image_up_copy(struct arena *, const struct step *, struct tasks *);

extern const struct spread_way image_spread;

#endif
