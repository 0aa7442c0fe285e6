/* The first line to a shell and its answer, cut anywhere, also with a real shell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors/program/handshake.h"
#include "planner/base/arena.h"

static const char random_hex[HASH_HEX] =
	"0123456789abcdeffedcba98765432100000000000000000000000000000000f";
static const char answer[] = "0123456789abcdeffedcba9876543210";

/* What `sh` prints for the line and what follows it. */
static char *
shell_says(const char *line, const char *more)
{
	char name[] = "/tmp/handshake.XXXXXX", command[128];
	static char out[4096];
	FILE *f = fdopen(mkstemp(name), "w");
	size_t n;

	fprintf(f, "%s%s", line, more);
	fclose(f);
	snprintf(command, sizeof command, "sh <%s; rm -f %s", name, name);
	f = popen(command, "r");
	n = fread(out, 1, sizeof out - 1, f);
	out[n] = '\0';
	pclose(f);
	return out;
}

static void
a_shell_answers_and_becomes_the_command(void **state)
{
	struct handshake g = {0};
	struct str line = {0}, want = {0};

	(void)state;
	handshake_again(&g, random_hex);
	handshake_line(&g, "echo 'it'\\''s $((1+1))'; echo \"$0\"", &line);
	assert_null(strstr(line.buf, answer));
	str_printf(&want, "\n%s\nit's $((1+1))\nsh\n", answer);
	assert_string_equal(shell_says(line.buf, "echo never\n"), want.buf);
	str_reset(&line);
	str_reset(&want);
	handshake_line(&g, NULL, &line);
	str_printf(&want, "\n%s\nmore\n", answer);
	assert_string_equal(shell_says(line.buf, "echo more\n"), want.buf);
	str_release(&line);
	str_release(&want);
	handshake_release(&g);
}

static void
noise_and_cuts(void **state)
{
	struct str all = {0};

	(void)state;
	str_puts(&all, "motd\nprintf '\\n%s%s\\n' 0123456789abcdef fedcba9876543210\n0123456789abcdef\n");
	str_printf(&all, "prompt$ %s\nbehind\n", answer);
	for (size_t cut = 0; cut <= all.len; cut++) {
		struct handshake g = {0};
		const char *at = all.buf;
		size_t n = cut;
		bool open;

		handshake_again(&g, random_hex);
		open = handshake_feed(&g, &at, &n);
		assert_true(open == (cut >= all.len - 7));
		if (!open) {
			at = all.buf + cut;
			n = all.len - cut;
			assert_true(handshake_feed(&g, &at, &n));
			assert_int_equal(n, 7);
			assert_memory_equal(at, "behind\n", 7);
		}
		assert_true(g.open);
		assert_false(g.terminal);
		handshake_release(&g);
	}
	str_release(&all);
}

static void
a_terminal_is_detected(void **state)
{
	struct handshake g = {0};
	struct str s = {0};
	const char *at;
	size_t n;

	(void)state;
	str_printf(&s, "x\r\n%s\r\n", answer);
	at = s.buf;
	n = s.len;
	handshake_again(&g, random_hex);
	assert_true(handshake_feed(&g, &at, &n));
	assert_true(g.terminal);
	assert_int_equal(n, 0);
	handshake_again(&g, random_hex);
	assert_false(g.open || g.terminal);
	str_release(&s);
	handshake_release(&g);
}

static void
words_are_the_last_line(void **state)
{
	static const struct { const char *said, *words; } cases[] = {
		{"", ""}, {"\n \n", ""}, {"a", "a"}, {"a\nb\n\n", "b"}, {"a\r\nb c\r\n", "b c"},
		{"50%\r100%", "100%"}, {"x\n\x1b[31mred", "\\x1b[31mred"},
	};
	struct str to = {0}, much = {0};
	struct handshake g = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct handshake one = {0};

		handshake_hear(&one, cases[i].said, strlen(cases[i].said));
		assert_string_equal(handshake_words(&one, 1, &to), cases[i].words);
		handshake_release(&one);
	}
	handshake_hear(&g, "a\n\nb: refused\r\n\nfailed\n", 24);
	assert_string_equal(handshake_words(&g, 2, &to), "b: refused; failed");
	assert_string_equal(handshake_words(&g, 9, &to), "a; b: refused; failed");
	/* Noise does not use memory, and the answer after it is found. */
	handshake_again(&g, random_hex);
	for (int i = 0; i < 3000; i++) {
		char line[512];
		const char *at = line;
		size_t n = (size_t)snprintf(line, sizeof line, "%0400d\n", i);

		assert_false(handshake_feed(&g, &at, &n));
	}
	assert_true(g.seen.len < 200 * 1024 && g.words.len < 8 * 1024);
	str_printf(&much, "%s\n!", answer);
	const char *at = much.buf;
	size_t n = much.len;

	assert_true(handshake_feed(&g, &at, &n));
	assert_int_equal(n, 1);
	assert_int_equal(*at, '!');
	str_release(&to);
	str_release(&much);
	handshake_release(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shell_answers_and_becomes_the_command),
		cmocka_unit_test(noise_and_cuts),
		cmocka_unit_test(a_terminal_is_detected),
		cmocka_unit_test(words_are_the_last_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
