/* Lua files: their life, calls that wait and go on, results, and errors with their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/vm.h"

static struct arena arena;

static struct source *
source(const char *text)
{
	struct source *src = ar_new(&arena, struct source);

	*src = (struct source){.name = "hooks/h.lua", .text = text, .len = strlen(text)};
	return src;
}

static struct vm *
load(const char *text)
{
	struct vm_error e = {0};
	struct vm *vm = vm_new(&arena, source(text), NULL, &e);

	if (!vm)
		fail_msg("%s: %s", text, vm_error_line(&arena, &e));
	return vm;
}

static const char *
load_error(const char *text)
{
	struct vm_error e = {0};

	assert_null(vm_new(&arena, source(text), NULL, &e));
	return vm_error_line(&arena, &e);
}

static struct value *
json(const char *text)
{
	struct err e = {0};
	struct value *v = value_read(&arena, text, strlen(text), &e);

	if (!v)
		fail_msg("%s: %s", text, e.text);
	return v;
}

static const char *
result(struct vm_call *call, size_t i)
{
	struct vm_error e = {0};
	struct value *v = vm_result(call, &arena, i, &e);

	return v ? value_write(&arena, v) : arena_printf(&arena, "no result: %s", vm_error_line(&arena, &e));
}

static const char *
failure(struct vm_call *call)
{
	struct vm_error e = {0};

	assert_int_equal(vm_step(call), VM_FAILED);
	vm_failure(call, &arena, &e);
	return vm_error_line(&arena, &e);
}

/* As diagnostics print it. */
static const char *
shown(const struct vm_error *e)
{
	struct diags d = {.arena = &arena};
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	const char *copy;

	vm_error_diag(e, &d);
	diag_print(&d, f, false);
	fclose(f);
	copy = arena_strndup(&arena, text, n);
	free(text);
	return copy;
}

/* ---- life ------------------------------------------------------------------------------ */

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
			    "hooks/h.lua:6:3: error: other.default: a list with holes: 2 values, the last at 3\n"
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
			    "hooks/h.lua:1: an error that is no text, but a table");
	assert_string_equal(load_error("\nerror('')"), "hooks/h.lua:2: an error with an empty text");
	assert_string_equal(load_error("error('', 0)"), "hooks/h.lua:1: an error with an empty text");
	assert_string_equal(load_error("\33Lua"), "hooks/h.lua: attempt to load a binary chunk (mode is 't')");
}

static void
words_are_found(void **state)
{
	struct vm *vm = load("-- size = 1\n"
			     "--[[ size ]] local sizes = 1\n"
			     "local s = [==[ size ]] ]==] .. '\\'size'\n"
			     "return {['ü'] = 1, size = 2,\n"
			     "\t['size'] = 3}");

	(void)state;
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
	size_t before = vm_memory(vm, NULL), peak;

	(void)state;
	assert_true(before > 5 * 1024 && before < 40 * 1024);
	assert_int_equal(vm_step(call), VM_DONE);
	vm_memory(vm, &peak);
	assert_true(peak > 1000000 && peak < 3000000);
	vm_free(vm);
	vm = vm_new(&arena, source("return {f = function() return ('x'):rep(1000000) end}"), &limits, &e);
	call = vm_call(vm, "f", NULL, NULL, 0, NULL);
	assert_string_equal(failure(call), "hooks/h.lua: out of memory (300 KiB)");
	vm_memory(vm, &peak);
	assert_true(peak <= limits.memory);
	vm_free(vm);
	/* Every size of a state too small to be made fails in its place, and only so. */
	for (limits.memory = 500; ; limits.memory += 97) {
		vm = vm_new(&arena, source("return {}"), &limits, &e);
		if (vm)
			break;
		assert_memory_equal(e.text, "out of memory", 13);
	}
	assert_true(limits.memory < 40 * 1024);
	vm_free(vm);
}

/* The same for a call: whatever allocation is the first that fails. */
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

/* ---- calls ------------------------------------------------------------------------------- */

static void
calls_and_results(void **state)
{
	struct vm *vm = load("local n = 0\n"
			     "return {\n"
			     "\tadd = function(a, b) return a + b, nil, {a, b} end,\n"
			     "\tcount = function() n = n + 1 return n end,\n"
			     "\tnothing = function() end,\n"
			     "\tbad = function() return {x = {y = print}} end,\n"
			     "}");
	const struct value *args[] = {json("2"), json("3.5")};
	struct vm_call *call = vm_call(vm, "add", NULL, args, 2, NULL);
	struct vm_error e = {0};

	(void)state;
	assert_int_equal(vm_nresults(call), 0);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_int_equal(vm_nresults(call), 3);
	assert_string_equal(result(call, 0), "5.5");
	assert_string_equal(result(call, 1), "null");
	assert_string_equal(result(call, 2), "[2,3.5]");
	assert_string_equal(result(call, 2), "[2,3.5]");
	assert_string_equal(result(call, 3), "null");
	vm_failure(call, &arena, &e);
	assert_string_equal(e.text, "nothing failed");
	vm_call_free(call);
	vm_call_free(NULL);
	for (int i = 1; i <= 3; i++) {
		call = vm_call(vm, "count", NULL, NULL, 0, NULL);
		assert_int_equal(vm_step(call), VM_DONE);
		assert_string_equal(result(call, 0), arena_printf(&arena, "%d", i));
		vm_call_free(call);
	}
	call = vm_call(vm, "nothing", NULL, NULL, 0, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_int_equal(vm_nresults(call), 0);
	assert_string_equal(result(call, 0), "null");
	call = vm_call(vm, "bad", NULL, NULL, 0, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "no result: hooks/h.lua:6: result.x.y: a function, where only "
			    "plain data can be");
	call = vm_call(vm, "none", NULL, NULL, 0, NULL);
	assert_string_equal(failure(call), "hooks/h.lua: the file has no function 'none'");
	vm_free(vm);            /* with the three calls that are left */
}

static void
waits_and_answers(void **state)
{
	struct vm *vm = load("return {f = function(ctx, x)\n"
			     "\tlocal r = ctx:run{'ls', x, node = 'n1', timeout = 5.0}\n"
			     "\tlocal a = ctx:http{url = 'http://a/', json = {n = 1}}\n"
			     "\tctx:sleep(0.5)\n"
			     "\treturn r.out .. a.status .. a.headers['x-one'] .. a:json().k\n"
			     "end}");
	const struct value *x = json("\"-l\""), *details, *ctx = json("{}");
	struct vm_call *call = vm_call(vm, "f", ctx, &x, 1, NULL);

	(void)state;
	assert_int_equal(vm_step(call), VM_WAITS);
	assert_int_equal(vm_step(call), VM_WAITS);
	assert_int_equal(vm_wants(call, &details), VM_RUN);
	assert_string_equal(value_write(&arena, details),
			    "{\"argv\":[\"ls\",\"-l\"],\"node\":\"n1\",\"timeout\":5}");
	vm_answer(call, json("{\"status\":0,\"out\":\"o\",\"err\":\"\"}"));
	vm_answer(call, json("{\"status\":7}"));        /* the first one counts */
	vm_refuse(call, "too late");
	assert_int_equal(vm_step(call), VM_WAITS);
	assert_int_equal(vm_wants(call, &details), VM_HTTP);
	assert_string_equal(value_write(&arena, details), "{\"body\":\"{\\\"n\\\":1}\",\"headers\":"
			    "{\"Content-Type\":\"application/json\"},\"json\":{\"n\":1},\"method\":\"POST\","
			    "\"url\":\"http://a/\"}");
	vm_answer(call, json("{\"status\":201,\"headers\":{\"X-One\":\"1\"},\"body\":\"{\\\"k\\\":9}\"}"));
	assert_int_equal(vm_step(call), VM_WAITS);
	assert_int_equal(vm_wants(call, &details), VM_SLEEP);
	assert_string_equal(value_write(&arena, details), "{\"seconds\":0.5}");
	vm_answer(call, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "\"o20119\"");
	vm_answer(call, NULL);          /* nothing waits: nothing happens */
	vm_refuse(call, "x");
	assert_int_equal(vm_step(call), VM_DONE);
	vm_free(vm);
}

static void
refusals_can_be_caught(void **state)
{
	struct vm *vm = load("return {\n"
			     "\tf = function(ctx) ctx:run{'ls'} end,\n"
			     "\tg = function(ctx)\n"
			     "\t\tlocal ok, why = pcall(ctx.run, ctx, {'ls'})\n"
			     "\t\treturn {ok, why, ctx:run{'ls'}.out}\n"
			     "\tend,\n"
			     "}");
	const struct value *ctx = json("{}");
	struct vm_call *call = vm_call(vm, "f", ctx, NULL, 0, NULL);

	(void)state;
	assert_int_equal(vm_step(call), VM_WAITS);
	vm_refuse(call, "n1: the connection was lost");
	vm_answer(call, json("{}"));    /* too late */
	assert_string_equal(failure(call), "hooks/h.lua:2: n1: the connection was lost");
	call = vm_call(vm, "g", ctx, NULL, 0, NULL);
	assert_int_equal(vm_step(call), VM_WAITS);
	vm_refuse(call, "100 %s");
	assert_int_equal(vm_step(call), VM_WAITS);
	vm_answer(call, json("{\"status\":0,\"out\":\"o\",\"err\":\"\"}"));
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "[false,\"100 %s\",\"o\"]");
	vm_free(vm);
}

/* Several calls of a state wait at once, and end in any order. */
static void
many_calls_at_once(void **state)
{
	enum { CALLS = 50 };
	struct vm *vm = load("local done = 0\n"
			     "return {f = function(ctx, i)\n"
			     "\tlocal out = ''\n"
			     "\tfor k = 1, 3 do out = out .. ctx:run{'w', tostring(i)}.out end\n"
			     "\tdone = done + 1\n"
			     "\treturn out .. ctx.name, done\n"
			     "end}");
	struct vm_call *call[CALLS];
	size_t before = vm_memory(vm, NULL);

	(void)state;
	for (int i = 0; i < CALLS; i++) {
		const struct value *arg = value_integer(&arena, i);
		struct value *ctx = json("{}");

		value_set_text(&arena, ctx, "name", arena_printf(&arena, "n%d", i));
		call[i] = vm_call(vm, "f", ctx, &arg, 1, NULL);
		assert_int_equal(vm_step(call[i]), VM_WAITS);
	}
	vm_call_free(call[10]);         /* one that waits is given up */
	for (int k = 0; k < 3; k++)
		for (int i = CALLS - 1; i >= 0; i--) {
			const struct value *details;
			struct value *answer = json("{}");

			if (i == 10)
				continue;
			vm_wants(call[i], &details);
			value_set_text(&arena, answer, "out",
				       value_get(details, "argv")->item[1]->text);
			vm_answer(call[i], answer);
			assert_int_equal(vm_step(call[i]), k < 2 ? VM_WAITS : VM_DONE);
		}
	for (int i = 0; i < CALLS; i++) {
		if (i == 10)
			continue;
		assert_string_equal(result(call[i], 0), arena_printf(&arena, "\"%d%d%dn%d\"", i, i, i, i));
		vm_call_free(call[i]);
	}
	call[0] = vm_call(vm, "f", json("{}"), NULL, 0, NULL);
	vm_call_free(call[0]);          /* never begun */
	assert_true(vm_memory(vm, NULL) < before + 500 * 1024);
	vm_free(vm);
}

/* ---- a host ------------------------------------------------------------------------------- */

static void
host_log(void *arg, enum vm_level level, const char *text)
{
	str_printf(arg, "%s:%s\n", level == VM_WARN ? "warn" : "log", text);
}

static const char *
host_secret(void *arg, const char *reference, struct err *e)
{
	(void)arg;
	if (strcmp(reference, "env:TOKEN") == 0)
		return "s3cret";
	return err_set(e, "no '%s'", reference), NULL;
}

static bool
host_file(void *arg, const char *path, struct str *to, struct err *e)
{
	(void)arg;
	if (strcmp(path, "page") == 0)
		return str_add(to, "a\0b", 3), true;
	if (strcmp(path, "large") == 0) {
		for (int i = 0; i < 20; i++) {
			char *block = arena_alloc(&arena, 1 << 20);

			memset(block, 'x', 1 << 20);
			str_add(to, block, 1 << 20);
		}
		return true;
	}
	return err_set(e, "'%s' is outside", path), false;
}

static double
host_now(void *arg)
{
	(void)arg;
	return 1700000000.25;
}

static void
the_host_answers(void **state)
{
	struct vm *vm = load("return {f = function(ctx, v)\n"
			     "\tctx:log('%s is %d', v.name, 5)\n"
			     "\tctx:warn('100%')\n"
			     "\tctx:log({b = 1, a = {2}})\n"
			     "\tprint('a', nil, v, 1.5)\n"
			     "\tctx:log('%s', setmetatable({}, {__tostring = function() return 'own' end}))\n"
			     "\tctx:log('bell\\7 \\xff')\n"
			     "\tlocal _, a = pcall(ctx.secret, ctx, 'env:X')\n"
			     "\tlocal _, b = pcall(ctx.file, ctx, '../x')\n"
			     "\tlocal _, c = pcall(ctx.file, ctx, 'large')\n"
			     "\tlocal _, d = pcall(ctx.secret, ctx, 'a\\0b')\n"
			     "\treturn {ctx:secret('env:TOKEN'), ctx:file('page'), ctx:now(), a, b, c, d}\n"
			     "end,\n"
			     "none = function(ctx)\n"
			     "\tlocal t = {}\n"
			     "\tfor _, name in ipairs{'log', 'warn', 'secret', 'file', 'now'} do\n"
			     "\t\tt[#t + 1] = select(2, pcall(ctx[name], ctx, 'x'))\n"
			     "\tend\n"
			     "\treturn t\n"
			     "end}");
	struct str said = {0};
	const struct vm_host host = {host_log, host_secret, host_file, host_now, &said}, none = {0};
	const struct value *v = json("{\"name\":\"n1\"}"), *ctx = json("{}");
	struct vm_call *call = vm_call(vm, "f", ctx, &v, 1, &host);

	(void)state;
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "[\"s3cret\",\"a\\u0000b\",1700000000.25,"
			    "\"ctx:secret: no 'env:X'\",\"ctx:file: '../x' is outside\","
			    "\"ctx:file: large is larger than 16 MiB\",\"ctx:secret: 'reference' has a zero byte\"]");
	assert_string_equal(str_text(&said), "log:n1 is 5\nwarn:100%\nlog:{\"a\":[2],\"b\":1}\n"
			    "log:a\tnil\t{\"name\":\"n1\"}\t1.5\nlog:own\nlog:bell\\x07 \\xff\n");
	str_release(&said);
	call = vm_call(vm, "none", ctx, NULL, 0, &none);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "[\"ctx:log is not to be had here\",\"ctx:warn is not to be had "
			    "here\",\"ctx:secret is not to be had here\",\"ctx:file is not to be had here\","
			    "\"ctx:now is not to be had here\"]");
	call = vm_call(vm, "none", ctx, NULL, 0, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	vm_free(vm);
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
	assert_string_equal(failure(call), "hooks/h.lua:14: stack overflow: 20000 calls in each other");
	vm_failure(call, &arena, &e);
	assert_string_equal(strrchr(e.trace, '\n'), "\n...");
	vm_free(vm);
}

/* Names longer than Lua keeps are shortened by it; the place is found all the same. */
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
	while (vm_step(call) == VM_WAITS) {     /* each slice counts for itself */
		vm_answer(call, NULL);
		waits++;
	}
	assert_int_equal(waits, 20);
	assert_string_equal(failure(call), "hooks/h.lua:7: took longer than 30 ms of computing");
	vm_free(vm);
	assert_null(vm_new(&arena, source("\nfor i = 1, 1e12 do end"), &limits, &e));
	assert_string_equal(vm_error_line(&arena, &e),
			    "hooks/h.lua:2: took longer than 30 ms of computing");
}

/* ---- the manual ------------------------------------------------------------------------------ */

static void
the_manual_has_every_function(void **state)
{
	static const char *const names[] = {"run", "http", "sleep", "json", "to_json", "log", "warn",
		"secret", "file", "now"};
	struct str page = {0}, stub = {0};

	(void)state;
	vm_manual(&page, VM_MARKDOWN);
	vm_manual(&stub, VM_LUALS);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_non_null(strstr(str_text(&page), arena_printf(&arena, "### ctx:%s", names[i])));
		assert_non_null(strstr(str_text(&stub), arena_printf(&arena, "function ctx:%s(", names[i])));
	}
	str_release(&page);
	str_release(&stub);
}

static int
release(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, release)

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
		TEST(calls_and_results),
		TEST(waits_and_answers),
		TEST(refusals_can_be_caught),
		TEST(many_calls_at_once),
		TEST(the_host_answers),
		TEST(errors_have_places),
		TEST(long_names),
		TEST(the_deadline),
		TEST(the_manual_has_every_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
