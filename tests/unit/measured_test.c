/* What a start printed of its memory, from the node and from a record: any text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "planner/facts/record.h"

static void
test_read(void **state)
{
	struct measured m;

	(void)state;
	assert_true(measured_read("61.03 65.84 269648", &m));
	assert_true(m.weights == 61.03 && m.kv == 65.84 && m.tokens == 269648);
	assert_true(measured_read("- 1.5 -", &m));
	assert_true(m.weights == 0 && m.kv == 1.5 && m.tokens == 0);
	assert_false(measured_read("", &m));
	assert_false(measured_read("61.03", &m));
	assert_false(measured_read("61 -65 3", &m));
	assert_false(measured_read("61 nan 3", &m));
	assert_false(measured_read("61 1e9 3", &m));
	assert_false(measured_read("61 65 3 more", &m));
	assert_false(measured_read("61x 65 3", &m));
}

static void
test_record(void **state)
{
	struct arena a = {0};
	struct record r = {.step = "serve", .kind = "serve", .phase = "done",
		.memory = {.weights = 61, .kv = 65.5, .tokens = 1000, .said_kv = 65, .tensor = 2,
			   .pipeline = 4, .model = 1}};
	const char *text = record_write(&a, &r);
	struct record *back = record_read(&a, text, strlen(text));
	static const char bad[] = "{\"step\": \"s\", \"phase\": \"done\", \"memory\": {\"kv\": 1e300, "
				  "\"weights\": 5}}",
		odd[] = "{\"step\": \"s\", \"phase\": \"done\", \"memory\": {\"kv\": 7, \"weights\": "
			"\"x\", \"tensor\": -3, \"pipeline\": 2}}";

	(void)state;
	assert_memory_equal(&back->memory, &r.memory, sizeof r.memory);
	assert_true(record_read(&a, bad, strlen(bad))->memory.weights == 0);
	back = record_read(&a, odd, strlen(odd));
	assert_true(back->memory.kv == 7 && back->memory.weights == 0 && back->memory.tensor == 0 &&
		    back->memory.pipeline == 0);
	r.memory = (struct measured){0};
	assert_null(strstr(record_write(&a, &r), "memory"));
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
