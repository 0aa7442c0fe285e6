#ifndef PLANNER_YAML_H
#define PLANNER_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/diag.h"

/*
 * A YAML file as a tree with the place of every value. Every scalar is a string; the field
 * that reads it decides on its type. Anchors, aliases, tags, merge keys, several documents
 * and duplicate keys are refused, so nothing in the tree is shared.
 */
enum {
	YAML_MAX_BYTES = 4 * 1024 * 1024,
	YAML_MAX_DEPTH = 64,
	YAML_MAX_NODES = 100 * 1000,
};

enum tree_type {
	TREE_TEXT, TREE_LIST, TREE_MAP,
	TREE_BAD,               /* the error was already reported */
};

struct tree {
	enum tree_type type;
	const struct source *src;
	struct loc at;          /* of a string, or where the collection starts */
	size_t from, to;        /* the bytes of a string in the source */
	bool plain;             /* a string without quotes */
	const char *text;       /* never NULL for TREE_TEXT; contains no NUL */
	struct tree **key;      /* map: unique strings, in file order */
	struct tree **item;     /* list or map */
	size_t n, cap;
};

/* The one document of the source, or NULL with errors in d. A tree may come with errors too
 * (duplicate keys, an alias): look at d->nerror. */
struct tree *tree_read(struct arena *, const struct source *, struct diags *d);

/* Does the key have no value: `key:` with nothing after it? */
bool tree_is_empty(const struct tree *);
/* The place of `part` (n bytes, as written) in a string; of the whole string if not found. */
struct loc tree_find(const struct tree *, const char *part, size_t n);

#endif
