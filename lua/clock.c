/*
 * The deadline of a slice of computing. It is measured in CPU time of the thread, so a busy
 * machine does not count against the script. Once a slice has expired, the hook raises an
 * error at every instruction, so that pcall and __close cannot continue.
 *
 * While a script computes, the loop does not read signals. So a script that has run for a
 * while also ends when an interrupt came. A C function of Lua cannot be interrupted; there a
 * second interrupt ends the program.
 */
#include <signal.h>
#include <time.h>

#include "lua/vm_private.h"

enum {
	PATIENT_MS = 300,               /* a shorter slice is not interrupted */
	DEEPEST = 20000,                /* nested calls */
	DEPTH_LOOK = 16,                /* check the depth once in so many looks at the clock */
};

static volatile sig_atomic_t hit;       /* the signal that came in this slice, or 0 */
static struct sigaction before[2];
static sigset_t blocked;

/* A second signal goes to the handler that was there before. */
static void
clock_hit(int sig)
{
	if (hit) {
		sigaction(sig, &before[sig != SIGINT], NULL);
		raise(sig);
	}
	hit = sig;
}

/* Send signals to clock_hit() instead of the loop, while a slice lasts. */
static void
clock_take_signals(void)
{
	struct sigaction act = {.sa_handler = clock_hit, .sa_flags = SA_RESTART};
	sigset_t set;

	hit = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	if (!sigismember(&blocked, SIGINT))
		return;
	sigaction(SIGINT, &act, &before[0]);
	sigaction(SIGTERM, &act, &before[1]);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
clock_give_signals_back(void)
{
	if (!sigismember(&blocked, SIGINT))
		return;
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(SIGINT, &before[0], NULL);
	sigaction(SIGTERM, &before[1], NULL);
	if (hit)
		raise(hit);             /* now the loop gets it */
}

static long long
clock_cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

long long (*slice_clock)(void) = clock_cpu_ms;

void
slice_begin(struct vm *vm, lua_State *thread, int ms)
{
	vm->slice.ms = ms;
	vm->slice.began = slice_clock();
	vm->slice.expired = vm->slice.interrupted = false;
	vm->slice.thread = thread;
	lua_sethook(thread, slice_hook, LUA_MASKCOUNT, SLICE_COUNT);
	clock_take_signals();
}

void
slice_end(struct vm *vm)
{
	if (vm->slice.thread)
		clock_give_signals_back();
	vm->slice.thread = NULL;
}

void
slice_look(struct vm *vm)
{
	long long spent;

	if (!vm->slice.thread || vm->slice.expired)
		return;
	spent = slice_clock() - vm->slice.began;
	vm->slice.interrupted = hit && spent >= PATIENT_MS;
	if (vm->slice.interrupted || spent >= vm->slice.ms) {
		vm->slice.expired = true;
		lua_sethook(vm->slice.thread, slice_hook, LUA_MASKCOUNT, 1);
	}
}

bool
slice_over(lua_State *L)
{
	struct vm *vm = vm_of(L);

	slice_look(vm);
	return vm->slice.thread && vm->slice.expired;
}

static int
clock_expired(lua_State *L, int level)
{
	int ms = vm_of(L)->slice.ms;

	luaL_where(L, level);                                   // place
	if (vm_of(L)->slice.interrupted)
		lua_pushliteral(L, "interrupted");
	else if (ms % 1000 == 0)
		lua_pushfstring(L, "computed for more than %d s", ms / 1000);
	else
		lua_pushfstring(L, "computed for more than %d ms", ms);
	lua_concat(L, 2);                                       // text
	return lua_error(L);
}

/* In a hook, level 0 is the function that runs. Endless recursion is detected here, too: it
 * would run out of memory before it reaches Lua's own limit, and then there is no
 * traceback. */
void
slice_hook(lua_State *L, lua_Debug *unused)
{
	struct vm *vm = vm_of(L);
	lua_Debug ar;

	(void)unused;
	slice_look(vm);
	if (vm->slice.expired && vm->slice.thread == L)
		clock_expired(L, 0);
	if (++vm->slice.looks % DEPTH_LOOK == 0 && lua_getstack(L, DEEPEST, &ar)) {
		luaL_where(L, 0);
		lua_pushfstring(L, "%sstack overflow: %d nested calls", lua_tostring(L, -1),
				DEEPEST);
		lua_error(L);
	}
}

void
slice_check(lua_State *L)
{
	if (slice_over(L) && vm_of(L)->slice.thread == L)
		clock_expired(L, 1);
}
