#ifndef PLANNER_SIF_H
#define PLANNER_SIF_H

#include "planner/plan/kind.h"
#include "planner/steps/spread.h"

/* sif_copy.c: with storage local, one node makes the SIF file, or has it, and the others with the same
 * processors get it from there. */
bool sif_spreads(const struct cluster *);
/* What the file must be on such a node; NULL: known after apply. */
const char *sif_wanted(const struct cluster *, const struct node *);
/* The node that this one takes it from; itself: it has it, or makes it. */
struct node *sif_from(struct arena *, const struct cluster *, const struct node *);
/* The node that has it, or makes it. */
struct node *sif_source(struct arena *, const struct cluster *, const struct node *);
void sif_up_copy(struct arena *, const struct step *, struct tasks *);

extern const struct spread_way sif_spread;

#endif
