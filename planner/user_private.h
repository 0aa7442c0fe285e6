#ifndef PLANNER_USER_PRIVATE_H
#define PLANNER_USER_PRIVATE_H

#include "planner/user.h"

/* For planner/user*.c only. */

/* A value as an attribute has it: a text as it is, lists and maps as one line of JSON. */
const char *user_text(struct arena *, const struct value *);
/* The value of a field as its attributes: a map has one for each key, NAME.KEY. */
void user_add(struct arena *, struct attrs *, const struct user_field *, const struct value *);
/* Is an entry under steps: done on that node? And "KIND.NAME" of it, NULL: it is wrong. */
bool user_is_on(const struct spec *, const struct spec_step *, size_t node);
const char *user_base(struct arena *, const struct spec_step *);
/* What a word under after:, before: and follows: may name, but for a node behind it. */
struct user_names {
	const char **v;
	size_t n, cap;
};
bool user_knows(const struct user_names *, const struct word *);
void user_unknown(struct arena *, struct diags *, const struct user_names *, const struct word *,
		  const char *check);
/* Does a word under after:, before: or follows: mean that step? */
bool user_means(const struct word *, const struct step *);

#endif
