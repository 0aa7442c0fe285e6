#ifndef PLANNER_VALUE_H
#define PLANNER_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"

/*
 * Data without a fixed shape: what goes into a hook and what comes out, free maps of the
 * spec (config:, with:), JSON of the world. A tree in an arena; nothing in it points up,
 * so it has no cycles. Whoever makes one from outside bytes keeps the limits below.
 */
enum value_type {
	VALUE_NIL, VALUE_BOOL, VALUE_INTEGER, VALUE_NUMBER, VALUE_TEXT, VALUE_LIST, VALUE_MAP,
};

enum {
	VALUE_MAX_DEPTH = 32,
	VALUE_MAX_NODES = 200 * 1000,
	VALUE_MAX_BYTES = 16 * 1024 * 1024,     /* of all texts and keys */
};

struct value {
	enum value_type type;
	union {                 /* by type */
		bool boolean;
		long long integer;
		double number;
		const char *text;       /* n bytes and a NUL behind them; may have NULs inside */
		struct value **item;    /* list, map */
	};
	const char **key;       /* map: each once, in the order of adding */
	size_t n, cap;          /* items; bytes of a text */
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
/* The key is kept, not copied: it lives as long as the arena. One that is there already gets
 * the new value. nil is not stored. */
void value_set(struct arena *, struct value *map, const char *key, struct value *item);
/* Shorthand: a text (NULL: nothing is set), an integer. */
void value_set_text(struct arena *, struct value *map, const char *key, const char *text);
void value_set_integer(struct arena *, struct value *map, const char *key, long long);

/* The item of that key, or NULL; NULL too when it is no map. */
const struct value *value_get(const struct value *map, const char *key);
/* The text of that key, or `otherwise` when there is none or it is no text. */
const char *value_get_text(const struct value *map, const char *key, const char *otherwise);
long long value_get_integer(const struct value *map, const char *key, long long otherwise);

/* As one line of JSON with sorted keys: equal values give equal texts. Bytes that are not
 * UTF-8 are taken as Latin-1; a number that JSON has not (nan) is null. */
const char *value_write(struct arena *, const struct value *);
/* The same with line breaks and indentation, keys in their order. */
const char *value_write_pretty(struct arena *, const struct value *);
/* JSON -> value; NULL with e set ("line 3, column 7: ..."). Length-limited, fuzzed. */
struct value *value_read(struct arena *, const char *json, size_t n, struct err *e);

#endif
