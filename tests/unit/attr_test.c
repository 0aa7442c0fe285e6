/* base/attr: sorted lists of name = value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/attr.h"

static void
sorted_by_name(void **state)
{
	struct arena a = {0};
	struct attrs list = {0};

	(void)state;
	for (int i = 99; i >= 0; i--) {
		char name[16];

		snprintf(name, sizeof name, "k%02d", i);
		attrs_addf(&a, &list, name, "%d", i * i);
	}
	attrs_sort(&list);
	assert_int_equal(list.n, 100);
	for (size_t i = 1; i < list.n; i++)
		assert_true(strcmp(list.v[i - 1].name, list.v[i].name) < 0);
	assert_string_equal(attrs_value(&list, "k12", NULL), "144");
	attrs_sort(&list);
	assert_int_equal(list.n, 100);
	arena_release(&a);
}

static void
last_of_a_name_stays(void **state)
{
	struct arena a = {0};
	struct attrs list = {0};

	(void)state;
	attrs_add(&a, &list, "x", "1");
	attrs_add(&a, &list, "a", "first");
	attrs_add(&a, &list, "x", "2");
	attrs_sort(&list);
	attrs_add(&a, &list, "x", "3");
	assert_string_equal(attrs_value(&list, "x", "none"), "3");
	assert_int_equal(list.n, 2);
	arena_release(&a);
}

static void
missing_unknown_and_secret(void **state)
{
	struct arena a = {0};
	struct attrs list = {0};

	(void)state;
	assert_null(attrs_get(&list, "x"));
	assert_string_equal(attrs_value(&list, "x", "none"), "none");
	attrs_add(&a, &list, "later", NULL);
	attrs_add_secret(&a, &list, "key", "abc");
	assert_non_null(attrs_get(&list, "later"));
	assert_string_equal(attrs_value(&list, "later", "none"), "none");
	assert_true(attrs_get(&list, "key")->secret);
	assert_false(attrs_get(&list, "later")->secret);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_by_name),
		cmocka_unit_test(last_of_a_name_stays),
		cmocka_unit_test(missing_unknown_and_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
