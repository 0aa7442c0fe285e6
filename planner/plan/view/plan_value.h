#ifndef PLANNER_PLAN_VALUE_H
#define PLANNER_PLAN_VALUE_H

#include <stdbool.h>

#include "planner/base/str.h"
#include "planner/cluster/cluster.h"

/* Values in a plan for people. `whole`: nothing is shortened. */

/* On one line. */
void plan_value(struct str *, const char *, bool whole);
/* Has it several lines, or is it too long for one? Then it goes below its name. */
bool plan_value_is_long(const char *);
/* "3 lines", "2000 characters": shown next to the name then. */
void plan_value_size(struct str *, const char *);
/* The removed lines of old (NULL: none) and the added ones of new, each after a newline. Of a
 * long line, the part around the first difference. */
void plan_value_lines(struct str *, const char *old, const char *new, bool whole, bool color);
/* " × 8 NVIDIA H100" for the first n nodes; if they differ, " × 4 to 8 NVIDIA H100" or
 * " × 8 GPUs". */
void plan_gpus(struct str *, const struct cluster *, size_t n);

struct plan;
/* plan_problems.c: the problems of a plan, a line or a block each; equal ones of several nodes are
 * one. False: there are none. */
bool plan_problems(struct str *, const struct plan *, bool color);

#endif
