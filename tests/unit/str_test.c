/* base/str and base/arena: growing, limits, quoting, escaping. */
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

/* A shell turns the quoted text back into the original. */
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
	assert_string_equal(s.buf, "a\\x1b[31mb\tc\\nd\\x7f\\x0d");
	str_reset(&s);
	/* U+009B is a terminal's ESC [ in one character; a cut-off one is not a character. */
	str_safe(&s, "h\xc3\xa9 \xc2\x9b""31m \xe2\x82", strlen("h\xc3\xa9 \xc2\x9b""31m \xe2\x82"));
	assert_string_equal(s.buf, "h\xc3\xa9 \\xc2\\x9b31m \\xe2\\x82");
	/* Invisible marks that reverse the text beside them. */
	str_reset(&s);
	str_safe(&s, "1\xe2\x80\x8f""2\xe2\x80\x8e\xd8\x9c", 2 + 8);
	assert_string_equal(s.buf, "1\\xe2\\x80\\x8f2\\xe2\\x80\\x8e\\xd8\\x9c");
	/* A text of several lines: each has a mark. */
	str_reset(&s);
	str_safe_lines(&s, "one\n\nNo changes.\r\n\x1b[1mx\n", "| ");
	assert_string_equal(s.buf, "one\n| \n| No changes.\\x0d\n| \\x1b[1mx");
	str_reset(&s);
	str_safe_lines(&s, "", "| ");
	assert_string_equal(str_text(&s), "");
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

static void
test_in_clear(void **state)
{
	static const char *const clear[] = {"http://hub.example", "HTTP://hub.example:80/x",
		"http://10.0.0.1", "http://127.0.0.1.evil.example/", "http://localhost.evil.example",
		"http://127.0.0.1@evil.example/", "http://localhost:x@evil.example", "http://[::2]/",
		"http://", "http://[::1].example"};
	static const char *const safe[] = {"https://hub.example", "http://localhost", "",
		"http://localhost:8080/x", "http://127.0.0.1:8900", "http://127.1.2.3/", "http://[::1]:80/",
		"http://user:pw@127.0.0.1/"};

	(void)state;
	for (size_t i = 0; i < sizeof clear / sizeof *clear; i++)
		if (!str_in_clear(clear[i]))
			fail_msg("'%s' is clear", clear[i]);
	for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
		if (str_in_clear(safe[i]))
			fail_msg("'%s' is safe", safe[i]);
}

/* A cut text ends with its mark, in whole characters. */
static void
test_cut_mark(void **state)
{
	char to[12];

	(void)state;
	str_cut(to, sizeof to, "short");
	assert_string_equal(to, "short");
	str_cut(to, sizeof to, "elevenbytes");
	assert_string_equal(to, "elevenbytes");
	str_cut(to, sizeof to, "twelve bytes");
	assert_string_equal(to, "twelve b…");
	str_cut(to, sizeof to, "seven b\303\244\303\244\303\244");
	assert_string_equal(to, "seven b…");
}

static const char *
ranges(struct arena *a, const char *words)
{
	char *copy = arena_strdup(a, words), *save = NULL;
	const char *name[32];
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		name[n++] = w;
	return str_ranges(a, name, n);
}

static void
a_duration_is_told_in_two_units(void **state)
{
	static const struct { long long seconds; const char *text; } cases[] = {
		{-5, "0 s"}, {0, "0 s"}, {59, "59 s"}, {60, "1 min"}, {61, "1 min 1 s"}, {3599, "59 min 59 s"},
		{3600, "1 h"}, {3659, "1 h"}, {3660, "1 h 1 min"}, {86399, "23 h 59 min"}, {86400, "1 d"},
		{90000, "1 d 1 h"}, {86400 * 400LL, "400 d"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(str_duration(&a, cases[i].seconds), cases[i].text);
	arena_release(&a);
}

static void
names_become_ranges(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_string_equal(ranges(&a, ""), "");
	assert_string_equal(ranges(&a, "gpu-1"), "gpu-1");
	assert_string_equal(ranges(&a, "gpu-1 gpu-2"), "gpu-1..2");
	assert_string_equal(ranges(&a, "gpu-10 gpu-9 gpu-2 gpu-1 gpu-11"), "gpu-1..2,9..11");
	assert_string_equal(ranges(&a, "gpu-1 gpu-3"), "gpu-1,3");
	assert_string_equal(ranges(&a, "n08 n09 n10 n11"), "n08..11");
	assert_string_equal(ranges(&a, "n8 n09"), "n8,09");
	assert_string_equal(ranges(&a, "a b1 b2 c"), "a,b1..2,c");
	assert_string_equal(ranges(&a, "head gpu-1 gpu-2"), "gpu-1..2,head");
	assert_string_equal(ranges(&a, "10.0.0.1 10.0.0.2 10.0.1.1"), "10.0.0.1..2,10.0.1.1");
	assert_string_equal(ranges(&a, "x12345678901234567 x12345678901234568"), "x12345678901234567..345678901234568");
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_clear), cmocka_unit_test(test_cut_mark),
		cmocka_unit_test(empty_is_valid),
		cmocka_unit_test(a_duration_is_told_in_two_units),
		cmocka_unit_test(names_become_ranges),
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
