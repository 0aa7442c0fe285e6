#ifndef PLANNER_LAYOUT_H
#define PLANNER_LAYOUT_H

#include "planner/spec.h"

/* Which nodes tensor x pipeline takes: always the first ones, so that the head is one. */
struct layout {
	bool known;             /* every node says how many GPUs it has */
	bool fits;              /* false only when known */
	bool spans;             /* a tensor group does not fit into one node */
	size_t nodes;           /* taken; all that could be when not known */
	long long wanted, have; /* GPUs; have only when known */
};

struct layout layout_of(const struct spec *);

#endif
