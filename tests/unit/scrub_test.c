/* A secret is masked in every form in which dray or a node's tools may write it, and where
 * it was cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors/io/scrub.h"
#include "planner/base/arena.h"
#include "planner/base/value.h"

static const char *const secrets[] = {
	"hf_plainPlainPlain", "it's \"quoted\" \\ here", "a\\\\\\b\\c\"\\", "tab\tbell\a\001\037end",
	"umlaut äöü", "face \360\237\230\200 end", "slash/dot.+plus&=?%41", "back`tick $HOME !",
	"\\n is not a newline", "trailing\\", "'''", "bad\377utf8\300bytes", "100%", "\"quoted\\\"",
};

static void
masked(const char *text, const char *secret, const char *want)
{
	struct str s = {0};

	str_puts(&s, text);
	scrub(&s, secret);
	if (strcmp(str_text(&s), want) != 0)
		fail_msg("secret '%s' in '%s': '%s', not '%s'", secret, text, str_text(&s), want);
	str_release(&s);
}

/* The secret as a writer writes it, between other words. */
static void
dressed(const char *dress, const char *secret)
{
	struct str s = {0};

	str_printf(&s, "before %s behind", dress);
	masked(s.buf, secret, "before (secret) behind");
	str_release(&s);
}

static void
test_writers(void **state)
{
	static const char *const digits[] = {"0123456789abcdef", "0123456789ABCDEF"};

	(void)state;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		const char *secret = secrets[i];
		struct str s = {0}, q = {0};

		if (strlen(secret) < 4)
			continue;
		dressed(secret, secret);
		str_safe(&s, secret, strlen(secret));
		dressed(s.buf, secret);
		str_reset(&s);
		str_shquote(&s, secret);
		masked(s.buf, secret, "'(secret)'");
		for (int upper = 0; upper < 2; upper++) {
			str_reset(&s);
			str_reset(&q);
			for (const char *p = secret; *p; p++) {
				str_printf(&s, "%%%c%c", digits[upper][(unsigned char)*p >> 4],
					   digits[upper][*p & 15]);
				str_printf(&q, "\\x%c%c", digits[upper][(unsigned char)*p >> 4],
					   digits[upper][*p & 15]);
			}
			dressed(s.buf, secret);
			dressed(q.buf, secret);
		}
		str_reset(&s);
		for (const char *p = secret; *p; p++)   /* Lua's %q */
			str_printf(&s, *p == '"' || *p == '\\' ? "\\%c" : (unsigned char)*p < 32
				   ? "\\%d" : "%c", *p);
		dressed(s.buf, secret);
		str_release(&s);
		str_release(&q);
	}
}

static void
in_json(const char *json, const char *secret)
{
	struct str s = {0};

	str_puts(&s, json);
	scrub(&s, secret);
	if (strcmp(str_text(&s), "{\"k\": \"(secret)\"}") != 0 && strcmp(str_text(&s), "{\"k\":\"(secret)\"}") != 0)
		fail_msg("secret '%s' in '%s': '%s'", secret, json, str_text(&s));
	str_release(&s);
}

static void
test_json(void **state)
{
	static const size_t flags[] = {0, JSON_ENSURE_ASCII, JSON_ESCAPE_SLASH};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		struct value *v = value_map(&a);
		json_t *root = json_pack("{s:o?}", "k", json_string(secrets[i]));

		if (strlen(secrets[i]) < 4) {
			json_decref(root);
			continue;
		}
		for (size_t k = 0; root && json_object_get(root, "k") && k < 3; k++) {
			char *text, *twice;
			json_t *outer;

			if (!json_is_string(json_object_get(root, "k")))
				break;
			text = json_dumps(root, flags[k]);
			in_json(text, secrets[i]);
			outer = json_string(text);      /* JSON in JSON, as in logs */
			twice = json_dumps(outer, JSON_ENCODE_ANY);
			/* What follows a last backslash there may belong to it. */
			if (secrets[i][strlen(secrets[i]) - 1] != '\\')
				masked(twice, secrets[i], "\"{\\\"k\\\": \\\"(secret)\\\"}\"");
			json_decref(outer);
			free(twice);
			free(text);
		}
		json_decref(root);
		value_set_text(&a, v, "k", secrets[i]);
		if (!strchr(secrets[i], '\377'))        /* JSON strings are UTF-8 */
			in_json(value_write(&a, v), secrets[i]);
	}
	masked("{\"k\":\"\\u0068\\u0046_plain\"}", "hF_plain", "{\"k\":\"(secret)\"}");
	masked("\\u00E4\\u00f6", "äö", "(secret)");
	arena_release(&a);
}

static void
test_cut(void **state)
{
	static const char secret[] = "hf_0123456789abcdef";
	struct str s = {0};

	(void)state;
	masked("token hf_0123456", secret, "token (secret)");           /* cut after 10 bytes */
	masked("token hf_012345", secret, "token hf_012345");
	masked("token hf_0123456\nnext", secret, "token (secret)\nnext");
	masked("token hf_0…, and more", secret, "token (secret)…, and more");
	masked("token hf_0123456 next", secret, "token hf_0123456 next");
	masked("a\\u00", "a\001bcdefgh", "a\\u00");
	masked("abcdefghij\\u0", "abcdefghij\001x", "(secret)\\u0");
	masked("use https://", "https://hooks.example/secret", "use https://");
	s.max = 10;
	str_puts(&s, "token hf_0123456789abcdef");
	scrub(&s, secret);
	assert_string_equal(s.buf, "token (secret)");
	assert_true(s.cut);
	str_release(&s);
	masked("x hf_0123456789abcdefhf_0123456789abcdef y", secret, "x (secret)(secret) y");
}

/* str_cut() and the scrubber agree on what a cut looks like, wherever it is. */
static void
test_any_cut(void **state)
{
	static const char secret[] = "sk-äöü-\"poison\"-0123456789";
	char text[200], cut[200], *json;
	struct str s = {0};
	json_t *o = json_string(secret);

	(void)state;
	json = json_dumps(o, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	for (int dress = 0; dress < 2; dress++)
		for (size_t size = 8; size < 90; size++) {
			snprintf(text, sizeof text, "it says %s and more of the same", dress ? json : secret);
			str_cut(cut, size, text);
			assert_true(strlen(cut) < size);
			str_reset(&s);
			str_puts(&s, cut);
			str_puts(&s, "; and then");
			scrub(&s, secret);
			assert_null(strstr(s.buf, "sk-ä"));
			assert_null(strstr(s.buf, "sk-\\u00e4"));
			if (strstr(s.buf, "pois"))
				fail_msg("cut at %zu: '%s' -> '%s'", size, cut, s.buf);
		}
	free(json);
	json_decref(o);
	str_release(&s);
}

static void
test_nothing(void **state)
{
	struct str s = {0};

	(void)state;
	scrub(&s, "secret");
	masked("", "secret", "");
	masked("abc", "abc", "abc");            /* too short to be told from a word */
	masked("\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\", "secret", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\");
	masked("\\u \\x \\ % %z \\ud83d \\ud83d\\u", "secret", "\\u \\x \\ % %z \\ud83d \\ud83d\\u");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writers), cmocka_unit_test(test_json), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_any_cut), cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
