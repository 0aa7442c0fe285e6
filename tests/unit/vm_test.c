/* Lua files: loading, errors with their places, and the manual. */
#include "planner/base/task.h"
#include "tests/unit/vm_by_hand.h"

/* ---- loading --------------------------------------------------------------------------- */

static void
what_is_in_the_table(void **state)
{
	struct vm *vm = load("-- a kind\n"
			     "return {\n"
			     "\tname = 'mount', doc = \"text\", n = 3,\n"
			     "\tfields = {size = {type = 'int', check = function() end}, [1] = nil},\n"
			     "\tup = function(ctx) end,\n"
			     "\tdown = function() end,\n"
			     "}\n");
	struct vm_error e = {0};

	(void)state;
	assert_int_equal(vm_has(vm, "up"), 5);
	assert_int_equal(vm_has(vm, "down"), 6);
	assert_int_equal(vm_has(vm, "name"), 0);
	assert_int_equal(vm_has(vm, "nothing"), 0);
	assert_string_equal(value_write(&arena, vm_names(vm, &arena)),
			    "[\"doc\",\"down\",\"fields\",\"n\",\"name\",\"up\"]");
	assert_string_equal(value_write(&arena, vm_data(vm, &arena, "name", &e)), "\"mount\"");
	assert_string_equal(value_write(&arena, vm_data(vm, &arena, "fields", &e)),
			    "{\"size\":{\"type\":\"int\"}}");
	assert_string_equal(value_write(&arena, vm_data(vm, &arena, "nothing", &e)), "null");
	assert_string_equal(value_write(&arena, vm_data(vm, &arena, "up", &e)), "null");
	assert_string_equal(vm_source(vm)->name, "hooks/h.lua");
	vm_free(vm);
	vm_free(NULL);
}

static void
data_that_cannot_be_taken(void **state)
{
	struct vm *vm = load("local t = {}\n"
			     "t.again = t\n"
			     "return {\n"
			     "\tfields = {a = t},\n"
			     "\tother = {\n"
			     "\t\tdefault = {1, nil, 3},\n"
			     "\t},\n"
			     "}");
	struct vm_error e = {0};

	(void)state;
	assert_null(vm_data(vm, &arena, "fields", &e));
	assert_string_equal(vm_error_line(&arena, &e),
			    "hooks/h.lua:4: fields.a.again: the table is inside itself");
	assert_null(vm_data(vm, &arena, "other", &e));
	assert_string_equal(shown(&e),
			    "hooks/h.lua:6:3: error: other.default: a list with a hole: item 2 is nil, the last one is item 3\n"
			    "    6 |         default = {1, nil, 3},\n"
			    "      |         ^~~~~~~\n");
	vm_free(vm);
}

static void
files_that_do_not_load(void **state)
{
	(void)state;
	assert_string_equal(load_error("return {"), "hooks/h.lua:1: unexpected symbol near <eof>");
	assert_string_equal(load_error("\n\nlocal x = = 1"), "hooks/h.lua:3: unexpected symbol near '='");
	assert_string_equal(load_error("x = 1\n\n"), "hooks/h.lua:1: the file returns nothing; it must "
			    "end with 'return' and a table");
	assert_string_equal(load_error(""), "hooks/h.lua:1: the file returns nothing; it must end with "
			    "'return' and a table");
	assert_string_equal(load_error("local t = {}\nreturn t, t\n"),
			    "hooks/h.lua:2: the file must return one table");
	assert_string_equal(load_error("return 5"), "hooks/h.lua:1: the file must return one table");
	assert_string_equal(load_error("\nlocal function f() error('no') end\nf()"), "hooks/h.lua:2: no");
	assert_string_equal(load_error("error({})"),
			    "hooks/h.lua:1: an error that is not a string but a table");
	assert_string_equal(load_error("\nerror('')"), "hooks/h.lua:2: an error with an empty message");
	assert_string_equal(load_error("error('', 0)"), "hooks/h.lua:1: an error with an empty message");
	assert_string_equal(load_error("\33Lua"), "hooks/h.lua: attempt to load a binary chunk (mode is 't')");
}

static void
words_are_found(void **state)
{
	struct vm *vm = load("-- size = 1\n"
			     "--[[ size ]] local sizes = 1\n"
			     "local tsize = {size_of = 1}\n"
			     "return {['ü'] = 1, size = 2,\n"
			     "\t['size'] = 3, executor = 'local'}");

	(void)state;
	assert_int_equal(vm_find(vm, "local", 1).line, 5);
	assert_int_equal(vm_find(vm, "size", 1).line, 4);
	assert_int_equal(vm_find(vm, "size", 1).col, 20);
	assert_int_equal(vm_find(vm, "size", 1).len, 4);
	assert_int_equal(vm_find(vm, "size", 5).line, 5);
	assert_int_equal(vm_find(vm, "size", 5).col, 4);
	assert_int_equal(vm_find(vm, "ü", 1).len, 1);
	assert_int_equal(vm_find(vm, "nothing", 3).line, 3);
	assert_int_equal(vm_find(vm, "nothing", 3).col, 1);
	vm_free(vm);
}

static void
memory_is_counted(void **state)
{
	struct vm_limits limits = {.memory = 300 * 1024};
	struct vm_error e = {0};
	struct vm *vm = load("return {f = function() return ('x'):rep(1000000) end}");
	struct vm_call *call = vm_call(vm, "f", NULL, NULL, 0, NULL);
	size_t before = vm->memory.used;

	(void)state;
	assert_true(before > 5 * 1024 && before < 40 * 1024);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_true(vm->memory.used > 1000000 && vm->memory.used < 3000000);
	vm_free(vm);
	vm = vm_new(&arena, source("return {f = function() return ('x'):rep(1000000) end}"), &limits, &e);
	call = vm_call(vm, "f", NULL, NULL, 0, NULL);
	assert_string_equal(failure(call), "hooks/h.lua: out of memory (300 KiB)");
	assert_true(vm->memory.used <= limits.memory);
	vm_free(vm);
	/* With every memory limit that is too small, making a state fails cleanly. */
	for (limits.memory = 500; ; limits.memory += 97) {
		vm = vm_new(&arena, source("return {}"), &limits, &e);
		if (vm)
			break;
		assert_memory_equal(e.text, "out of memory", 13);
	}
	assert_true(limits.memory < 40 * 1024);
	vm_free(vm);
}

/* The same for a call: whichever allocation is the first to fail. */
static void
memory_ends_anywhere(void **state)
{
	const struct value *event = json("{\"list\":[1,2,{\"a\":\"b\"}],\"text\":\"x\"}");
	const struct value *ctx = json("{\"config\":{}}");
	struct source *src = source("return {f = function(ctx, event)\n"
		"\tlocal r = ctx:run{'ls', '-l', node = event.text}\n"
		"\tlocal much = {}\n"
		"\tfor i = 1, 150 do much[i] = {tostring(i) .. event.text} end\n"
		"\tlocal t = {r.out, ctx:json('[1,[2]]'), n = ctx:to_json(event.list)}\n"
		"\tfor k, v in pairs(event.list) do t.n = t.n .. k .. tostring(v) end\n"
		"\treturn select(2, pcall(table.concat, {r.out, t.n, ('x'):gsub('x', '%0%0')}))\n"
		"end}");
	struct vm_limits limits = {0};
	struct vm_error e = {0};
	size_t done = 0, failed = 0;
	struct vm *vm;

	(void)state;
	for (limits.memory = 16 * 1024; done < 20; limits.memory += 37) {
		struct vm_call *call;
		enum vm_state s;

		vm = vm_new(&arena, src, &limits, &e);
		if (!vm)
			continue;
		call = vm_call(vm, "f", ctx, &event, 1, NULL);
		while ((s = vm_step(call)) == VM_WAITS)
			vm_answer(call, json("{\"status\":0,\"out\":\"a line that was written\",\"err\":\"\"}"));
		if (s == VM_FAILED) {
			vm_failure(call, &arena, &e);
			if (!strstr(e.text, "memory"))
				fail_msg("%zu bytes: %s", limits.memory, e.text);
			failed++;
		} else if (vm_result(call, &arena, 0, &e)) {
			done += strncmp(result(call, 0), "\"a line", 7) == 0;
		}
		vm_free(vm);
		assert_true(limits.memory < 1024 * 1024);
	}
	assert_true(failed > 20);
}

/* ---- errors -------------------------------------------------------------------------------- */

static void
errors_have_places(void **state)
{
	struct vm *vm = load("local function inner(x)\n"
			     "\terror('bad ' .. x)\n"
			     "end\n"
			     "local function outer(x)\n"
			     "\tinner(x)\n"
			     "\treturn 1\n"
			     "end\n"
			     "return {\n"
			     "\tup = function(ctx)   \n"
			     "\t\touter('ü')\n"
			     "\t\treturn 1\n"
			     "\tend,\n"
			     "\tflat = function() return nil .. 'x' end,\n"
			     "\tdeep = function() local function f() return 1 + f() end return f() end,\n"
			     "\tlib = function() return ('x'):rep({}) end,\n"
			     "\tbare = function() error('no place', 0) end,\n"
			     "}\n");
	struct vm_call *call = vm_call(vm, "up", NULL, NULL, 0, NULL);
	struct vm_error e = {0};

	(void)state;
	assert_int_equal(vm_step(call), VM_FAILED);
	assert_int_equal(vm_step(call), VM_FAILED);
	vm_failure(call, &arena, &e);
	assert_string_equal(shown(&e),
			    "hooks/h.lua:2:2: error: bad ü\n"
			    "    2 |     error('bad ' .. x)\n"
			    "      |     ^~~~~~~~~~~~~~~~~~\n"
			    "note: hooks/h.lua:2: in 'inner'\n"
			    "note: hooks/h.lua:5: in 'outer'\n"
			    "note: hooks/h.lua:10: in 'up'\n");
	assert_string_equal(failure(vm_call(vm, "flat", NULL, NULL, 0, NULL)),
			    "hooks/h.lua:13: attempt to concatenate a nil value");
	assert_string_equal(failure(vm_call(vm, "lib", NULL, NULL, 0, NULL)),
			    "hooks/h.lua:15: bad argument #1 to 'rep' (number expected, got table)");
	assert_string_equal(failure(vm_call(vm, "bare", NULL, NULL, 0, NULL)), "hooks/h.lua:16: no place");
	call = vm_call(vm, "deep", NULL, NULL, 0, NULL);
	assert_string_equal(failure(call), "hooks/h.lua:14: stack overflow: 20000 nested calls");
	vm_failure(call, &arena, &e);
	assert_string_equal(strrchr(e.trace, '\n'), "\n...");
	vm_free(vm);
}

/* Lua shortens names that are too long for it; the place is found anyway. */
static void
long_names(void **state)
{
	struct source src = {.text = "return {f = function()\n\terror('x')\nend}"};
	struct vm_error e = {0};
	struct vm *vm;

	(void)state;
	src.len = strlen(src.text);
	src.name = "/a/very/long/path/to/a/folder/of/hooks/that/goes/on/and/on/and/on/for/ever/hook.lua";
	vm = vm_new(&arena, &src, NULL, &e);
	assert_string_equal(failure(vm_call(vm, "f", NULL, NULL, 0, NULL)),
			    arena_printf(&arena, "%s:2: x", src.name));
	vm_free(vm);
}

static void
the_deadline(void **state)
{
	struct vm_limits limits = {.slice_ms = 30, .load_ms = 30};
	struct vm_error e = {0};
	struct source *src = source("return {f = function(ctx)\n"
		"\tlocal n = 0\n"
		"\tfor i = 1, 20 do\n"
		"\t\tfor k = 1, 20000 do n = n + k end\n"
		"\t\tctx:sleep(1)\n"
		"\tend\n"
		"\tfor k = 1, 1e12 do n = n + k end\n"
		"end}");
	struct vm *vm = vm_new(&arena, src, &limits, &e);
	struct vm_call *call = vm_call(vm, "f", json("{}"), NULL, 0, NULL);
	int waits = 0;

	(void)state;
	while (vm_step(call) == VM_WAITS) {     /* each slice counts separately */
		vm_answer(call, NULL);
		waits++;
	}
	assert_int_equal(waits, 20);
	assert_string_equal(failure(call), "hooks/h.lua:7: computed for more than 30 ms");
	vm_free(vm);
	assert_null(vm_new(&arena, source("\nfor i = 1, 1e12 do end"), &limits, &e));
	assert_string_equal(vm_error_line(&arena, &e),
			    "hooks/h.lua:2: computed for more than 30 ms");
}

/* ---- the pages ------------------------------------------------------------------------------ */

static const struct { const char *function, *option; } api[] = {
#define API(name) {#name, NULL},
#define OPTION(api, name, type) {#api, name},
#include "lua/api.def"
};

static void
the_pages_have_every_function(void **state)
{
	const char *page = script_get("lua-api.md")->text, *stub = script_get("dray.lua")->text;

	(void)state;
	for (size_t i = 0; i < sizeof api / sizeof *api; i++) {
		const char *name = api[i].option ? api[i].option : api[i].function;
		const char *at = strstr(page, arena_printf(&arena, "### ctx:%s", api[i].function));

		assert_non_null(at);
		if (api[i].option) {
			assert_non_null(strstr(at, arena_printf(&arena, "| `%s` |", name)));
			assert_non_null(strstr(stub, arena_printf(&arena, "---@field %s", name)));
		} else {
			assert_non_null(strstr(stub, arena_printf(&arena, "function ctx:%s(", name)));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_the_table),
		TEST(data_that_cannot_be_taken),
		TEST(files_that_do_not_load),
		TEST(words_are_found),
		TEST(memory_is_counted),
		TEST(memory_ends_anywhere),
		TEST(errors_have_places),
		TEST(long_names),
		TEST(the_deadline),
		TEST(the_pages_have_every_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
