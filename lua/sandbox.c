/*
 * The globals that a script can see: an allow-list. The libraries are edited in place, because
 * ("x").rep reaches the real string table through the metatable of strings.
 */
#include <string.h>

#include "lua/vm_private.h"

/* ---- base functions that support views ---------------------------------------------------- */

static int
sandbox_safe_type(lua_State *L)
{
	luaL_checkany(L, 1);
	if (view_of(L, 1))
		lua_pushliteral(L, "table");
	else
		lua_pushstring(L, luaL_typename(L, 1));
	return 1;
}

static int
sandbox_safe_next(lua_State *L)
{
	lua_settop(L, 2);                                       // table key
	if (view_of(L, 1)) {
		if (view_next(L, 1))
			return 2;
		lua_pushnil(L);
		return 1;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	if (lua_next(L, 1))
		return 2;
	lua_pushnil(L);
	return 1;
}

/* Refuse __gc: a finalizer would run where no deadline applies, for example in lua_close().
 * Lua looks for the key only when the metatable is set. */
static int
sandbox_safe_setmetatable(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argcheck(L, lua_isnil(L, 2) || lua_type(L, 2) == LUA_TTABLE, 2, "nil or table expected");
	lua_settop(L, 2);                                       // table meta
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	if (lua_type(L, 2) == LUA_TTABLE) {
		lua_pushliteral(L, "__gc");
		if (lua_rawget(L, 2) != LUA_TNIL)
			return luaL_error(L, "a metatable must not have __gc here");
		lua_pop(L, 1);
	}
	lua_setmetatable(L, 1);                                 // table
	return 1;
}

/* ---- strings: C functions cannot be interrupted, so their input is limited ----------------- */

enum { SUBJECT_MAX = 1024 * 1024 };

/* string.match and similar: call the library's function (the upvalue) if the string is not
 * too long. */
static int
sandbox_match(lua_State *L)
{
	bool plain = lua_isboolean(L, 4) && lua_toboolean(L, 4);
	size_t n;

	luaL_checklstring(L, 1, &n);
	if (n > SUBJECT_MAX && !plain)
		return luaL_error(L, "a string of more than %d MiB is too long for a pattern",
				  SUBJECT_MAX / 1024 / 1024);
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

static int
sandbox_rep(lua_State *L)
{
	if (luaL_checkinteger(L, 2) > VM_MEMORY)
		return luaL_error(L, "resulting string too large");
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Replace the function `name` of the library at the top by `f`, which gets it as upvalue. */
static void
sandbox_wrap(lua_State *L, const char *name, lua_CFunction f)
{
	lua_getfield(L, -1, name);                              // lib original
	lua_pushcclosure(L, f, 1);                              // lib f
	lua_setfield(L, -2, name);                              // lib
}

/* ---- putting it together ------------------------------------------------------------------ */

static void
sandbox_drop(lua_State *L, const char *name)
{
	lua_pushnil(L);
	lua_setfield(L, -2, name);
}

/* Open the base library and remove all globals that are not safe. _G is at the top. */
static void
sandbox_open_base(lua_State *L)
{
	static const char *const safe[] = {"assert", "error", "getmetatable", "ipairs", "pairs",
		"pcall", "select", "tonumber", "tostring", "xpcall", "_VERSION", NULL};
	const char *const *name;

	lua_pushcfunction(L, luaopen_base);
	lua_call(L, 0, 0);
	for (lua_pushnil(L); lua_next(L, -2); ) {               // _G key value
		lua_pop(L, 1);                                  // _G key
		name = safe;
		while (*name && strcmp(*name, lua_tostring(L, -1)) != 0)
			name++;
		if (*name)
			continue;
		lua_pushvalue(L, -1);
		lua_pushnil(L);
		lua_rawset(L, -4);                              // _G key
	}
}

/* Open a library as a global of _G, which is at the top; push the library. */
static void
sandbox_open_library(lua_State *L, const char *name, lua_CFunction open)
{
	lua_pushcfunction(L, open);
	lua_call(L, 0, 1);                                      // _G lib
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, name);                              // _G lib
}

void
sandbox_open(lua_State *L)
{
	static const luaL_Reg own[] = {
		{"type", sandbox_safe_type},
		{"next", sandbox_safe_next},
		{"print", api_print},
		{"setmetatable", sandbox_safe_setmetatable},
		{NULL, NULL},
	};

	lua_pushglobaltable(L);                                 // _G
	sandbox_open_base(L);
	luaL_setfuncs(L, own, 0);
	sandbox_open_library(L, "math", luaopen_math), lua_pop(L, 1);
	sandbox_open_library(L, "utf8", luaopen_utf8), lua_pop(L, 1);
	sandbox_open_library(L, "table", luaopen_table), lua_pop(L, 1);
	sandbox_open_library(L, "string", luaopen_string);              // _G string
	sandbox_drop(L, "dump");
	sandbox_wrap(L, "find", sandbox_match);
	sandbox_wrap(L, "match", sandbox_match);
	sandbox_wrap(L, "gmatch", sandbox_match);
	sandbox_wrap(L, "gsub", sandbox_match);
	sandbox_wrap(L, "rep", sandbox_rep);
	lua_pop(L, 2);
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);                                // "" meta
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
	/* The registry's list of libraries has the unedited globals. */
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}
