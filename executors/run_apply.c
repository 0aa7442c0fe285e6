/* An apply: what only a write can prove, members, then job by job until the scheduler
 * has nothing left, and the members again. */
#include <string.h>

#include "executors/run_private.h"
#include "planner/base/vec.h"
#include "planner/observe.h"

/* ---- a few requests to many nodes, waited for together ---- */

struct batch {
	struct apply *apply;
	size_t left;
	bool finished, ok;
	const struct step_task *st;
	struct failure failure;
};

static void
batch_wait(struct batch *b)
{
	b->finished = b->left == 0;
	loop_run(b->apply->run->loop, &b->finished);
}

void
apply_take_again(struct apply *ap, const struct result *r)
{
	const char *why = result_fact(ap->arena, r, "again");

	if (!why)
		return;
	run_note(ap->run, "%s", why);
	ap->tally.again = ap->stop_early = true;
	if (ap->sched)
		ap->sched->stopping = true;
}

static void
on_batch(struct ask *ask)
{
	struct batch *b = ask->owner;
	const struct result *r = &ask->request.result;
	struct arena *a = b->apply->arena;

	if (!r->ran || r->status != 0) {
		b->ok = false;
		b->failure.node = ask->host->name;
		b->failure.ran = r->ran;
		b->failure.status = r->status;
		b->failure.why = r->ran ? NULL : arena_strdup(a, r->why);
		b->failure.tail = last_lines(a, str_text(&r->err), 20);
	} else {
		apply_take_again(b->apply, r);
	}
	if (--b->left == 0)
		b->finished = true;
}

/* Members, and the key for MACs, on every node: before the first operation, so that a
 * killed apply can be found again, and after the last one. */
static bool
write_members(struct apply *ap, bool remove_all)
{
	struct run *r = ap->run;
	struct batch b = {.apply = ap, .ok = true};
	const char *json = members_write(ap->arena, r->model, ap->id);

	for (size_t i = 0; i < r->model->nnode; i++) {
		struct node *node = &r->model->node[i];
		struct host *h = run_host(r, node);
		struct task task = {0};

		if (!h->locked)
			continue;
		members_task(ap->arena, r->model,
			     (remove_all && !node->keeps) || node->forget ? NULL : json, &task);
		b.left++;
		run_ask(r, h, &task, on_batch, &b);
	}
	batch_wait(&b);
	if (!b.ok)
		run_note(r, "members.json could not be written on '%s': %s", b.failure.node,
			 b.failure.why ? b.failure.why : b.failure.tail);
	return b.ok;
}

/* What no look can prove, kind by kind, one task after the other. */
static bool
prove(struct apply *ap)
{
	struct run *r = ap->run;

	for (size_t i = 0; kinds[i] && !plan_users_only(ap->plan); i++) {
		struct tasks tasks = {0};

		if (kinds[i]->prove)
			kinds[i]->prove(ap->arena, ap->plan->graph, &tasks);
		for (size_t k = 0; k < tasks.n; k++) {
			struct batch b = {.apply = ap, .ok = true, .left = 1};

			b.failure = (struct failure){.step = kinds[i]->name, .what = tasks.v[k].what,
				.next = "dray plan"};
			run_ask(r, run_host(r, tasks.v[k].node), &tasks.v[k].task, on_batch, &b);
			batch_wait(&b);
			if (b.ok)
				continue;
			*vec_push(ap->arena, &ap->failures) = b.failure;
			if (r->view.failed)
				r->view.failed(r->view.arg, NULL, &b.failure);
			return false;
		}
	}
	return true;
}

/* ---- job after job ---- */

void
apply_go(struct apply *ap)
{
	struct job *job;

	if (ap->starting)
		return;
	ap->starting = true;
	while ((job = sched_next(ap->sched)))
		act_start(ap, job);
	ap->starting = false;
	if (!ap->acts && sched_finished(ap->sched))
		ap->finished = true;
}

static void
on_interrupt(void *arg, int count)
{
	struct apply *ap = arg;

	ap->tally.interrupted = true;
	if (!ap->sched) {
		ap->stop_early = true;
		if (count == 1)
			run_note(ap->run, "interrupted: nothing is started");
	}
	/* A hook of before_apply or after_apply; what comes after the operations may be worth
	 * one more press. */
	if (ap->run->telling && (!ap->sched || count > 1))
		hooks_stop(ap->run->telling, "interrupted");
	if (!ap->sched)
		return;
	ap->sched->stopping = true;
	if (count == 1) {
		run_note(ap->run, "interrupted: nothing more is started, what runs is finished; "
			 "interrupt again to stop it on the nodes");
		apply_go(ap);
		return;
	}
	if (!ap->hard)
		run_note(ap->run, "interrupted again: stopping what runs");
	/* Once more, and nobody is told of it any more. */
	for (struct act *act = ap->acts; act; act = act->next) {
		if (act->telling)
			hooks_stop(act->telling, "interrupted");
		if (ap->hard)
			continue;
		act->cancelled = true;
		if (act->ask)
			run_cancel(act->ask);
		web_cancel(&act->web);
		if (act->call)
			module_stop(act->call, "interrupted");
	}
	ap->hard = true;
}

static void
count(struct apply *ap)
{
	struct run_tally *t = &ap->tally;

	for (size_t i = 0; i < ap->sched->n; i++) {
		switch (ap->sched->v[i].outcome) {
		case OUT_OK:
			t->ok++;
			break;
		case OUT_FAILED:
			t->failed++;
			break;
		case OUT_SKIPPED:
			t->skipped++;
			break;
		case OUT_PENDING:
		case OUT_RUNNING:
		case OUT_CANCELLED:
			t->cancelled++;
			break;
		}
	}
	t->sched = ap->sched;
}

/* Nodes outside the spec whose steps are all gone stop being members. */
static void
forget_nodes(struct apply *ap)
{
	struct model *m = ap->run->model;
	const struct graph *g = ap->plan->graph;

	for (size_t i = m->nspec; i < m->nnode; i++) {
		bool clean = run_host(ap->run, &m->node[i])->locked && !m->node[i].keeps;

		for (size_t k = 0; clean && k < g->n; k++) {
			if (g->v[k]->node == &m->node[i])
				clean = g->v[k]->seen.state == SEEN_ABSENT || g->v[k]->kind->keep;
		}
		m->node[i].forget |= clean;
	}
}

static void
finish(struct apply *ap)
{
	const struct run_tally *t = &ap->tally;
	bool whole = t->failed + t->skipped + t->cancelled == 0;

	forget_nodes(ap);
	write_members(ap, whole && ap->plan->options.destroy && !ap->plan->nexcluded);
}

struct run_tally
run_apply(struct run *r, struct arena *a, struct plan *plan, const char *apply_id)
{
	struct apply ap = {.run = r, .arena = a, .plan = plan, .id = apply_id,
		.began = loop_now()};
	const struct spec_limits *limits = &r->model->spec->limits;
	size_t parallel = r->opt.parallel ? r->opt.parallel : (size_t)limits->parallel.value;

	loop_interrupt(r->loop, on_interrupt, &ap);
	if (apply_hooks_before(&ap) &&
	    (plan->options.destroy || (prove(&ap) && write_members(&ap, false)))) {
		ap.sched = sched_new(a, plan, parallel, (size_t)limits->downloads.value);
		ap.sched->stopping = ap.stop_early;
		apply_go(&ap);
		loop_run(r->loop, &ap.finished);
		count(&ap);
		finish(&ap);
	} else {
		ap.tally.failed = 1;
	}
	if (!apply_hooks_after(&ap))
		ap.tally.failed++;
	loop_interrupt(r->loop, NULL, NULL);
	return ap.tally;
}
