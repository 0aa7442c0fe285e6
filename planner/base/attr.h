#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * The data of planning: a sorted list of name = value strings. What a step wants,
 * what its record says and what a node shows all have this type, so a diff is one
 * walk over two sorted lists.
 * Names are dotted paths ("args.max-model-len", "env.NCCL_DEBUG").
 */
struct attr {
	const char *name;
	const char *value;      /* NULL: known only after apply */
	bool secret;            /* value is a keyed MAC, never the secret itself */
};

struct attrs {
	struct attr *v;
	size_t n, cap;
	bool sorted;
};

void attrs_add(struct arena *, struct attrs *, const char *name, const char *value);
void attrs_addf(struct arena *, struct attrs *, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void attrs_add_secret(struct arena *, struct attrs *, const char *name, const char *mac);
/* Sort by name. If a name occurs twice, the one added last stays. Idempotent. */
void attrs_sort(struct attrs *);
/* The attribute of that name, or NULL. Sorts. */
const struct attr *attrs_get(struct attrs *, const char *name);
/* Its value, or `otherwise` if there is none. */
const char *attrs_value(struct attrs *, const char *name, const char *otherwise);

#endif
