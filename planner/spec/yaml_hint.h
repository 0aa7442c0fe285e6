#ifndef SPEC_YAML_HINT_H
#define SPEC_YAML_HINT_H

#include <stdbool.h>

#include "planner/base/diag.h"

/*
 * For a parser that stumbles because the line before has no ':', or no space behind it, as in
 *
 *	cluster demo
 *	nodes: [a]
 *
 * Returns what is wrong with the line before, and sets *at to its text; or NULL, if the fault is
 * another one. `here` is where the parser stumbles: over the next ':', or over the line.
 */
const char *yaml_hint(struct loc here, struct loc *at);

#endif
