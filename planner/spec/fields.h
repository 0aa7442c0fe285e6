#ifndef PLANNER_FIELDS_H
#define PLANNER_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * The field table: every key of the spec file, once. It drives reading (read.c),
 * defaults, constraints, "did you mean", the JSON Schema (spec_schema.c) and the reference
 * page (reference.c). To add a key, add an entry here and a member in spec.h.
 */
enum field_type {
	FIELD_TEXT,             /* struct word */
	FIELD_NUMBER,           /* struct number */
	FIELD_SECRET,           /* struct secret_ref */
	FIELD_TEXTS,            /* struct words */
	FIELD_PAIRS,            /* struct pairs */
	FIELD_ARGS,             /* struct pairs; a value may also be a list or true/false */
	FIELD_GROUP,            /* a struct with a group of its own */
	FIELD_NODES,            /* the list of nodes, a group each, or their source */
	FIELD_LEFT,             /* entries like those of nodes: {v, n, cap} */
	FIELD_GROUPS,           /* a list of structs of that group: {v, n, cap} */
	FIELD_TREE,             /* const struct tree *: a free map, variables expanded */
	FIELD_VARS,             /* read before everything else */
};

enum {
	FIELD_REQUIRED = 1 << 0,
	FIELD_AUTO = 1 << 1,            /* may be `auto` */
	FIELD_LINES = 1 << 2,           /* the string may have several lines */
	FIELD_RANGE = 1 << 3,           /* host ranges are expanded, then the pattern applies */
	FIELD_ASIDE = 1 << 4,           /* an alternative: commented out in the full example */
	FIELD_ONE = 1 << 5,             /* FIELD_TEXTS: one string may stand for a list of one */
};

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset;                  /* of the member, in the struct of its group */
	const struct field_group *group;
	const char *fallback;           /* the default, or NULL */
	const char *otherwise;          /* a default that depends on other fields, as a phrase */
	long long min, max;             /* FIELD_NUMBER */
	const char *unit;
	/* The allowed values of a string or of each item; ends with NULL. If there is a pattern
	 * too, strings that match it are also allowed, and `must` describes them. */
	const char *const *choices;
	/* For a string, each item or each value: an extended regular expression that is also
	 * valid ECMAScript, and a phrase for it ("must be ..."). */
	const char *pattern, *must;     /* of a number: what to do instead of 0, or NULL */
	size_t longest;                 /* bytes of a string; 0: FIELD_LONGEST */
	const char *key_pattern, *key_must;     /* the same for the keys of pairs */
	/* What other tools call this key, with a space between: such a key is taken for a misspelling. */
	const char *aka;
	/* What a string that does not match was probably meant to be: " (did you mean 'a/b'?)", or "". */
	const char *(*meant)(struct arena *, const char *text);
	const char *doc;
	const char *example;            /* YAML without %; pairs and lists in flow style */
};

enum { NO_OFFSET = -1, FIELD_LONGEST = 16 * 1024 };

struct field_group {
	const char *name;               /* NULL: the top of the file */
	const char *doc;
	const struct field *field;      /* ends with a NULL name */
	size_t size;                    /* of the struct */
	long at_offset;                 /* of its struct loc, or NO_OFFSET */
	long auto_offset;               /* of a bool: the group may be `auto`; or NO_OFFSET */
	const char *bare;               /* the fields that one value in its place may be, with a space
					 * between; NULL: none */
};

extern const struct field_group spec_fields;
/* hooks:, steps:, and nodes: if it is a map (fields_custom.c). */
extern const struct field_group hook_fields, step_fields, inventory_fields;
/* model: (fields_model.c). */
extern const struct field_group model_fields;
/* files: (spec_files.c). */
extern const struct field_group carried_fields;
/* What a wrong host, address, repository or folder was probably meant to be, as .meant (read_meant.c). */
const char *meant_host(struct arena *, const char *);
const char *meant_bind(struct arena *, const char *);
const char *meant_repo(struct arena *, const char *);
const char *meant_folder(struct arena *, const char *);
/* The member of the struct that a field fills. */
#define AT(type, member) .offset = offsetof(struct type, member)
/* A web address. */
#define HTTP "^https?://[^ /?#@]+([/?#][^ ]*)?$"
#define HTTP_MUST "must be an http:// or https:// URL without a user name in it"
/* The path of a Lua file, relative to the spec. */
#define LUA_FILE "^[A-Za-z0-9_./][A-Za-z0-9_./ -]*[.]lua$"

#endif
