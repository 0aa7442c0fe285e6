/* base/diag: order, carets, masking, "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/diag.h"
#include "planner/base/utf8.h"
#include "planner/base/vec.h"

/* What diag_print() writes; free() it. Not inlined, because gcc 12 takes the pointer
 * of the stream for one to a dead local variable. */
static __attribute__((noinline)) char *
printed(struct diags *d, bool color)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	diag_print(d, f, color);
	fclose(f);
	return text;
}

static struct source
source(const char *text)
{
	return (struct source){"f.yaml", text, strlen(text)};
}

static void
sorted_with_notes(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("one\ntwo\nthree\n");
	char *text;

	(void)state;
	diag_error(&d, (struct loc){&s, 3, 2, 3}, "third");
	diag_note(&d, (struct loc){&s, 1, 1, 0}, "see here");
	diag_warning(&d, (struct loc){&s, 2, 1, 0}, "second");
	diag_error(&d, (struct loc){&s, 1, 3, 1}, "first");
	diag_error(&d, (struct loc){.src = &s}, "nowhere in it");
	text = printed(&d, false);
	assert_string_equal(text,
		"f.yaml: error: nowhere in it\n"
		"f.yaml:1:3: error: first\n"
		"    1 | one\n"
		"      |   ^\n"
		"f.yaml:2:1: warning: second\n"
		"    2 | two\n"
		"      | ^\n"
		"f.yaml:3:2: error: third\n"
		"    3 | three\n"
		"      |  ^~~\n"
		"f.yaml:1:1: note: see here\n"
		"    1 | one\n"
		"      | ^\n");
	assert_int_equal(d.nerror, 3);
	assert_int_equal(d.nwarning, 1);
	free(text);
	arena_release(&a);
}

/* However many others come in between, and even if the same file was read again. */
static void
same_fault_once(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("x\ny\n"), again = s;
	char *text;

	(void)state;
	for (int i = 0; i < 3; i++) {
		diag_error(&d, (struct loc){&s, 1, 1, 1}, "bad");
		diag_note(&d, (struct loc){&s, 2, 1, 1}, "see");
		diag_note(&d, (struct loc){&s, 2, 1, 1}, "see");
		diag_error(&d, (struct loc){&s, 1, 1, 1}, "worse");
		diag_warning(&d, (struct loc){&s, 2, 1, 1}, "odd");
		diag_warning(&d, (struct loc){&s, 1, 1, 1}, "bad");
	}
	diag_error(&d, (struct loc){&again, 1, 1, 1}, "bad");
	diag_error(&d, (struct loc){&again, 2, 1, 1}, "bad");
	diag_error(&d, (struct loc){.src = NULL}, "bad");
	for (int i = 0; i < 2; i++) {           /* the second time nothing else is suggested */
		text = printed(&d, false);
		assert_string_equal(text,
			"error: bad\n"
			"f.yaml:1:1: error: bad\n"
			"    1 | x\n"
			"      | ^\n"
			"f.yaml:2:1: note: see\n"
			"    2 | y\n"
			"      | ^\n"
			"f.yaml:1:1: error: worse\n"
			"    1 | x\n"
			"      | ^\n"
			"f.yaml:1:1: warning: bad\n"
			"    1 | x\n"
			"      | ^\n"
			"f.yaml:2:1: warning: odd\n"
			"    2 | y\n"
			"      | ^\n"
			"f.yaml:2:1: error: bad\n"
			"    2 | y\n"
			"      | ^\n");
		assert_int_equal(d.nerror, 4);
		assert_int_equal(d.nwarning, 2);
		free(text);
	}
	arena_release(&a);
}

/* The caret is under the character whatever comes before it. */
static void
tabs_and_wide_characters(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("\tab: 日本 x\xff" "e\xcc\x81y\n");
	char *text;

	(void)state;
	diag_error(&d, (struct loc){&s, 1, 9, 1}, "x");
	diag_error(&d, (struct loc){&s, 1, 13, 1}, "y");
	text = printed(&d, false);
	assert_non_null(strstr(text, "    1 |     ab: 日本 x?e\xcc\x81y\n"
				     "      |              ^\n"));
	assert_non_null(strstr(text, "      |                 ^\n"));
	free(text);
	arena_release(&a);
}

static void
end_of_line_and_file(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("ab\r\ncd");
	char *text;

	(void)state;
	diag_error(&d, (struct loc){&s, 1, 3, 9}, "end of line");
	diag_error(&d, (struct loc){&s, 2, 1, 99}, "too long");
	diag_error(&d, (struct loc){&s, 7, 1, 1}, "beyond");
	text = printed(&d, false);
	assert_string_equal(text,
		"f.yaml:1:3: error: end of line\n"
		"    1 | ab\n"
		"      |   ^\n"
		"f.yaml:2:1: error: too long\n"
		"    2 | cd\n"
		"      | ^~\n"
		"f.yaml:7:1: error: beyond\n");
	free(text);
	arena_release(&a);
}

static void
long_lines_are_clipped(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	char line[1001], *text, *caret, *mark;
	struct source s = {"f.yaml", line, 1000};

	(void)state;
	memset(line, 'x', 1000);
	line[1000] = '\0';
	line[599] = '!';
	diag_error(&d, (struct loc){&s, 1, 600, 1}, "here");
	text = printed(&d, false);
	for (char *l = text; *l; l = strchr(l, '\n') + 1)
		assert_true(strchr(l, '\n') - l < 130);
	mark = strchr(text, '!');
	caret = strchr(text, '^');
	assert_non_null(mark);
	assert_non_null(caret);
	/* The columns are the same: count back to the start of each line. */
	assert_int_equal(mark - strstr(text, "    1 |"), caret - strstr(text, "      |"));
	free(text);
	arena_release(&a);
}

static void
secrets_are_masked(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("a: hunter2 b: hf_abcdefghijkl repo: hf_x/y sk-learn\n");
	char *text;

	(void)state;
	diag_hide(&d, &s, 3, 10);
	diag_error(&d, (struct loc){&s, 1, 1, 1}, "bad key 'hf_abcdefghijkl'");
	text = printed(&d, false);
	assert_null(strstr(text, "hunter2"));
	assert_null(strstr(text, "abcdefgh"));
	assert_non_null(strstr(text, "a: ******* b: *************** repo: hf_x/y sk-learn"));
	assert_non_null(strstr(text, "'hf_***'"));
	free(text);
	arena_release(&a);
}

static void
no_control_characters_come_out(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("a\033[2Jb\xc2\x9b" "c\xe2\x80\xae\n");
	char *text;

	(void)state;
	diag_error(&d, (struct loc){&s, 1, 1, 1}, "key '\033[31m\n\xe2\x80\xae\xff'");
	text = printed(&d, false);
	assert_non_null(strstr(text, "key '\\x1b[31m\\x0a\\u202e\\xff'"));
	assert_null(strchr(text, '\033'));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_null(strstr(text, "\xe2\x80\xae"));
	free(text);
	arena_release(&a);
}

static void
colors_when_asked(void **state)
{
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source s = source("abc\n");
	char *text;

	(void)state;
	diag_error(&d, (struct loc){&s, 1, 1, 3}, "bad");
	text = printed(&d, true);
	assert_non_null(strstr(text, "\033[1;31merror:\033[0m"));
	assert_non_null(strstr(text, "\033[1;32m^~~\033[0m"));
	free(text);
	arena_release(&a);
}

static void
nearest(void **state)
{
	static const char *const names[] = {"port", "bind", "name", "api_key", "tensor"};
	const size_t n = countof(names);

	(void)state;
	assert_string_equal(diag_nearest("prot", names, n), "port");
	assert_string_equal(diag_nearest("nam", names, n), "name");
	assert_string_equal(diag_nearest("apikey", names, n), "api_key");
	assert_string_equal(diag_nearest("tensors", names, n), "tensor");
	assert_null(diag_nearest("q", names, n));
	assert_null(diag_nearest("", names, n));
	assert_null(diag_nearest("completely", names, n));
	assert_null(diag_nearest("xyzw", names, n));
	assert_null(diag_nearest("port", names, 0));
}

static void
utf8_characters(void **state)
{
	static const struct { const char *s; size_t n, len; uint32_t code; } cases[] = {
		{"a", 1, 1, 'a'}, {"ü", 2, 2, 0xfc}, {"日", 3, 3, 0x65e5},
		{"\xf0\x9f\x98\x80", 4, 4, 0x1f600}, {"\xc0\x80", 2, 1, UTF8_BAD},
		{"\xe0\x80\x80", 3, 1, UTF8_BAD}, {"\xed\xa0\x80", 3, 1, UTF8_BAD},
		{"\xf4\x90\x80\x80", 4, 1, UTF8_BAD}, {"\xe6\x97", 2, 1, UTF8_BAD},
		{"\x80", 1, 1, UTF8_BAD}, {"\xff", 1, 1, UTF8_BAD}, {"\xc3(", 2, 1, UTF8_BAD},
	};
	uint32_t code;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(utf8_next(cases[i].s, cases[i].n, &code), cases[i].len);
		assert_int_equal(code, cases[i].code);
	}
	assert_int_equal(utf8_width(0x65e5), 2);
	assert_int_equal(utf8_width(0x301), 0);
	assert_int_equal(utf8_width('x'), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_with_notes),
		cmocka_unit_test(same_fault_once),
		cmocka_unit_test(tabs_and_wide_characters),
		cmocka_unit_test(end_of_line_and_file),
		cmocka_unit_test(long_lines_are_clipped),
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(no_control_characters_come_out),
		cmocka_unit_test(colors_when_asked),
		cmocka_unit_test(nearest),
		cmocka_unit_test(utf8_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
