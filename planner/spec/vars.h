#ifndef PLANNER_VARS_H
#define PLANNER_VARS_H

#include "planner/spec/spec.h"
#include "planner/spec/yaml.h"

/*
 * ${name} from vars:, ${env:NAME} from the environment, $${ for a literal "${". Every
 * variable is expanded once, and strings have a maximum, so that variables made of variables
 * cannot grow without end.
 */
struct var {
	const char *name;
	const struct tree *tree;
	const char *value;      /* NULL: not expanded yet, or wrong */
	enum { VAR_NEW, VAR_OPEN, VAR_DONE } state;
};

struct vars {
	struct arena *arena;
	struct diags *d;
	spec_env *env;
	struct var *v;
	size_t n, cap;
	size_t total;           /* bytes made so far */
	struct var *open;       /* the one that is being expanded */
};

enum { VARS_MAX = 1000, VARS_MAX_TEXT = 64 * 1024, VARS_MAX_TOTAL = 16 * 1024 * 1024 };

/* Reads the map under vars: (NULL: there is none) and expands all of it. */
void vars_read(struct vars *, const struct tree *map);
/* The string with its variables expanded; NULL after an error, which is in d. */
const char *vars_expand(struct vars *, const struct tree *text);

#endif
