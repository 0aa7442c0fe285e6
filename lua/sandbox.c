/*
 * What a script sees: an allow-list of Lua's own functions, some of them replaced.
 * - setmetatable takes no __gc: finalizers run without the hook, endless ones in lua_close().
 * - getmetatable answers for tables only: the metatable of texts is everyone's.
 * - xpcall runs its handler only while there is time: Lua calls it with hooks off.
 * - type and next know views.
 * - string, table and utf8 look at the clock at each call, and the loops of table that
 *   believe any length (a million million by __len) are given a limit.
 */
#include <string.h>

#include "lua/vm_private.h"
#include "planner/base/vec.h"

enum {
	LIST_MAX = 10 * 1000 * 1000,            /* items a function of table goes through */
	SORT_MAX = 1000 * 1000,
};

static int
get_metatable(lua_State *L)
{
	luaL_checkany(L, 1);
	if (!lua_istable(L, 1) || !lua_getmetatable(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushliteral(L, "__metatable");                      // ... meta name
	if (lua_rawget(L, -2) == LUA_TNIL)
		lua_pop(L, 1);
	return 1;
}

static int
set_metatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
	lua_settop(L, 2);
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_istable(L, 2)) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "setmetatable: __gc is not to be had here; use __close");
		lua_pop(L, 1);
	}
	lua_setmetatable(L, 1);                                 // table
	return 1;
}

static int
type(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushstring(L, view_of(L, 1) ? "table" : luaL_typename(L, 1));
	return 1;
}

static int
next(lua_State *L)
{
	lua_settop(L, 2);
	if (view_of(L, 1)) {
		if (view_next(L, 1))
			return 2;
	} else {
		luaL_checktype(L, 1, LUA_TTABLE);
		if (lua_next(L, 1))
			return 2;
	}
	lua_pushnil(L);
	return 1;
}

static int
handle(lua_State *L)
{
	if (vm_of(L)->slice.expired)
		return 1;               /* the error as it is */
	lua_pushvalue(L, lua_upvalueindex(1));                  // e handler
	lua_insert(L, 1);                                       // handler e
	lua_call(L, 1, 1);
	return 1;
}

static int
end_xpcall(lua_State *L, int status, lua_KContext unused)
{
	(void)unused;                                           // f handler true ...
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - 2;
	lua_pushboolean(L, false);
	lua_pushvalue(L, -2);                                   // ... e false e
	return 2;
}

static int
xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);                    // f handler args...
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, handle, 1);
	lua_replace(L, 2);
	lua_pushboolean(L, true);
	lua_pushvalue(L, 1);                                    // f handler args... true f
	lua_rotate(L, 3, 2);                                    // f handler true f args...
	return end_xpcall(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 0, end_xpcall), 0);
}

/* ---- libraries ------------------------------------------------------------------------- */

/* The library's own function (the upvalue) in the same frame, so that errors and names in
 * them stay as they are. */
static int
guarded(lua_State *L)
{
	slice_check(L);
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int
rep(lua_State *L)
{
	size_t len, sep;

	luaL_checklstring(L, 1, &len);
	luaL_optlstring(L, 3, "", &sep);
	if (len + sep == 0) {
		lua_pushliteral(L, "");         /* Lua would count to n */
		return 1;
	}
	return guarded(L);
}

static void
check_range(lua_State *L, lua_Integer from, lua_Integer to, int most)
{
	if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from >= (lua_Unsigned)most)
		luaL_error(L, "more than %d items", most);
}

/* A function whose first argument is a list. */
static int
guarded_list(lua_State *L)
{
	if (!lua_isnoneornil(L, 1))
		check_range(L, 1, luaL_len(L, 1), LIST_MAX);
	return guarded(L);
}

static int
guarded_sort(lua_State *L)
{
	if (!lua_isnoneornil(L, 1))
		check_range(L, 1, luaL_len(L, 1), SORT_MAX);
	return guarded(L);
}

static int
guarded_concat(lua_State *L)
{
	if (lua_isnoneornil(L, 4))
		return guarded_list(L);
	check_range(L, luaL_optinteger(L, 3, 1), luaL_checkinteger(L, 4), LIST_MAX);
	return guarded(L);
}

static int
guarded_move(lua_State *L)
{
	check_range(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3), LIST_MAX);
	return guarded(L);
}

static const struct replacement {
	const char *library, *name;
	lua_CFunction f;                /* NULL: taken away */
} replacements[] = {
	{"string", "dump", NULL},
	{"string", "rep", rep},
	{"table", "insert", guarded_list},
	{"table", "remove", guarded_list},
	{"table", "sort", guarded_sort},
	{"table", "concat", guarded_concat},
	{"table", "move", guarded_move},
};

/* Every function of the library at the top is wrapped, or replaced. */
static void
guard_library(lua_State *L, const char *library)
{
	for (lua_pushnil(L); lua_next(L, -2);) {                // lib name f
		lua_CFunction f = guarded;

		if (!lua_iscfunction(L, -1)) {
			lua_pop(L, 1);
			continue;
		}
		for (size_t i = 0; i < countof(replacements); i++)
			if (strcmp(replacements[i].library, library) == 0 &&
			    strcmp(replacements[i].name, lua_tostring(L, -2)) == 0)
				f = replacements[i].f;
		if (f) {
			lua_pushcclosure(L, f, 1);              // lib name guarded
		} else {
			lua_pop(L, 1);
			lua_pushnil(L);                         // lib name nil
		}
		lua_pushvalue(L, -2);                           // lib name f name
		lua_insert(L, -2);                              // lib name name f
		lua_rawset(L, -4);                              // lib name
	}
}

static const struct { const char *name; lua_CFunction open; bool guard; } libraries[] = {
	{LUA_STRLIBNAME, luaopen_string, true},
	{LUA_TABLIBNAME, luaopen_table, true},
	{LUA_UTF8LIBNAME, luaopen_utf8, true},
	{LUA_MATHLIBNAME, luaopen_math, false},         /* all of them take no time */
};

/* NULL: Lua's own. */
static const luaL_Reg globals[] = {
	{"assert", NULL}, {"error", NULL}, {"ipairs", NULL}, {"pairs", NULL}, {"pcall", NULL},
	{"select", NULL}, {"tonumber", NULL}, {"tostring", NULL},
	{"getmetatable", get_metatable}, {"next", next}, {"print", api_print},
	{"setmetatable", set_metatable}, {"type", type}, {"xpcall", xpcall},
};

void
sandbox_open(lua_State *L)
{
	lua_newtable(L);                                        // _G
	luaL_requiref(L, LUA_GNAME, luaopen_base, 0);           // _G base
	for (size_t i = 0; i < countof(globals); i++) {
		if (globals[i].func)
			lua_pushcfunction(L, globals[i].func);
		else
			lua_getfield(L, -1, globals[i].name);   // _G base f
		lua_setfield(L, -3, globals[i].name);           // _G base
	}
	lua_pop(L, 1);                                          // _G
	for (size_t i = 0; i < countof(libraries); i++) {
		luaL_requiref(L, libraries[i].name, libraries[i].open, 0);      // _G lib
		if (libraries[i].guard)
			guard_library(L, libraries[i].name);
		lua_setfield(L, -2, libraries[i].name);         // _G
	}
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}
