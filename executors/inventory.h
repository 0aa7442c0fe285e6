#ifndef EXECUTORS_INVENTORY_H
#define EXECUTORS_INVENTORY_H

#include "planner/spec.h"
#include "planner/yaml.h"

/* For spec_world.inventory: runs nodes() of the Lua file that the spec names. */
struct tree *inventory_run(void *arg, struct arena *, const struct spec *, struct diags *);

#endif
