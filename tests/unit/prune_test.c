/* What nodes say can go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "planner/steps/prune.h"

#define OLD "0123456789abcdef0123456789abcdef01234567"

static struct arena arena;

static bool
prune_says(struct prune *p, const struct node *n, const char *text)
{
	return prune_read(&arena, p, n, text, strlen(text));
}

static void
test_list(void **state)
{
	struct node one = {.name = "a"}, two = {.name = "b"};
	struct prune p = {0};

	(void)state;
	assert_true(prune_says(&p, &one, "item\tweights\tmodels--o--n--x@" OLD "\t12\twhy\n"
			       "kept\timage\tsha256:00 img:1\t7\tused\nend\n"));
	assert_false(prune_says(&p, &two, "item\tlog\tserve.log\t-\n"));
	assert_false(prune_says(&p, &two, ""));
	assert_int_equal(p.item.n, 2);
	assert_string_equal(prune_name(&arena, &p.item.v[0]), "o/n--x @ 0123456789ab");
	assert_string_equal(prune_name(&arena, &p.item.v[1]), "img:1");
	assert_int_equal(p.item.v[0].bytes, 12);
	assert_true(p.item.v[1].kept && !p.item.v[0].kept);
	/* Only a node that had it can say that it is gone. */
	assert_true(prune_says(&p, &two, "gone\tweights\tmodels--o--n--x@" OLD "\t12\t-\nend\n"));
	assert_false(p.item.v[0].gone);
	assert_true(prune_says(&p, &one, "gone\tweights\tmodels--o--n--x@" OLD "\t12\t-\n"
			       "gone\tweights\tmodels--o--n--y@" OLD "\t12\t-\nend\n"));
	assert_true(p.item.v[0].gone);
	assert_int_equal(p.item.n, 2);
}

static void
test_named(void **state)
{
	struct node one = {.name = "a"};
	struct prune p = {0};

	(void)state;
	prune_says(&p, &one, "named\t" OLD "\nnamed\t" OLD "\nnamed\tshort\nnamed\t$(reboot)\nnamed\nclosed\teve\n");
	assert_int_equal(p.named.n, 1);
	assert_string_equal(p.named.v[0], OLD);
	assert_ptr_equal(p.closed, &one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_list), cmocka_unit_test(test_named)};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	arena_release(&arena);
	return rc;
}
