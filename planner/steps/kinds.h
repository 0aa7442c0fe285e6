#ifndef PLANNER_KINDS_H
#define PLANNER_KINDS_H

#include "planner/plan/kind.h"

/* Dray's own step kinds, in the order of kinds.def. planner/custom adds the kinds of the user's
 * Lua files and hands all of them to the plan. */
extern const struct kind *const kinds[];        /* ends with NULL */
const struct kind *kind_find(const char *name);

#endif
