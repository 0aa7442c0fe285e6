/* base/str and base/arena: growing, bounded, quoted, made safe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"

static void
empty_is_valid(void **state)
{
	struct str s = {0};

	(void)state;
	assert_string_equal(str_text(&s), "");
	str_reset(&s);
	str_drop(&s, 3);
	assert_string_equal(str_text(&s), "");
	str_release(&s);
	str_release(&s);
}

static void
grows_and_stays_terminated(void **state)
{
	struct str s = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		str_printf(&s, "%d,", i);
	assert_int_equal(s.len, strlen(s.buf));
	assert_memory_equal(s.buf, "0,1,2,3,", 8);
	assert_string_equal(s.buf + s.len - 5, "4999,");
	str_reset(&s);
	assert_int_equal(s.len, 0);
	str_add(&s, "a\0b", 3);
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.buf, "a\0b", 4);
	str_release(&s);
}

static void
maximum_cuts(void **state)
{
	struct str s = {.max = 5};

	(void)state;
	str_puts(&s, "abc");
	assert_false(s.cut);
	str_puts(&s, "def");
	assert_true(s.cut);
	assert_string_equal(s.buf, "abcde");
	str_putc(&s, 'x');
	assert_string_equal(s.buf, "abcde");
	str_drop(&s, 4);
	assert_string_equal(s.buf, "e");
	str_puts(&s, "fg");
	assert_string_equal(s.buf, "efg");
	str_release(&s);
}

static void
drop_takes_the_front(void **state)
{
	struct str s = {0};

	(void)state;
	str_puts(&s, "hello");
	str_drop(&s, 2);
	assert_string_equal(s.buf, "llo");
	str_drop(&s, 3);
	assert_int_equal(s.len, 0);
	str_release(&s);
}

static void
shell_quoting(void **state)
{
	struct str s = {0};

	(void)state;
	str_shquote(&s, "it's $HOME `x`");
	assert_string_equal(s.buf, "'it'\\''s $HOME `x`'");
	str_reset(&s);
	str_shquote(&s, "");
	assert_string_equal(s.buf, "''");
	str_release(&s);
}

/* What the quoting makes of a text, a shell turns back into the text. */
static void
shell_takes_it_back(void **state)
{
	static const char *const words[] = {"a b", "'", "''", "\\", "$(x)", "-n", "*", "\n", "ü"};
	struct str s = {0};

	(void)state;
	for (size_t i = 0; i < countof(words); i++) {
		char back[64] = "";
		size_t n;
		FILE *f;

		str_reset(&s);
		str_puts(&s, "printf %s ");
		str_shquote(&s, words[i]);
		f = popen(s.buf, "r");
		assert_non_null(f);
		n = fread(back, 1, sizeof back - 1, f);
		assert_int_equal(pclose(f), 0);
		assert_int_equal(n, strlen(words[i]));
		assert_string_equal(back, words[i]);
	}
	str_release(&s);
}

static void
control_characters_are_shown(void **state)
{
	struct str s = {0};

	(void)state;
	str_safe(&s, "a\033[31mb\tc\nd\x7f\r", strlen("a\033[31mb\tc\nd\x7f\r"));
	assert_string_equal(s.buf, "a\\x1b[31mb\tc\nd\\x7f\\x0d");
	str_reset(&s);
	/* U+009B is a terminal's ESC [ in one character; a cut-off one is no character. */
	str_safe(&s, "h\xc3\xa9 \xc2\x9b""31m \xe2\x82", strlen("h\xc3\xa9 \xc2\x9b""31m \xe2\x82"));
	assert_string_equal(s.buf, "h\xc3\xa9 \\xc2\\x9b31m \\xe2\\x82");
	str_release(&s);
}

static void
arena_gives_zeroed_aligned_memory(void **state)
{
	struct arena a = {0};
	struct { int *v; size_t n, cap; } list = {0};

	(void)state;
	for (size_t size = 1; size < 200000; size = size * 3 + 1) {
		char *p = arena_alloc(&a, size);

		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	for (int i = 0; i < 1000; i++)
		*vec_push(&a, &list) = i;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(list.v[i], i);
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	assert_string_equal(arena_strndup(&a, "hello", 2), "he");
	arena_release(&a);
	assert_null(a.head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_valid),
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(maximum_cuts),
		cmocka_unit_test(drop_takes_the_front),
		cmocka_unit_test(shell_quoting),
		cmocka_unit_test(shell_takes_it_back),
		cmocka_unit_test(control_characters_are_shown),
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
