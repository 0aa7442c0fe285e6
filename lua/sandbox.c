/*
 * What a script can see: an allow-list of globals, as far as it names them. What is left of
 * the libraries is edited in place, because ("x").rep reaches the real string table by the
 * metatable of strings.
 */
#include <string.h>

#include "lua/vm_private.h"

/* ---- base functions that know views, or keep metatables apart ---------------------------- */

static int
safe_type(lua_State *L)
{
	luaL_checkany(L, 1);
	if (view_of(L, 1))
		lua_pushliteral(L, "table");
	else
		lua_pushstring(L, luaL_typename(L, 1));
	return 1;
}

static int
safe_next(lua_State *L)
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

static int
end_pairs(lua_State *L, int status, lua_KContext unused)
{
	(void)L, (void)status, (void)unused;
	return 3;
}

/* pairs() gives safe_next, not the one of the library. A __pairs may wait. */
static int
safe_pairs(lua_State *L)
{
	luaL_checkany(L, 1);
	if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {   // ... pairs
		lua_pushvalue(L, 1);
		lua_callk(L, 1, 3, 0, end_pairs);
		return 3;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushcfunction(L, safe_next);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* A script's message handler (the upvalue), left out when it must not run. */
static int
guarded_handler(lua_State *L)
{
	if (slice_quiet(L))
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));                  // error handler
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int
end_xpcall(lua_State *L, int status, lua_KContext before)
{
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - (int)before;
	lua_pushboolean(L, false);                              // ... error false
	lua_insert(L, -2);                                      // ... false error
	return 2;
}

static int
safe_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);                    // f handler args...
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, guarded_handler, 1);
	lua_replace(L, 2);                                      // f guarded args...
	lua_pushboolean(L, true);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2);                                    // f guarded true f args...
	return end_xpcall(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, end_xpcall), 2);
}

/* Only tables of the script's own show theirs: methods of views and strings stay ours. */
static int
safe_getmetatable(lua_State *L)
{
	luaL_checkany(L, 1);
	if (lua_type(L, 1) != LUA_TTABLE || !lua_getmetatable(L, 1)) {
		lua_pushnil(L);
		return 1;
	}                                                       // ... meta
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return 1;
	return 1;
}

/* A __gc would run where no deadline holds, lua_close() among it; Lua looks for the key at
 * this moment only. */
static int
safe_setmetatable(lua_State *L)
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

/* ---- putting it together ------------------------------------------------------------------ */

static void
drop(lua_State *L, const char *name)
{
	lua_pushnil(L);
	lua_setfield(L, -2, name);
}

/* Can the script name this global? It can when the word is in its text, or any by _ENV[...].
 * What it cannot name is not made: that is most of a state's cost. */
static bool
mentions(lua_State *L, const char *name)
{
	const struct source *src = vm_of(L)->src;

	return memmem(src->text, src->len, name, strlen(name)) ||
	       memmem(src->text, src->len, "_ENV", 4);
}

/* Base functions that are safe as they are; all others go out of the globals at the top. */
static void
open_base(lua_State *L)
{
	static const char *const safe[] = {"assert", "error", "ipairs", "pcall", "select",
		"tonumber", "tostring", "_VERSION", NULL};
	const char *const *name = safe;

	while (*name && !mentions(L, *name))
		name++;
	if (!*name)
		return;
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

/* A library as a global, into _G at the top; left there too. */
static void
open_library(lua_State *L, const char *name, lua_CFunction open)
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
		{"type", safe_type}, {"next", safe_next}, {"pairs", safe_pairs}, {"print", api_print},
		{"xpcall", safe_xpcall},
		{"getmetatable", safe_getmetatable}, {"setmetatable", safe_setmetatable}, {NULL, NULL},
	};

	lua_pushglobaltable(L);                                 // _G
	open_base(L);
	luaL_setfuncs(L, own, 0);
	if (mentions(L, "math"))
		open_library(L, "math", luaopen_math), lua_pop(L, 1);
	if (mentions(L, "utf8"))
		open_library(L, "utf8", luaopen_utf8), lua_pop(L, 1);
	if (mentions(L, "table"))
		open_library(L, "table", luaopen_table), tables_open(L), lua_pop(L, 1);
	/* ("x"):rep() reaches this one without its name. */
	open_library(L, "string", luaopen_string);              // _G string
	drop(L, "dump");
	pattern_open(L);
	lua_pop(L, 2);
	lua_pushliteral(L, "");
	lua_getmetatable(L, -1);                                // "" meta
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 2);
	/* The registry's own list of libraries would show them whole. */
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}
