/* What ctx:run and ctx:http accept, and their errors for the rest. */
#include "tests/unit/vm_by_hand.h"

/* What the call waits for, as JSON, or the error. */
static const char *
wanted(const char *statement)
{
	struct source *src = ar_new(&arena, struct source);
	const struct value *details;
	struct vm_error e = {0};
	struct vm_call *call;
	const char *text;
	struct vm *vm;

	src->name = "o.lua";
	src->text = arena_printf(&arena, "return {f = function(ctx) %s end}", statement);
	src->len = strlen(src->text);
	vm = vm_new(&arena, src, NULL, &e);
	if (!vm)
		fail_msg("%s: %s", statement, e.text);
	call = vm_call(vm, "f", value_map(&arena), NULL, 0, NULL);
	switch (vm_step(call)) {
	case VM_WAITS:
		vm_wants(call, &details);
		text = value_write(&arena, details);
		break;
	case VM_FAILED:
		vm_failure(call, &arena, &e);
		text = e.text;
		break;
	default:
		text = "done";
	}
	vm_free(vm);
	return text;
}

struct option_case {
	const char *statement, *wanted;
};

static void
check_all(const struct option_case *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(wanted(c[i].statement), c[i].wanted);
}
#define CHECK(cases) check_all(cases, sizeof cases / sizeof *cases)

static void
run_takes(void **state)
{
	static const struct option_case cases[] = {
		{"ctx:run{'ls'}", "{\"argv\":[\"ls\"]}"},
		{"ctx:run{'ls', '-l'}", "{\"argv\":[\"ls\",\"-l\"]}"},
		{"ctx:run{argv = {'ls', '-l'}}", "{\"argv\":[\"ls\",\"-l\"]}"},
		{"ctx:run{'ls', node = 'n1', stdin = 'a\\0b', timeout = 30, check = true}",
			"{\"argv\":[\"ls\"],\"check\":true,\"node\":\"n1\",\"stdin\":\"a\\u0000b\",\"timeout\":30}"},
		{"ctx:run{'ls', timeout = 30.0, node = nil}", "{\"argv\":[\"ls\"],\"timeout\":30}"},
		{"ctx:run{'kill', '-9', 12}", "{\"argv\":[\"kill\",\"-9\",\"12\"]}"},
		{"ctx:run{'', ''}", "{\"argv\":[\"\",\"\"]}"},
		{"ctx:run{'a b;c', \"$x\\n\"}", "{\"argv\":[\"a b;c\",\"$x\\n\"]}"},
		{"ctx:run()", "ctx:run takes a table: ctx:run{\"ls\", \"-l\"}"},
		{"ctx:run('ls')", "ctx:run takes a table: ctx:run{\"ls\", \"-l\"}"},
		{"ctx:run{}", "ctx:run: there is nothing to run: ctx:run{\"ls\", \"-l\"}"},
		{"ctx:run(ctx)", "ctx:run: there is nothing to run: ctx:run{\"ls\", \"-l\"}"},
		{"ctx:run{node = 'n1'}", "ctx:run: there is nothing to run: ctx:run{\"ls\", \"-l\"}"},
		{"ctx:run{argv = {}}", "ctx:run: 'argv' must be a list of strings"},
		{"ctx:run{argv = 'ls'}", "ctx:run: 'argv' must be a list of strings"},
		{"ctx:run{argv = {ls = 1}}", "ctx:run: 'argv' must be a list of strings"},
		{"ctx:run{'sleep', 0.5}", "ctx:run: 'argv' must be a list of strings, but item 2 is not"},
		{"ctx:run{'ls', {'-l'}}", "ctx:run: 'argv' must be a list of strings, but item 2 is not"},
		{"ctx:run{'ls', 'a\\0b'}", "ctx:run: 'argv': string 2 contains a zero byte"},
		{"ctx:run{'ls', nil, 'x'}", "ctx:run: a list with a hole: item 2 is nil, the last one is item 3"},
		{"ctx:run{'ls', print}", "ctx:run: [2]: a function, where only plain data is possible"},
		{"ctx:run{'ls', nod = 'n1'}", "ctx:run: there is no option 'nod' (did you mean 'node'?)"},
		{"ctx:run{'ls', url = 'x'}", "ctx:run: there is no option 'url'"},
		{"ctx:run{'ls', node = 5}", "ctx:run: 'node' must be a string"},
		{"ctx:run{'ls', node = 'a\\0'}", "ctx:run: 'node' contains a zero byte"},
		{"ctx:run{'ls', stdin = {}}", "ctx:run: 'stdin' must be a string"},
		{"ctx:run{'ls', timeout = 0}", "ctx:run: 'timeout' must be a whole number from 1 to 604800"},
		{"ctx:run{'ls', timeout = 1.5}", "ctx:run: 'timeout' must be a whole number from 1 to 604800"},
		{"ctx:run{'ls', timeout = '5'}", "ctx:run: 'timeout' must be a whole number from 1 to 604800"},
		{"ctx:run{'ls', timeout = 1e18}", "ctx:run: 'timeout' must be a whole number from 1 to 604800"},
		{"ctx:run{'ls', timeout = math.mininteger}",
			"ctx:run: 'timeout' must be a whole number from 1 to 604800"},
		{"ctx:run{'ls', check = 1}", "ctx:run: 'check' must be true or false"},
		{"ctx.run{'ls'}", "call it with a colon: ctx:run(...)"},
	};

	(void)state;
	CHECK(cases);
}

static void
both_ways_to_name_the_words(void **state)
{
	(void)state;
	assert_string_equal(wanted("ctx:run{'ls', argv = {'rm'}}"),
			    "ctx:run: the program is given twice: as 'argv' and as items of the table");
}

static void
http_takes(void **state)
{
	static const struct option_case cases[] = {
		{"ctx:http{url = 'http://a/'}", "{\"headers\":{},\"method\":\"GET\",\"url\":\"http://a/\"}"},
		{"ctx:http{url = 'https://a/', method = 'PUT', body = '\\0', timeout = 5, node = 'n1', "
			"headers = {['X-A'] = 'b'}}", "{\"body\":\"\\u0000\",\"headers\":{\"X-A\":\"b\"},"
			"\"method\":\"PUT\",\"node\":\"n1\",\"timeout\":5,\"url\":\"https://a/\"}"},
		{"ctx:http{url = 'http://a/', body = ''}",
			"{\"body\":\"\",\"headers\":{},\"method\":\"POST\",\"url\":\"http://a/\"}"},
		{"ctx:http{url = 'http://a/', json = {1, 'x'}}", "{\"body\":\"[1,\\\"x\\\"]\",\"headers\":"
			"{\"Content-Type\":\"application/json\"},\"json\":[1,\"x\"],\"method\":\"POST\",\"url\":\"http://a/\"}"},
		{"ctx:http{url = 'http://a/', json = false, headers = {['content-TYPE'] = 'x/y'}}",
			"{\"body\":\"false\",\"headers\":{\"content-TYPE\":\"x/y\"},\"json\":false,\"method\":\"POST\","
			"\"url\":\"http://a/\"}"},
		{"ctx:http('http://a/')", "ctx:http takes a table: ctx:http{url = ...}"},
		{"ctx:http{}", "ctx:http: 'url' is missing"},
		{"ctx:http{url = ''}", "ctx:http: 'url' is missing"},
		{"ctx:http{'http://a/'}", "ctx:http: there is no option 'argv'"},
		{"ctx:http{url = 'ftp://a/'}", "ctx:http: 'url' must start with http:// or https://"},
		{"ctx:http{url = 'env:HOOK'}", "ctx:http: 'url' is a secret reference: read it with ctx:secret()"},
		{"ctx:http{url = ' http://a/'}", "ctx:http: 'url' must start with http:// or https://"},
		{"ctx:http{url = 'http://a/\\0b'}", "ctx:http: 'url' contains a zero byte"},
		{"ctx:http{url = 'http://a/\\r\\nX: y'}", "ctx:http: 'url' contains a control character"},
		{"ctx:http{url = 'http://a/', method = 'get'}",
			"ctx:http: 'method' must be a word such as GET, POST or PUT"},
		{"ctx:http{url = 'http://a/', method = 'GET / HTTP/1.0'}",
			"ctx:http: 'method' must be a word such as GET, POST or PUT"},
		{"ctx:http{url = 'http://a/', headers = {'x'}}", "ctx:http: 'headers' must be a table: {Name = string}"},
		{"ctx:http{url = 'http://a/', headers = {['A b'] = 'x'}}",
			"ctx:http: 'A b' is not a valid header name"},
		{"ctx:http{url = 'http://a/', headers = {['A:'] = 'x'}}",
			"ctx:http: 'A:' is not a valid header name"},
		{"ctx:http{url = 'http://a/', headers = {A = 1}}", "ctx:http: header 'A' must be a string"},
		{"ctx:http{url = 'http://a/', headers = {A = 'x\\r\\nB: y'}}",
			"ctx:http: header 'A' contains a control character"},
		{"ctx:http{url = 'http://a/', headers = {A = 'x\\0'}}", "ctx:http: header 'A' must be a string"},
		{"ctx:http{url = 'http://a/', json = {}, body = ''}",
			"ctx:http: give either 'body' or 'json', not both"},
		{"ctx:http{url = 'http://a/', json = {f = print}}",
			"ctx:http: json.f: a function, where only plain data is possible"},
		{"ctx:http{url = 'http://a/', timout = 5}",
			"ctx:http: there is no option 'timout' (did you mean 'timeout'?)"},
		{"ctx:http{url = 'http://a/', stdin = ''}", "ctx:http: there is no option 'stdin'"},
	};

	(void)state;
	CHECK(cases);
}

static void
sleep_takes(void **state)
{
	static const struct option_case cases[] = {
		{"ctx:sleep(2)", "{\"seconds\":2.0}"},
		{"ctx:sleep(0)", "{\"seconds\":0.0}"},
		{"ctx:sleep(-1)", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
		{"ctx:sleep('1')", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
		{"ctx:sleep(0/0)", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
		{"ctx:sleep(1/0)", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
		{"ctx:sleep()", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
	};

	(void)state;
	CHECK(cases);
}

static void
limits_of_the_table(void **state)
{
	struct vm *vm = load("return {}");

	(void)state;
	assert_int_equal(vm->limits.slice_ms, 5000);
	assert_int_equal(vm->limits.load_ms, 1000);
	vm_free(vm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(run_takes),
		TEST(both_ways_to_name_the_words),
		TEST(http_takes),
		TEST(sleep_takes),
		cmocka_unit_test(limits_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
