#ifndef PLANNER_CAUSES_H
#define PLANNER_CAUSES_H

#include "planner/plan/plan.h"

/* Used inside plan_make(): why an operation is planned, in words. */
enum { MAX_CAUSES = 3, MAX_NAMES = 3 };

/* The reasons for one operation while they are collected. `first`: the reason of the op. */
struct causes {
	const char *v[MAX_CAUSES];
	size_t n;
	enum reason first;
};

/* Adds a reason; those after the third are only counted. */
void causes_add(struct causes *, enum reason, const char *text);
/* All of them in one sentence; NULL if there is none. */
const char *causes_join(struct arena *, const struct causes *);

/* "args.a and args.b changed": the changes of an operation, which has at least one. */
const char *causes_changed(struct arena *, const struct op *);

/* What an upstream is said to be; several upstreams that are the same share one sentence. */
enum {
	IS_CREATED, IS_REPLACED, IS_RESTARTED, IS_AGAIN, IS_OTHER, IS_NEWER, IS_UNSAID, TELLINGS
};

struct cause_names {
	const char *name[MAX_NAMES];
	size_t n;
};

/* Adds an upstream to a sentence. */
void causes_tell(struct cause_names *, const char *name);
/* The sentence for an upstream that gets a new instance in this plan: IS_CREATED, ... */
int causes_telling(const struct op *up);
/* All sentences (an array of TELLINGS), added as reasons. */
void causes_told(struct arena *, const struct cause_names *, struct causes *);

#endif
