#ifndef PLANNER_VALUE_H
#define PLANNER_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"

/*
 * Data without a fixed shape: what a hook gets and returns, free maps of the spec (config:,
 * with:), JSON from outside. A tree in an arena without cycles. Code that builds one from
 * outside data enforces the limits below.
 */
enum value_type {
	VALUE_NIL, VALUE_BOOL, VALUE_INTEGER, VALUE_NUMBER, VALUE_TEXT, VALUE_LIST, VALUE_MAP,
};

enum {
	VALUE_MAX_DEPTH = 32,
	VALUE_MAX_NODES = 200 * 1000,
	VALUE_MAX_BYTES = 16 * 1024 * 1024,     /* of all strings and keys */
};

struct value {
	enum value_type type;
	union {                 /* by type */
		bool boolean;
		long long integer;
		double number;
		const char *text;       /* n bytes, then a NUL; may have NULs inside */
		struct value **item;    /* list, map */
	};
	const char **key;       /* map: unique keys, in the order they were added */
	size_t n, cap;          /* items; bytes of a string */
};

struct value *value_nil(struct arena *);
struct value *value_bool(struct arena *, bool);
struct value *value_integer(struct arena *, long long);
struct value *value_number(struct arena *, double);
/* A copy; NULL gives nil. */
struct value *value_text(struct arena *, const char *);
struct value *value_bytes(struct arena *, const char *, size_t n);
struct value *value_list(struct arena *);
struct value *value_map(struct arena *);
void value_push(struct arena *, struct value *list, struct value *item);
/* Sets or replaces. The key is not copied and must live as long as the arena. nil is not
 * stored. */
void value_set(struct arena *, struct value *map, const char *key, struct value *item);
/* The same for a string (NULL: nothing is set) and an integer. */
void value_set_text(struct arena *, struct value *map, const char *key, const char *text);
void value_set_integer(struct arena *, struct value *map, const char *key, long long);

/* The item of that key; NULL if there is none, or if `map` is not a map. */
struct value *value_get(const struct value *map, const char *key);
/* The string of that key, or `otherwise` if there is none or it is not a string. */
const char *value_get_text(const struct value *map, const char *key, const char *otherwise);
long long value_get_integer(const struct value *map, const char *key, long long otherwise);

/* One line of JSON with sorted keys: equal values give equal strings. A string that is not
 * UTF-8 is read as Latin-1; nan and infinity become null. */
const char *value_write(struct arena *, const struct value *);
/* The same with line breaks and indentation, keys in the order they were added. */
const char *value_write_pretty(struct arena *, const struct value *);
/* JSON -> value; NULL with e set ("line 3, column 7: ..."). Enforces the limits above. */
struct value *value_read(struct arena *, const char *json, size_t n, struct err *e);

#endif
