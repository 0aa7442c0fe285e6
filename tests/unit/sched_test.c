/* The scheduler on thousands of random graphs with random failures. A second, slow
 * implementation of the rules checks what must never happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/base/vec.h"
#include "planner/plan/sched.h"

enum { KINDS = 5, NODES = 4, MAX = 24 };

static void
nothing(struct arena *a, const struct step *s, struct tasks *t)
{
	(void)a, (void)s, (void)t;
}

/* In every third graph "join" is a group. */
static struct kind fake[KINDS] = {
	{.name = "look", .up = NULL},
	{.name = "fetch", .up = nothing, .keep = true, .pool = "downloads", .down = nothing},
	{.name = "base", .up = nothing, .down = nothing},
	{.name = "join", .up = nothing, .down = nothing},
	{.name = "top", .up = nothing, .down = nothing},
};

struct rig {
	struct arena arena;
	struct cluster cluster;
	struct node node[NODES];
	struct graph graph;
	struct plan plan;
	struct sched *s;
	bool above[MAX][MAX];           /* [i][j]: i depends on j, over any number of edges */
	bool instance[MAX][MAX];        /* directly, by an instance edge */
	unsigned long seed;
};

static unsigned
dice(struct rig *r, unsigned sides)
{
	r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(r->seed >> 33) % sides;
}

static enum action
some_action(struct rig *r, const struct step *s)
{
	static const enum action live[] = {ACT_NONE, ACT_CREATE, ACT_UPDATE, ACT_REPLACE,
		ACT_RESTART, ACT_NONE};
	static const enum action kept[] = {ACT_NONE, ACT_CREATE, ACT_UPDATE};

	if (s->orphan)
		return ACT_DESTROY;
	if (!s->kind->up)
		return ACT_NONE;
	if (s->kind->keep)
		return kept[dice(r, 3)];
	return live[dice(r, 6)];
}

/* Kinds never depend on later kinds, as in kinds.def. */
static void
make(struct rig *r, unsigned long seed)
{
	struct arena *a = &r->arena;
	size_t n;

	memset(r, 0, sizeof *r);
	r->seed = seed;
	fake[3].group = seed % 3 == 0;
	n = 1 + dice(r, MAX);
	r->cluster = (struct cluster){.name = "x", .node = r->node, .nnode = NODES};
	r->graph.cluster = &r->cluster;
	for (size_t i = 0; i < n; i++) {
		struct step *s = ar_new(a, struct step);
		size_t orphans = n / 5;

		*s = (struct step){.addr = arena_printf(a, "s%zu", i), .index = i,
			.node = &r->node[dice(r, NODES)], .cluster = &r->cluster,
			.orphan = i >= n - orphans};
		s->kind = &fake[s->orphan ? 2 + dice(r, 3) : i * KINDS / (n - orphans)];
		*vec_push(a, &r->graph) = s;
		for (size_t k = 0; k < i && !s->orphan; k++) {
			enum edge edge = s->kind->keep || r->graph.v[k]->kind->keep
				? dice(r, 2) ? EDGE_ORDER : EDGE_CONTENT : (enum edge)dice(r, 3);

			if (dice(r, 3))
				continue;
			*vec_push(a, &s->deps) = (struct dep){.on = r->graph.v[k], .edge = edge};
			r->instance[i][k] = edge == EDGE_INSTANCE;
			r->above[i][k] = true;
			for (size_t j = 0; j < MAX; j++)
				r->above[i][j] = r->above[i][j] || r->above[k][j];
		}
	}
	r->plan = (struct plan){.graph = &r->graph, .n = n, .v = ar_array(a, struct op, n)};
	for (size_t i = 0; i < n; i++) {
		r->plan.v[i] = (struct op){.step = r->graph.v[i], .cause = "test"};
		r->plan.v[i].action = some_action(r, r->graph.v[i]);
		r->plan.v[i].excluded = dice(r, 12) == 0;
	}
}

static const struct job *
job_of(const struct rig *r, size_t step, bool down)
{
	for (size_t i = 0; i < r->s->n; i++)
		if (r->s->v[i].op->step->index == step && r->s->v[i].down == down)
			return &r->s->v[i];
	return NULL;
}

/* Must `first` be finished before `then` may start? */
static bool
precedes(const struct rig *r, const struct job *first, const struct job *then)
{
	const struct step *f = first->op->step, *t = then->op->step;
	size_t i = f->index, k = t->index;

	if (first->down && !then->down) {
		if (i == k || r->instance[i][k] || graph_same_group(f, t))
			return true;
		/* What left the spec makes room for what is bound to instances. */
		for (size_t j = 0; j < r->plan.n && f->orphan; j++)
			if (r->instance[k][j] || r->instance[j][k])
				return true;
		return false;
	}
	if (!first->down && !then->down)
		return r->above[k][i];
	if (first->down && then->down)
		return r->above[i][k] || (f->kind > t->kind && (f->orphan || t->orphan));
	return false;
}

static void
check_start(const struct rig *r, const struct job *job, struct job **running, size_t n)
{
	size_t downloads = 0;

	assert_true(op_acts(job->op));
	for (size_t i = 0; i < r->s->n; i++)
		if (precedes(r, &r->s->v[i], job))
			assert_int_equal(r->s->v[i].outcome, OUT_OK);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_not_equal(running[i]->op->step->node, job->op->step->node);
		downloads += running[i]->op->step->kind->pool != NULL;
	}
	assert_true(!job->op->step->kind->pool || !r->s->downloads ||
		    downloads < r->s->downloads);
	assert_true(n + 1 <= r->s->parallel || !r->s->parallel);
}

static void
check_end(const struct rig *r)
{
	for (size_t i = 0; i < r->s->n; i++) {
		const struct job *job = &r->s->v[i];

		assert_true(job->outcome == OUT_OK || job->outcome == OUT_FAILED ||
			    job->outcome == OUT_SKIPPED);
		assert_int_equal(job->outcome == OUT_SKIPPED, job->because != NULL);
		if (job->because)
			assert_int_equal(job->because->outcome, OUT_FAILED);
		for (size_t k = 0; k < r->s->n; k++)
			if (precedes(r, &r->s->v[k], job) && r->s->v[k].outcome == OUT_FAILED)
				assert_int_equal(job->outcome, OUT_SKIPPED);
	}
}

static size_t
run(struct rig *r, unsigned fail_one_in, size_t stop_after)
{
	struct job *running[MAX * 2], *job;
	bool started[MAX][2] = {{false}};
	size_t n = 0, failed = 0, ended = 0;

	while (!sched_finished(r->s)) {
		while ((job = sched_next(r->s))) {
			check_start(r, job, running, n);
			assert_false(started[job->op->step->index][job->down]);
			started[job->op->step->index][job->down] = true;
			assert_false(r->s->stopping);
			running[n++] = job;
		}
		if (!n)
			break;
		size_t k = dice(r, (unsigned)n);
		bool ok = !fail_one_in || dice(r, fail_one_in);

		failed += !ok;
		job = running[k];
		running[k] = running[--n];
		sched_done(r->s, job, ok);
		if (++ended == stop_after)
			r->s->stopping = true;
	}
	assert_int_equal(n, 0);
	assert_true(sched_finished(r->s));
	return failed;
}

static void
test_random(void **state)
{
	size_t failed = 0, jobs = 0;

	(void)state;
	for (unsigned long seed = 1; seed <= 4000; seed++) {
		struct rig r;

		make(&r, seed);
		r.s = sched_new(&r.arena, &r.plan, seed % 4, seed % 3);
		jobs += r.s->n;
		failed += run(&r, seed % 2 ? 6 : 0, 0);
		check_end(&r);
		for (size_t i = 0; i < r.plan.n; i++) {
			const struct op *op = &r.plan.v[i];
			bool moves = op->action == ACT_REPLACE || op->action == ACT_RESTART;

			assert_int_equal(job_of(&r, i, true) != NULL, op_acts(op) &&
					 (moves || op->action == ACT_DESTROY));
			assert_int_equal(job_of(&r, i, false) != NULL, op_acts(op) &&
					 op->action != ACT_DESTROY);
		}
		arena_release(&r.arena);
	}
	assert_true(failed > 500 && jobs > 10000);
}

/* Ctrl-C: what runs ends, nothing new starts, the rest is cancelled. */
static void
test_stop(void **state)
{
	(void)state;
	for (unsigned long seed = 1; seed <= 500; seed++) {
		struct rig r;

		make(&r, seed);
		r.s = sched_new(&r.arena, &r.plan, 3, 0);
		run(&r, 0, 1 + seed % 5);
		for (size_t i = 0; i < r.s->n; i++)
			assert_true(r.s->v[i].outcome == OUT_OK ||
				    r.s->v[i].outcome == OUT_CANCELLED);
		arena_release(&r.arena);
	}
}

/* Equal plans start in the same order when one job runs at a time. */
static void
test_order(void **state)
{
	(void)state;
	for (unsigned long seed = 1; seed <= 200; seed++) {
		struct rig r[2];
		struct job *job[2];

		for (int i = 0; i < 2; i++) {
			make(&r[i], seed);
			r[i].s = sched_new(&r[i].arena, &r[i].plan, 1, 1);
		}
		while ((job[0] = sched_next(r[0].s))) {
			job[1] = sched_next(r[1].s);
			assert_non_null(job[1]);
			assert_string_equal(job[0]->op->step->addr, job[1]->op->step->addr);
			assert_int_equal(job[0]->down, job[1]->down);
			sched_done(r[0].s, job[0], true);
			sched_done(r[1].s, job[1], true);
		}
		assert_null(sched_next(r[1].s));
		arena_release(&r[0].arena);
		arena_release(&r[1].arena);
	}
}

/* A new image is fetched before anything that will depend on it is taken down, however
 * indirectly. If the fetch fails, the old one keeps serving. */
static void
test_calm_first(void **state)
{
	struct rig r = {.seed = 1};
	struct step step[3] = {
		{.addr = "fetch", .kind = &fake[1], .node = &r.node[0]},
		{.addr = "top", .kind = &fake[4], .node = &r.node[1], .index = 1},
		{.addr = "middle", .kind = &fake[3], .node = &r.node[0], .index = 2},
	};
	struct step *list[] = {&step[0], &step[1], &step[2]};
	struct op op[3] = {{.step = &step[0], .action = ACT_UPDATE},
			   {.step = &step[1], .action = ACT_RESTART},
			   {.step = &step[2], .action = ACT_REPLACE}};
	struct job *job;

	(void)state;
	*vec_push(&r.arena, &step[1].deps) = (struct dep){.on = &step[2], .edge = EDGE_INSTANCE};
	*vec_push(&r.arena, &step[2].deps) = (struct dep){.on = &step[0], .edge = EDGE_CONTENT};
	r.graph = (struct graph){.cluster = &r.cluster, .v = list, .n = 3};
	r.plan = (struct plan){.graph = &r.graph, .v = op, .n = 3};
	r.s = sched_new(&r.arena, &r.plan, 8, 0);
	job = sched_next(r.s);
	assert_string_equal(job->op->step->addr, "fetch");
	assert_null(sched_next(r.s));
	sched_done(r.s, job, false);
	assert_null(sched_next(r.s));
	assert_true(sched_finished(r.s));
	assert_int_equal(job_of(&r, 1, true)->outcome, OUT_SKIPPED);
	assert_ptr_equal(job_of(&r, 1, false)->because, job);
	arena_release(&r.arena);
}

/* An input that was unknown in the plan is known when the up starts. */
static void
test_resolves(void **state)
{
	struct rig r = {.seed = 1};
	struct step step[2] = {
		{.addr = "fetch", .kind = &fake[1], .node = &r.node[0]},
		{.addr = "top", .kind = &fake[4], .node = &r.node[1], .index = 1},
	};
	struct step *list[] = {&step[0], &step[1]};
	struct op op[2] = {{.step = &step[0], .action = ACT_CREATE},
			   {.step = &step[1], .action = ACT_CREATE}};
	struct job *job;

	(void)state;
	*vec_push(&r.arena, &step[1].deps) = (struct dep){.on = &step[0], .edge = EDGE_CONTENT,
		.input = "id"};
	attrs_add(&r.arena, &step[1].want, "id", NULL);
	r.graph = (struct graph){.cluster = &r.cluster, .v = list, .n = 2};
	r.plan = (struct plan){.graph = &r.graph, .v = op, .n = 2};
	r.s = sched_new(&r.arena, &r.plan, 8, 0);
	job = sched_next(r.s);
	step[0].observed.output = "sha256:aa";
	sched_done(r.s, job, true);
	job = sched_next(r.s);
	assert_string_equal(attrs_value(&job->op->step->want, "id", "-"), "sha256:aa");
	arena_release(&r.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random), cmocka_unit_test(test_stop),
		cmocka_unit_test(test_order), cmocka_unit_test(test_calm_first),
		cmocka_unit_test(test_resolves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
