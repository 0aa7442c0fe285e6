/* vLLM's own benchmark: its command line, and what it writes down. */
#include <string.h>

#include "planner/base/json.h"
#include "planner/base/task.h"
#include "planner/engines/benchmark.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/spec/spec.h"

/* Arguments of the server that the benchmark must know, too, to make the same tokens. */
static const char *const shared[] = {"tokenizer", "tokenizer-mode", "trust-remote-code", NULL};

static void
vllm_bench_option(struct arena *a, struct task *t, const char *option, const char *value)
{
	task_word(a, t, option);
	task_word(a, t, value);
}

static void
vllm_bench_count(struct arena *a, struct task *t, const char *option, long long value)
{
	vllm_bench_option(a, t, option, arena_printf(a, "%lld", value));
}

void
vllm_bench(struct arena *a, const struct bench_load *load, struct attrs *inputs, struct task *t)
{
	bool tokenizer = false;

	task_word(a, t, "vllm");
	task_word(a, t, "bench");
	task_word(a, t, "serve");
	vllm_bench_option(a, t, "--backend", "openai");
	vllm_bench_option(a, t, "--base-url", load->url);
	vllm_bench_option(a, t, "--endpoint", "/v1/completions");
	vllm_bench_option(a, t, "--model", load->model);
	vllm_bench_option(a, t, "--served-model-name", load->name);
	for (const char *const *name = shared; *name; name++) {
		const char *arg = arena_printf(a, "args.%s", *name);
		const struct attr *attr = attrs_get(inputs, arg);
		size_t n = 0;
		const char **word = attr ? spec_arg(a, *name, attr->value, &n) : NULL;

		for (size_t k = 0; k < n; k++)
			task_word(a, t, word[k]);
		tokenizer |= attr && strcmp(*name, "tokenizer") == 0;
	}
	if (!tokenizer)
		vllm_bench_option(a, t, "--tokenizer", load->model);
	vllm_bench_option(a, t, "--dataset-name", "random");
	vllm_bench_count(a, t, "--random-input-len", load->input);
	vllm_bench_count(a, t, "--random-output-len", load->output);
	vllm_bench_count(a, t, "--num-prompts", load->prompts);
	vllm_bench_count(a, t, "--max-concurrency", load->concurrency);
	/* Other prompts in each step: those of the step before are in the prefix cache. */
	vllm_bench_count(a, t, "--seed", load->concurrency);
	task_word(a, t, "--ignore-eos");
	vllm_bench_option(a, t, "--percentile-metrics", "ttft,tpot,itl,e2el");
	vllm_bench_option(a, t, "--metric-percentiles", "99");
	task_word(a, t, "--save-result");
	vllm_bench_option(a, t, "--result-dir", ".");
	vllm_bench_option(a, t, "--result-filename", "result.json");
}

static double
vllm_bench_number(const json_t *json, const char *name, double most)
{
	const json_t *value = json_object_get(json, name);
	double v = json_is_number(value) ? json_number_value(value) : -1;

	return v >= 0 && v <= most ? v : -1;
}

bool
vllm_bench_result(const char *text, size_t n, const struct bench_load *load, struct bench_step *s)
{
	json_t *json = json_read_object(text, n);
	double completed = vllm_bench_number(json, "completed", (double)load->prompts);
	/* Versions before v0.12 do not write how many failed. */
	double failed = vllm_bench_number(json, "failed", (double)load->prompts);

	*s = (struct bench_step){.concurrency = load->concurrency, .prompts = load->prompts,
		.completed = (long long)completed,
		.seconds = vllm_bench_number(json, "duration", 1e9),
		.requests = vllm_bench_number(json, "request_throughput", 1e9),
		.tokens = vllm_bench_number(json, "output_throughput", 1e12),
		.ttft = vllm_bench_number(json, "median_ttft_ms", 1e12),
		.ttft_p99 = vllm_bench_number(json, "p99_ttft_ms", 1e12),
		.tpot = vllm_bench_number(json, "median_tpot_ms", 1e12),
		.tpot_p99 = vllm_bench_number(json, "p99_tpot_ms", 1e12)};
	s->failed = failed > (double)(load->prompts - s->completed) ? (long long)failed : load->prompts - s->completed;
	json_decref(json);
	return completed >= 0 && s->seconds >= 0 && s->requests >= 0 && s->tokens >= 0;
}
