#ifndef PLANNER_LAYOUT_H
#define PLANNER_LAYOUT_H

#include <stdio.h>

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

/* How many of the first nodes tensor x pipeline x data takes; 0: they cannot have it. With mp
 * every node gives `each` GPUs, the same number; Ray fills the nodes, the head first. */
struct placed {
	size_t nodes;
	bool spans;             /* a tensor group lies on several nodes */
	long long each;         /* mp; else 0 */
};

struct places {
	long long (*gpus)(const void *nodes, size_t i);
	const void *nodes;
	size_t n;
};

struct placed layout_place(const struct places *, long long tensor, long long pipeline,
			   long long data, bool mp);
/* The first ones that have so many GPUs together, however many each has; 0: all have not. */
size_t layout_by_gpus(const struct places *, long long wanted);
/* Why each layer will wait for the network; `most`: GPUs of the largest node. */
const char *layout_spans_why(struct arena *, long long tensor, long long most);

/*
 * After the nodes were looked at: read what is known of the model, and check the sizes
 * of the spec against it or, where they are `auto`, choose them. Fills in the model's
 * shape, layout, layout_note, tensor, pipeline, nlayout and backend. What is wrong with
 * numbers of the spec, and all estimates, go to the problems; that nothing can be chosen
 * is an error in d, and then the model keeps sizes that only look and destroy can use.
 */
struct model;
struct problems;
void layout_choose(struct arena *, struct model *, struct problems *, struct diags *d);

/* Can the model be served with it, as far as is known? */
struct layout_result;
bool layout_works(const struct layout_result *);

/* What `dray explain layout` prints; for a model that went through layout_choose(). */
void layout_text(const struct model *, FILE *, bool color);
/* The same as one line of JSON, docs/json.md; the plan has it without `all`: the list of what
 * was rejected. Without a layout_result, what stands in its place. */
void layout_json(const struct model *, FILE *, bool all);

#endif
