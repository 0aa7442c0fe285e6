/* Data without a fixed shape, and its way to JSON and back. */
#include "planner/value.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"

static struct value *
new(struct arena *a, enum value_type type)
{
	struct value *v = ar_new(a, struct value);

	v->type = type;
	return v;
}

struct value *
value_nil(struct arena *a)
{
	return new(a, VALUE_NIL);
}

struct value *
value_bool(struct arena *a, bool boolean)
{
	struct value *v = new(a, VALUE_BOOL);

	v->boolean = boolean;
	return v;
}

struct value *
value_integer(struct arena *a, long long integer)
{
	struct value *v = new(a, VALUE_INTEGER);

	v->integer = integer;
	return v;
}

struct value *
value_number(struct arena *a, double number)
{
	struct value *v = new(a, VALUE_NUMBER);

	v->number = number;
	return v;
}

struct value *
value_bytes(struct arena *a, const char *bytes, size_t n)
{
	struct value *v = new(a, VALUE_TEXT);
	char *copy = arena_alloc(a, n + 1);

	if (n)
		memcpy(copy, bytes, n);
	v->text = copy;
	v->n = n;
	return v;
}

struct value *
value_text(struct arena *a, const char *text)
{
	return text ? value_bytes(a, text, strlen(text)) : value_nil(a);
}

struct value *
value_list(struct arena *a)
{
	return new(a, VALUE_LIST);
}

struct value *
value_map(struct arena *a)
{
	return new(a, VALUE_MAP);
}

/* Room for one more item, and for its key. */
static void
grow(struct arena *a, struct value *v)
{
	size_t cap = v->cap ? v->cap * 2 : 4;

	if (v->n < v->cap)
		return;
	v->item = arena_grow(a, v->item, v->n * sizeof *v->item, cap * sizeof *v->item);
	if (v->type == VALUE_MAP)
		v->key = arena_grow(a, v->key, v->n * sizeof *v->key, cap * sizeof *v->key);
	v->cap = cap;
}

void
value_push(struct arena *a, struct value *list, struct value *item)
{
	grow(a, list);
	list->item[list->n++] = item;
}

static size_t
place(const struct value *map, const char *key)
{
	size_t i = 0;

	while (i < map->n && strcmp(map->key[i], key) != 0)
		i++;
	return i;
}

void
value_set(struct arena *a, struct value *map, const char *key, struct value *item)
{
	size_t i = place(map, key);

	if (!item || item->type == VALUE_NIL)
		return;
	if (i == map->n) {
		grow(a, map);
		map->key[map->n++] = key;
	}
	map->item[i] = item;
}

void
value_set_text(struct arena *a, struct value *map, const char *key, const char *text)
{
	if (text)
		value_set(a, map, key, value_text(a, text));
}

void
value_set_integer(struct arena *a, struct value *map, const char *key, long long integer)
{
	value_set(a, map, key, value_integer(a, integer));
}

const struct value *
value_get(const struct value *map, const char *key)
{
	size_t i;

	if (!map || map->type != VALUE_MAP)
		return NULL;
	i = place(map, key);
	return i < map->n ? map->item[i] : NULL;
}

const char *
value_get_text(const struct value *map, const char *key, const char *otherwise)
{
	const struct value *v = value_get(map, key);

	return v && v->type == VALUE_TEXT ? v->text : otherwise;
}

long long
value_get_integer(const struct value *map, const char *key, long long otherwise)
{
	const struct value *v = value_get(map, key);

	return v && v->type == VALUE_INTEGER ? v->integer : otherwise;
}

/* ---- to JSON ---- */

/* Bytes that are not UTF-8 are taken as Latin-1. */
static json_t *
text_json(const char *s, size_t n)
{
	json_t *json = json_stringn(s, n);
	struct str wide = {0};

	if (json)
		return json;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x80)
			str_putc(&wide, (char)(0xc0 | c >> 6));
		str_putc(&wide, (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
	}
	json = json_stringn(str_text(&wide), wide.len);
	str_release(&wide);
	return json;
}

static void
set_json(json_t *map, const char *key, json_t *item)
{
	json_t *name;

	if (json_object_set(map, key, item) == 0)
		return;
	name = text_json(key, strlen(key));
	json_object_set(map, json_string_value(name), item);
	json_decref(name);
}

static json_t *
to_json(const struct value *v)
{
	json_t *json = NULL;

	switch (v ? v->type : VALUE_NIL) {
	case VALUE_NIL:
		return json_null();
	case VALUE_BOOL:
		return json_boolean(v->boolean);
	case VALUE_INTEGER:
		return json_integer(v->integer);
	case VALUE_NUMBER:
		return isfinite(v->number) ? json_real(v->number) : json_null();
	case VALUE_TEXT:
		return text_json(v->text, v->n);
	case VALUE_LIST:
		json = json_array();
		for (size_t i = 0; i < v->n; i++)
			json_array_append_new(json, to_json(v->item[i]));
		return json;
	case VALUE_MAP:
		json = json_object();
		for (size_t i = 0; i < v->n; i++) {
			json_t *item = to_json(v->item[i]);

			set_json(json, v->key[i], item);
			json_decref(item);
		}
		return json;
	}
	return json_null();
}

/* The digits that all numbers in it need to come back as they are: 1.1, not
 * 1.1000000000000001. */
static unsigned
digits(const struct value *v)
{
	unsigned most = 15;
	char text[40];

	for (; v->type == VALUE_NUMBER && most < 17; most++) {
		snprintf(text, sizeof text, "%.*g", (int)most, v->number);
		if (strtod(text, NULL) == v->number)
			break;
	}
	for (size_t i = 0; (v->type == VALUE_LIST || v->type == VALUE_MAP) && i < v->n; i++) {
		unsigned own = digits(v->item[i]);

		most = own > most ? own : most;
	}
	return most;
}

static const char *
dump(struct arena *a, const struct value *v, size_t flags)
{
	json_t *json = to_json(v);
	char *s = json_dumps(json, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits(v)));
	const char *copy = arena_strdup(a, s ? s : "null");

	free(s);
	json_decref(json);
	return copy;
}

const char *
value_write(struct arena *a, const struct value *v)
{
	return dump(a, v, JSON_COMPACT | JSON_SORT_KEYS);
}

const char *
value_write_pretty(struct arena *a, const struct value *v)
{
	return dump(a, v, JSON_INDENT(2));
}

/* ---- from JSON ---- */

struct reader {
	struct arena *arena;
	size_t nodes;
	const char *why;
};

static struct value *
from_json(struct reader *r, json_t *json, unsigned depth)
{
	struct value *v, *item;
	const char *key;
	json_t *child;
	size_t i;

	if (depth > VALUE_MAX_DEPTH || ++r->nodes > VALUE_MAX_NODES) {
		r->why = depth > VALUE_MAX_DEPTH ? "it is nested too deep" : "it has too many items";
		return NULL;
	}
	switch (json_typeof(json)) {
	case JSON_NULL:
		return value_nil(r->arena);
	case JSON_TRUE:
	case JSON_FALSE:
		return value_bool(r->arena, json_is_true(json));
	case JSON_INTEGER:
		return value_integer(r->arena, json_integer_value(json));
	case JSON_REAL:
		return value_number(r->arena, json_real_value(json));
	case JSON_STRING:
		return value_bytes(r->arena, json_string_value(json), json_string_length(json));
	case JSON_ARRAY:
		v = value_list(r->arena);
		json_array_foreach(json, i, child) {
			if (!(item = from_json(r, child, depth + 1)))
				return NULL;
			value_push(r->arena, v, item);
		}
		return v;
	case JSON_OBJECT:
		v = value_map(r->arena);
		json_object_foreach(json, key, child) {
			if (!(item = from_json(r, child, depth + 1)))
				return NULL;
			/* Keys of an object differ: no search for each. */
			grow(r->arena, v);
			v->key[v->n] = arena_strdup(r->arena, key);
			v->item[v->n++] = item;
		}
		return v;
	}
	return NULL;
}

struct value *
value_read(struct arena *a, const char *text, size_t n, struct err *e)
{
	struct reader r = {.arena = a};
	json_error_t error;
	struct value *v = NULL;
	json_t *json;

	if (n > VALUE_MAX_BYTES) {
		err_set(e, "more than %d MiB of JSON", VALUE_MAX_BYTES >> 20);
		return NULL;
	}
	json = json_loadb(text, n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!json) {
		err_set(e, "line %d, column %d: %s", error.line, error.column, error.text);
		return NULL;
	}
	v = from_json(&r, json, 0);
	if (!v)
		err_set(e, "%s", r.why ? r.why : "not JSON");
	json_decref(json);
	return v;
}
