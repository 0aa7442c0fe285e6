/* Values: JSON to a value and back, maps, numbers, and bad text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planner/base/value.h"

static struct arena arena;

static struct value *
read_text(const char *json)
{
	struct err e = {0};
	struct value *v = value_read(&arena, json, strlen(json), &e);

	if (!v)
		fail_msg("%s: %s", json, e.text);
	return v;
}

static const char *
error_of(const char *json, size_t n)
{
	static struct err e;

	e = (struct err){0};
	assert_null(value_read(&arena, json, n, &e));
	return e.text;
}

static void
json_comes_back(void **state)
{
	static const char *const same[] = {
		"null", "true", "false", "0", "-7", "9223372036854775807", "1.5", "\"\"", "\"a\\u0000b\"",
		"[]", "{}", "[1,[2,{\"a\":null}]]", "{\"a\":1,\"b\":[true,\"x\"],\"c\":{\"d\":\"\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		assert_string_equal(value_write(&arena, read_text(same[i])), same[i]);
	assert_string_equal(value_write(&arena, read_text("{\"b\":1,\"a\":2}")), "{\"a\":2,\"b\":1}");
}

static void
maps_keep_order_and_last_value(void **state)
{
	struct value *m = value_map(&arena);

	(void)state;
	value_set_text(&arena, m, "z", "1");
	value_set_integer(&arena, m, "a", 2);
	value_set_text(&arena, m, "z", "3");
	value_set(&arena, m, "n", value_nil(&arena));
	value_set_text(&arena, m, "none", NULL);
	assert_int_equal(m->n, 2);
	assert_string_equal(m->key[0], "z");
	assert_string_equal(value_get_text(m, "z", ""), "3");
	assert_int_equal(value_get_integer(m, "a", 0), 2);
	assert_string_equal(value_get_text(m, "a", "otherwise"), "otherwise");
	assert_null(value_get(m, "n"));
	assert_null(value_get(NULL, "n"));
	assert_string_equal(value_write_pretty(&arena, m), "{\n  \"z\": \"3\",\n  \"a\": 2\n}");
}

static void
numbers_are_short(void **state)
{
	struct value *l = value_list(&arena);

	(void)state;
	value_push(&arena, l, value_number(&arena, 1.1));
	value_push(&arena, l, value_number(&arena, 0.7));
	assert_string_equal(value_write(&arena, l), "[1.1,0.7]");
	value_push(&arena, l, value_number(&arena, 0.1 + 0.2));
	assert_non_null(strstr(value_write(&arena, l), ",0.30000000000000004]"));
}

static void
bytes_that_are_not_text(void **state)
{
	struct value *m = value_map(&arena);

	(void)state;
	value_set_text(&arena, m, "k\xff", "\xc3(");
	value_set(&arena, m, "nan", value_number(&arena, 0.0 / 0.0));
	assert_string_equal(value_write(&arena, m), "{\"k\xc3\xbf\":\"\xc3\x83(\",\"nan\":null}");
}

static void
bad_json_says_where(void **state)
{
	char deep[200];

	(void)state;
	assert_non_null(strstr(error_of("{\"a\":\n 1,}", 10), "line 2"));
	assert_non_null(strstr(error_of("{\"a\":1,\"a\":2}", 13), "duplicate"));
	assert_non_null(strstr(error_of("", 0), "line 1"));
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	assert_string_equal(error_of(deep, 200), "it is nested too deeply");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_comes_back),
		cmocka_unit_test(maps_keep_order_and_last_value),
		cmocka_unit_test(numbers_are_short),
		cmocka_unit_test(bytes_that_are_not_text),
		cmocka_unit_test(bad_json_says_where),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_release(&arena);
	return rc;
}
