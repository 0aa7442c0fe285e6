/* planner/spec/yaml: the tree, its places, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/spec/yaml.h"

struct fixture {
	struct arena arena;
	struct diags d;
	struct source src;
};

static struct tree *
read_text(struct fixture *f, const char *text, size_t n)
{
	f->d.arena = &f->arena;
	f->src = (struct source){"t.yaml", text, n};
	return tree_read(&f->arena, &f->src, &f->d);
}

static void
scalars_are_texts(void **state)
{
	struct fixture f = {0};
	static const char text[] = "a: no\nb: 010\nc: 1.10\nd: ~\ne:\nf: 'x: y'\n\"g\": \"\\u00fc\"\n";
	static const char *const want[] = {"no", "010", "1.10", "~", "", "x: y", "ü"};
	struct tree *t = read_text(&f, text, strlen(text));

	(void)state;
	assert_non_null(t);
	assert_int_equal(t->type, TREE_MAP);
	assert_int_equal(t->n, countof(want));
	for (size_t i = 0; i < t->n; i++) {
		assert_int_equal(t->item[i]->type, TREE_TEXT);
		assert_string_equal(t->item[i]->text, want[i]);
		assert_int_equal(t->key[i]->at.line, i + 1);
		assert_int_equal(t->key[i]->at.col, 1);
	}
	assert_true(tree_is_empty(t->item[4]));
	assert_false(tree_is_empty(t->item[3]));
	assert_false(t->item[5]->plain);
	assert_int_equal(f.d.n, 0);
	arena_release(&f.arena);
}

/* Columns count characters, offsets count bytes, with and without a byte order mark. */
static void
places(void **state)
{
	static const char *const texts[] = {"ü: {日本: [x, 'yü z']}\nb: 1\n",
		"\xef\xbb\xbfü: {日本: [x, 'yü z']}\r\nb: 1\r\n"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct fixture f = {0};
		struct tree *t = read_text(&f, texts[i], strlen(texts[i])), *y;

		assert_non_null(t);
		y = t->item[0]->item[0]->item[1];
		assert_string_equal(y->text, "yü z");
		assert_int_equal(y->at.line, 1);
		assert_int_equal(y->at.col, 13);
		assert_int_equal(y->at.len, 6);
		assert_memory_equal(texts[i] + y->from, "'yü z'", y->to - y->from);
		assert_int_equal(t->key[1]->at.line, 2);
		assert_int_equal(texts[i][t->key[1]->from], 'b');
		arena_release(&f.arena);
	}
}

static void
finds_parts(void **state)
{
	static const char text[] = "a: |\n  one ü\n  two ${x} three\nb: ${x}\n";
	struct fixture f = {0};
	struct tree *t = read_text(&f, text, strlen(text));
	struct loc at;

	(void)state;
	at = tree_find(t->item[0], "${x}", 4);
	assert_int_equal(at.line, 3);
	assert_int_equal(at.col, 7);
	assert_int_equal(at.len, 4);
	at = tree_find(t->item[1], "${x}", 4);
	assert_int_equal(at.line, 4);
	assert_int_equal(at.col, 4);
	at = tree_find(t->item[1], "${y}", 4);
	assert_int_equal(at.col, 4);
	arena_release(&f.arena);
}

/* Every text here gives exactly one error with that word at that place. */
static void
refused(void **state)
{
	static const struct { const char *text, *word; unsigned line, col; } cases[] = {
		{"a: 1\na: 2\n", "duplicate key 'a'", 2, 1},
		{"a: {b: 1, c: 2, b: 3}\n", "duplicate key 'b'", 1, 17},
		{"a: 1\n---\nb: 2\n", "second document", 2, 1},
		{"a: 1\n...\n---\nb: 2\n", "second document", 3, 1},
		{"a: &x 1\n", "anchors ('&x')", 1, 4},
		{"a: *x\n", "aliases ('*x')", 1, 4},
		{"a: {<<: {b: 1}}\n", "merge keys", 1, 5},
		{"a: !x 1\n", "tags ('!x')", 1, 4},
		{"a: !!int 1\n", "tags", 1, 4},
		{"a: \"x\\0y\"\n", "NUL", 1, 4},
		{"? [a]\n: 1\n", "a key must be a string", 1, 3},
		{"a:\n\tb: 1\n", "tab", 2, 1},
		{"a: @x\n", "cannot start with '@'", 1, 4},
		{"a: b: c\n", "unexpected ':'", 1, 5},
		{"a: [x\n", "expected ',' or ']'", 2, 1},
		{"a: \"x\n", "never ends", 1, 4},
		{"", "empty", 1, 1},
		{"# only a comment\n", "empty", 1, 1},
		{"a: \xff\n", "not UTF-8: byte 0xff", 1, 4},
		{"a: 1\nü: \xc3(\n", "not UTF-8: byte 0xc3", 2, 4},
		{"a: \x01\n", "U+0001", 1, 4},
		{"a: \xc2\x85\n", "U+0085", 1, 4},
		{"a: 1\rb: 2\n", "carriage return", 1, 5},
		{"a: \xe2\x80\xa8\n", "U+2028", 1, 4},
		{"%YAML 3.0\n---\na: 1\n", "", 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct fixture f = {0};

		read_text(&f, cases[i].text, strlen(cases[i].text));
		if (f.d.nerror != 1 || !strstr(f.d.v[0].text, cases[i].word) ||
		    f.d.v[0].at.line != cases[i].line || f.d.v[0].at.col != cases[i].col) {
			print_error("case %zu: %s", i, cases[i].text);
			diag_print(&f.d, stderr, false);
			fail();
		}
		arena_release(&f.arena);
	}
}

static void
nul_byte_is_refused(void **state)
{
	struct fixture f = {0};

	(void)state;
	assert_null(read_text(&f, "a: x\0y\n", 7));
	assert_int_equal(f.d.nerror, 1);
	assert_int_equal(f.d.v[0].at.col, 5);
	arena_release(&f.arena);
}

static void
limits(void **state)
{
	struct str s = {0};

	(void)state;
	for (int depth = 63; depth <= 65; depth++) {
		struct fixture f = {0};

		str_reset(&s);
		for (int i = 0; i < depth; i++)
			str_putc(&s, '[');
		for (int i = 0; i < depth; i++)
			str_putc(&s, ']');
		read_text(&f, s.buf, s.len);
		assert_int_equal(f.d.nerror, depth > YAML_MAX_DEPTH);
		arena_release(&f.arena);
	}
	for (int n = YAML_MAX_NODES - 2; n <= YAML_MAX_NODES; n++) {
		struct fixture f = {0};

		str_reset(&s);
		for (int i = 0; i < n; i++)
			str_puts(&s, "- a\n");
		read_text(&f, s.buf, s.len);
		assert_int_equal(f.d.nerror, n + 1 > YAML_MAX_NODES);
		arena_release(&f.arena);
	}
	for (size_t n = YAML_MAX_BYTES; n <= YAML_MAX_BYTES + 1; n++) {
		struct fixture f = {0};

		str_reset(&s);
		str_puts(&s, "a: 1\n#");
		while (s.len < n)
			str_putc(&s, '#');
		read_text(&f, s.buf, s.len);
		assert_int_equal(f.d.nerror, n > YAML_MAX_BYTES);
		arena_release(&f.arena);
	}
	str_release(&s);
}

/* Duplicates keep the first value, and readers don't see the others. */
static void
duplicates_keep_the_first(void **state)
{
	struct fixture f = {0};
	static const char text[] = "a: 1\nb: 2\na: 3\n";
	struct tree *t = read_text(&f, text, strlen(text));

	(void)state;
	assert_non_null(t);
	assert_int_equal(f.d.nerror, 1);
	assert_int_equal(f.d.v[1].severity, DIAG_NOTE);
	assert_int_equal(f.d.v[1].at.line, 1);
	assert_int_equal(t->key[0]->type, TREE_TEXT);
	assert_int_equal(t->key[2]->type, TREE_BAD);
	arena_release(&f.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_texts),
		cmocka_unit_test(places),
		cmocka_unit_test(finds_parts),
		cmocka_unit_test(refused),
		cmocka_unit_test(nul_byte_is_refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(duplicates_keep_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
