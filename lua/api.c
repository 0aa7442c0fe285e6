/* The ctx object: the functions that a script can call. The table is api.def. */
#include <ctype.h>
#include <string.h>

#include "lua/api.h"
#include "lua/vm_private.h"

#define CTX "dray.ctx"
#define ANSWER "dray.answer"

enum {
	LOG_MAX = 8000,                 /* bytes of one line of a log */
	SHOWN_JSON = 1000,              /* bytes of a table in it */
	SLEEP_MAX = 24 * 3600,
};

static const char string_format;                /* its address: string.format */

struct ctx {
	struct vm_call *call;           /* NULL: it is over */
	const struct value *members;
};

/* The call in which `ctx:NAME()` is used. */
static struct vm_call *
api_self(lua_State *L, const char *name)
{
	struct ctx *ctx = luaL_testudata(L, 1, CTX);

	slice_check(L);
	if (!ctx)
		return luaL_error(L, "call it with a colon: ctx:%s(...)", name), NULL;
	if (!ctx->call || ctx->call != vm_running(L))
		return luaL_error(L, "ctx:%s: this ctx belongs to a call that is over; "
				  "use the one that this function got", name), NULL;
	return ctx->call;
}

static const char *
api_text_arg(lua_State *L, const char *name, const char *param)
{
	size_t len = 0;
	const char *s = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &len) : NULL;

	if (!s)
		return luaL_error(L, "ctx:%s: '%s' must be a string, not %s", name, param,
				  luaL_typename(L, 2)), NULL;
	if (strlen(s) != len)
		luaL_error(L, "ctx:%s: '%s' contains a zero byte", name, param);
	return s;
}

/* ---- functions that wait --------------------------------------------------------------- */

static void
api_can_wait(lua_State *L, const char *name)
{
	if (!lua_isyieldable(L))
		luaL_error(L, "ctx:%s cannot wait here (inside string.gsub, table.sort "
			   "or an error handler)", name);
}

/* Take and check the options at index 2 for the wait that starts now. */
static struct value *
api_options(lua_State *L, struct vm_call *call, enum api_function f)
{
	const char *name = api_names[f], *why;
	struct value *v;

	api_can_wait(L, name);
	arena_release(&call->arena);
	if (lua_type(L, 2) != LUA_TTABLE && !view_of(L, 2))
		luaL_error(L, f == API_run ? "ctx:%s takes a table: ctx:run{\"ls\", \"-l\"}"
			   : "ctx:%s takes a table: ctx:http{url = ...}", name);
	v = value_take(L, 2, &call->arena, TAKE_OPTIONS, "", &why, NULL);
	if (v)
		v = api_check(&call->arena, f, v, &why);
	if (!v)
		luaL_error(L, "ctx:%s: %s", name, why);
	return v;
}

static void
api_check_status(lua_State *L, const struct value *details)
{
	const struct value *check = value_get(details, "check"), *argv = value_get(details, "argv");
	const char *err, *last;
	lua_Integer status;
	size_t len;

	if (!check || !check->boolean)
		return;
	lua_getfield(L, -1, "status");                          // answer status
	lua_getfield(L, -2, "err");                             // answer status err
	status = lua_tointeger(L, -2);
	err = luaL_optlstring(L, -1, "", &len);
	while (len > 0 && isspace((unsigned char)err[len - 1]))
		len--;
	for (last = err + len; last > err && last[-1] != '\n' && err + len - last < 300; last--)
		;
	if (status != 0) {
		lua_pushlstring(L, last, (size_t)(err + len - last));
		luaL_error(L, "ctx:run: '%s' ended with exit code %I%s%s", argv->item[0]->text,
			   (LUAI_UACINT)status, *lua_tostring(L, -1) ? ": " : "",
			   lua_tostring(L, -1));
	}
	lua_pop(L, 2);                                          // answer
}

static int
api_end_run(lua_State *L, int status, lua_KContext unused)
{
	(void)status, (void)unused;
	api_check_status(L, vm_running(L)->details);
	return 1;
}

static int
api_run(lua_State *L)
{
	struct vm_call *call = api_self(L, "run");

	return call_wait(L, call, VM_RUN, api_options(L, call, API_run), api_end_run);
}

static int
api_end_http(lua_State *L, int status, lua_KContext unused)
{
	(void)status, (void)unused;
	lua_newtable(L);                                        // answer new
	if (lua_getfield(L, -2, "headers") == LUA_TTABLE) {     // answer new headers
		for (lua_pushnil(L); lua_next(L, -2); ) {       // ... headers name text
			luaL_Buffer lower;
			size_t len;
			const char *name = lua_tolstring(L, -2, &len);
			char *to = luaL_buffinitsize(L, &lower, len);

			for (size_t i = 0; i < len; i++)
				to[i] = (char)tolower((unsigned char)name[i]);
			luaL_pushresultsize(&lower, len);       // ... headers name text lower
			lua_insert(L, -2);                      // ... headers name lower text
			lua_rawset(L, -5);                      // ... headers name
		}
	}
	lua_pop(L, 1);                                          // answer new
	lua_setfield(L, -2, "headers");                         // answer
	luaL_setmetatable(L, ANSWER);
	return 1;
}

static int
api_http(lua_State *L)
{
	struct vm_call *call = api_self(L, "http");

	return call_wait(L, call, VM_HTTP, api_options(L, call, API_http), api_end_http);
}

static int
api_end_sleep(lua_State *L, int status, lua_KContext unused)
{
	(void)L, (void)status, (void)unused;
	return 0;
}

static int
api_sleep(lua_State *L)
{
	struct vm_call *call = api_self(L, "sleep");
	lua_Number seconds = lua_tonumber(L, 2);
	struct value *details;

	api_can_wait(L, "sleep");
	if (lua_type(L, 2) != LUA_TNUMBER || !(seconds >= 0 && seconds <= SLEEP_MAX))
		return luaL_error(L, "ctx:sleep: 'seconds' must be a number from 0 to %d", SLEEP_MAX);
	arena_release(&call->arena);
	details = value_map(&call->arena);
	value_set(&call->arena, details, "seconds", value_number(&call->arena, seconds));
	return call_wait(L, call, VM_SLEEP, details, api_end_sleep);
}

/* ---- functions that return at once ------------------------------------------------------- */

/* Push the JSON at the index as a Lua value. */
static int
api_push_json(lua_State *L, int index, const char *who)
{
	size_t len;
	const char *text = lua_tolstring(L, index, &len);
	struct arena *a = box_arena(L);
	struct err e = {0};
	struct value *v = value_read(a, text, len, &e);

	if (!v)
		return luaL_error(L, "%s: not JSON: %s", who, e.text);
	value_to_lua(L, v);
	return 1;
}

static int
api_json(lua_State *L)
{
	api_self(L, "json");
	if (lua_type(L, 2) != LUA_TSTRING)
		return luaL_error(L, "ctx:json: 'text' must be a string, not "
				     "%s", luaL_typename(L, 2));
	return api_push_json(L, 2, "ctx:json");
}

static int
api_answer_json(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TTABLE || lua_getfield(L, 1, "body") != LUA_TSTRING)
		return luaL_error(L, "call it with a colon: answer:json()");
	return api_push_json(L, lua_gettop(L), "answer:json");
}

static int
api_to_json(lua_State *L)
{
	const char *why;
	struct arena *a;
	struct value *v;

	api_self(L, "to_json");
	lua_settop(L, 2);
	a = box_arena(L);
	v = value_take(L, 2, a, TAKE_PLAIN, "value", &why, NULL);
	if (!v)
		return luaL_error(L, "ctx:to_json: %s", why);
	lua_pushstring(L, value_write(a, v));
	return 1;
}

/* Push the value at the index as a string; a table of plain data becomes JSON. */
static void
api_push_shown(lua_State *L, int index, struct arena *a)
{
	const char *why, *text;
	struct value *v;

	if (lua_type(L, index) == LUA_TTABLE) {
		if (luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
			lua_pop(L, 1);
		} else if ((v = value_take(L, index, a, TAKE_PLAIN, "", &why, NULL))) {
			text = value_write(a, v);
			lua_pushlstring(L, text, strnlen(text, SHOWN_JSON));
			return;
		}
	}
	luaL_tolstring(L, index, NULL);
}

static void
api_say(lua_State *L, struct arena *a, enum vm_level level)
{
	struct vm_call *call = vm_running(L);
	size_t len;
	const char *text = lua_tolstring(L, -1, &len);

	call->host->log(call->host->arg, level, safe_text(a, text, len, LOG_MAX));
}

static int
api_log_as(lua_State *L, enum vm_level level, const char *name)
{
	struct vm_call *call = api_self(L, name);
	int n = lua_gettop(L);
	struct arena *a = box_arena(L);

	if (n < 2)
		return luaL_error(L, "ctx:%s: the text is missing", name);
	if (!call->host || !call->host->log)
		return luaL_error(L, "ctx:%s is not available here", name);
	luaL_checkstack(L, n + 4, "arguments");
	lua_rawgetp(L, LUA_REGISTRYINDEX, &string_format);      // ctx args... box format
	if (n == 2) {
		api_push_shown(L, 2, a);
	} else {
		lua_pushvalue(L, 2);
		for (int i = 3; i <= n; i++) {
			if (lua_type(L, i) == LUA_TTABLE)
				api_push_shown(L, i, a);
			else
				lua_pushvalue(L, i);
		}
		lua_call(L, n - 1, 1);
	}                                                       // ... text
	api_say(L, a, level);
	return 0;
}

static int
api_log(lua_State *L)
{
	return api_log_as(L, VM_LOG, "log");
}

static int
api_warn(lua_State *L)
{
	return api_log_as(L, VM_WARN, "warn");
}

int
api_print(lua_State *L)
{
	struct vm_call *call = vm_running(L);
	int n = lua_gettop(L);
	struct arena *a = box_arena(L);

	slice_check(L);
	if (!call || !call->host || !call->host->log)
		return luaL_error(L, "print is not available here");
	luaL_checkstack(L, 2 * n + 4, "arguments");
	lua_pushliteral(L, "");
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			lua_pushliteral(L, "\t");
		api_push_shown(L, i, a);
	}
	lua_concat(L, n ? 2 * n : 1);                           // args... box text
	api_say(L, a, VM_LOG);
	return 0;
}

static int
api_secret(lua_State *L)
{
	struct vm_call *call = api_self(L, "secret");
	const char *reference = api_text_arg(L, "secret", "reference"), *secret;
	struct err e = {0};

	if (!call->host || !call->host->secret)
		return luaL_error(L, "ctx:secret is not available here");
	secret = call->host->secret(call->host->arg, reference, &e);
	if (!secret)
		return luaL_error(L, "ctx:secret: %s", e.text);
	lua_pushstring(L, secret);
	return 1;
}

static int
api_file(lua_State *L)
{
	struct vm_call *call = api_self(L, "file");
	const char *path = api_text_arg(L, "file", "path");
	struct str *s = box_str(L);
	struct err e = {0};

	if (!call->host || !call->host->file)
		return luaL_error(L, "ctx:file is not available here");
	s->max = VALUE_MAX_BYTES;
	if (!call->host->file(call->host->arg, path, s, &e))
		return luaL_error(L, "ctx:file: %s", e.text);
	if (s->cut)
		return luaL_error(L, "ctx:file: %s is larger than %d MiB", path,
				  VALUE_MAX_BYTES / 1024 / 1024);
	lua_pushlstring(L, str_text(s), s->len);
	return 1;
}

static int
api_now(lua_State *L)
{
	struct vm_call *call = api_self(L, "now");

	if (!call->host || !call->host->now)
		return luaL_error(L, "ctx:now is not available here");
	lua_pushnumber(L, call->host->now(call->host->arg));
	return 1;
}

/* ---- the object ------------------------------------------------------------------------ */

const struct value *
api_members(lua_State *L, int index)
{
	struct ctx *ctx = luaL_testudata(L, index, CTX);

	return ctx ? ctx->members : NULL;
}

/* Methods (the upvalue) come before members. */
static int
api_ctx_index(lua_State *L)
{
	struct ctx *ctx = luaL_checkudata(L, 1, CTX);
	const char *key;
	size_t len;

	if (lua_type(L, 2) != LUA_TSTRING)
		return 0;
	lua_pushvalue(L, 2);                                    // ctx key key
	if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
		return 1;
	key = lua_tolstring(L, 2, &len);
	view_push(L, strlen(key) == len ? value_get(ctx->members, key) : NULL);
	return 1;
}

void
api_push_ctx(lua_State *L, struct vm_call *call, const struct value *members)
{
	struct ctx *ctx = lua_newuserdatauv(L, sizeof *ctx, 0); // ctx

	*ctx = (struct ctx){call, members};
	luaL_setmetatable(L, CTX);
	lua_pushvalue(L, -1);                                   // ctx ctx
	lua_rawsetp(L, LUA_REGISTRYINDEX, &call->names);        // ctx
}

void
api_forget(lua_State *L, struct vm_call *call)
{
	struct ctx *ctx;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &call->names);        // ctx
	ctx = lua_touserdata(L, -1);
	if (ctx)
		ctx->call = NULL;
	lua_pop(L, 1);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &call->names);
}

void
api_open(lua_State *L)
{
	static const luaL_Reg methods[] = {
#define API(name) {#name, api_##name},
#include "lua/api.def"
		{NULL, NULL},
	};
	static const luaL_Reg meta[] = {
		{"__newindex", view_newindex}, {"__len", view_len}, {"__pairs", view_pairs},
		{"__tostring", view_tostring}, {NULL, NULL},
	};

	luaL_newmetatable(L, CTX);                              // meta
	luaL_setfuncs(L, meta, 0);
	lua_pushliteral(L, "ctx");                              // meta name
	lua_setfield(L, -2, "__name");                          // meta
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");                     // meta
	luaL_newlib(L, methods);                                // meta methods
	lua_pushcclosure(L, api_ctx_index, 1);                      // meta index
	lua_setfield(L, -2, "__index");                         // meta
	luaL_newmetatable(L, ANSWER);                           // meta answer
	lua_newtable(L);                                        // meta answer index
	lua_pushcfunction(L, api_answer_json);
	lua_setfield(L, -2, "json");
	lua_setfield(L, -2, "__index");                         // meta answer
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
	lua_getglobal(L, "string");                             // meta answer string
	lua_getfield(L, -1, "format");                          // meta answer string format
	lua_rawsetp(L, LUA_REGISTRYINDEX, &string_format);
	lua_pop(L, 3);
}
