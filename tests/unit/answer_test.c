/* The answer of the API, and how busy the engine says it is: what is read, and from whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/engines/vllm/vllm.h"
#include "planner/plan/answer.h"

static void
test_load(void **state)
{
	static const char text[] =
		"# HELP vllm:num_requests_running Number of requests in model execution batches.\n"
		"vllm:num_requests_running{engine=\"0\",model_name=\"a b\"} 3.0\n"
		"vllm:num_requests_running{engine=\"1\",model_name=\"a b\"} 2.0\n"
		"vllm:num_requests_running_total{engine=\"0\"} 77.0\n"
		"vllm:num_requests_waiting{engine=\"0\"} 7.0\n"
		"vllm:kv_cache_usage_perc{engine=\"0\"} 0.25\n"
		"vllm:kv_cache_usage_perc{engine=\"1\"} 0.5\n"
		"vllm:prompt_tokens_total{engine=\"0\"} 1e+03\n"
		"vllm:generation_tokens_total{engine=\"0\"} 41.0\n"
		"vllm:iteration_tokens_total_count{engine=\"0\"} 5";
	struct engine_load l;

	(void)state;
	vllm_load(text, strlen(text), &l);
	assert_true(l.running == 5 && l.waiting == 7 && l.kv == 0.5 && l.tokens == 41);
	assert_true(l.progress == 1046);
	/* Nothing, other words, and words where a number belongs. */
	vllm_load("", 0, &l);
	assert_true(l.running < 0 && l.progress < 0);
	vllm_load("vllm:num_requests_running{} nan\nvllm:num_requests_waiting{} -1\n"
		  "vllm:kv_cache_usage_perc{} 1e999\nvllm:generation_tokens_total\n", 116, &l);
	assert_true(l.running < 0 && l.waiting < 0 && l.kv < 0 && l.tokens < 0);
}

static void
test_recorded(void **state)
{
	struct arena a = {0};
	struct answer in = {ANSWER_HANGS, "no token\twithin 6 s\x1b[2J", 6000, 3, 0, -1, 0.5}, out;
	const char *text = answer_write(&a, &in);

	(void)state;
	assert_true(answer_read(&a, text, strlen(text), &out));
	assert_int_equal(out.state, ANSWER_HANGS);
	assert_int_equal(out.ms, 6000);
	assert_true(out.running == 3 && out.waiting == 0 && out.rate == -1 && out.kv == 0.5);
	assert_null(strchr(out.why, '\x1b'));
	assert_non_null(strstr(out.why, "within 6 s"));
	assert_false(answer_read(&a, "answer\thangs", 12, &out));
	assert_false(answer_read(&a, "", 0, &out));
	/* A word of a later version is not known here, and is not an error. */
	text = "answer\tdancing\t1\t-\t-\t-\t-\t-\n";
	assert_true(answer_read(&a, text, strlen(text), &out));
	assert_int_equal(out.state, ANSWER_NOT_ASKED);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
