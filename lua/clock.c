/*
 * The deadline of a slice of computing. It is a time of the thread's CPU, so that a busy
 * machine or a slow host function is not held against the script; the monotonic clock is
 * looked at first because it is cheap. A used up slice re-arms the hook so that it raises at
 * every instruction from then on: pcall, __close and the like get no further.
 */
#include <time.h>

#include "lua/vm_private.h"

enum {
	DEEPEST = 20000,                /* calls in each other */
	DEPTH_LOOK = 16,                /* looks at the clock for one at the depth */
};

static long long
now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

void
slice_begin(struct vm *vm, lua_State *thread, int ms)
{
	vm->slice.ms = ms;
	vm->slice.until = now(CLOCK_MONOTONIC) + ms * 1000000LL;
	vm->slice.cpu_until = now(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000LL;
	vm->slice.expired = vm->slice.in_hook = false;
	vm->slice.thread = thread;
	lua_sethook(thread, slice_hook, LUA_MASKCOUNT, SLICE_COUNT);
}

void
slice_end(struct vm *vm)
{
	vm->slice.thread = NULL;
}

void
slice_look(struct vm *vm)
{
	long long wall, left;

	if (!vm->slice.thread || vm->slice.expired)
		return;
	wall = now(CLOCK_MONOTONIC);
	if (wall < vm->slice.until)
		return;
	left = vm->slice.cpu_until - now(CLOCK_THREAD_CPUTIME_ID);
	if (left > 0) {
		vm->slice.until = wall + left;
		return;
	}
	vm->slice.expired = true;
	lua_sethook(vm->slice.thread, slice_hook, LUA_MASKCOUNT, 1);
}

bool
slice_over(lua_State *L)
{
	struct vm *vm = vm_of(L);

	slice_look(vm);
	return vm->slice.thread && vm->slice.expired;
}

static int
expired(lua_State *L, int level)
{
	int ms = vm_of(L)->slice.ms;

	luaL_where(L, level);                                   // place
	if (ms % 1000 == 0)
		lua_pushfstring(L, "took longer than %d s of computing", ms / 1000);
	else
		lua_pushfstring(L, "took longer than %d ms of computing", ms);
	lua_concat(L, 2);                                       // text
	return lua_error(L);
}

/* In a hook, level 0 is the function that runs. Endless recursion is found here too: Lua's
 * own limit comes only after more memory than there is, with no traceback then. */
void
slice_hook(lua_State *L, lua_Debug *unused)
{
	struct vm *vm = vm_of(L);
	lua_Debug ar;

	(void)unused;
	vm->slice.in_hook = false;
	slice_look(vm);
	if (vm->slice.expired && vm->slice.thread == L) {
		vm->slice.in_hook = true;
		expired(L, 0);
	}
	if (++vm->slice.looks % DEPTH_LOOK == 0 && lua_getstack(L, DEEPEST, &ar)) {
		vm->slice.in_hook = true;
		luaL_where(L, 0);
		lua_pushfstring(L, "%sstack overflow: %d calls in each other", lua_tostring(L, -1),
				DEEPEST);
		lua_error(L);
	}
}

bool
slice_quiet(lua_State *L)
{
	struct vm *vm = vm_of(L);
	bool quiet = vm->slice.in_hook;

	vm->slice.in_hook = false;
	return quiet || slice_over(L);
}

void
slice_check(lua_State *L)
{
	struct vm *vm = vm_of(L);

	slice_look(vm);
	if (vm->slice.expired && vm->slice.thread == L)
		expired(L, 1);
}
