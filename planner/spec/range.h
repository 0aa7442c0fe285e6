#ifndef PLANNER_RANGE_H
#define PLANNER_RANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * Host ranges: "gpu-[01-04]" is gpu-01 to gpu-04 (leading zeros are kept). Lists as in
 * "[1,3,5-7]" and several brackets are allowed; the last bracket counts fastest.
 */
struct range_names {
	const char **v;
	size_t n, cap;
};

enum { RANGE_MAX = 1024, RANGE_MAX_TEXT = 255 };

struct range_error {
	const char *why;        /* what is wrong */
	const char *part;       /* where: a part of the string, len bytes */
	size_t len;
};

/* All names that the string stands for; itself if it has no brackets. */
bool range_expand(struct arena *, const char *text, struct range_names *, struct range_error *);

#endif
