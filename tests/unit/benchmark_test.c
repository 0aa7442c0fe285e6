/* The engine's benchmark: its command, its result, what is kept of it, and the plot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/limits.h"
#include "planner/base/task.h"
#include "planner/base/vec.h"
#include "planner/engines/benchmark.h"
#include "planner/engines/engine.h"

static struct arena arena;

static int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

static struct bench
some(size_t n)
{
	struct bench b = {.at = "2026-11-30T10:00:00Z", .by = "al@box", .engine = "vLLM", .model = "meta/tiny",
		.commit = "1a2b", .layout = "TP 1 × PP 1, 1 node", .inputs = "00ff", .input = 100, .output = 20};

	for (size_t i = 0; i < n; i++)
		*vec_push(&arena, &b.step) = (struct bench_step){.concurrency = 1 << i, .prompts = 16, .completed = 15,
			.failed = 1, .seconds = 2.5, .requests = 6, .tokens = 120.25 * (double)(i + 1), .ttft = 21,
			.ttft_p99 = 32.5, .tpot = 4, .tpot_p99 = -1};
	return b;
}

static void
test_kept(void **state)
{
	struct bench b = some(3), back;
	const char *line = bench_write(&arena, &b);

	(void)state;
	assert_null(strchr(line, '\n'));
	assert_true(bench_read(&arena, line, strlen(line), &back));
	assert_int_equal(back.step.n, 3);
	assert_string_equal(back.layout, b.layout);
	assert_string_equal(back.commit, "1a2b");
	assert_int_equal(back.input, 100);
	assert_int_equal(back.step.v[2].concurrency, 4);
	assert_int_equal(back.step.v[2].failed, 1);
	assert_true(back.step.v[1].tokens == 240.5);
	assert_true(back.step.v[1].ttft_p99 == 32.5);
	assert_true(back.step.v[1].tpot_p99 < 0);
	assert_ptr_equal(bench_best(&back), &back.step.v[2]);
	/* As many steps as there may be fit. */
	b = some(0);
	for (size_t i = 0; i < BENCH_STEPS; i++)
		*vec_push(&arena, &b.step) = (struct bench_step){4000, 99999, 99999, 0, 7199.999, 99999.999, 9999999.999,
			1e6 + 0.123, 1e6 + 0.123, 1e6 + 0.123, 1e6 + 0.123};
	line = bench_write(&arena, &b);
	assert_true(bench_read(&arena, line, strlen(line), &back));
}

/* What is longer than BENCH_BYTES is not even parsed. */
static void
test_length(void **state)
{
	struct bench b = some(1), back;
	const char *line = bench_write(&arena, &b);

	(void)state;
	assert_true(bench_read(&arena, arena_printf(&arena, "%-16384s", line), 16384, &back));
	assert_false(bench_read(&arena, arena_printf(&arena, "%-16385s", line), 16385, &back));
	assert_int_equal(BENCH_STALL, 600);
	assert_int_equal(BENCH_LIMIT, 7200);
}

/* Replace a part of a line that can be read: then it cannot. */
static void
test_strangers(void **state)
{
	static const char *const parts[][2] = {
		{"\"concurrency\":1", "\"concurrency\":0"}, {"\"concurrency\":1", "\"concurrency\":5000"},
		{"\"prompts\":16", "\"prompts\":\"16\""}, {"\"failed\":1", "\"failed\":-1"},
		{"\"seconds\":2.5", "\"seconds\":null"}, {"\"requests_per_second\":6.0", "\"requests_per_second\":1e300"},
		{"\"input_tokens\":100", "\"input_tokens\":1e2"}, {"\"at\":", "\"when\":"}, {"\"steps\":[", "\"steps\":[1,"},
		{"\"inputs\":", "\"in\":"}, {"{", ""},
	};
	struct bench b = some(1), back;
	const char *line = bench_write(&arena, &b);

	(void)state;
	for (size_t i = 0; i < countof(parts); i++) {
		const char *at = strstr(line, parts[i][0]);

		assert_non_null(at);
		at = arena_printf(&arena, "%.*s%s%s", (int)(at - line), line, parts[i][1], at + strlen(parts[i][0]));
		assert_false(bench_read(&arena, at, strlen(at), &back));
	}
	b = some(0);
	line = bench_write(&arena, &b);
	assert_false(bench_read(&arena, line, strlen(line), &back));
	b.model = arena_printf(&arena, "%301s", "x");
	*vec_push(&arena, &b.step) = some(1).step.v[0];
	line = bench_write(&arena, &b);
	assert_true(bench_read(&arena, line, strlen(line), &back));
	assert_string_equal(back.model, "");
}

static void
test_list(void **state)
{
	long long n[BENCH_STEPS];
	static const char *const bad[] = {"", "0", "1,", ",1", "1,1", "4,1", "-1", "1, 4", "a", "1.5", "4097",
		"99999999999999999999", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"};

	(void)state;
	assert_int_equal(bench_list("1", n), 1);
	assert_int_equal(bench_list("1,4,4096", n), 3);
	assert_int_equal(n[2], 4096);
	assert_int_equal(bench_list("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", n), 16);
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(bench_list(bad[i], n), 0);
}

static void
test_times(void **state)
{
	(void)state;
	assert_string_equal(bench_time(&arena, -1), "-");
	assert_string_equal(bench_time(&arena, 4.1), "4.10 ms");
	assert_string_equal(bench_time(&arena, 42.25), "42.2 ms");
	assert_string_equal(bench_time(&arena, 420), "420 ms");
	assert_string_equal(bench_time(&arena, 1520), "1.52 s");
}

/* ---- vLLM ---- */

static const struct bench_load load = {.url = "http://127.0.0.1:8000", .model = "/m/tiny", .name = "t", .concurrency = 4,
	.prompts = 16, .input = 100, .output = 20};

static bool
has(const struct task *t, const char *option, const char *value)
{
	for (size_t i = 0; i + 1 < t->argc; i++)
		if (strcmp(t->argv[i], option) == 0 && (!value || strcmp(t->argv[i + 1], value) == 0))
			return true;
	return false;
}

static void
test_vllm_words(void **state)
{
	const struct engine *e = engine_find("vllm");
	struct attrs inputs = {0};
	struct task t = {0};

	(void)state;
	e->bench(&arena, &load, &inputs, &t);
	assert_string_equal(t.argv[1], "bench");
	assert_true(has(&t, "--base-url", "http://127.0.0.1:8000"));
	assert_true(has(&t, "--model", "/m/tiny"));
	assert_true(has(&t, "--served-model-name", "t"));
	assert_true(has(&t, "--tokenizer", "/m/tiny"));
	assert_true(has(&t, "--num-prompts", "16"));
	assert_true(has(&t, "--max-concurrency", "4"));
	assert_true(has(&t, "--random-input-len", "100"));
	assert_true(has(&t, "--random-output-len", "20"));
	assert_false(has(&t, "--trust-remote-code", NULL));
	t = (struct task){0};
	attrs_add(&arena, &inputs, "args.tokenizer", "other");
	attrs_add(&arena, &inputs, "args.trust-remote-code", "true");
	attrs_add(&arena, &inputs, "args.max-model-len", "300");
	e->bench(&arena, &load, &inputs, &t);
	assert_true(has(&t, "--tokenizer", "other"));
	assert_false(has(&t, "--tokenizer", "/m/tiny"));
	assert_true(has(&t, "--trust-remote-code", NULL));
	assert_false(has(&t, "--max-model-len", NULL));
}

static bool
result(const char *text, struct bench_step *s)
{
	return engine_find("vllm")->bench_result(text, strlen(text), &load, s);
}

static void
test_vllm_result(void **state)
{
	struct bench_step s;

	(void)state;
	assert_true(result("{\"duration\": 2.5, \"completed\": 14, \"failed\": 2, \"request_throughput\": 5.6, "
			   "\"output_throughput\": 112, \"median_ttft_ms\": 20.5, \"p99_ttft_ms\": 31, "
			   "\"median_tpot_ms\": 4.5, \"p99_tpot_ms\": 5}", &s));
	assert_int_equal(s.concurrency, 4);
	assert_int_equal(s.completed, 14);
	assert_int_equal(s.failed, 2);
	assert_true(s.tokens == 112 && s.ttft == 20.5 && s.tpot_p99 == 5);
	/* An older one does not say how many failed; one token each has no time per token. */
	assert_true(result("{\"duration\": 1, \"completed\": 15, \"request_throughput\": 15, \"output_throughput\": 15}", &s));
	assert_int_equal(s.failed, 1);
	assert_true(s.tpot < 0);
	assert_false(result("{\"duration\": 1, \"completed\": 17, \"request_throughput\": 15, \"output_throughput\": 15}", &s));
	assert_false(result("{\"duration\": 1, \"completed\": 16, \"request_throughput\": NaN, \"output_throughput\": 15}", &s));
	assert_false(result("{\"completed\": 16}", &s));
	assert_false(result("no JSON", &s));
}

/* ---- the plot ---- */

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void
test_svg(void **state)
{
	struct bench b = some(3);
	struct str svg = {0};

	(void)state;
	b.step.v[1].ttft = -1;
	bench_svg(&b, "a<b> & \001\xff'c\"", &svg);
	assert_non_null(strstr(str_text(&svg), ">a&lt;b&gt; &amp; 'c\"</text>"));
	assert_int_equal(count(str_text(&svg), "<polyline"), 3);
	assert_int_equal(count(str_text(&svg), "<circle"), 8);
	/* 360.75 tokens a second are the highest: the axis ends at 400, and the point is near it. */
	assert_non_null(strstr(str_text(&svg), ">400</text>"));
	assert_non_null(strstr(str_text(&svg), "cx=\"690.0\" cy=\"77.7\""));
	assert_int_equal(count(str_text(&svg), "<text"), count(str_text(&svg), "</text>"));
	str_reset(&svg);
	/* One step, and nothing but zeros. */
	b = some(1);
	b.step.v[0].tokens = b.step.v[0].ttft = b.step.v[0].ttft_p99 = 0;
	bench_svg(&b, "", &svg);
	assert_null(strstr(str_text(&svg), "nan"));
	assert_null(strstr(str_text(&svg), "inf"));
	str_release(&svg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_kept, reset), cmocka_unit_test_setup(test_length, reset),
		cmocka_unit_test_setup(test_strangers, reset), cmocka_unit_test_setup(test_list, reset),
		cmocka_unit_test_setup(test_times, reset), cmocka_unit_test_setup(test_vllm_words, reset),
		cmocka_unit_test_setup(test_vllm_result, reset), cmocka_unit_test_setup(test_svg, reset),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	arena_release(&arena);
	return failed;
}
