/*
 * What a script can see: an allow-list of globals. What is left of the libraries is edited
 * in place, because ("x").rep reaches the real string table by the metatable of strings.
 */
#include <string.h>

#include "lua/vm_private.h"

enum { LOOP_MAX = 10 * 1000 * 1000 };   /* turns of a C function that counts no instructions */

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

/* pairs() gives safe_next, not the one of the library. */
static int
safe_pairs(lua_State *L)
{
	luaL_checkany(L, 1);
	if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {   // ... pairs
		lua_pushvalue(L, 1);
		lua_call(L, 1, 3);
		return 3;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushcfunction(L, safe_next);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
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

/* ---- library functions that loop without an instruction in between ----------------------- */

/* The length of the table at 1, which a __len may make up. */
static void
check_length(lua_State *L, const char *name)
{
	if (lua_type(L, 1) == LUA_TTABLE && luaL_len(L, 1) > LOOP_MAX)
		luaL_error(L, "%s: the table is too long", name);
	slice_check(L);
}

static int
call_original(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);                                       // f args...
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	slice_check(L);
	return lua_gettop(L);
}

static int
safe_insert(lua_State *L)
{
	check_length(L, "table.insert");
	return call_original(L);
}

static int
safe_remove(lua_State *L)
{
	check_length(L, "table.remove");
	return call_original(L);
}

static int
safe_sort(lua_State *L)
{
	check_length(L, "table.sort");
	return call_original(L);
}

static int
safe_concat(lua_State *L)
{
	if (lua_isnoneornil(L, 4))
		check_length(L, "table.concat");
	else if (luaL_checkinteger(L, 4) - luaL_optinteger(L, 3, 1) > LOOP_MAX)
		return luaL_error(L, "table.concat: the range is too long");
	return call_original(L);
}

static int
safe_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);

	/* The difference of what may be very far apart, without overflow. */
	if (to >= from && (lua_Unsigned)to - (lua_Unsigned)from > LOOP_MAX)
		return luaL_error(L, "table.move: the range is too long");
	return call_original(L);
}

static int
safe_rep(lua_State *L)
{
	if (luaL_checkinteger(L, 2) > LOOP_MAX)
		return luaL_error(L, "string.rep: more than %d times", LOOP_MAX);
	return call_original(L);
}

/* ---- putting it together ------------------------------------------------------------------ */

/* The function `name` of the table at the top gets `f`, with itself as its upvalue. */
static void
wrap(lua_State *L, const char *name, lua_CFunction f)
{
	lua_getfield(L, -1, name);                              // table original
	lua_pushcclosure(L, f, 1);                              // table wrapped
	lua_setfield(L, -2, name);                              // table
}

static void
drop(lua_State *L, const char *name)
{
	lua_pushnil(L);
	lua_setfield(L, -2, name);
}

static bool
is_allowed(const char *name)
{
	static const char *const allowed[] = {"assert", "error", "ipairs", "pcall", "select",
		"tonumber", "tostring", "xpcall", "_VERSION"};

	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (strcmp(allowed[i], name) == 0)
			return true;
	return false;
}

/* Everything but the allow-list goes out of the globals at the top. */
static void
keep_allowed(lua_State *L)
{
	for (lua_pushnil(L); lua_next(L, -2); ) {               // _G key value
		lua_pop(L, 1);                                  // _G key
		if (lua_type(L, -1) == LUA_TSTRING && is_allowed(lua_tostring(L, -1)))
			continue;
		lua_pushvalue(L, -1);
		lua_pushnil(L);
		lua_rawset(L, -4);                              // _G key
	}
}

static void
open_libraries(lua_State *L)
{
	static const luaL_Reg libs[] = {
		{"math", luaopen_math}, {"string", luaopen_string}, {"table", luaopen_table},
		{"utf8", luaopen_utf8}, {NULL, NULL},
	};

	for (const luaL_Reg *lib = libs; lib->name; lib++) {
		lua_pushcfunction(L, lib->func);
		lua_call(L, 0, 1);                              // _G lib
		lua_setfield(L, -2, lib->name);                 // _G
	}
}

void
sandbox_open(lua_State *L)
{
	static const luaL_Reg own[] = {
		{"type", safe_type}, {"next", safe_next}, {"pairs", safe_pairs}, {"print", api_print},
		{"getmetatable", safe_getmetatable}, {"setmetatable", safe_setmetatable}, {NULL, NULL},
	};

	lua_pushcfunction(L, luaopen_base);
	lua_call(L, 0, 1);                                      // _G
	keep_allowed(L);
	open_libraries(L);
	luaL_setfuncs(L, own, 0);
	lua_getfield(L, -1, "table");                           // _G table
	wrap(L, "insert", safe_insert);
	wrap(L, "remove", safe_remove);
	wrap(L, "sort", safe_sort);
	wrap(L, "concat", safe_concat);
	wrap(L, "move", safe_move);
	lua_pop(L, 1);                                          // _G
	lua_getfield(L, -1, "string");                          // _G string
	drop(L, "dump");
	wrap(L, "rep", safe_rep);
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
