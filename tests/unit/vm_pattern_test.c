/* Our string and table functions against Lua's own, in one plain state (tests/lua/compare.lua);
 * and patterns that would never end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lua/vm_private.h"

enum { ROUNDS = 6000, LEAST = 60 * 1000 };

static struct arena arena;

/* A table with what `open` puts into a copy of the library. */
static void
own_library(lua_State *L, const char *name, void (*open)(lua_State *))
{
	lua_newtable(L);                                        // own lib
	lua_getglobal(L, name);                                 // own lib theirs
	for (lua_pushnil(L); lua_next(L, -2); ) {               // own lib theirs key value
		lua_pushvalue(L, -2);
		lua_insert(L, -2);                              // own lib theirs key key value
		lua_settable(L, -5);                            // own lib theirs key
	}
	lua_pop(L, 1);                                          // own lib
	open(L);
	lua_setfield(L, -2, name);                              // own
}

static void
same_as_lua(void **state)
{
	lua_State *L = luaL_newstate();
	struct vm vm = {.L = L};        /* no slice: the clock is not looked at */

	(void)state;
	*(struct vm **)lua_getextraspace(L) = &vm;
	luaL_openlibs(L);
	box_open(L);
	view_open(L);
	if (luaL_loadfile(L, "tests/lua/compare.lua") != LUA_OK)
		fail_msg("%s", lua_tostring(L, -1));
	lua_newtable(L);                                        // f own
	own_library(L, "string", pattern_open);
	own_library(L, "table", tables_open);
	lua_pushinteger(L, ROUNDS);
	if (lua_pcall(L, 2, 1, 0) != LUA_OK)
		fail_msg("%s", lua_tostring(L, -1));
	assert_true(lua_tointeger(L, -1) > LEAST);
	lua_close(L);
}

/* ---- how long it takes ----------------------------------------------------------------- */

static double
cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The result of "return EXPRESSION" as a text, or the error's. */
static const char *
result_of(const char *expression, int slice_ms)
{
	struct source *src = ar_new(&arena, struct source);
	struct vm_limits limits = {.slice_ms = slice_ms, .load_ms = 5000};
	struct vm_error error = {0};
	struct vm_call *call;
	struct vm *vm;
	const char *text;

	src->name = "p.lua";
	src->text = arena_printf(&arena, "return {f = function() return %s end}", expression);
	src->len = strlen(src->text);
	vm = vm_new(&arena, src, &limits, &error);
	if (!vm)
		fail_msg("%s: %s", expression, error.text);
	call = vm_call(vm, "f", NULL, NULL, 0, NULL);
	if (vm_step(call) == VM_DONE) {
		text = value_write(&arena, vm_result(call, &arena, 0, &error));
	} else {
		vm_failure(call, &arena, &error);
		text = error.text;
	}
	vm_free(vm);
	return text;
}

static void
ordinary_patterns_on_much_text(void **state)
{
	static const struct { const char *expression, *result; } cases[] = {
		{"select(3, (('word '):rep(16000)):find('^(%S+) (%S+) (%S+)'))", "\"word\""},
		{"select(2, (('a,b,'):rep(16000)):gsub('[^,]+', '%0'))", "32000"},
		{"select(2, (('key=val\\n'):rep(8000)):gsub('(%w+)=(%w+)', '%2=%1'))", "8000"},
		{"#(('  x  '):rep(13000)):match('^%s*(.-)%s*$')", "64996"},
		{"select(2, (('(a(b))'):rep(10000)):gsub('%b()', ''))", "10000"},
		{"select(2, (('one two '):rep(8000)):gsub('%f[%a]%a+', string.upper))", "16000"},
		{"(('line\\n'):rep(13000)..'tail=7'):match('tail=(%d+)$')", "\"7\""},
		{"(('x'):rep(60000)..'<b>y</b>'):match('<(%w+)>(.-)</%1>')", "\"b\""},
		{"(('a.b'):rep(20000)):find('.c', 1, true) or 'none'", "\"none\""},
		/* Megabytes of one letter, a long needle of it: quadratic the simple way. */
		{"(('a'):rep(4e6)):find(('a'):rep(1e6)..'b', 1, true) or 'none'", "\"none\""},
		{"(('a'):rep(4e6)):find(('a'):rep(1e6)..'b') or 'none'", "\"none\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(result_of(cases[i].expression, 5000), cases[i].result);
}

static void
patterns_that_never_end(void **state)
{
	static const char *const cases[] = {
		"('a'):rep(600):find(('.-'):rep(4)..'b')",
		"('a'):rep(3000):match(('a*'):rep(8)..'b')",
		"('a'):rep(3000):match(('a-'):rep(8)..'b')",
		"('a'):rep(40):match(('a?'):rep(40)..('a'):rep(40)..'b')",
		"('a'):rep(3000):gsub(('(a*)'):rep(8)..'b', '')",
		"('a'):rep(3000):gmatch(('a*'):rep(8)..'b')()",
		"('('):rep(1e6):find('%b()')",
		"('a'):rep(4e6):find('.-b')",
		"('a'):rep(4e6):match(('a'):rep(1e6)..'b')",
		"('a'):rep(4e6):match('['..('b'):rep(1e6)..']')",
		"('ab'):rep(1e6):match('(.-)%1%1%1%1%1%1c')",
		"('a'):rep(1e6):match('%f['..('b'):rep(1e6)..']')",
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		double began = cpu_now();

		assert_string_equal(result_of(cases[i], 100), "took longer than 100 ms of computing");
		assert_true(cpu_now() - began < 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_lua),
		cmocka_unit_test(ordinary_patterns_on_much_text),
		cmocka_unit_test(patterns_that_never_end),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_release(&arena);
	return rc;
}
