/*
 * The functions of the table library that would loop in C for as long as a made up length
 * says: the same, but each looks at the clock as it goes, and asks for the length once. They work on views as far as those can be read.
 */
#include <limits.h>
#include <string.h>

#include "lua/vm_private.h"

enum { TURNS = 256 };                   /* between two looks at the clock */

/* A table or a view at 1. */
static void
check_table(lua_State *L, int index)
{
	if (!view_of(L, index))
		luaL_checktype(L, index, LUA_TTABLE);
}

static void
turn(lua_State *L, lua_Integer i)
{
	if (i % TURNS == 0)
		slice_check(L);
}

/* t[to] = t[from], of the tables at two indices. */
static void
copy_item(lua_State *L, int source, lua_Integer from, int target, lua_Integer to)
{
	turn(L, from);
	lua_geti(L, source, from);
	lua_seti(L, target, to);
}

static int
table_insert(lua_State *L)
{
	lua_Integer last, pos;

	check_table(L, 1);
	last = (lua_Integer)((lua_Unsigned)luaL_len(L, 1) + 1);
	switch (lua_gettop(L)) {
	case 2:
		pos = last;
		break;
	case 3:
		pos = luaL_checkinteger(L, 2);
		luaL_argcheck(L, (lua_Unsigned)pos - 1 < (lua_Unsigned)last, 2,
			      "position out of bounds");
		for (lua_Integer i = last; i > pos; i--)
			copy_item(L, 1, i - 1, 1, i);
		break;
	default:
		return luaL_error(L, "wrong number of arguments to 'insert'");
	}
	lua_seti(L, 1, pos);
	return 0;
}

static int
table_remove(lua_State *L)
{
	lua_Integer last, pos;

	check_table(L, 1);
	last = luaL_len(L, 1);
	pos = luaL_optinteger(L, 2, last);
	if (pos != last)
		luaL_argcheck(L, (lua_Unsigned)pos - 1 <= (lua_Unsigned)last, 2,
			      "position out of bounds");
	lua_geti(L, 1, pos);                                    // ... item
	for (; pos < last; pos++)
		copy_item(L, 1, pos + 1, 1, pos);
	lua_pushnil(L);
	lua_seti(L, 1, pos);
	return 1;
}

static int
table_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
	lua_Integer to = luaL_checkinteger(L, 4), n;
	int target = lua_isnoneornil(L, 5) ? 1 : 5;

	check_table(L, 1);
	check_table(L, target);
	if (last >= from) {
		luaL_argcheck(L, from > 0 || last < LUA_MAXINTEGER + from, 3,
			      "too many elements to move");
		n = last - from + 1;
		luaL_argcheck(L, to <= LUA_MAXINTEGER - n + 1, 4, "destination wrap around");
		if (to > last || to <= from ||
		    (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ)))
			for (lua_Integer i = 0; i < n; i++)
				copy_item(L, 1, from + i, target, to + i);
		else
			for (lua_Integer i = n - 1; i >= 0; i--)
				copy_item(L, 1, from + i, target, to + i);
	}
	lua_pushvalue(L, target);
	return 1;
}

static void
add_item(lua_State *L, luaL_Buffer *to, lua_Integer i)
{
	turn(L, i);
	lua_geti(L, 1, i);
	if (!lua_isstring(L, -1))
		luaL_error(L, "invalid value (%s) at index %I in table for 'concat'",
			   luaL_typename(L, -1), (LUAI_UACINT)i);
	luaL_addvalue(to);
}

static int
table_concat(lua_State *L)
{
	lua_Integer last, i = luaL_optinteger(L, 3, 1);
	size_t len;
	const char *between = luaL_optlstring(L, 2, "", &len);
	luaL_Buffer to;

	check_table(L, 1);
	last = lua_isnoneornil(L, 4) ? luaL_len(L, 1) : luaL_checkinteger(L, 4);
	luaL_buffinit(L, &to);
	for (; i < last; i++) {
		add_item(L, &to, i);
		luaL_addlstring(&to, between, len);
	}
	if (i == last)
		add_item(L, &to, i);
	luaL_pushresult(&to);
	return 1;
}

static int
table_unpack(lua_State *L)
{
	lua_Integer i = luaL_optinteger(L, 2, 1), last;
	lua_Unsigned n;

	check_table(L, 1);
	last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
	if (i > last)
		return 0;
	n = (lua_Unsigned)last - (lua_Unsigned)i;               /* one less than there are */
	if (n >= INT_MAX || !lua_checkstack(L, (int)n + 1))
		return luaL_error(L, "too many results to unpack");
	for (lua_Unsigned k = 0; k <= n; k++) {
		turn(L, (lua_Integer)k);
		lua_geti(L, 1, (lua_Integer)((lua_Unsigned)i + k));
	}
	return (int)n + 1;
}

/* ---- sort -------------------------------------------------------------------------------- */

/* The comparison of two items when it is no Lua function, whose instructions count. */
static int
less(lua_State *L)
{
	slice_check(L);
	lua_settop(L, 2);
	if (lua_isnil(L, lua_upvalueindex(1))) {
		lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
		return 1;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);                                       // f a b
	lua_call(L, 2, 1);
	return 1;
}

/* Sorts a raw copy with the library's sort (the upvalue), and puts it back. */
static int
table_sort(lua_State *L)
{
	lua_Integer n;

	check_table(L, 1);
	n = luaL_len(L, 1);
	if (n < 2)
		return 0;
	luaL_argcheck(L, n < INT_MAX, 1, "array too big");
	if (!lua_isnoneornil(L, 2))
		luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);                                       // table f
	if (lua_isnil(L, 2) || lua_iscfunction(L, 2))
		lua_pushcclosure(L, less, 1);                   // table less
	lua_pushvalue(L, lua_upvalueindex(1));                  // table less sort
	lua_newtable(L);                                        // table less sort copy
	for (lua_Integer i = 1; i <= n; i++) {
		turn(L, i);
		if (lua_geti(L, 1, i) == LUA_TNIL)
			return luaL_error(L, "table.sort: there is nothing at %I of %I",
					  (LUAI_UACINT)i, (LUAI_UACINT)n);
		lua_rawseti(L, 4, i);
	}
	lua_pushvalue(L, 4);
	lua_insert(L, 2);                                       // table copy less sort copy
	lua_pushvalue(L, 3);                                    // table copy less sort copy less
	lua_call(L, 2, 0);                                      // table copy less
	for (lua_Integer i = 1; i <= n; i++)
		copy_item(L, 2, i, 1, i);
	return 0;
}

void
tables_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"insert", table_insert}, {"remove", table_remove}, {"move", table_move},
		{"concat", table_concat}, {"unpack", table_unpack}, {NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);                         // table
	lua_getfield(L, -1, "sort");                            // table sort
	lua_pushcclosure(L, table_sort, 1);                     // table safe
	lua_setfield(L, -2, "sort");                            // table
}
