/* A streamed chat completion: pieces, figures, errors, and what a stranger may send instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/json.h"
#include "planner/engines/chat.h"

static const char stream[] =
	": a comment\r\n\r\n"
	"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n"
	"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm.\"}}]}\n\n"
	"data:{\"choices\":[{\"delta\":{\"content\":\"Gr\\u00fc\\u00df\"}}]}\n\n"
	"data: {\"choices\":[{\"delta\":{\"content\":\" Gott\"},\"finish_reason\":\"length\"}]}\n\n"
	"data: {\"choices\":[],\"usage\":{\"completion_tokens\":7}}\n\n"
	"data: [DONE]\n\n"
	"data: {\"choices\":[{\"delta\":{\"content\":\"late\"}}]}\n\n";

/* However the bytes are cut into pieces, the result is the same. */
static void
test_stream(void **state)
{
	(void)state;
	for (size_t step = 1; step < sizeof stream; step += step < 40 ? 1 : 61) {
		struct chat c = {0};
		struct str text = {0}, thought = {0};

		for (size_t i = 0; i < sizeof stream - 1; i += step) {
			size_t left = sizeof stream - 1 - i;

			chat_take(&c, stream + i, left < step ? left : step);
			str_puts(&text, str_text(&c.text));
			str_puts(&thought, str_text(&c.thought));
		}
		assert_string_equal(str_text(&text), "Gr\xc3\xbc\xc3\x9f Gott");
		assert_string_equal(str_text(&thought), "Hm.");
		assert_int_equal(c.pieces, 3);
		assert_int_equal(c.tokens, 7);
		assert_true(c.cut);
		assert_true(c.ended);
		assert_string_equal(c.error, "");
		str_release(&text);
		str_release(&thought);
		chat_release(&c);
	}
}

static struct chat
took(const char *text)
{
	struct chat c = {0};

	chat_take(&c, text, strlen(text));
	return c;
}

static void
test_errors(void **state)
{
	struct chat c = took("data: {\"error\":{\"message\":\"EngineCore died\",\"code\":500}}\n");

	(void)state;
	assert_string_equal(c.error, "EngineCore died");
	chat_release(&c);
	c = took("data: {\"error\":\"no\"}\n");
	assert_string_equal(c.error, "no");
	chat_release(&c);
	c = took("data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n");
	assert_string_equal(c.error, "");
	assert_int_equal(c.pieces, 1);
	chat_release(&c);
	/* A line that is not an event is ignored. */
	c = took("<html>\ndata: {\"choices\"\ndata: []\ndata: {\"choices\":{}}\n"
		 "data: {\"choices\":[{\"delta\":{\"content\":7}}],\"usage\":{\"completion_tokens\":-4}}\n");
	assert_int_equal(c.pieces, 0);
	assert_int_equal(c.tokens, 0);
	assert_string_equal(c.error, "");
	chat_release(&c);
}

/* A line without an end is not kept for ever. */
static void
test_endless_line(void **state)
{
	struct chat c = {0};
	static char many[64 * 1024];

	(void)state;
	memset(many, 'x', sizeof many);
	for (int i = 0; i < 100 && !c.ended; i++)
		chat_take(&c, many, sizeof many);
	assert_true(c.ended);
	assert_string_equal(c.error, "it sends an event that is too long");
	assert_true(c.line.len <= 1 << 20);
	chat_release(&c);
}

static void
test_body(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_string_equal(chat_body(&a, "tiny", NULL, "say \"hi\"", 0),
		"{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"say \\\"hi\\\"\"}],"
		"\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
	assert_non_null(strstr(chat_body(&a, "tiny", "Be brief.", "x", 5),
		"[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\""));
	assert_non_null(strstr(chat_body(&a, "tiny", NULL, "x", 5), "\"max_tokens\":5"));
	assert_string_equal(chat_completion_body(&a, "tiny", "Be brief.", "x", 5),
		"{\"model\":\"tiny\",\"prompt\":\"Be brief.\\n\\nx\","
		"\"stream\":true,\"stream_options\":{\"include_usage\":true},\"max_tokens\":5}");
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_endless_line), cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
