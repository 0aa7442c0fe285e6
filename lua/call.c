/*
 * Calls: each is a coroutine of the state, kept in the registry. An API function that waits
 * yields; the caller of vm_step() does the work and resumes it. The script runs below
 * lua_pcallk() inside the coroutine, so that an error unwinds (and runs __close) as usual,
 * even across waits.
 */
#include <stdlib.h>
#include <string.h>

#include "lua/vm_private.h"

static int
call_on_error(lua_State *L)
{
	struct vm_call *call = vm_running(L);

	trace_take(L, 1, call->function, &call->trace);
	error_to_text(L);
	return 1;
}

/* A function that ends with "return pcall(...)" runs no instruction after it caught the error
 * of an expired slice. So the error is raised again here. */
static int
call_end_body(lua_State *L, int status, lua_KContext unused)
{
	struct vm_call *call = vm_running(L);

	(void)unused;
	call->status = status == LUA_YIELD ? LUA_OK : status;
	if (call->status == LUA_OK)
		slice_check(L);
	return lua_gettop(L) - 1;                               // handler results...
}

static int
call_body(lua_State *L)
{
	int nargs = lua_gettop(L) - 1;

	lua_pushcfunction(L, call_on_error);
	lua_insert(L, 1);                                       // handler f args...
	return call_end_body(L, lua_pcallk(L, nargs, LUA_MULTRET, 1, 0, call_end_body), 0);
}

/* The arguments of vm_call(), for a C function below lua_pcall(). */
struct making {
	struct vm_call *call;
	const struct value *ctx;
	const struct value *const *args;
	size_t nargs;
	bool missing;
};

static int
call_make(lua_State *L)
{
	struct making *m = lua_touserdata(L, 1);
	struct vm_call *call = m->call;
	lua_Debug ar;
	int top;

	if (vm_push_member(L, call->function) != LUA_TFUNCTION) {
		m->missing = true;
		return 0;
	}                                                       // m f
	lua_pushvalue(L, -1);
	lua_getinfo(L, ">S", &ar);                              // m f
	call->line = ar.linedefined > 0 ? (unsigned)ar.linedefined : 0;
	call->co = lua_newthread(L);                            // m f co
	lua_rawsetp(L, LUA_REGISTRYINDEX, call);                // m f
	luaL_checkstack(L, (int)m->nargs + 4, "arguments");
	lua_pushcfunction(L, call_body);
	lua_insert(L, 2);                                       // m body f
	top = 1;
	if (m->ctx)
		api_push_ctx(L, call, m->ctx);
	for (size_t i = 0; i < m->nargs; i++)
		view_push(L, m->args[i]);                       // m body f args...
	call->nargs = lua_gettop(L) - top - 1;
	if (!lua_checkstack(call->co, lua_gettop(L)))
		return luaL_error(L, "not enough memory");
	lua_xmove(L, call->co, lua_gettop(L) - top);            // m
	return 0;
}

struct vm_call *
vm_call(struct vm *vm, const char *function, const struct value *ctx,
	const struct value *const *args, size_t nargs, const struct vm_host *host)
{
	struct vm_call *call = xcalloc(1, sizeof *call);
	struct making m = {call, ctx, args, nargs, false};

	call->vm = vm;
	call->host = host;
	call->function = arena_strdup(&call->names, function);
	call->next = vm->calls;
	vm->calls = call;
	call->status =
		vm_protected(vm, call_make, &m, 0, &call->names, &call->early, &call->early_len);
	if (m.missing) {
		call->early = arena_printf(&call->names, "the file has no function '%s'", function);
		call->early_len = strlen(call->early);
		call->status = LUA_ERRRUN;
	}
	if (call->status != LUA_OK)
		call->state = CALL_FAILED;
	return call;
}

enum vm_state
vm_step(struct vm_call *call)
{
	struct vm *vm = call->vm;
	int rc;

	if (call->state == CALL_WAITS && !call->answered)
		return VM_WAITS;
	if (call->state == CALL_DONE || call->state == CALL_FAILED)
		return call->state == CALL_DONE ? VM_DONE : VM_FAILED;
	call->answered = false;
	vm->running = call;
	slice_begin(vm, call->co, vm->limits.slice_ms);
	rc = lua_resume(call->co, vm->L, call->nargs, &call->nresults);
	slice_end(vm);
	vm->running = NULL;
	if (rc == LUA_YIELD) {
		call->state = CALL_WAITS;
		return VM_WAITS;
	}
	if (rc != LUA_OK) {             /* outside of lua_pcallk(): out of memory, or of time */
		call->status = rc;
		call->nresults = 1;
	}
	call->state = call->status == LUA_OK ? CALL_DONE : CALL_FAILED;
	return call->state == CALL_DONE ? VM_DONE : VM_FAILED;
}

/* ---- waits --------------------------------------------------------------------------- */

static int
call_after_wait(lua_State *L, int status, lua_KContext context)
{
	struct vm_call *call = vm_running(L);

	if (call->refusal)
		return luaL_error(L, "%s", call->refusal);
	return call->finish(L, status, context);
}

int
call_wait(lua_State *L, struct vm_call *call, enum vm_want want, const struct value *details,
	  lua_KFunction finish)
{
	call->want = want;
	call->details = details;
	call->finish = finish;
	call->refusal = NULL;
	call->nargs = 0;
	return lua_yieldk(L, 0, 0, call_after_wait);
}

enum vm_want
vm_wants(const struct vm_call *call, const struct value **details)
{
	if (details)
		*details = call->details;
	return call->want;
}

struct answering {
	struct vm_call *call;
	const struct value *answer;
};

static int
call_give(lua_State *L)
{
	struct answering *a = lua_touserdata(L, 1);

	value_to_lua(L, a->answer);                             // a answer
	if (!lua_checkstack(a->call->co, 4))
		return luaL_error(L, "not enough memory");
	lua_xmove(L, a->call->co, 1);                           // a
	a->call->nargs = 1;
	return 0;
}

void
vm_answer(struct vm_call *call, const struct value *answer)
{
	struct answering a = {call, answer};
	const char *text;
	size_t len;

	if (call->state != CALL_WAITS || call->answered)
		return;
	call->answered = true;
	if (vm_protected(call->vm, call_give, &a, 0, &call->arena, &text, &len) != LUA_OK)
		call->refusal = text;
}

void
vm_refuse(struct vm_call *call, const char *why)
{
	if (call->state != CALL_WAITS || call->answered)
		return;
	call->answered = true;
	call->refusal = arena_strdup(&call->arena, why);
}

/* ---- results and errors ---------------------------------------------------------------- */

struct taking {
	struct arena *arena;
	const char *why, *key;
	struct value *value;
};

static int
call_take_result(lua_State *L)
{
	struct taking *t = lua_touserdata(L, 1);

	t->value = value_take(L, 2, t->arena, TAKE_PLAIN, "result", &t->why, &t->key);
	return 0;
}

struct value *
vm_result(struct vm_call *call, struct arena *a, size_t i, struct vm_error *error)
{
	struct taking t = {.arena = a};
	struct vm *vm = call->vm;
	const char *text = "";
	size_t len = 0;
	int rc;

	if (call->state != CALL_DONE || i >= (size_t)call->nresults)
		return value_nil(a);
	if (!lua_checkstack(call->co, 1)) {
		error_fill(vm, a, error, LUA_ERRMEM, text, len, NULL);
		return NULL;
	}
	lua_pushvalue(call->co, lua_gettop(call->co) - call->nresults + (int)i + 1);
	lua_xmove(call->co, vm->L, 1);                          // result
	slice_begin(vm, vm->L, vm->limits.slice_ms);
	rc = vm_protected(vm, call_take_result, &t, 1, a, &text, &len);
	slice_end(vm);
	if (rc != LUA_OK)
		error_fill(vm, a, error, rc, text, len, NULL);
	else if (!t.value)
		error_say(a, error, t.key ? vm_find(vm, t.key, call->line)
			  : source_line(vm->src, call->line), t.why);
	return t.value;
}

void
vm_failure(struct vm_call *call, struct arena *a, struct vm_error *error)
{
	const char *text = call->early ? call->early : "";
	size_t len = call->early_len;

	if (call->state != CALL_FAILED) {
		error_say(a, error, source_line(call->vm->src, 0), "nothing failed");
		return;
	}
	if (call->co && lua_type(call->co, -1) == LUA_TSTRING)
		text = lua_tolstring(call->co, -1, &len);
	error_fill(call->vm, a, error, call->status, text, len, &call->trace);
}

void
vm_call_free(struct vm_call *call)
{
	struct vm_call **p;
	lua_State *L;

	if (!call)
		return;
	L = call->vm->L;
	for (p = &call->vm->calls; *p != call; p = &(*p)->next)
		;
	*p = call->next;
	/* This neither allocates nor raises: existing keys are set to nil, or nothing happens. */
	api_forget(L, call);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, call);
	arena_release(&call->arena);
	arena_release(&call->names);
	free(call);
}
