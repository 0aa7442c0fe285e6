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
	bool ask;               /* nodes: names a Lua file, and all of that map is right */
	bool as_is;             /* data of a program: ${...} and host ranges mean nothing */
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
/* The same for a pattern alone; each is compiled once per reading. */
bool read_matches(struct reading *, const char *pattern, const char *text);
/* The scalar with its variables put in; NULL when there is none that can be used. */
const char *read_scalar(struct reading *, const char *name, const struct tree *,
			const char *wanted, bool may_be_empty);
/* The text of a scalar with its variables put in, unless it is taken as it is; NULL after
 * an error. */
const char *read_expand(struct reading *, const struct tree *);
/* The value of the key, or NULL. */
const struct tree *read_find(const struct tree *map, const char *key);
/* Whether the map has a key that the group does not: perhaps a misspelt one. */
bool read_has_unknown(const struct field_group *, const struct tree *map);
/* A secret: never show this value (read_secret.c). */
void read_hide(struct reading *, const struct tree *);
void read_secret(struct reading *, const struct field *, const struct tree *,
		 struct secret_ref *out);
/* Whether an environment variable of that name usually holds a secret. */
bool read_names_secret(const char *name);
/* The same of a word for docker: NAME=VALUE, -eNAME=VALUE, --env=NAME=VALUE. */
bool read_sets_secret(const char *word);
/* The list under nodes:, ranges expanded (read_nodes.c). */
void read_nodes(struct reading *, const struct field *, const struct tree *list,
		struct spec *out);
/* The nodes that a Lua file gave (a tree with places in that file), as they are. */
void read_nodes_of(struct reading *, const struct field *, const struct tree *list,
		   struct spec *out);
/* A list of structs {v, n, cap}; and a free map with its variables put in, NULL when it is
 * empty, TREE_BAD when it is wrong (read_user.c). */
void read_groups(struct reading *, const struct field *, const struct tree *, void *list);
const struct tree *read_tree(struct reading *, const struct field *, const struct tree *);
/* Whether anything in a free map is wrong. */
bool read_is_bad(const struct tree *);
/* What one field alone does not tell of an entry under steps: or hooks:. */
void read_step_done(struct reading *, const struct tree *, struct spec_step *);
void read_hook_done(struct reading *, const struct tree *, struct spec_hook *);
/* Fill in each node's ssh: from the cluster's, once both were read. */
void read_inherit(struct spec *);
void reading_release(struct reading *);

#endif
