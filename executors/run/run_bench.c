/* Runs the engine's own benchmark on the server's node, a step at a time, and keeps the result. */
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "planner/base/vec.h"
#include "planner/steps/bench.h"

struct benching {
	struct run *run;
	struct arena *arena;
	struct benched *to;
	const struct bench_load *load;
	struct ask *ask;                /* that runs, or NULL */
	struct err *why;
	unsigned long timer;
	bool ok, finished;
};

static void
bench_on_progress(struct ask *ask, const char *text)
{
	const struct benching *b = ask->owner;

	if (b->to->progress)
		b->to->progress(b->to->arg, text);
}

static void
bench_on_step(struct ask *ask)
{
	struct benching *b = ask->owner;
	const struct result *r = &ask->request.result;
	const struct engine *e = b->run->cluster->engine;
	struct bench_step *step;

	b->ask = NULL;
	b->finished = true;
	if (b->to->interrupted)
		return;
	if (!r->ran) {
		*b->why = r->why;
		return;
	}
	b->to->said = arena_strdup(b->arena, last_lines(b->arena, str_text(&r->err), 24));
	if (r->status != 0) {
		size_t first = strcspn(b->to->said, "\n");

		err_set(b->why, "the benchmark failed: %.*s", (int)(first < 300 ? first : 300), b->to->said);
		b->to->said += first + (b->to->said[first] == '\n');
		return;
	}
	step = vec_push(b->arena, &b->to->bench.step);
	b->ok = e->bench_result(str_text(&r->out), r->out.len, b->load, step);
	if (b->ok)
		return;
	b->to->bench.step.n--;
	err_set(b->why, "the benchmark left no result that can be read");
	err_hint(b->why, "is this release of %s one that dray knows? 'dray version'", e->title);
}

/* The node did not report that it has ended the benchmark. */
static void
bench_on_patience(void *arg)
{
	struct benching *b = arg;

	b->timer = 0;
	b->finished = true;
}

/* The first Ctrl-C ends the benchmark on the node and waits for that, the second does not wait. */
static void
bench_on_interrupt(void *arg, int count)
{
	struct benching *b = arg;

	b->to->interrupted = true;
	if (count > 1 || !b->ask) {
		b->finished = true;
		return;
	}
	run_cancel(b->ask);
	b->timer = loop_after(b->run->loop, patience.leave * 1000L, bench_on_patience, b);
}

bool
run_bench_step(struct run *r, struct arena *a, const struct graph *g, const struct bench_load *load,
	       struct benched *to, struct err *e)
{
	struct benching b = {.run = r, .arena = a, .to = to, .load = load, .why = e};
	struct task task;

	to->said = "";
	bench_task(a, g, to->server, load, &task);
	loop_interrupt(r->loop, bench_on_interrupt, &b);
	b.ask = run_ask(r, run_host(r, to->server->node), &task, bench_on_step, &b);
	b.ask->progress = bench_on_progress;
	loop_run(r->loop, &b.finished);
	loop_interrupt(r->loop, NULL, NULL);
	loop_cancel(r->loop, &b.timer);
	if (b.ask) /* it may still come */
		b.ask->then = NULL;
	return b.ok;
}

static void
bench_on_kept(struct ask *ask)
{
	struct benching *b = ask->owner;
	const struct result *r = &ask->request.result;

	b->ok = r->ran && r->status == 0;
	if (!b->ok && r->ran)
		err_set(b->why, "%s", last_lines(b->arena, str_text(&r->err), 1));
	else if (!b->ok)
		*b->why = r->why;
	b->finished = true;
}

bool
run_bench_keep(struct run *r, struct arena *a, struct benched *to, struct err *e)
{
	struct benching b = {.run = r, .arena = a, .why = e};
	struct task task;

	bench_keep(a, r->cluster, &to->bench, &task);
	run_ask(r, run_host(r, to->server->node), &task, bench_on_kept, &b);
	loop_run(r->loop, &b.finished);
	return b.ok;
}

void
run_bench_begin(struct arena *a, const struct graph *g, struct benched *to)
{
	struct attrs have = to->server->observed.have;

	to->bench = (struct bench){.at = run_time(a), .by = run_who(a), .engine = g->cluster->engine->title,
		.model = attrs_value(&have, "model.repo", attrs_value(&have, "model.path", "")),
		.commit = attrs_value(&have, "model.commit", ""), .layout = bench_layout(a, g, to->server),
		.inputs = bench_inputs(a, g), .input = to->bench.input, .output = to->bench.output};
}
