/* Calls of Lua functions: results, waits and answers, and what the host answers at once. */
#include "tests/unit/vm_by_hand.h"

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
	assert_int_equal(vm_step(call), VM_DONE);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_int_equal(call->nresults, 3);
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
	assert_int_equal(call->nresults, 0);
	assert_string_equal(result(call, 0), "null");
	call = vm_call(vm, "bad", NULL, NULL, 0, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "no result: hooks/h.lua:6: result.x.y: a function, where only "
			    "plain data is possible");
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
	size_t before = vm->memory.used;

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
	vm_call_free(call[0]);          /* never started */
	assert_true(vm->memory.used < before + 500 * 1024);
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
			    "\"ctx:file: large is larger than 16 MiB\",\"ctx:secret: 'reference' contains a zero byte\"]");
	assert_string_equal(str_text(&said), "log:n1 is 5\nwarn:100%\nlog:{\"a\":[2],\"b\":1}\n"
			    "log:a\tnil\t{\"name\":\"n1\"}\t1.5\nlog:own\nlog:bell\\x07 \\xff\n");
	str_release(&said);
	call = vm_call(vm, "none", ctx, NULL, 0, &none);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_string_equal(result(call, 0), "[\"ctx:log is not available here\",\"ctx:warn is not available "
			    "here\",\"ctx:secret is not available here\",\"ctx:file is not available here\","
			    "\"ctx:now is not available here\"]");
	call = vm_call(vm, "none", ctx, NULL, 0, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	vm_free(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_and_results),
		TEST(waits_and_answers),
		TEST(refusals_can_be_caught),
		TEST(many_calls_at_once),
		TEST(the_host_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
