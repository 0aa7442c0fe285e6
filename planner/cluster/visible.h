#ifndef PLANNER_VISIBLE_H
#define PLANNER_VISIBLE_H

#include "planner/accelerators/accelerator.h"
#include "planner/cluster/node.h"

/* The maker of the node's GPUs; if it shows none, the one that the image is for, else the first of
 * accelerators.def. */
const struct accelerator *node_accelerator(const struct cluster *, const struct node *);
/* The value of the variable that selects GPUs, such as CUDA_VISIBLE_DEVICES, from the node's env; if
 * the engine is a process, also from the environment of its login. *variable: its name. NULL: none
 * is set, so all GPUs count. */
const char *node_selects(const struct cluster *, const struct node *, const char **variable);
/* Another node of the layout that uses a GPU of this one, too (two nodes on one host), with the
 * GPU's uuid and how many nodes use it. NULL: there is none. */
const struct node *visible_twice(struct arena *, const struct cluster *, const struct node *,
				 const char **uuid, size_t *nodes);
/* The node's facts with only the GPUs that the engine may use: those that the variable in its
 * env selects. NULL: it was not observed. */
const struct facts *facts_visible(struct arena *, const struct cluster *, const struct node *);

#endif
