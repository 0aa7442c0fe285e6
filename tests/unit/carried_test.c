/*
 * Files of the operator: where a text names them, and which path a process gets instead.
 */
#include "planner/runtimes/carried.h"
#include "tests/unit/kinds_by_hand.h"

#define SUM "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
expect_named(const char *text, const char *want)
{
	size_t n = 0;
	const char *name = spec_carried_named(text, &n);

	if (!want) {
		assert_null(name);
		return;
	}
	assert_non_null(name);
	assert_string_equal(arena_strndup(&arena, name, n), want);
}

static void
test_named(void **state)
{
	(void)state;
	expect_named("/dray/files/a.jinja", "a.jinja");
	expect_named("x=/dray/files/a,/dray/files/b", "a");
	expect_named("{\"path\": \"/dray/files/a-b_c.1\"}", "a-b_c.1");
	expect_named("/srv/dray/files/a", NULL);
	expect_named("/srv/dray/files/a:/dray/files/b", "b");
	expect_named("/dray/files/", NULL);
	expect_named("/dray/files", NULL);
	expect_named("/dray/files/../x", "..");
	expect_named("", NULL);
}

static const char *
text_with(const char *runtime, const char *dir, const char *sum, const char *text)
{
	struct attrs inputs = {0};

	attrs_add(&arena, &inputs, "files.a.jinja", sum);
	if (runtime)
		attrs_add(&arena, &inputs, "runtime", runtime);
	if (dir)
		attrs_add(&arena, &inputs, "files_dir", dir);
	return carried_text(&arena, &inputs, text);
}

static void
test_text(void **state)
{
	const char *other = "/dray/files/b and /srv/dray/files/a.jinja";

	(void)state;
	assert_string_equal(text_with(NULL, NULL, SUM, "/dray/files/a.jinja"),
			    "/dray/files/0123456789abcdef/a.jinja");
	assert_string_equal(text_with("podman", "/h/files", SUM, "x=/dray/files/a.jinja,y"),
			    "x=/dray/files/0123456789abcdef/a.jinja,y");
	assert_string_equal(text_with("none", "/h/files", SUM, "/dray/files/a.jinja\n/dray/files/a.jinja"),
			    "/h/files/0123456789abcdef/a.jinja\n/h/files/0123456789abcdef/a.jinja");
	/* What it does not have stays as it is. */
	assert_string_equal(text_with(NULL, NULL, SUM, "/dray/files/a.jinj"), "/dray/files/a.jinj");
	assert_string_equal(text_with(NULL, NULL, SUM, "/dray/files/a.jinja2"), "/dray/files/a.jinja2");
	assert_string_equal(text_with(NULL, NULL, SUM, other), other);
	assert_string_equal(text_with(NULL, NULL, SUM, "plain"), "plain");
	assert_null(text_with(NULL, NULL, SUM, NULL));
	/* A record may hold anything. */
	assert_string_equal(text_with(NULL, NULL, "sha256:../../../etc/x", "/dray/files/a.jinja"),
			    "/dray/files/a.jinja");
	assert_string_equal(text_with(NULL, NULL, NULL, "/dray/files/a.jinja"), "/dray/files/a.jinja");
}

static void
test_mountable(void **state)
{
	(void)state;
	assert_true(carried_mountable("/home/u/.local/state/dray/c/m/files"));
	assert_true(carried_mountable("/a folder/x"));
	assert_false(carried_mountable("/"));
	assert_false(carried_mountable("relative"));
	assert_false(carried_mountable("/a:/b"));
	assert_false(carried_mountable("/a,readonly=false"));
	assert_false(carried_mountable("/a/../b"));
	assert_false(carried_mountable("/a\n-v"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_named, reset),
		cmocka_unit_test_setup(test_text, reset),
		cmocka_unit_test_setup(test_mountable, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
