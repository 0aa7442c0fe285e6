/*
 * Views: a map or list as a read-only table that looks into the value when it is used. An
 * event with a thousand steps costs one small userdata until a script walks through it. A view
 * reads like a table: #, [], pairs, ipairs, next, table.concat, table.unpack, type().
 */
#include <string.h>

#include "lua/vm_private.h"

#define VIEW "dray.view"
enum { SHOWN = 1000 };                  /* bytes of a view as a string */

struct view {
	const struct value *of;
	size_t last;                    /* where next() found its last key */
};

static void
vm_view_push_key(lua_State *L, const struct value *v, size_t i)
{
	if (v->type == VALUE_MAP)
		lua_pushstring(L, v->key[i]);
	else
		lua_pushinteger(L, (lua_Integer)i + 1);
}

void
view_push(lua_State *L, const struct value *v)
{
	switch (v ? v->type : VALUE_NIL) {
	case VALUE_NIL: lua_pushnil(L); return;
	case VALUE_BOOL: lua_pushboolean(L, v->boolean); return;
	case VALUE_INTEGER: lua_pushinteger(L, v->integer); return;
	case VALUE_NUMBER: lua_pushnumber(L, v->number); return;
	case VALUE_TEXT: lua_pushlstring(L, v->text, v->n); return;
	case VALUE_LIST:
	case VALUE_MAP: break;
	}
	*(struct view *)lua_newuserdatauv(L, sizeof(struct view), 0) = (struct view){v, 0};
	luaL_setmetatable(L, VIEW);                             // view
}

static struct view *
vm_view_at(lua_State *L, int index)
{
	return luaL_testudata(L, index, VIEW);
}

const struct value *
view_of(lua_State *L, int index)
{
	struct view *view = vm_view_at(L, index);

	return view ? view->of : api_members(L, index);
}

/* The value of a metamethod's first argument. Scripts cannot pass anything else, but the
 * check costs nothing. */
static const struct value *
vm_view_self(lua_State *L)
{
	const struct value *v = view_of(L, 1);

	if (!v)
		luaL_error(L, "not a table of dray");
	return v;
}

/* The place of a Lua key in the value, or v->n. */
static size_t
vm_view_find(lua_State *L, const struct value *v, int index, size_t guess)
{
	size_t len;
	const char *key;

	if (v->type == VALUE_LIST) {
		lua_Integer i = lua_type(L, index) == LUA_TNUMBER ? lua_tointeger(L, index) : 0;

		return i >= 1 && (lua_Unsigned)i <= v->n ? (size_t)i - 1 : v->n;
	}
	if (lua_type(L, index) != LUA_TSTRING)
		return v->n;
	key = lua_tolstring(L, index, &len);
	if (strlen(key) != len)
		return v->n;
	if (guess < v->n && strcmp(v->key[guess], key) == 0)
		return guess;
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->key[i], key) == 0)
			return i;
	return v->n;
}

static int
vm_view_index(lua_State *L)
{
	const struct value *v = vm_view_self(L);
	size_t i = vm_view_find(L, v, 2, 0);

	view_push(L, i < v->n ? v->item[i] : NULL);
	return 1;
}

int
view_newindex(lua_State *L)
{
	return luaL_error(L, "this table is read-only: it shows what dray knows; copy it to change it");
}

int
view_len(lua_State *L)
{
	const struct value *v = vm_view_self(L);

	lua_pushinteger(L, v->type == VALUE_LIST ? (lua_Integer)v->n : 0);
	return 1;
}

/* One step of pairs(); the position is in the upvalue. A null in a list is skipped. */
static int
vm_view_pairs_step(lua_State *L)
{
	const struct value *v = vm_view_self(L);
	size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(1));

	while (i < v->n && v->item[i]->type == VALUE_NIL)
		i++;
	lua_pushinteger(L, (lua_Integer)i + 1);
	lua_replace(L, lua_upvalueindex(1));
	if (i >= v->n) {
		lua_pushnil(L);
		return 1;
	}
	vm_view_push_key(L, v, i);                                      // key
	view_push(L, v->item[i]);                               // key value
	return 2;
}

int
view_pairs(lua_State *L)
{
	vm_view_self(L);
	lua_pushinteger(L, 0);                                  // 0
	lua_pushcclosure(L, vm_view_pairs_step, 1);                     // step
	lua_pushvalue(L, 1);                                    // step view
	return 2;
}

bool
view_next(lua_State *L, int index)
{
	struct view *view = vm_view_at(L, index);
	const struct value *v = view_of(L, index);
	size_t i = 0;

	if (!lua_isnil(L, -1)) {
		i = vm_view_find(L, v, lua_gettop(L), view ? view->last : 0);
		if (i == v->n)
			luaL_error(L, "invalid key to 'next'");
		i++;
	}
	lua_pop(L, 1);
	while (i < v->n && v->item[i]->type == VALUE_NIL)
		i++;
	if (i >= v->n)
		return false;
	if (view)
		view->last = i;
	vm_view_push_key(L, v, i);                                      // key
	view_push(L, v->item[i]);                               // key value
	return true;
}

/* Two views are equal if they show the same value. */
static int
vm_view_eq(lua_State *L)
{
	const struct value *a = view_of(L, 1), *b = view_of(L, 2);

	lua_pushboolean(L, a && a == b);
	return 1;
}

/* A view as JSON, so that a log line is useful. */
int
view_tostring(lua_State *L)
{
	const struct value *v = vm_view_self(L);
	struct arena *a = box_arena(L);
	const char *text = value_write(a, v);

	if (strlen(text) > SHOWN) {
		lua_pushlstring(L, text, SHOWN);
		lua_pushliteral(L, "...");
		lua_concat(L, 2);
	} else {
		lua_pushstring(L, text);
	}
	return 1;
}

void
view_open(lua_State *L)
{
	static const luaL_Reg meta[] = {
		{"__index", vm_view_index}, {"__newindex", view_newindex}, {"__len", view_len},
		{"__pairs", view_pairs}, {"__eq", vm_view_eq}, {"__tostring", view_tostring},
		{NULL, NULL},
	};

	luaL_newmetatable(L, VIEW);                             // meta
	luaL_setfuncs(L, meta, 0);
	lua_pushliteral(L, "read-only table");                  // meta name
	lua_setfield(L, -2, "__name");                          // meta
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");                     // meta
	lua_pop(L, 1);
}
