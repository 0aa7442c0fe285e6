#ifndef PLANNER_COMPILE_H
#define PLANNER_COMPILE_H

#include "planner/cluster/cluster.h"

/*
 * The end of the compile half: spec -> cluster, with the user's own steps and kinds. NULL if
 * the spec has errors; all of them are in d, including circles among steps. (For a spec
 * without other errors graph_build() reports circles.) Pure.
 */
struct cluster *cluster_compile(struct arena *, const struct spec *, struct diags *d);
/* Reports circles among the steps of a cluster that will not be observed. */
void compile_check_circles(struct arena *, const struct cluster *, struct diags *d);

#endif
