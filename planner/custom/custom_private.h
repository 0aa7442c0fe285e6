#ifndef PLANNER_CUSTOM_PRIVATE_H
#define PLANNER_CUSTOM_PRIVATE_H

#include "planner/custom/custom.h"

/* For planner/custom only. */

/* A value as an attribute: a string as it is, lists and maps as one line of JSON. */
const char *custom_text(struct arena *, const struct value *);
/* Adds the value of a field as attributes: a map has one per key, NAME.KEY. */
void custom_add(struct arena *, struct attrs *, const struct custom_field *, const struct value *);
/* Is the entry under steps: for that node? */
bool custom_is_on(const struct spec *, const struct spec_step *, size_t node);
/* "KIND.NAME" of the entry; NULL if it is wrong. */
const char *custom_base(struct arena *, const struct spec_step *);
/* What a word under after:, before: and follows: may name, without a node. */
struct custom_names {
	const char **v;
	size_t n, cap;
};
/* What the spec itself has: kinds, and steps without their nodes. */
struct custom_names custom_known(struct arena *, const struct spec *);
bool custom_knows(const struct custom_names *, const struct word *);
void custom_unknown(struct arena *, struct diags *, const struct custom_names *, const struct word *,
		  const char *check);

#endif
