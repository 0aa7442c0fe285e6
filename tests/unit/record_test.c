/* Inputs and records: written, read back, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/facts/facts.h"

static void
test_inputs(void **state)
{
	struct arena a = {0};
	struct attrs in = {0}, other = {0}, back = {0};
	const char *json;

	(void)state;
	attrs_add(&a, &in, "port", "8000");
	attrs_add(&a, &in, "args.x", "a \"b\"\n\\");
	attrs_add_secret(&a, &in, "api_key", "m4c");
	json = inputs_write(&a, &in);
	assert_string_equal(json, "{\"api_key\":{\"mac\":\"m4c\"},\"args.x\":\"a \\\"b\\\"\\n\\\\\","
			    "\"port\":\"8000\"}");
	/* Canonical: the order of adding does not matter. */
	attrs_add_secret(&a, &other, "api_key", "m4c");
	attrs_add(&a, &other, "args.x", "a \"b\"\n\\");
	attrs_add(&a, &other, "port", "8000");
	assert_string_equal(inputs_write(&a, &other), json);
	assert_true(inputs_read(&a, json, strlen(json), &back));
	assert_int_equal(back.n, 3);
	assert_true(attrs_get(&back, "api_key")->secret);
	assert_string_equal(attrs_value(&back, "args.x", ""), "a \"b\"\n\\");
	arena_release(&a);
}

static void
test_bad_inputs(void **state)
{
	static const char *const bad[] = {"", "{", "[]", "3", "{\"a\":1}", "{\"a\":{}}",
		"{\"a\":\"x\",\"a\":\"y\"}", "{\"a\":\"\xff\"}"};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct attrs attrs = {0};

		assert_false(inputs_read(&a, bad[i], strlen(bad[i]), &attrs));
	}
	arena_release(&a);
}

static void
test_not_utf8(void **state)
{
	struct arena a = {0};
	struct attrs in = {0}, back = {0};
	const char *json;

	(void)state;
	attrs_add(&a, &in, "env.X", "caf\xe9");
	json = inputs_write(&a, &in);
	assert_true(inputs_read(&a, json, strlen(json), &back));
	assert_string_equal(attrs_value(&back, "env.X", ""), "caf\xc3\xa9");
	arena_release(&a);
}

static void
test_record(void **state)
{
	struct arena a = {0};
	struct record r = {.step = "worker[b]", .node = "b", .kind = "worker", .phase = "done",
		.apply_id = "17", .at = "2026-11-22T10:00:00Z", .instance = "c2"}, *back;
	const char *json;

	(void)state;
	attrs_add(&a, &r.inputs, "image", "v:1");
	attrs_add(&a, &r.bound, "head[a]", "c1");
	attrs_add(&a, &r.down, "name", "dray-x-worker");
	json = record_write(&a, &r);
	assert_null(strchr(json, '\n'));
	back = record_read(&a, json, strlen(json));
	assert_non_null(back);
	assert_string_equal(back->step, "worker[b]");
	assert_string_equal(back->node, "b");
	assert_string_equal(back->phase, "done");
	assert_string_equal(back->instance, "c2");
	assert_null(back->output);
	assert_string_equal(attrs_value(&back->bound, "head[a]", ""), "c1");
	assert_string_equal(attrs_value(&back->down, "name", ""), "dray-x-worker");
	assert_string_equal(record_write(&a, back), json);
	assert_false(record_is_stopped(back));
	assert_int_equal(back->took, 0);
	r.took = 680;
	json = record_write(&a, &r);
	assert_int_equal(record_read(&a, json, strlen(json))->took, 680);
	r.took = 99999999;
	json = record_write(&a, &r);
	assert_int_equal(record_read(&a, json, strlen(json))->took, 0);
	r.phase = "stopped";
	json = record_write(&a, &r);
	back = record_read(&a, json, strlen(json));
	assert_true(record_is_stopped(back));
	assert_null(record_read(&a, "{}", 2));
	assert_null(record_read(&a, "{\"step\":\"x\",\"phase\":\"maybe\"}", 28));
	assert_null(record_read(&a, json, strlen(json) - 1));
	arena_release(&a);
}

/* A record written by the first release must be readable by all later ones. */
static void
test_old_record(void **state)
{
	static const char json[] = "{\"v\":1,\"step\":\"serve\",\"node\":\"a\",\"kind\":\"serve\","
		"\"phase\":\"done\",\"apply_id\":\"x\",\"at\":\"2026-11-22T10:00:00Z\","
		"\"instance\":\"u1\",\"inputs\":{\"port\":\"8000\",\"api_key\":{\"mac\":\"ff\"}},"
		"\"bound\":{\"head[a]\":\"c1\"},\"down\":{},\"later\":[1,2]}";
	struct arena a = {0};
	struct record *r = record_read(&a, json, sizeof json - 1);

	(void)state;
	assert_non_null(r);
	assert_string_equal(attrs_value(&r->inputs, "port", ""), "8000");
	assert_true(attrs_get(&r->inputs, "api_key")->secret);
	arena_release(&a);
}

/* Thousands of upstreams: they are sorted, and the last of equal names wins. */
static void
test_long_list(void **state)
{
	struct arena a = {0};
	struct attrs list = {0};

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		attrs_addf(&a, &list, arena_printf(&a, "n%u", i * 7919 % 1999), "%u", i);
	attrs_sort(&list);
	assert_int_equal(list.n, 1999);
	for (size_t i = 1; i < list.n; i++)
		assert_true(strcmp(list.v[i - 1].name, list.v[i].name) < 0);
	for (unsigned i = 5000 - 1999; i < 5000; i++)
		assert_string_equal(attrs_value(&list, arena_printf(&a, "n%u", i * 7919 % 1999), "-"),
				    arena_printf(&a, "%u", i));
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_list), cmocka_unit_test(test_inputs), cmocka_unit_test(test_bad_inputs),
		cmocka_unit_test(test_not_utf8), cmocka_unit_test(test_record),
		cmocka_unit_test(test_old_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
