#ifndef EXECUTORS_INVENTORY_H
#define EXECUTORS_INVENTORY_H

#include "planner/spec/spec.h"
#include "planner/spec/yaml.h"

/*
 * Nodes from a Lua file: runs nodes(ctx) of the file that the spec names under nodes:. There
 * are no nodes yet, so ctx:run is refused; ctx:http can ask an API.
 */
struct inventory_view {
	void (*say)(void *arg, const char *line);       /* ctx:log and ctx:warn */
	void *arg;
	const char *quiet;      /* as in struct module_world */
};

/* For spec_world.inventory, with a struct inventory_view as its arg. Returns the list as a
 * tree with places in the Lua file: that of the key or string if the file contains it, else
 * that of the function. NULL with errors in d. */
struct tree *inventory_run(void *view, struct arena *, const struct spec *, struct diags *d);

#endif
