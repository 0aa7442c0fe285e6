#ifndef PLANNER_READ_H
#define PLANNER_READ_H

#include <regex.h>

#include "planner/fields.h"
#include "planner/spec.h"
#include "planner/vars.h"
#include "planner/yaml.h"

/*
 * Tree + field table -> structs of spec.h. Every mistake goes to d; what was wrong
 * stays unset but keeps its place, so that later checks can tell it from "not given".
 */
struct reading {
	struct arena *arena;
	struct diags *d;
	struct vars vars;
	struct { struct reading_regex { const char *pattern; regex_t regex; } *v; size_t n, cap; }
		regex;
};

/* Put the defaults of a group into its struct. */
void read_defaults(const struct field_group *, void *out);
/* Read a map into the struct of the group, on top of what is there. Nothing at all
 * behind a key is an empty map. */
void read_group(struct reading *, const struct field_group *, const struct tree *map, void *out);
/* Whether the text fits length, choices and pattern of the field; complains if not.
 * `name` is what the message calls it. */
bool read_check(struct reading *, const struct field *, const char *name, const char *text,
		struct loc at);
/* The value of the key, or NULL. */
const struct tree *read_find(const struct tree *map, const char *key);
/* Whether an environment variable of that name usually holds a secret. */
bool read_names_secret(const char *name);
/* The same of a word for docker: NAME=VALUE, -eNAME=VALUE, --env=NAME=VALUE. */
bool read_sets_secret(const char *word);
/* The list under nodes:, ranges expanded (read_nodes.c). */
void read_nodes(struct reading *, const struct field *, const struct tree *list,
		struct spec *out);
/* Fill in each node's ssh: from the cluster's, once both were read. */
void read_inherit(struct spec *);
void reading_release(struct reading *);

#endif
