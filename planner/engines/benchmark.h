#ifndef PLANNER_BENCHMARK_H
#define PLANNER_BENCHMARK_H

#include <stdbool.h>

#include "planner/base/arena.h"
#include "planner/base/str.h"

/*
 * What an engine's own benchmark measured, one step for each number of requests at a time. The
 * last whole result is kept on the head. What comes back from there, or from the benchmark, is a
 * stranger's: lengths and numbers are bounded. Pure.
 */
enum { BENCH_STEPS = 16, BENCH_CONCURRENCY_MOST = 4096, BENCH_PROMPTS_MOST = 100000,
	BENCH_TOKENS_MOST = 10000000 };

struct bench_step {
	long long concurrency;          /* requests at a time, at most */
	long long prompts, completed, failed;
	double seconds;
	double requests, tokens;        /* finished per second; tokens of output only */
	/* Milliseconds to the first token, and for each token after it; < 0: not known. */
	double ttft, ttft_p99, tpot, tpot_p99;
};

struct bench {
	const char *at;                 /* when it began, RFC 3339 in UTC */
	const char *by;                 /* USER@HOST */
	const char *engine;             /* what served: "vLLM" */
	const char *model;              /* repo or path, and the commit; "" if there is none */
	const char *commit;
	const char *layout;             /* "TP 2 × PP 1, 1 node" */
	const char *inputs;             /* SHA-256 of the inputs of the engine's steps */
	long long input, output;        /* tokens of each request */
	struct { struct bench_step *v; size_t n, cap; } step;
};

/* One load, for the engine's own benchmark. */
struct bench_load {
	const char *url;                /* "http://127.0.0.1:8000", as the server's node sees it */
	const char *model, *name;       /* its path there, and its name in the API */
	long long concurrency, prompts, input, output;
};

/* As one line of JSON, and back. False: something in it is odd, or it is too long. */
const char *bench_write(struct arena *, const struct bench *);
bool bench_read(struct arena *, const char *text, size_t n, struct bench *);
/* The step with the most output tokens per second; NULL: there is none. */
const struct bench_step *bench_best(const struct bench *);
/* A list of numbers of requests at a time: "1,4,16", ascending. The number of them, or 0 if it
 * is not such a list. */
size_t bench_list(const char *text, long long to[BENCH_STEPS]);
/* "ms" as people read it: "8.21 ms", "420 ms", "1.52 s"; "-" if it is not known. */
const char *bench_time(struct arena *, double ms);

/* benchmark_svg.c: throughput and time to the first token over requests at a time, as SVG. */
void bench_svg(const struct bench *, const char *title, struct str *);

#endif
