/* Copies between Lua tables and values, within the limits of planner/base/value.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lua/vm_private.h"

void
value_to_lua(lua_State *L, const struct value *v)
{
	if (!v || (v->type != VALUE_LIST && v->type != VALUE_MAP)) {
		view_push(L, v);
		return;
	}
	luaL_checkstack(L, 4, "data nested too deep");
	lua_createtable(L, v->type == VALUE_LIST ? (int)v->n : 0,
			v->type == VALUE_MAP ? (int)v->n : 0);  // table
	for (size_t i = 0; i < v->n; i++) {
		value_to_lua(L, v->item[i]);                    // table value
		if (v->type == VALUE_LIST)
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		else
			lua_setfield(L, -2, v->key[i]);
	}                                                       // table
}

enum { SEEN_LOOK = 1024 };              /* keys between two looks at the clock */

/* A value that is being copied from Lua. Nothing here raises; errors go into `why`. */
struct taking {
	lua_State *L;
	struct arena *arena;
	enum take_how how;
	size_t nodes, bytes, depth, seen;
	const char *root, *why;
	struct { const char *key; lua_Integer index; const void *table; } path[VALUE_MAX_DEPTH];
};

static struct value *vm_value_take(struct taking *, int index);

/* "fields.size.default: why" */
static void *
vm_value_wrong(struct taking *t, const char *why)
{
	const char *path = t->root;

	for (size_t i = 0; i < t->depth; i++)
		path = t->path[i].key
			? arena_printf(t->arena, *path ? "%s.%s" : "%s%s", path,
				       safe_text(t->arena, t->path[i].key, strlen(t->path[i].key), 80))
			: arena_printf(t->arena, "%s[%lld]", path, (long long)t->path[i].index);
	t->why = arena_printf(t->arena, "%s%s%s", path, *path ? ": " : "", why);
	return NULL;
}

static bool
vm_value_too_many(struct taking *t, size_t bytes)
{
	t->nodes++;
	t->bytes += bytes;
	if (t->nodes > VALUE_MAX_NODES)
		vm_value_wrong(t, arena_printf(t->arena, "more than %d values", VALUE_MAX_NODES));
	else if (t->bytes > VALUE_MAX_BYTES)
		vm_value_wrong(t, arena_printf(t->arena, "more than %d MiB of text",
					       VALUE_MAX_BYTES / 1024 / 1024));
	else
		return false;
	return true;
}

/* The number of positions and names in a table, which has no other keys. */
struct shape {
	size_t positions, names;
	lua_Integer last;
};

static bool
vm_value_measure(struct taking *t, int index, struct shape *s)
{
	lua_State *L = t->L;

	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {       // key value
		const char *why = NULL;

		if (++t->seen % SEEN_LOOK == 0 && slice_over(L))
			why = "it took too long to read";
		else if (lua_isinteger(L, -2)) {
			s->positions++;
			s->last = lua_tointeger(L, -2) > s->last ? lua_tointeger(L, -2) : s->last;
			if (lua_tointeger(L, -2) < 1)
				why = arena_printf(t->arena, "the key %lld: lists start with 1",
						   (long long)lua_tointeger(L, -2));
		} else if (lua_type(L, -2) == LUA_TSTRING) {
			s->names += !(t->how == TAKE_DATA && lua_isfunction(L, -1));
			if (strlen(lua_tostring(L, -2)) != lua_rawlen(L, -2))
				why = "a key that contains a zero byte";
		} else {
			why = arena_printf(t->arena, "a key that is a %s: keys are names, or 1, 2, 3...",
					   luaL_typename(L, -2));
		}
		if (!why && t->nodes + s->positions + s->names > VALUE_MAX_NODES)
			why = arena_printf(t->arena, "more than %d values", VALUE_MAX_NODES);
		if (why) {
			lua_pop(L, 2);
			return vm_value_wrong(t, why);
		}
	}
	if (s->last != (lua_Integer)s->positions) {
		lua_Integer hole = 1;

		for (; lua_rawgeti(L, index, hole) != LUA_TNIL; hole++)
			lua_pop(L, 1);
		lua_pop(L, 1);
		return vm_value_wrong(
			t, arena_printf(t->arena,
					"a list with a hole: item %lld is nil, the last one is "
					"item %lld",
					(long long)hole, (long long)s->last));
	}
	if (s->positions && s->names && !(t->how == TAKE_OPTIONS && t->depth == 0))
		return vm_value_wrong(t, "it has both positions (1, 2, ...) and names as keys");
	return true;
}

/* Take the item at the top of the stack and pop it. */
static struct value *
vm_value_take_item(struct taking *t, const char *key, lua_Integer i)
{
	struct value *v;

	t->path[t->depth].key = key;
	t->path[t->depth++].index = i;
	v = vm_value_take(t, lua_gettop(t->L));
	if (v)
		t->depth--;             /* after an error the path stays, for its key */
	lua_pop(t->L, 1);
	return v;
}

static struct value *
vm_value_take_positions(struct taking *t, int index, size_t n)
{
	struct value *list = value_list(t->arena);

	list->item = ar_array(t->arena, struct value *, n);
	list->cap = n;
	while (list->n < n) {
		lua_rawgeti(t->L, index, (lua_Integer)list->n + 1);
		list->item[list->n] = vm_value_take_item(t, NULL, (lua_Integer)list->n + 1);
		if (!list->item[list->n++])
			return NULL;
	}
	return list;
}

struct pair {
	const char *key;
	struct value *item;
};

static int
vm_value_by_key(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* Lua tables have no order, so maps are sorted: equal tables give equal values. */
static struct value *
vm_value_take_names(struct taking *t, int index, size_t n)
{
	struct pair *pair = ar_array(t->arena, struct pair, n);
	struct value *map = value_map(t->arena);
	lua_State *L = t->L;

	for (lua_pushnil(L); lua_next(L, index);) {             // key value
		struct pair *p = &pair[map->n];
		size_t len;
		const char *key;

		if (lua_type(L, -2) != LUA_TSTRING ||
		    (t->how == TAKE_DATA && lua_isfunction(L, -1))) {
			lua_pop(L, 1);
			continue;
		}
		key = lua_tolstring(L, -2, &len);
		p->key = arena_strndup(t->arena, key, len);
		t->bytes += len;
		p->item = vm_value_take_item(t, p->key, 0);              // key
		if (!p->item) {
			lua_pop(L, 1);
			return NULL;
		}
		map->n++;
	}
	qsort(pair, map->n, sizeof *pair, vm_value_by_key);
	map->cap = map->n;
	map->key = ar_array(t->arena, const char *, map->n);
	map->item = ar_array(t->arena, struct value *, map->n);
	for (size_t i = 0; i < map->n; i++) {
		map->key[i] = pair[i].key;
		map->item[i] = pair[i].item;
	}
	return map;
}

static struct value *
vm_value_take_table(struct taking *t, int index)
{
	const void *self = lua_topointer(t->L, index);
	struct shape s = {0};
	struct value *map, *list = NULL;

	for (size_t i = 0; i < t->depth; i++)
		if (t->path[i].table == self)
			return vm_value_wrong(t, "the table is inside itself");
	if (t->depth == VALUE_MAX_DEPTH || !lua_checkstack(t->L, 8))
		return vm_value_wrong(
			t, arena_printf(t->arena, "nested deeper than %d", VALUE_MAX_DEPTH));
	/* Even an empty table can have many slots to walk, and the same table can be there often. */
	if (slice_over(t->L))
		return vm_value_wrong(t, "it took too long to read");
	if (!vm_value_measure(t, index, &s))
		return NULL;
	t->path[t->depth].table = self;
	if (s.positions && !(list = vm_value_take_positions(t, index, s.positions)))
		return NULL;
	if (list && !s.names && t->how != TAKE_OPTIONS)
		return list;
	if (list && t->depth > 0)
		return list;
	map = vm_value_take_names(t, index, s.names);
	if (map && list && value_get(map, "argv"))
		return vm_value_wrong(
			t, "the program is given twice: as 'argv' and as items of the table");
	if (map && list)
		value_set(t->arena, map, "argv", list);
	return map;
}

/* Copy what a view shows, because the result may live longer. */
static struct value *
vm_value_copy(struct taking *t, const struct value *from)
{
	struct value *v;

	if (vm_value_too_many(t, from->type == VALUE_TEXT ? from->n : 0))
		return NULL;
	v = ar_new(t->arena, struct value);
	*v = *from;
	v->cap = from->n;
	if (from->type == VALUE_TEXT)
		v->text = arena_strndup(t->arena, from->text, from->n);
	if (from->type != VALUE_LIST && from->type != VALUE_MAP)
		return v;
	if (t->depth == VALUE_MAX_DEPTH)
		return vm_value_wrong(
			t, arena_printf(t->arena, "nested deeper than %d", VALUE_MAX_DEPTH));
	v->item = ar_array(t->arena, struct value *, from->n);
	v->key = from->type == VALUE_MAP ? ar_array(t->arena, const char *, from->n) : NULL;
	for (size_t i = 0; i < from->n; i++) {
		t->path[t->depth].key = v->key ? from->key[i] : NULL;
		t->path[t->depth].table = NULL;
		t->path[t->depth++].index = (lua_Integer)i + 1;
		if (v->key) {
			t->bytes += strlen(from->key[i]);
			v->key[i] = arena_strdup(t->arena, from->key[i]);
		}
		v->item[i] = vm_value_copy(t, from->item[i]);
		if (!v->item[i])
			return NULL;
		t->depth--;
	}
	return v;
}

static struct value *
vm_value_take(struct taking *t, int index)
{
	lua_State *L = t->L;
	int type = lua_type(L, index);
	const struct value *view;
	size_t len = type == LUA_TSTRING ? lua_rawlen(L, index) : 0;

	if (type == LUA_TUSERDATA && (view = view_of(L, index)))
		return vm_value_copy(t, view);
	if (vm_value_too_many(t, len))
		return NULL;
	switch (type) {
	case LUA_TNIL: return value_nil(t->arena);
	case LUA_TBOOLEAN: return value_bool(t->arena, lua_toboolean(L, index));
	case LUA_TSTRING: return value_bytes(t->arena, lua_tostring(L, index), len);
	case LUA_TTABLE: return vm_value_take_table(t, index);
	case LUA_TNUMBER:
		if (lua_isinteger(L, index))
			return value_integer(t->arena, lua_tointeger(L, index));
		if (!isfinite(lua_tonumber(L, index)))
			return vm_value_wrong(t, "a number that is not finite");
		return value_number(t->arena, lua_tonumber(L, index));
	default:
		return vm_value_wrong(t,
				      arena_printf(t->arena, "a %s, where only plain data is "
							     "possible",
						   lua_typename(L, type)));
	}
}

struct value *
value_take(lua_State *L, int index, struct arena *a, enum take_how how, const char *root,
	   const char **why, const char **key)
{
	struct taking t = {.L = L, .arena = a, .how = how, .root = root};
	int top = lua_gettop(L);
	struct value *v;

	if (!lua_checkstack(L, 8)) {
		v = vm_value_wrong(&t, "out of memory");
	} else {
		v = vm_value_take(&t, lua_absindex(L, index));
		lua_settop(L, top);
	}
	if (!v) {
		*why = t.why;
		for (size_t i = t.depth; key && i > 0; i--)
			if (t.path[i - 1].key) {
				*key = arena_strdup(a, t.path[i - 1].key);
				break;
			}
	}
	return v;
}
