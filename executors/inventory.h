#ifndef EXECUTORS_INVENTORY_H
#define EXECUTORS_INVENTORY_H

#include "planner/spec.h"
#include "planner/yaml.h"

/*
 * Nodes from a Lua file: nodes(ctx) of the file that the spec names under nodes:, run to
 * its end. There are no nodes yet, so ctx:run is refused; ctx:http asks an API.
 */
struct inventory_view {
	void (*say)(void *arg, const char *line);       /* ctx:log and ctx:warn */
	void *arg;
};

/* For spec_world.inventory, with a struct inventory_view as its arg: the list as a tree,
 * with places in the Lua file (that of a key or text where it stands there, else of the
 * function); NULL with errors in d. */
struct tree *inventory_run(void *view, struct arena *, const struct spec *, struct diags *d);

#endif
