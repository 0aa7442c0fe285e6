#ifndef PLANNER_YAML_H
#define PLANNER_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/diag.h"

/*
 * A YAML file as a tree that knows where everything stood. Every scalar is a text:
 * what it means is decided by the field that reads it. What YAML can do beyond maps,
 * lists and texts (anchors, aliases, tags, merge keys, several documents) is refused,
 * and so are duplicate keys, so nothing in the tree is shared or surprising.
 */
enum {
	YAML_MAX_BYTES = 4 * 1024 * 1024,
	YAML_MAX_DEPTH = 64,
	YAML_MAX_NODES = 100 * 1000,
};

enum tree_type {
	TREE_TEXT, TREE_LIST, TREE_MAP,
	TREE_BAD,               /* already complained about: say nothing more */
};

struct tree {
	enum tree_type type;
	const struct source *src;
	struct loc at;          /* a text, or where the collection starts */
	size_t from, to;        /* the bytes of a text in the source */
	bool plain;             /* a text without quotes */
	const char *text;       /* never NULL for TREE_TEXT; contains no NUL */
	struct tree **key;      /* map: texts, each once, in file order */
	struct tree **item;     /* list or map */
	size_t n, cap;
};

/* The one document of the source, or NULL with errors in d. Errors that leave a tree
 * (duplicate keys, an alias) are in d as well: look at d->nerror. */
struct tree *tree_read(struct arena *, const struct source *, struct diags *d);

/* Whether the key has no value: `key:` with nothing behind it. */
bool tree_is_empty(const struct tree *);
/* The place of `part` (n bytes, as written) inside a text; the whole when not found. */
struct loc tree_find(const struct tree *, const char *part, size_t n);

#endif
