/* Values to Lua and back: views, copies, and the limits on what a script can return. */
#include "tests/unit/vm_by_hand.h"

/* What `body` of function(ctx, v) returns, as JSON, or the error. */
static const char *
run_with(const char *body, const struct value *ctx, const struct value *v)
{
	struct source *src = ar_new(&arena, struct source);
	struct vm_error e = {0};
	struct vm_call *call;
	struct value *got;
	const char *text;
	struct vm *vm;

	src->name = "v.lua";
	src->text = arena_printf(&arena, "return {f = function(ctx, v) %s end}", body);
	src->len = strlen(src->text);
	vm = vm_new(&arena, src, NULL, &e);
	if (!vm)
		fail_msg("%s: %s", body, e.text);
	call = vm_call(vm, "f", ctx ? ctx : value_map(&arena), &v, 1, NULL);
	if (vm_step(call) == VM_FAILED) {
		vm_failure(call, &arena, &e);
		text = arena_printf(&arena, "failed: %s", e.text);
	} else {
		got = vm_result(call, &arena, 0, &e);
		text = got ? value_write(&arena, got) : e.text;
	}
	vm_free(vm);
	return text;
}

static const char *
run(const char *body, const char *v)
{
	return run_with(body, NULL, json(v));
}

#define COPY "local function copy(v) if type(v) ~= 'table' then return v end " \
	"local t = {} for k, x in pairs(v) do t[k] = copy(x) end return t end return copy(v)"

static void
values_come_back_unchanged(void **state)
{
	static const char *const same[] = {
		"true", "false", "0", "-7", "9223372036854775807", "-9223372036854775808", "1.5", "-0.25",
		"\"\"", "\"a\\u0000b\"", "\"\xc3\xbc\"", "[1,2,3]", "[[1],[\"\",[true]]]",
		"{\"a\":{\"b\":{\"c\":[{\"d\":1}]}}}", "{\"1\":\"one\",\"2\":\"two\"}", "[{\"x\":1},{\"y\":[0.25]}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		assert_string_equal(run("return v", same[i]), same[i]);         /* the view */
		assert_string_equal(run(COPY, same[i]), same[i]);
		assert_string_equal(run("return ctx:json(ctx:to_json(v))", same[i]), same[i]);
	}
	assert_string_equal(run("return v", "null"), "null");
	assert_string_equal(run("return v", "[]"), "[]");
	assert_string_equal(run(COPY, "[]"), "{}");             /* Lua does not distinguish them */
	assert_string_equal(run("return 3.0", "0"), "3.0");
	assert_string_equal(run("return 10 // 2, 10 / 2", "0"), "5");
	assert_string_equal(run("return {b = 1, a = 2, [1] = nil}", "0"), "{\"a\":2,\"b\":1}");
	assert_string_equal(run("return '\\xff'", "0"), "\"\xc3\xbf\"");
}

static void
views_read_like_tables(void **state)
{
	static const struct { const char *body, *v, *result; } cases[] = {
		{"return #v .. v[1] .. v[3] .. tostring(v[4]) .. tostring(v[0]) .. tostring(v[-1])", "[7,8,9]",
			"\"379nilnilnil\""},
		{"return tostring(v.x) .. tostring(v[1.0]) .. tostring(v['1'])", "[7]", "\"nil7nil\""},
		{"return v.a.b[2].c", "{\"a\":{\"b\":[0,{\"c\":5}]}}", "5"},
		{"return tostring(v.none) .. tostring(v[1]) .. tostring(v[true]) .. #v", "{\"a\":1}", "\"nilnilnil0\""},
		{"local s = '' for k, x in pairs(v) do s = s .. k .. x end return s", "{\"b\":1,\"a\":2}", "\"b1a2\""},
		{"local s = '' for i, x in ipairs(v) do s = s .. i .. x end return s", "[\"a\",\"b\"]", "\"1a2b\""},
		{"local s, k, x = '', next(v) while k do s = s .. k .. tostring(x) k, x = next(v, k) end return s",
			"{\"b\":1,\"n\":null,\"a\":true}", "\"b1atrue\""},
		{"local s = '' for k, x in pairs(v) do s = s .. k .. x end return s", "[1,null,3]", "\"1133\""},
		{"return table.concat(v, '-') .. select('#', table.unpack(v))", "[\"a\",2,\"c\"]", "\"a-2-c3\""},
		{"return table.move(v, 1, 2, 2, {})", "[5,6]",
			"result: a list with a hole: item 1 is nil, the last one is item 3"},
		{"return table.move(v, 1, 2, 1, {})", "[5,6]", "[5,6]"},
		{"return tostring(v)", "{\"b\":[1,2],\"a\":\"x\"}", "\"{\\\"a\\\":\\\"x\\\",\\\"b\\\":[1,2]}\""},
		{"return {v == v, v.a == v.a, v.a == v.b}", "{\"a\":[],\"b\":[]}", "[true,true,false]"},
		{"return next(v) == nil and next({}) == nil", "{}", "true"},
		{"return {inner = v.a, list = {v.a, v.a}}", "{\"a\":{\"x\":1}}",
			"{\"inner\":{\"x\":1},\"list\":[{\"x\":1},{\"x\":1}]}"},
		{"v.a = 2", "{\"a\":1}", "failed: this table is read-only: it shows what dray knows; copy it to "
			"change it"},
		{"return next(v, 'none')", "{\"a\":1}", "failed: invalid key to 'next'"},
		{"return v.a.b.c", "{\"a\":{}}", "failed: attempt to index a nil value (field 'b')"},
		{"return v + 1", "{}", "failed: attempt to perform arithmetic on a read-only table value (local 'v')"},
		{"return #tostring(v)", "{\"a\":[\"0123456789012345678901234567890123456789\"]}", "50"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(run(cases[i].body, cases[i].v), cases[i].result);
}

static void
ctx_shows_its_members(void **state)
{
	const struct value *ctx = json("{\"config\":{\"url\":\"u\"},\"node\":\"n1\",\"run\":\"hidden\"}");

	(void)state;
	assert_string_equal(run_with("return ctx.config.url .. ctx.node .. type(ctx.run) .. type(ctx)", ctx,
				     value_nil(&arena)), "\"un1functiontable\"");
	assert_string_equal(run_with("local s = '' for k in pairs(ctx) do s = s .. k .. ' ' end return s",
				     ctx, value_nil(&arena)), "\"config node run \"");
	assert_string_equal(run_with("return #tostring(ctx) > 10 and #ctx == 0 and ctx.none == nil", ctx,
				     value_nil(&arena)), "true");
}

static void
what_cannot_come_back(void **state)
{
	static const struct { const char *body, *why; } cases[] = {
		{"return print", "result: a function, where only plain data is possible"},
		{"return {a = {{f = print}}}", "result.a[1].f: a function, where only plain data is possible"},
		{"return ctx.run", "result: a function, where only plain data is possible"},
		{"local t = {} t.x = {y = t} return t", "result.x.y: the table is inside itself"},
		{"return {1, 2, x = 3}", "result: it has both positions (1, 2, ...) and names as keys"},
		{"return {a = {[0] = 1}}", "result.a: the key 0: lists start with 1"},
		{"return {[2] = 1}", "result: a list with a hole: item 1 is nil, the last one is item 2"},
		{"return {[1 << 62] = 1}", "result: a list with a hole: item 1 is nil, the last one is item 4611686018427387904"},
		{"return {[1.5] = 1}", "result: a key that is a number: keys are names, or 1, 2, 3..."},
		{"return {[{}] = 1}", "result: a key that is a table: keys are names, or 1, 2, 3..."},
		{"return {[v] = 1}", "result: a key that is a userdata: keys are names, or 1, 2, 3..."},
		{"return {['a\\0'] = 1}", "result: a key that contains a zero byte"},
		{"return {['\\27[2J'] = print}", "result.\\x1b[2J: a function, where only plain data is possible"},
		{"return {x = 1 / 0}", "result.x: a number that is not finite"},
		{"return {x = 0 / 0}", "result.x: a number that is not finite"},
		{"local t = 1 for _ = 1, 32 do t = {t} end return t", NULL},
		{"local t = 1 for _ = 1, 33 do t = {x = t} end return t", "nested deeper than 32"},
		{"local t = {} for i = 1, 199999 do t[i] = i end return t", NULL},
		{"local t = {} for i = 1, 200000 do t[i] = i end return t", "result: more than 200000 values"},
		{"local s = ('x'):rep(1 << 24) return s", NULL},
		{"local s = ('x'):rep(1 << 24) return s .. 'x'", "result: more than 16 MiB of text"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = run(cases[i].body, "[]");

		if (cases[i].why ? !strstr(got, cases[i].why) : strchr("[1\"", *got) == NULL)
			fail_msg("%s: %.200s", cases[i].body, got);
		arena_release(&arena);
	}
}

/* A view deep inside a result counts like a copy. */
static void
views_count_too(void **state)
{
	struct value *deep = value_integer(&arena, 1), *many = value_list(&arena), *list;
	struct value *named = value_map(&arena);
	char *key;

	(void)state;
	for (int i = 0; i < 20; i++) {
		list = value_list(&arena);
		value_push(&arena, list, deep);
		deep = list;
	}
	assert_non_null(strstr(run_with("local t = v for _ = 1, 12 do t = {t} end return t", NULL, deep), "[[["));
	assert_non_null(strstr(run_with("local t = v for _ = 1, 13 do t = {t} end return t", NULL, deep),
			       "nested deeper than 32"));
	for (int i = 0; i < 60000; i++)
		value_push(&arena, many, value_integer(&arena, i));
	assert_non_null(strstr(run_with("return {v, v, v}", NULL, many), "[0,1,2"));
	assert_non_null(strstr(run_with("return {v, v, v, v}", NULL, many), "more than 200000 values"));
	/* Names count as text, too. */
	key = arena_alloc(&arena, 1 << 20);
	memset(key, 'k', 1 << 20);
	key[(1 << 20) - 1] = '\0';
	value_set_integer(&arena, named, key, 1);
	assert_non_null(strstr(run_with("local t = {} for i = 1, 16 do t[i] = v end return t", NULL, named), "[{"));
	assert_non_null(strstr(run_with("local t = {} for i = 1, 17 do t[i] = v end return t", NULL, named),
			       "more than 16 MiB of text"));
}

/* A large event costs a state almost nothing until it is used. */
static void
views_are_small(void **state)
{
	struct source src = {.name = "v.lua", .text = "return {f = function(v) return #v end}"};
	struct value *many = value_list(&arena);
	struct vm_error e = {0};
	struct vm_call *call;
	struct vm *vm;
	const struct value *arg = many;
	size_t before;

	(void)state;
	src.len = strlen(src.text);
	for (int i = 0; i < 100000; i++)
		value_push(&arena, many, json("{\"address\":\"x\"}"));
	vm = vm_new(&arena, &src, NULL, &e);
	before = vm->memory.used;
	call = vm_call(vm, "f", NULL, &arg, 1, NULL);
	assert_int_equal(vm_step(call), VM_DONE);
	assert_int_equal(vm_result(call, &arena, 0, &e)->integer, 100000);
	assert_true(vm->memory.used < before + 4096);
	vm_free(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_come_back_unchanged),
		TEST(views_read_like_tables),
		TEST(ctx_shows_its_members),
		TEST(what_cannot_come_back),
		TEST(views_count_too),
		TEST(views_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
