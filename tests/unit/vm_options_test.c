/* lua/options: what ctx:run and ctx:http take, what they refuse and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lua/vm.h"

/* A call of one line; what it waits for as JSON, or its error without the place. */
static const struct { const char *line, *comes; } table[] = {
	{"ctx:run{'ls', '-l'}", "{\"argv\":[\"ls\",\"-l\"]}"},
	{"ctx:run{argv = {'ls'}, node = 'a', stdin = 'x\\0y', timeout = 2.0, check = true}",
	 "{\"argv\":[\"ls\"],\"check\":true,\"node\":\"a\",\"stdin\":\"x\\u0000y\",\"timeout\":2}"},
	{"ctx:run{'ls', argv = {'ls'}}", "ctx:run: 'argv' and words without a name: one of them"},
	{"ctx:run{''}", "ctx:run: 'argv': the program's name is empty"},
	{"ctx:run{'a', 'b\\0c'}", "ctx:run: 'argv': text 2 has a zero byte"},
	{"ctx:run{'a', {}}", "ctx:run: 'argv' must be a list of texts, but item 2 is none"},
	{"ctx:run{}", "ctx:run: there is nothing to run: ctx:run{\"ls\", \"-l\"}"},
	{"ctx:run{'a', nodes = 'b'}", "ctx:run: there is no option 'nodes' (did you mean 'node'?)"},
	{"ctx:run{'a', timeout = 0}", "ctx:run: 'timeout' must be a whole number from 1 to 604800"},
	{"ctx:run{'a', timeout = 1.5}", "ctx:run: 'timeout' must be a whole number from 1 to 604800"},
	{"ctx:run{'a', check = 1}", "ctx:run: 'check' must be true or false"},
	{"ctx:run{'a', stdin = print}", "ctx:run: stdin: a function, where only plain data can be"},
	{"ctx:run('ls')", "ctx:run takes a table: ctx:run{\"ls\", \"-l\"}"},
	{"ctx.run{'ls'}", "call it with a colon: ctx:run(...)"},
	{"('x'):gsub('x', function() ctx:run{'ls'} end)",
	 "ctx:run cannot wait here (inside string.gsub, table.sort or an error handler)"},
	{"ctx:http{url = 'http://x/', headers = {['X-A'] = 'b'}, json = {2, 1}}",
	 "{\"body\":\"[2,1]\",\"headers\":{\"Content-Type\":\"application/json\",\"X-A\":\"b\"},"
	 "\"method\":\"POST\",\"url\":\"http://x/\"}"},
	{"ctx:http{url = 'https://x'}", "{\"headers\":{},\"method\":\"GET\",\"url\":\"https://x\"}"},
	{"ctx:http{}", "ctx:http: 'url' is missing"},
	{"ctx:http{url = 'file:///etc/passwd'}",
	 "ctx:http: 'url' must begin with http:// or https://"},
	{"ctx:http{url = 'http://x/a b'}", "ctx:http: 'url' has a space or a control character in it"},
	{"ctx:http{url = 'http://x/ HTTP/1.1\\r\\nHost: y'}",
	 "ctx:http: 'url' has a space or a control character in it"},
	{"ctx:http{url = 'http://x', headers = {a = 'b\\nc: d'}}",
	 "ctx:http: header 'a' has a control character"},
	{"ctx:http{url = 'http://x', headers = {['a:'] = 'b'}}",
	 "ctx:http: 'a:' cannot be the name of a header"},
	{"ctx:http{url = 'http://x', body = '', json = {}}",
	 "ctx:http: 'body' and 'json' are two ways to give one thing"},
	{"ctx:http{url = 'http://x', method = 'G ET'}",
	 "ctx:http: 'method' must be a word such as GET, POST or PUT"},
	{"ctx:sleep(-1)", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
	{"ctx:sleep(0/0)", "ctx:sleep: 'seconds' must be a number from 0 to 86400"},
	{"ctx:sleep(1)", "{\"seconds\":1.0}"},
};

static const char *
outcome(struct arena *a, const char *line)
{
	const char *text = arena_printf(a, "return {f = function(ctx)\n%s\nend}\n", line);
	struct source src = {"hooks/o.lua", text, strlen(text)};
	struct vm_error e = {0};
	struct vm *vm = vm_new(a, &src, NULL, &e);
	const struct value *details;
	struct vm_call *call;
	const char *said;

	if (!vm)
		return vm_error_line(a, &e);
	call = vm_call(vm, "f", value_map(a), NULL, 0, NULL);
	switch (vm_step(call)) {
	case VM_WAITS:
		vm_wants(call, &details);
		said = value_write(a, details);
		break;
	case VM_FAILED:
		vm_failure(call, a, &e);
		said = e.at.line == 2 ? e.text : vm_error_line(a, &e);
		break;
	default:
		said = "(done)";
	}
	vm_free(vm);            /* with the call that waits */
	return said;
}

static void
options_are_checked(void **state)
{
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(outcome(&a, table[i].line), table[i].comes);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
