#ifndef PLANNER_USER_PRIVATE_H
#define PLANNER_USER_PRIVATE_H

#include "planner/user.h"

/* For planner/user*.c only. */

/* A value as an attribute has it: a text as it is, lists and maps as one line of JSON. */
const char *user_text(struct arena *, const struct value *);
/* The value of a field as its attributes: a map has one for each key, NAME.KEY. */
void user_add(struct arena *, struct attrs *, const struct user_field *, const struct value *);
/* Does a word under after:, before: or follows: mean that step? */
bool user_means(const struct word *, const struct step *);

#endif
