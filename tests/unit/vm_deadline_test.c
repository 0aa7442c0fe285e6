/* lua/: nothing evades the deadline, and a state whose call was ended still works. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "lua/vm_private.h"

/* Loops everywhere where code of a script runs, except message handlers. */
static const char *const endless[] = {
	"while true do end",
	"while true do pcall(function() while true do end end) end",
	"return pcall(function() while true do end end)",
	"local x <close> = setmetatable({}, {__close = function() while true do end end}) error('x')",
	"local x <close> = setmetatable({}, {__close = function() while true do end end}) "
		"while true do end",
	"error(setmetatable({}, {__tostring = function() while true do end end}))",
	"return setmetatable({}, {__index = function() while true do end end}).x",
	"for _ in pairs(setmetatable({}, {__pairs = function() while true do end end})) do end",
	"return ('x'):gsub('x', function() while true do end end)",
	"table.sort({3, 1, 2}, function() while true do end end)",
	"while true do pcall(string.rep, 'x', 1 << 24) end",
	"while true do pcall(error, {}) end",
};

/* A clock on which each look is a millisecond; there is a look every thousand instructions. */
static long long looks;

static long long by_looks(void) { return ++looks; }

/* Guards against a hang. */
enum { HANG_S = 300 };

static enum vm_state
call(struct vm *vm, struct arena *a, const char *function, struct vm_error *e)
{
	struct vm_call *c = vm_call(vm, function, NULL, NULL, 0, NULL);
	enum vm_state s = vm_step(c);

	if (s == VM_FAILED)
		vm_failure(c, a, e);
	vm_call_free(c);
	return s;
}

static void
ends(const char *body)
{
	static const struct vm_limits limits = {16 * 1024 * 1024, 0, 100};
	struct arena a = {0};
	const char *text = arena_printf(&a, "return {\n\trun = function()\n\t\t%s\n\tend,\n"
					"\twell = function() return 1 end,\n}\n", body);
	struct source src = {"hooks/endless.lua", text, strlen(text)};
	struct vm_error e = {0};
	struct vm *vm = vm_new(&a, &src, &limits, &e);

	if (!vm)
		fail_msg("%s: %s", body, vm_error_line(&a, &e));
	if (call(vm, &a, "run", &e) != VM_FAILED)
		fail_msg("%s: did not fail", body);
	if (!strstr(e.text, "computed for more than 100 ms") || e.at.line < 3)
		fail_msg("%s: %s", body, vm_error_line(&a, &e));
	assert_int_equal(call(vm, &a, "well", &e), VM_DONE);
	vm_free(vm);
	arena_release(&a);
}

static void
every_loop_ends(void **state)
{
	long long (*cpu)(void) = slice_clock;

	(void)state;
	ends(endless[0]);
	slice_clock = by_looks;
	for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
		looks = 0;
		ends(endless[i]);
		/* Those of the chunk and of well(), too. After the deadline there are no
		 * more looks. */
		assert_in_range(looks, 100, 110);
	}
	slice_clock = cpu;
}

/* In the loop of an apply signals wait until they are read. */
static void
an_interrupt_that_waits_ends_it(void **state)
{
	static const struct vm_limits limits = {16 * 1024 * 1024, 0, 60000};
	static const char text[] = "return {run = function() while true do pcall(error, 1) end end}";
	struct source src = {"hooks/busy.lua", text, sizeof text - 1};
	struct arena a = {0};
	struct vm_error e = {0};
	struct vm *vm = vm_new(&a, &src, &limits, &e);
	long long (*cpu)(void) = slice_clock;
	sigset_t set, old;
	int sig;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGINT);
	slice_clock = by_looks;
	looks = 0;
	assert_int_equal(call(vm, &a, "run", &e), VM_FAILED);
	slice_clock = cpu;
	assert_string_equal(e.text, "interrupted");
	assert_in_range(looks, 300, 310);       /* the time for ordinary work */
	sigwait(&set, &sig);            /* it is still there for the loop */
	sigprocmask(SIG_SETMASK, &old, NULL);
	vm_free(vm);
	arena_release(&a);
}

/* What no hook can interrupt: a pattern that backtracks for years. */
static void
a_second_interrupt_ends_the_program(void **state)
{
	static const char text[] = "return {run = function()\n"
		"\treturn ('a'):rep(5000):match(('a*'):rep(9) .. 'b') end}";
	struct source src = {"hooks/busy.lua", text, sizeof text - 1};
	struct arena a = {0};
	struct vm_error e = {0};
	struct vm *vm = vm_new(&a, &src, NULL, &e);
	const struct timespec moment = {0, 50 * 1000 * 1000};
	int status = -1;
	sigset_t set, old;
	pid_t pid;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid == 0) {
		call(vm, &a, "run", &e);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	/* The first one waits for the slice, or comes during it. */
	kill(pid, SIGINT);
	nanosleep(&moment, NULL);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	for (int i = 0; i < 3000 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		kill(pid, SIGINT);
		nanosleep(&moment, NULL);
	}
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	vm_free(vm);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_loop_ends),
		cmocka_unit_test(a_second_interrupt_ends_the_program),
		cmocka_unit_test(an_interrupt_that_waits_ends_it),
	};

	alarm(HANG_S);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
