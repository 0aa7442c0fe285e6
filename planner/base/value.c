/* Data without a fixed shape; from and to JSON. */
#include "planner/base/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"

static struct value *
value_new(struct arena *a, struct value is)
{
	struct value *v = ar_new(a, struct value);

	*v = is;
	return v;
}

struct value *value_nil(struct arena *a) { return value_new(a, (struct value){VALUE_NIL}); }
struct value *value_list(struct arena *a) { return value_new(a, (struct value){VALUE_LIST}); }
struct value *value_map(struct arena *a) { return value_new(a, (struct value){VALUE_MAP}); }

struct value *
value_bool(struct arena *a, bool boolean)
{
	return value_new(a, (struct value){VALUE_BOOL, .boolean = boolean});
}

struct value *
value_integer(struct arena *a, long long integer)
{
	return value_new(a, (struct value){VALUE_INTEGER, .integer = integer});
}

struct value *
value_number(struct arena *a, double number)
{
	return value_new(a, (struct value){VALUE_NUMBER, .number = number});
}

struct value *
value_bytes(struct arena *a, const char *bytes, size_t n)
{
	return value_new(a, (struct value){VALUE_TEXT, .text = arena_strndup(a, bytes, n), .n = n});
}

struct value *
value_text(struct arena *a, const char *text)
{
	return text ? value_bytes(a, text, strlen(text)) : value_nil(a);
}

/* Makes room for one more item and its key. */
static void
value_grow(struct arena *a, struct value *v)
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
	value_grow(a, list);
	list->item[list->n++] = item;
}

static size_t
value_place(const struct value *map, const char *key)
{
	size_t i = 0;

	while (i < map->n && strcmp(map->key[i], key) != 0)
		i++;
	return i;
}

void
value_set(struct arena *a, struct value *map, const char *key, struct value *item)
{
	size_t i = value_place(map, key);

	if (!item || item->type == VALUE_NIL)
		return;
	if (i == map->n) {
		value_grow(a, map);
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

struct value *
value_get(const struct value *map, const char *key)
{
	size_t i;

	if (!map || map->type != VALUE_MAP)
		return NULL;
	i = value_place(map, key);
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

static json_t *
value_to_json(const struct value *v)
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
		return json_kept_n(v->text, v->n);
	case VALUE_LIST:
		json = json_array();
		for (size_t i = 0; i < v->n; i++)
			json_array_append_new(json, value_to_json(v->item[i]));
		return json;
	case VALUE_MAP:
		json = json_object();
		for (size_t i = 0; i < v->n; i++) {
			json_t *item = value_to_json(v->item[i]);
			json_t *name = json_kept_n(v->key[i], strlen(v->key[i]));

			json_object_set_new(json, json_string_value(name), item);
			json_decref(name);
		}
		return json;
	}
	return json_null();
}

/* The fewest digits with which all its numbers read back equal: 1.1, not 1.1000000000000001. */
static unsigned
value_digits(const struct value *v)
{
	unsigned most = 15;
	char text[40];

	for (; v->type == VALUE_NUMBER && most < 17; most++) {
		snprintf(text, sizeof text, "%.*g", (int)most, v->number);
		if (strtod(text, NULL) == v->number)
			break;
	}
	for (size_t i = 0; (v->type == VALUE_LIST || v->type == VALUE_MAP) && i < v->n; i++) {
		unsigned own = value_digits(v->item[i]);

		most = own > most ? own : most;
	}
	return most;
}

static const char *
value_dump(struct arena *a, const struct value *v, size_t flags)
{
	json_t *json = value_to_json(v);
	char *s = json_dumps(json, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(value_digits(v)));
	const char *copy = arena_strdup(a, s ? s : "null");

	free(s);
	json_decref(json);
	return copy;
}

const char *
value_write(struct arena *a, const struct value *v)
{
	return value_dump(a, v, JSON_COMPACT | JSON_SORT_KEYS);
}

const char *
value_write_pretty(struct arena *a, const struct value *v)
{
	return value_dump(a, v, JSON_INDENT(2));
}

/* ---- from JSON ---- */

struct reader {
	struct arena *arena;
	size_t nodes;
	const char *why;
};

static struct value *
value_from_json(struct reader *r, json_t *json, unsigned depth)
{
	struct value *v, *item;
	const char *key;
	json_t *child;
	size_t i;

	if (depth > VALUE_MAX_DEPTH || ++r->nodes > VALUE_MAX_NODES) {
		r->why = depth > VALUE_MAX_DEPTH ? "it is nested too deeply" : "it has too many items";
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
			if (!(item = value_from_json(r, child, depth + 1)))
				return NULL;
			value_push(r->arena, v, item);
		}
		return v;
	case JSON_OBJECT:
		v = value_map(r->arena);
		json_object_foreach(json, key, child) {
			if (!(item = value_from_json(r, child, depth + 1)))
				return NULL;
			/* Keys are unique here: value_set() would search for each. */
			value_grow(r->arena, v);
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
	v = value_from_json(&r, json, 0);
	if (!v)
		err_set(e, "%s", r.why ? r.why : "not JSON");
	json_decref(json);
	return v;
}
