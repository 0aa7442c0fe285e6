/* Boxes: C memory that a Lua error cannot leak. A box is a to-be-closed userdata: it is freed
 * when its C function ends, or by a finalizer if it is never closed. */
#include "lua/vm_private.h"

#define BOX "dray.box"

struct box {
	struct arena arena;
	struct str str;
};

static int
box_empty(lua_State *L)
{
	struct box *b = luaL_checkudata(L, 1, BOX);

	arena_release(&b->arena);
	str_release(&b->str);
	return 0;
}

void
box_open(lua_State *L)
{
	luaL_newmetatable(L, BOX);                              // meta
	lua_pushcfunction(L, box_empty);                        // meta f
	lua_pushvalue(L, -1);                                   // meta f f
	lua_setfield(L, -3, "__gc");                            // meta f
	lua_setfield(L, -2, "__close");                         // meta
	lua_pop(L, 1);
}

static struct box *
box_new(lua_State *L)
{
	struct box *b = lua_newuserdatauv(L, sizeof *b, 0);     // box

	*b = (struct box){0};
	luaL_setmetatable(L, BOX);
	lua_toclose(L, -1);
	return b;
}

struct arena *
box_arena(lua_State *L)
{
	return &box_new(L)->arena;
}

struct str *
box_str(lua_State *L)
{
	return &box_new(L)->str;
}
