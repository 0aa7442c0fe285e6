#ifndef PLANNER_READ_H
#define PLANNER_READ_H

#include <regex.h>

#include "planner/spec/fields.h"
#include "planner/spec/spec.h"
#include "planner/spec/vars.h"
#include "planner/spec/yaml.h"

/*
 * Tree + field table -> structs of spec.h. Every mistake goes to d. A wrong value stays
 * unset but keeps its place, so that later checks can tell it from a missing one.
 */
struct reading {
	struct arena *arena;
	struct diags *d;
	struct vars vars;
	bool ask;               /* nodes: names a Lua file, and that map has no error */
	bool as_is;             /* data from a program: no variables, no host ranges */
	struct { struct reading_regex { const char *pattern; regex_t regex; } *v; size_t n, cap; }
		regex;
};

/* Sets the defaults of a group in its struct. */
void read_defaults(const struct field_group *, void *out);
/* Reads a map into the struct of the group. Keys that are missing leave the struct as it is.
 * A key without a value is an empty map. */
void read_group(struct reading *, const struct field_group *, const struct tree *map, void *out);
/* Does the string fit length, choices and pattern of the field? Reports an error if not.
 * `name` is the name in the message. */
bool read_check(struct reading *, const struct field *, const char *name, const char *text,
		struct loc at);
/* Does it match the pattern? Each pattern is compiled once per reading. */
bool read_matches(struct reading *, const char *pattern, const char *text);
/* The scalar with its variables expanded; NULL after an error. */
const char *read_scalar(struct reading *, const char *name, const struct tree *,
			const char *wanted, bool may_be_empty);
/* The string of a scalar with its variables expanded (unless as_is); NULL after an error. */
const char *read_expand(struct reading *, const struct tree *);
/* Reports a key that the group does not have, with what was probably meant (read_meant.c). If that is a
 * field that is not given, its key is renamed, so that nothing further finds the field missing, and the
 * field is returned: its value is to be read. Else NULL. */
const struct field *read_unknown_key(struct reading *, const struct field_group *, const struct tree *map,
				     size_t i);
/* " (write 'model: {repo: org/name}')" for what is not a map, or "". */
const char *read_as_map(struct reading *, const struct field_group *, const struct tree *);
/* " (write 300)" for "5m", or what a word in a number's place may mean; or "". */
const char *read_as_number(struct reading *, const struct field *, const char *text);
/* An integer without leading zeros, '+' or fractions. */
bool read_number_all(const char *, long long *value);
/* The value of the key, or NULL. */
const struct tree *read_find(const struct tree *map, const char *key);
/* Does the map have a key that the group does not have, perhaps misspelt? */
bool read_has_unknown(const struct field_group *, const struct tree *map);
/* A secret: diagnostics never show this value (read_secret.c). */
void read_hide(struct reading *, const struct tree *);
void read_secret(struct reading *, const struct field *, const struct tree *,
		 struct secret_ref *out);
/* Does an environment variable of that name usually hold a secret? */
bool read_names_secret(const char *name);
/* The same for an argument of docker: NAME=VALUE, -eNAME=VALUE, --env=NAME=VALUE. */
bool read_sets_secret(const char *word);
/* The list under nodes:, with ranges expanded (read_nodes.c). */
void read_nodes(struct reading *, const struct field *, const struct tree *list, struct spec *out);
/* The nodes that a Lua file returned (a tree with places in that file), as_is. */
void read_nodes_of(struct reading *, const struct field *, const struct tree *list, struct spec *);
/* The entries under left:. */
void read_left(struct reading *, const struct field *, const struct tree *list, struct spec *);
/* A list of structs {v, n, cap} (read_custom.c). */
void read_groups(struct reading *, const struct field *, const struct tree *, void *list);
/* A free map with its variables expanded; NULL if it is empty, TREE_BAD after an error. */
const struct tree *read_tree(struct reading *, const struct field *, const struct tree *);
/* Is anything in a free map wrong? */
bool read_is_bad(const struct tree *);
/* Checks of an entry under steps: or hooks: that involve several keys. */
void read_step_done(struct reading *, const struct tree *, struct spec_step *);
void read_hook_done(struct reading *, const struct tree *, struct spec_hook *);
/* Fills each node's ssh: from the cluster's; call it after both were read. */
void read_inherit(struct spec *);
void reading_release(struct reading *);

#endif
