/* lua/: no way past the deadline, and a state whose call was ended goes on working. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "lua/vm.h"

/* Loops in every place where code of a script runs. */
static const char *const endless[] = {
	"while true do end",
	"while true do pcall(function() while true do end end) end",
	"return pcall(function() while true do end end)",
	"return xpcall(function() while true do end end, function() while true do end end)",
	"local function h() while true do end end xpcall(xpcall, h, h, h) while true do end",
	"xpcall(function() error('x') end, function() while true do end end)",
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

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

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
	double began = cpu_seconds();

	if (!vm)
		fail_msg("%s: %s", body, vm_error_line(&a, &e));
	if (call(vm, &a, "run", &e) != VM_FAILED)
		fail_msg("%s: did not fail", body);
	if (!strstr(e.text, "took longer than 100 ms of computing") || e.at.line < 3)
		fail_msg("%s: %s", body, vm_error_line(&a, &e));
	/* Generous: sanitizers and valgrind are slow; without an end there is none at all. */
	assert_true(cpu_seconds() - began < 30);
	assert_int_equal(call(vm, &a, "well", &e), VM_DONE);
	vm_free(vm);
	arena_release(&a);
}

static void
every_loop_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof endless / sizeof *endless; i++)
		ends(endless[i]);
}

/* xpcall is our own for the sake of the deadline; it must be Lua's in all else. */
static void
xpcall_is_as_ever(void **state)
{
	static const char text[] =
		"local function h(e) return 'handled ' .. tostring(e) end\n"
		"local function same(a, b) assert(a == b, tostring(a) .. ' for ' .. tostring(b)) end\n"
		"return {run = function()\n"
		"\tsame(select('#', xpcall(function(...) return ... end, h, 1, nil, nil)), 4)\n"
		"\tsame(select(2, xpcall(function(...) return ... end, h, 1, 2)), 1)\n"
		"\tsame(select('#', xpcall(error, h, 'x', 0)), 2)\n"
		"\tsame(select(1, xpcall(error, h, 'x', 0)), false)\n"
		"\tsame(select(2, xpcall(error, h, 'x', 0)), 'handled x')\n"
		"\tsame(select(2, xpcall(error, h)), 'handled nil')\n"
		"\tlocal _, e = pcall(function() xpcall(error) end)\n"
		"\tsame(e:match(': (.*)'), \"bad argument #2 to 'xpcall' "
		"(function expected, got no value)\")\n"
		"\tsame((xpcall(error, function(e) error(e) end, 'x')), false)\n"
		"end}\n";
	struct source src = {"hooks/x.lua", text, sizeof text - 1};
	struct arena a = {0};
	struct vm_error e = {0};
	struct vm *vm = vm_new(&a, &src, NULL, &e);

	(void)state;
	assert_non_null(vm);
	if (call(vm, &a, "run", &e) != VM_DONE)
		fail_msg("%s", vm_error_line(&a, &e));
	vm_free(vm);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_loop_ends),
		cmocka_unit_test(xpcall_is_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
