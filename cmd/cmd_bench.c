/* The engine's own benchmark against the API that runs: a table, JSON, a plot. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/observation.h"
#include "executors/io/file.h"
#include "planner/base/json.h"
#include "planner/steps/bench.h"

enum { PROMPTS_EACH = 4, PROMPTS_LEAST = 16, INPUT = 1024, OUTPUT = 128, PROGRESS_EVERY_S = 5 };

struct benchmark {
	struct observation l;
	struct cli *cli;
	struct benched run;
	struct bench_load load;
	long long concurrency[BENCH_STEPS];
	size_t n;
	time_t told;
};

/* ---- what is asked for ---- */

static bool
bench_option(const struct cli *cli, const char *name, long long value, long long most)
{
	if (value <= most)
		return true;
	cli_misused(cli, "option '-%s' needs a number of at most %lld, not '%lld'", name, most, value);
	return false;
}

static bool
bench_read_options(struct benchmark *b)
{
	const struct cli *cli = b->cli;
	const char *list = cli->concurrency ? cli->concurrency : "1,4,16,64";

	b->n = bench_list(list, b->concurrency);
	if (!b->n)
		cli_misused(cli, "option '-concurrency' needs ascending numbers like 1,4,16 (at most %d of them, each at "
			    "most %d), not '%s'", BENCH_STEPS, BENCH_CONCURRENCY_MOST, list);
	return b->n && bench_option(cli, "prompts", cli->prompts, BENCH_PROMPTS_MOST) &&
		bench_option(cli, "input", cli->input, BENCH_TOKENS_MOST) &&
		bench_option(cli, "output", cli->output, BENCH_TOKENS_MOST);
}

/* Choose lengths that fit into the context. Those that the user gave must fit. */
static bool
bench_choose_lengths(struct benchmark *b)
{
	long long context = bench_context(b->run.server), most = context ? context - 1 : BENCH_TOKENS_MOST;
	long long output = b->cli->output ? b->cli->output : OUTPUT < most / 4 ? OUTPUT : most / 4 ? most / 4 : 1;
	/* Random tokens may become a few more when their text is read again. */
	long long room = most - output - most / 20;
	long long input = b->cli->input ? b->cli->input : INPUT < room ? INPUT : room;

	b->load.input = b->run.bench.input = input;
	b->load.output = b->run.bench.output = output;
	if (input > 0 && input + output <= most)
		return true;
	cli_error("%lld tokens of a prompt and %lld of its answer do not fit into the server's context of %lld tokens",
		  b->cli->input ? input : 1, output, context);
	fputs("hint: choose smaller ones with -input and -output\n", stderr);
	return false;
}

/* ---- while it runs ---- */

static void
bench_tell(void *arg, const char *text)
{
	struct benchmark *b = arg;
	time_t now = time(NULL);
	struct str safe = {0};

	if (b->told && now - b->told < PROGRESS_EVERY_S)
		return;
	b->told = now;
	str_safe(&safe, text, strnlen(text, 200));
	fprintf(stderr, "%s\n", str_text(&safe));
	str_release(&safe);
}

static void
bench_print_said(const char *said)
{
	struct str safe = {0};

	str_safe_lines(&safe, said, "  ");
	if (safe.len)
		fprintf(stderr, "  %s\n", str_text(&safe));
	str_release(&safe);
}

/* All steps, until one fails. */
static int
bench_steps(struct benchmark *b)
{
	struct err err = {0};

	for (size_t i = 0; i < b->n; i++) {
		const struct bench_step *s;

		b->load.concurrency = b->concurrency[i];
		b->load.prompts = b->cli->prompts ? b->cli->prompts
			: PROMPTS_EACH * b->concurrency[i] > PROMPTS_LEAST ? PROMPTS_EACH * b->concurrency[i] : PROMPTS_LEAST;
		b->told = 0;
		if (!run_bench_step(b->l.run, &b->l.c.arena, b->l.graph, &b->load, &b->run, &err)) {
			if (b->run.interrupted)
				return EXIT_INTERRUPTED;
			cli_error("%lld at a time: %s", b->load.concurrency, err.text);
			bench_print_said(b->run.said);
			cli_hint(&err);
			return EXIT_ERROR;
		}
		s = &b->run.bench.step.v[i];
		if (!s->failed)
			continue;
		cli_error("%lld at a time: %lld of %lld requests failed", s->concurrency, s->failed, s->prompts);
		bench_print_said(b->run.said);
		fputs("hint: 'dray logs' shows what the server says, 'dray why' looks for a cause\n", stderr);
		return EXIT_ERROR;
	}
	return EXIT_DONE;
}

/* ---- the result ---- */

static void
bench_print_text(struct arena *a, const struct bench *b)
{
	printf("%s, %s; random prompts of %lld tokens, answers of %lld\n\n", b->engine, b->layout, b->input, b->output);
	printf("%-11s  %-11s  %-9s  %-13s  %-10s  %-10s  %-10s  %s\n", "AT A TIME", "REQUESTS/S", "FAILED",
	       "OUT TOKENS/S", "TTFT", "TTFT P99", "TPOT", "TPOT P99");
	for (size_t i = 0; i < b->step.n; i++) {
		const struct bench_step *s = &b->step.v[i];

		printf("%-11lld  %-11.2f  %-9s  %-13.1f  %-10s  %-10s  %-10s  %s\n", s->concurrency, s->requests,
		       arena_printf(a, "%lld/%lld", s->failed, s->prompts), s->tokens, bench_time(a, s->ttft),
		       bench_time(a, s->ttft_p99), bench_time(a, s->tpot), bench_time(a, s->tpot_p99));
	}
}

static void
bench_print_json(struct arena *a, const struct bench *b, const char *cluster)
{
	const char *line = bench_write(a, b);
	json_t *json = json_read_object(line, strlen(line));

	json_set_text(json, "cluster", cluster);
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_REAL_PRECISION(12));
	putchar('\n');
	json_decref(json);
}

static int
bench_write_svg(struct benchmark *b)
{
	const struct bench *bench = &b->run.bench;
	struct str svg = {0};
	struct err err = {0};
	bool ok;

	bench_svg(bench, arena_printf(&b->l.c.arena, "%s: %s, %s, %lld + %lld tokens, %.10s", b->l.c.cluster->name,
				      b->load.name, bench->layout, bench->input, bench->output, bench->at), &svg);
	ok = file_write(b->cli->svg, svg.buf, svg.len, 0644, &err);
	str_release(&svg);
	return ok ? EXIT_DONE : cli_error("%s", err.text);
}

static int
bench_show(struct benchmark *b, int code)
{
	struct arena *a = &b->l.c.arena;
	struct err err = {0};

	if (!b->run.bench.step.n || code == EXIT_INTERRUPTED)
		return code;
	if (b->cli->json)
		bench_print_json(a, &b->run.bench, b->l.c.cluster->name);
	else
		bench_print_text(a, &b->run.bench);
	if (b->cli->svg && bench_write_svg(b) != EXIT_DONE)
		code = EXIT_ERROR;
	/* A run that failed must not replace the last result. */
	if (code == EXIT_DONE && !run_bench_keep(b->l.run, a, &b->run, &err))
		fprintf(stderr, "warning: 'dray status -v' will not show this: %s\n", err.text);
	return code;
}

static int
bench_begin(struct benchmark *b)
{
	const struct engine *e = b->l.c.cluster->engine;

	if (!e->bench) {
		cli_error("%s has no benchmark of its own", e->title);
		fputs("hint: 'dray open' gives a local port to its API, for a load generator of your choice\n", stderr);
		return EXIT_ERROR;
	}
	if (!bench_aim(&b->l.c.arena, b->l.graph, &b->load, &b->run.server))
		return api_is_down(&b->l);
	if (!bench_choose_lengths(b))
		return EXIT_ERROR;
	run_bench_begin(&b->l.c.arena, b->l.graph, &b->run);
	return EXIT_DONE;
}

static int
bench_run(struct cli *cli)
{
	struct benchmark b = {.cli = cli};
	int code;

	if (!bench_read_options(&b))
		return EXIT_USAGE;
	b.run.progress = bench_tell;
	b.run.arg = &b;
	code = observation_open(&b.l, cli);
	if (code == EXIT_DONE)
		code = bench_begin(&b);
	if (code == EXIT_DONE)
		code = bench_show(&b, bench_steps(&b));
	observation_close(&b.l);
	return code;
}

const struct command command_bench = {
	.name = "bench",
	.aka = "benchmark",
	.args = "",
	.summary = "measure throughput and latency with the engine's own benchmark",
	.doc = "Runs the engine's own benchmark (vllm bench serve) on the head, in the container\n"
	       "or environment of the server, against the running API. It sends random prompts,\n"
	       "in one step for each number of requests at a time, and prints a table: requests\n"
	       "and output tokens per second, the time to the first token (TTFT) and for each\n"
	       "later token (TPOT), as median and 99th percentile. -svg also writes a plot. It\n"
	       "slows other users of the API, and they slow the result. It changes nothing and\n"
	       "holds no lock; Ctrl-C ends it on the node. If a request fails, it runs no\n"
	       "further steps and exits 1. The last complete result is kept on the head;\n"
	       "'dray status -v' shows it until an apply changes what it was measured with.",
	.options = (const struct option_spec *const[]){&option_file, &option_concurrency, &option_prompts,
		&option_input, &option_output, &option_svg, &option_json, &option_no_color, NULL},
	.run = bench_run,
};
