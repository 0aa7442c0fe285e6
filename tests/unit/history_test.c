/* The history: entries as lines, copies of several nodes, and what a stranger may send instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/limits.h"
#include "planner/base/str.h"
#include "planner/facts/history.h"

static struct arena arena;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

static struct history_entry
entry(unsigned i, const char *result)
{
	return (struct history_entry){
		.id = arena_printf(&arena, "%016x", i), .at = arena_printf(&arena, "2026-11-%02uT10:00:%02uZ", 1 + i / 60, i % 60),
		.by = "al@box", .command = "apply", .result = result, .what = "restart serve", .seconds = 71,
		.down = 40, .spec = "cluster: c1\n# \"quoted\"\n"};
}

static void
merge(struct history *h, const char *node, const char *text)
{
	history_merge(&arena, h, node, text, strlen(text));
}

static void
test_line(void **state)
{
	struct history_entry e = entry(5, "done");
	struct history h = {0};
	const char *line = history_write(&arena, &e);

	(void)state;
	assert_null(strchr(line, '\n'));
	assert_string_equal(history_file(&arena, &e), "20261101T100005Z-0000000000000005");
	merge(&h, "n1", line);
	assert_int_equal(h.n, 1);
	assert_string_equal(h.v[0].spec, e.spec);
	assert_string_equal(h.v[0].by, "al@box");
	assert_string_equal(h.v[0].what, "restart serve");
	assert_int_equal(h.v[0].seconds, 71);
	assert_int_equal(h.v[0].down, 40);
	assert_string_equal(h.v[0].node, "n1");
	/* A long spec is not kept; its entry is. */
	e.spec = arena_printf(&arena, "%*s", HISTORY_BYTES + 1, "x");
	e.id = "00000000000000aa";
	merge(&h, "n1", history_write(&arena, &e));
	assert_int_equal(h.n, 2);
	assert_null(h.v[1].spec);
}

/* Copies become one entry. The copy that says how the apply ended counts, whichever comes first. */
static void
test_copies(void **state)
{
	struct history_entry begun = entry(7, "begun"), done = entry(7, "done"), other = entry(8, "partial");
	const char *a = arena_printf(&arena, "%s\n%s\n", history_write(&arena, &begun), history_write(&arena, &other));
	const char *b = history_write(&arena, &done);
	struct history h = {0}, back = {0};
	bool many;

	(void)state;
	merge(&h, "n1", a);
	merge(&h, "n2", b);
	merge(&back, "n2", b);
	merge(&back, "n1", a);
	history_sort(&h);
	history_sort(&back);
	assert_int_equal(h.n, 2);
	assert_int_equal(back.n, 2);
	assert_string_equal(h.v[0].result, "partial");
	assert_string_equal(h.v[1].result, "done");
	assert_string_equal(back.v[1].result, "done");
	assert_ptr_equal(history_find(&h, "0000000000000007", &many), &h.v[1]);
	assert_null(history_find(&h, "0000", &many));
	assert_true(many);
	assert_null(history_find(&h, "f", &many));
	assert_false(many);
	assert_null(history_find(&h, "", &many));
}

static void
test_strangers(void **state)
{
	static const char *const bad[] = {"", "x", "[]", "{}", "{\"id\":\"0000000000000001\"}",
		"{\"id\":\"../../../etc/pass\",\"at\":\"2026-11-01T10:00:00Z\",\"command\":\"apply\",\"result\":\"done\"}",
		"{\"id\":\"0000000000000001\",\"at\":\"2026-11-01 10:00:00Z\",\"command\":\"apply\",\"result\":\"done\"}",
		"{\"id\":\"0000000000000001\",\"at\":\"2026-11-01T10:00:00Z\",\"command\":\"rm\",\"result\":\"done\"}",
		"{\"id\":\"0000000000000001\",\"at\":\"2026-11-01T10:00:00Z\",\"command\":\"apply\",\"result\":\"\\u001b[2J\"}"};
	const char *odd = "{\"id\":\"0000000000000001\",\"at\":\"2026-11-01T10:00:00Z\",\"command\":\"apply\","
		"\"result\":\"done\",\"seconds\":99999999999999,\"down\":-9,\"by\":7}\n";
	struct history h = {0};
	struct str many = {0};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		merge(&h, "n1", bad[i]);
	assert_int_equal(h.n, 0);
	merge(&h, "n1", odd);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.v[0].seconds, -1);
	assert_int_equal(h.v[0].down, -1);
	assert_string_equal(h.v[0].by, "");
	assert_null(h.v[0].spec);
	/* One node cannot fill the list, and the list has the newest entries. */
	h = (struct history){0};
	for (unsigned i = 0; i < 3 * HISTORY_KEPT; i++) {
		struct history_entry e = entry(i, "done");

		str_printf(&many, "%s\n", history_write(&arena, &e));
	}
	merge(&h, "n1", str_text(&many));
	assert_int_equal(h.n, HISTORY_KEPT);
	for (unsigned i = 0; i < HISTORY_KEPT; i++) {
		struct history_entry e = entry(1000 + i, "done");

		merge(&h, "n2", history_write(&arena, &e));
	}
	history_sort(&h);
	assert_int_equal(h.n, HISTORY_KEPT);
	for (size_t i = 0; i < h.n; i++)
		assert_string_equal(h.v[i].node, "n2");
	str_release(&many);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, reset, reset),
		cmocka_unit_test_setup_teardown(test_copies, reset, reset),
		cmocka_unit_test_setup_teardown(test_strangers, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
