#ifndef PLANNER_PLAN_VALUE_H
#define PLANNER_PLAN_VALUE_H

#include <stdbool.h>

#include "planner/base/str.h"
#include "planner/model.h"

/* Values in a plan for people; `whole`: nothing of them is left out. */

/* On one line. */
void plan_value(struct str *, const char *, bool whole);
/* Several lines, or one that is too long: it goes below its name. */
bool plan_value_is_long(const char *);
/* "3 lines", "2000 characters": what stands beside the name then. */
void plan_value_size(struct str *, const char *);
/* The lines of old (NULL: none) that go and those of new that come, each after a newline; of
 * a long line what is around the place where they begin to differ. */
void plan_value_lines(struct str *, const char *old, const char *new, bool whole, bool color);
/* " × 8 NVIDIA H100" of the first n nodes; of nodes that differ " × 4 to 8 NVIDIA H100", or
 * " × 8 GPUs". */
void plan_gpus(struct str *, const struct model *, size_t n);

#endif
