/* A Lua state: its memory, its chunk, and the table that the chunk returned. */
#include "lua/vm.h"

#include <stdlib.h>
#include <string.h>

#include "lua/vm_private.h"
#include "planner/base/limits.h"

enum {
	LOOK_BYTES = 1024 * 1024,               /* allocated between two looks at the clock */
	SOURCE_MAX = 1024 * 1024,               /* the parser has no deadline */
};

static const char members;                      /* its address: the returned table */

/* An allocator with a limit. `osize` of a new block is a type tag, and shrinking never fails.
 * Functions that take long without executing instructions mostly allocate, so this checks the
 * clock, too. */
static void *
vm_allocate(void *arg, void *old, size_t osize, size_t nsize)
{
	struct vm *vm = arg;
	void *p;

	if (!old)
		osize = 0;
	if (nsize == 0) {
		free(old);
		vm->memory.used -= osize;
		return NULL;
	}
	vm->memory.since_look += nsize;
	if (nsize > osize && nsize - osize > vm->memory.cap - vm->memory.used) {
		slice_look(vm);         /* the collector runs now, perhaps again and again */
		return NULL;
	}
	if (vm->memory.since_look > LOOK_BYTES) {
		vm->memory.since_look = 0;
		slice_look(vm);
	}
	p = realloc(old, nsize);
	if (!p)
		return nsize <= osize ? old : NULL;
	vm->memory.used += nsize - osize;
	return p;
}

struct vm *
vm_of(lua_State *L)
{
	return *(struct vm **)lua_getextraspace(L);
}

struct vm_call *
vm_running(lua_State *L)
{
	struct vm_call *call = vm_of(L)->running;

	return call && call->co == L ? call : NULL;
}

static int
vm_on_error(lua_State *L)
{
	trace_take(L, 1, NULL, &vm_of(L)->trace);
	error_to_text(L);
	return 1;
}

int
vm_protected(struct vm *vm, lua_CFunction f, void *arg, int extra, struct arena *a,
	     const char **text, size_t *len)
{
	lua_State *L = vm->L;
	int base = lua_gettop(L) - extra + 1, rc;
	const char *s;

	vm->trace.n = 0;
	if (a) {
		*text = "";
		*len = 0;
	}
	if (!lua_checkstack(L, extra + 8)) {
		lua_pop(L, extra);
		return LUA_ERRMEM;
	}
	lua_pushcfunction(L, vm_on_error);
	lua_insert(L, base);                                    // handler extra...
	lua_pushcfunction(L, f);
	lua_insert(L, base + 1);                                // handler f extra...
	lua_pushlightuserdata(L, arg);
	lua_insert(L, base + 2);                                // handler f arg extra...
	rc = lua_pcall(L, extra + 1, 0, base);
	if (rc != LUA_OK && a && lua_type(L, -1) == LUA_TSTRING) {
		s = lua_tolstring(L, -1, len);
		*text = arena_strndup(a, s, *len);
	}
	lua_settop(L, base - 1);
	return rc;
}

/* ---- start and end ------------------------------------------------------------------- */

static int
vm_open_state(lua_State *L)
{
	struct vm *vm = vm_of(L);
	lua_Debug ar;

	box_open(L);
	view_open(L);
	sandbox_open(L);
	api_open(L);
	lua_pushfstring(L, "@%s", vm->src->name);               // name
	if (luaL_loadbufferx(L, "", 0, lua_tostring(L, -1), "t") != LUA_OK)
		return lua_error(L);                            // name f
	lua_getinfo(L, ">S", &ar);                              // name
	memcpy(vm->short_name, ar.short_src, sizeof vm->short_name);
	return 0;
}

/* The text of the source without a byte order mark and a "#!" line. */
static const char *
vm_chunk_text(const struct source *src, size_t *len)
{
	const char *s = src->text, *end = s + src->len, *line;

	if (src->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	if (s < end && *s == '#') {
		line = memchr(s, '\n', (size_t)(end - s));
		s = line ? line : end;
	}
	*len = (size_t)(end - s);
	return s;
}

static int
vm_run_chunk(lua_State *L)
{
	struct vm *vm = vm_of(L);
	const char *text;
	size_t len;
	int base;

	lua_pushfstring(L, "@%s", vm->src->name);               // name
	text = vm_chunk_text(vm->src, &len);
	if (len > SOURCE_MAX)
		return luaL_error(L, "the file is larger than %d MiB", SOURCE_MAX / 1024 / 1024);
	if (luaL_loadbufferx(L, text, len, lua_tostring(L, -1), "t") != LUA_OK)
		return lua_error(L);                            // name f
	base = lua_gettop(L) - 1;
	slice_begin(vm, L, vm->limits.load_ms);
	lua_call(L, 0, LUA_MULTRET);                            // name results...
	slice_check(L);
	vm->nresults = lua_gettop(L) - base;
	if (vm->nresults == 1)
		lua_rawsetp(L, LUA_REGISTRYINDEX, &members);
	return 0;
}

/* Separate from vm_run_chunk(), so that Lua does not put a place in front of the message. */
static int
vm_check_result(lua_State *L)
{
	const char **why = lua_touserdata(L, 1);

	lua_rawgetp(L, LUA_REGISTRYINDEX, &members);            // why result
	if (!lua_istable(L, -1))
		*why = lua_isnil(L, -1) && vm_of(L)->nresults < 2
			? "the file returns nothing; it must end with 'return' and a table"
			: "the file must return one table";
	return 0;
}

static int
vm_panic(lua_State *L)
{
	const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no text";

	fprintf(stderr, "dray: unprotected Lua error: %s\n", text);
	return 0;                       /* Lua aborts */
}

static unsigned
vm_last_line(const struct source *src)
{
	unsigned line = 1, last = 1;

	for (size_t i = 0; i < src->len; i++) {
		if (src->text[i] == '\n')
			line++;
		else if (src->text[i] != ' ' && src->text[i] != '\t' && src->text[i] != '\r')
			last = line;
	}
	return last;
}

static bool
vm_load(struct vm *vm, struct arena *a, struct vm_error *error)
{
	const char *text = "", *why = NULL;
	size_t len = 0;
	int rc;

	lua_gc(vm->L, LUA_GCSTOP);      /* there is no garbage yet */
	rc = vm_protected(vm, vm_open_state, NULL, 0, a, &text, &len);
	lua_gc(vm->L, LUA_GCRESTART);
	if (rc == LUA_OK)
		rc = vm_protected(vm, vm_run_chunk, NULL, 0, a, &text, &len);
	slice_end(vm);
	if (rc != LUA_OK) {
		error_fill(vm, a, error, rc, text, len, &vm->trace);
		return false;
	}
	vm_protected(vm, vm_check_result, &why, 0, NULL, NULL, NULL);
	if (why)
		error_say(a, error, source_line(vm->src, vm_last_line(vm->src)), why);
	return !why;
}

struct vm *
vm_new(struct arena *a, const struct source *src, const struct vm_limits *limits,
       struct vm_error *error)
{
	struct vm *vm = xcalloc(1, sizeof *vm);

	vm->src = src;
	if (limits)
		vm->limits = *limits;
	if (!vm->limits.memory)
		vm->limits.memory = VM_MEMORY;
	if (!vm->limits.load_ms)
		vm->limits.load_ms = LUA_LOAD_LIMIT * 1000L;
	if (!vm->limits.slice_ms)
		vm->limits.slice_ms = LUA_SLICE_LIMIT * 1000L;
	vm->memory.cap = vm->limits.memory;
	vm->L = lua_newstate(vm_allocate, vm);
	if (!vm->L) {
		error_fill(vm, a, error, LUA_ERRMEM, "", 0, NULL);
		free(vm);
		return NULL;
	}
	*(struct vm **)lua_getextraspace(vm->L) = vm;
	lua_atpanic(vm->L, vm_panic);
	if (vm_load(vm, a, error))
		return vm;
	vm_free(vm);
	return NULL;
}

void
vm_free(struct vm *vm)
{
	if (!vm)
		return;
	while (vm->calls)
		vm_call_free(vm->calls);
	vm->memory.cap = SIZE_MAX;      /* finalizers must not fail */
	lua_close(vm->L);
	free(vm);
}

const struct source *
vm_source(const struct vm *vm)
{
	return vm->src;
}

/* ---- the returned table ---------------------------------------------------------------- */

int
vm_push_member(lua_State *L, const char *name)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &members);            // table
	lua_pushstring(L, name);                                // table name
	lua_rawget(L, -2);                                      // table value
	lua_remove(L, -2);                                      // value
	return lua_type(L, -1);
}

struct question {
	const char *name;
	struct arena *arena;
	struct value *value;
	const char *why, *key;
	unsigned line;
};

static int
vm_find_line(lua_State *L)
{
	struct question *q = lua_touserdata(L, 1);
	lua_Debug ar;

	if (vm_push_member(L, q->name) == LUA_TFUNCTION) {
		lua_getinfo(L, ">S", &ar);
		q->line = ar.linedefined > 0 ? (unsigned)ar.linedefined : 1;
	}
	return 0;
}

unsigned
vm_has(struct vm *vm, const char *function)
{
	struct question q = {.name = function};

	vm_protected(vm, vm_find_line, &q, 0, NULL, NULL, NULL);
	return q.line;
}

static int
vm_take_member(lua_State *L)
{
	struct question *q = lua_touserdata(L, 1);

	if (vm_push_member(L, q->name) == LUA_TFUNCTION)
		lua_pushnil(L);
	q->value = value_take(L, -1, q->arena, TAKE_DATA, q->name, &q->why, &q->key);
	return 0;
}

struct value *
vm_data(struct vm *vm, struct arena *a, const char *name, struct vm_error *error)
{
	struct question q = {.name = name, .arena = a};
	const char *text = "";
	size_t len = 0;
	struct loc at;
	int rc;

	slice_begin(vm, vm->L, vm->limits.load_ms);
	rc = vm_protected(vm, vm_take_member, &q, 0, a, &text, &len);
	slice_end(vm);
	if (rc != LUA_OK) {
		error_fill(vm, a, error, rc, text, len, NULL);
	} else if (!q.value) {
		at = vm_find(vm, name, 1);
		if (q.key)
			at = vm_find(vm, q.key, at.line);
		error_say(a, error, at, q.why);
	}
	return q.value;
}

static int
vm_take_names(lua_State *L)
{
	struct question *q = lua_touserdata(L, 1);

	lua_rawgetp(L, LUA_REGISTRYINDEX, &members);            // q table
	for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1))     // q table key value
		if (lua_type(L, -2) == LUA_TSTRING)
			value_push(q->arena, q->value, value_text(q->arena, lua_tostring(L, -2)));
	return 0;
}

static int
vm_by_text(const void *a, const void *b)
{
	const struct value *const *x = a, *const *y = b;

	return strcmp((*x)->text, (*y)->text);
}

struct value *
vm_names(struct vm *vm, struct arena *a)
{
	struct question q = {.arena = a, .value = value_list(a)};

	vm_protected(vm, vm_take_names, &q, 0, NULL, NULL, NULL);
	if (q.value->n)
		qsort(q.value->item, q.value->n, sizeof *q.value->item, vm_by_text);
	return q.value;
}
