#include "planner/engines/benchmark.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

enum { TEXT_MAX = 300, DECIMALS = 1000 };
static const double NUMBER_MAX = 1e12;

size_t
bench_list(const char *text, long long to[BENCH_STEPS])
{
	size_t n = 0;
	char *end;

	for (const char *at = text;; at = end + 1) {
		long long x = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : 0;

		if (n == BENCH_STEPS || x < 1 || x > BENCH_CONCURRENCY_MOST || (n && x <= to[n - 1]))
			return 0;
		to[n++] = x;
		if (!*end)
			return n;
		if (*end != ',')
			return 0;
	}
}

const struct bench_step *
bench_best(const struct bench *b)
{
	const struct bench_step *best = NULL;

	for (size_t i = 0; i < b->step.n; i++)
		if (!best || b->step.v[i].tokens > best->tokens)
			best = &b->step.v[i];
	return best;
}

const char *
bench_time(struct arena *a, double ms)
{
	if (ms < 0)
		return "-";
	if (ms >= 999.5)
		return arena_printf(a, "%.2f s", ms / 1000);
	return arena_printf(a, "%.*f ms", ms < 10 ? 2 : ms < 100 ? 1 : 0, ms);
}

/* ---- as JSON ---- */

/* Digits that nobody measured are not kept. */
static json_t *
benchmark_number(double v)
{
	return v < 0 ? json_null() : json_real((double)(long long)(v * DECIMALS + 0.5) / DECIMALS);
}

const char *
bench_write(struct arena *a, const struct bench *b)
{
	json_t *steps = json_array(), *json;

	for (size_t i = 0; i < b->step.n; i++) {
		const struct bench_step *s = &b->step.v[i];

		json_array_append_new(steps, json_pack(
			"{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			"concurrency", (json_int_t)s->concurrency, "prompts", (json_int_t)s->prompts,
			"completed", (json_int_t)s->completed, "failed", (json_int_t)s->failed,
			"seconds", benchmark_number(s->seconds), "requests_per_second", benchmark_number(s->requests),
			"output_tokens_per_second", benchmark_number(s->tokens),
			"ttft_median_ms", benchmark_number(s->ttft), "ttft_p99_ms", benchmark_number(s->ttft_p99),
			"tpot_median_ms", benchmark_number(s->tpot), "tpot_p99_ms", benchmark_number(s->tpot_p99)));
	}
	json = json_pack("{s:i, s:s, s:I, s:I, s:o}", "v", 1, "type", "bench", "input_tokens", (json_int_t)b->input,
			 "output_tokens", (json_int_t)b->output, "steps", steps);
	json_set_text(json, "at", b->at);
	json_set_text(json, "by", b->by);
	json_set_text(json, "engine", b->engine);
	json_set_text(json, "model", b->model);
	json_set_text(json, "commit", b->commit);
	json_set_text(json, "layout", b->layout);
	json_set_text(json, "inputs", b->inputs);
	return json_line(a, json);
}

static const char *
benchmark_text(struct arena *a, const json_t *json, const char *name)
{
	const char *s = json_get_text(a, json, name);

	return s && strlen(s) <= TEXT_MAX ? s : "";
}

/* -1: not a number, or an absurd one. */
static double
benchmark_real(const json_t *json, const char *name)
{
	double v = json_is_number(json_object_get(json, name)) ? json_number_value(json_object_get(json, name)) : -1;

	return v >= 0 && v <= NUMBER_MAX ? v : -1;
}

static long long
benchmark_count(const json_t *json, const char *name, long long least, long long most)
{
	const json_t *value = json_object_get(json, name);
	long long x = json_is_integer(value) ? json_integer_value(value) : -1;

	return x < least || x > most ? -1 : x;
}

static bool
benchmark_read_step(const json_t *json, struct bench_step *s)
{
	*s = (struct bench_step){
		.concurrency = benchmark_count(json, "concurrency", 1, BENCH_CONCURRENCY_MOST),
		.prompts = benchmark_count(json, "prompts", 1, BENCH_PROMPTS_MOST),
		.completed = benchmark_count(json, "completed", 0, BENCH_PROMPTS_MOST),
		.failed = benchmark_count(json, "failed", 0, BENCH_PROMPTS_MOST),
		.seconds = benchmark_real(json, "seconds"), .requests = benchmark_real(json, "requests_per_second"),
		.tokens = benchmark_real(json, "output_tokens_per_second"),
		.ttft = benchmark_real(json, "ttft_median_ms"), .ttft_p99 = benchmark_real(json, "ttft_p99_ms"),
		.tpot = benchmark_real(json, "tpot_median_ms"), .tpot_p99 = benchmark_real(json, "tpot_p99_ms"),
	};
	return s->concurrency > 0 && s->prompts > 0 && s->completed >= 0 && s->failed >= 0 && s->seconds >= 0 &&
		s->requests >= 0 && s->tokens >= 0;
}

bool
bench_read(struct arena *a, const char *text, size_t n, struct bench *b)
{
	json_t *json = n <= BENCH_BYTES ? json_read_object(text, n) : NULL, *steps = json_object_get(json, "steps");
	size_t count = json_array_size(steps);
	bool ok;

	*b = (struct bench){
		.at = benchmark_text(a, json, "at"), .by = benchmark_text(a, json, "by"),
		.engine = benchmark_text(a, json, "engine"), .model = benchmark_text(a, json, "model"),
		.commit = benchmark_text(a, json, "commit"), .layout = benchmark_text(a, json, "layout"),
		.inputs = benchmark_text(a, json, "inputs"),
		.input = benchmark_count(json, "input_tokens", 1, BENCH_TOKENS_MOST),
		.output = benchmark_count(json, "output_tokens", 1, BENCH_TOKENS_MOST),
	};
	ok = count > 0 && count <= BENCH_STEPS && *b->at && *b->inputs && b->input > 0 && b->output > 0;
	for (size_t i = 0; ok && i < count; i++)
		ok = benchmark_read_step(json_array_get(steps, i), vec_push(a, &b->step));
	json_decref(json);
	return ok;
}
