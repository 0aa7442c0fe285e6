/* Strings as JSON, whatever bytes they have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "planner/base/json.h"

static void
check(json_t *json, const char *want)
{
	if (want)
		assert_string_equal(json_string_value(json), want);
	else
		assert_true(json_is_null(json));
	json_decref(json);
}

static void
any_bytes_are_a_text(void **state)
{
	(void)state;
	check(json_shown(NULL), NULL);
	check(json_shown("h\xc3\xa9"), "h\xc3\xa9");
	check(json_shown("h\xc3\xa9 \xff, cut \xe2\x82"), "h\xc3\xa9 \\xff, cut \\xe2\\x82");
	check(json_kept(NULL), NULL);
	check(json_kept("h\xc3\xa9"), "h\xc3\xa9");
	check(json_kept("\xff"), "\xc3\xbf");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_bytes_are_a_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
