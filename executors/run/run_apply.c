/* An apply: proves what only a write can prove, writes members.json, runs job after job
 * until the scheduler has none left, and writes members.json again. */
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"

#include "planner/cluster/members.h"
#include "planner/base/vec.h"
#include "planner/steps/kinds.h"
#include "planner/steps/observe.h"

/* ---- a batch of requests that we wait for together ---- */

struct batch {
	struct apply *apply;
	size_t left;
	bool finished, ok;
	bool lost;                      /* a node did not answer at all */
	const struct step_task *st;
	struct failure failure;
};

static void
apply_batch_wait(struct batch *b)
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
apply_on_batch(struct ask *ask)
{
	struct batch *b = ask->owner;
	const struct result *r = &ask->request.result;
	struct arena *a = b->apply->arena;

	if (!r->ran || r->status != 0) {
		b->ok = ask->host->marked = false;
		b->failure.node = ask->host->name;
		b->failure.ran = r->ran;
		b->lost |= !r->ran;
		b->failure.status = r->status;
		b->failure.why = r->ran ? NULL : arena_strdup(a, r->why.text);
		b->failure.tail = last_lines(a, str_text(&r->err), 20);
	} else {
		apply_take_again(b->apply, r);
	}
	if (--b->left == 0)
		b->finished = true;
}

/* Write members.json and the key for MACs to every node: before the first operation, so
 * that a killed apply can be found and is not confused with another one, and after the
 * last. */
static bool
apply_write_members(struct apply *ap, bool remove_all)
{
	struct run *r = ap->run;
	struct batch b = {.apply = ap, .ok = true};
	const char *json = members_write(ap->arena, r->cluster, ap->id);

	for (size_t i = 0; i < r->cluster->nnode; i++) {
		struct node *node = &r->cluster->node[i];
		struct host *h = run_host(r, node);
		struct task task = {0};

		if (!h->locked)
			continue;
		h->marked = !((remove_all && !node->keeps) || node->forget);
		members_task_with(ap->arena, r->cluster, h->marked ? json : NULL, &ap->entry, &task);
		b.left++;
		run_ask(r, h, &task, apply_on_batch, &b);
	}
	apply_batch_wait(&b);
	/* A full disk must not prevent a destroy, which frees space. */
	if (ap->plan->options.destroy && !ap->sched)
		b.ok = !b.lost;
	if (!b.ok)
		run_note(r, "members.json could not be written on '%s': %s", b.failure.node,
			 b.failure.why ? b.failure.why : b.failure.tail);
	return b.ok;
}

/* Prove what no look can prove, kind by kind, one task after another. */
static bool
apply_prove(struct apply *ap)
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
			run_ask(r, run_host(r, tasks.v[k].node), &tasks.v[k].task, apply_on_batch,
				&b);
			apply_batch_wait(&b);
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

/* Stop waiting for nodes. What runs there keeps running. */
static void
apply_leave(struct apply *ap, const char *why)
{
	struct run *r = ap->run;

	if (ap->left)
		return;
	ap->left = true;
	run_note(r, "%s: leaving; what still runs on the nodes keeps running", why);
	for (size_t i = 0; i < r->nhost; i++)
		if (r->host[i]->session)
			session_lose(r->host[i]->session, "interrupted");
}

/* A node is connected but does not answer; its shell may be stopped. */
static void
apply_leave_late(void *arg)
{
	struct apply *ap = arg;

	ap->leaving = 0;
	apply_leave(ap,
		    arena_printf(ap->arena, "a node did not answer within %u s", patience.leave));
}

static void
apply_on_interrupt(void *arg, int count)
{
	struct apply *ap = arg;

	ap->tally.interrupted = true;
	if (!ap->sched) {
		ap->stop_early = true;
		if (count == 1)
			run_note(ap->run, "interrupted: nothing is started");
	}
	/* Stop a hook of before_apply at once. One of after_apply may be important, so it takes
	 * a second Ctrl-C. */
	if (ap->run->hook_run && (!ap->sched || count > 1))
		hooks_stop(ap->run->hook_run, "interrupted");
	if (count > 2 || (count > 1 && !ap->sched && !ap->run->hook_run))
		apply_leave(ap, "interrupted once more");
	if (!ap->sched)
		return;
	ap->sched->stopping = true;
	if (count == 1) {
		run_note(ap->run, "interrupted: dray starts nothing more and waits for what runs; "
			 "interrupt again to stop it on the nodes");
		apply_go(ap);
		return;
	}
	if (!ap->hard) {
		run_note(ap->run, "interrupted again: stopping what runs");
		ap->leaving =
			loop_after(ap->run->loop, patience.leave * 1000L, apply_leave_late, ap);
	}
	/* A third Ctrl-C stops the hooks about the failures. */
	for (struct act *act = ap->acts; act; act = act->next) {
		if (act->hook_run)
			hooks_stop(act->hook_run, "interrupted");
		if (ap->hard)
			continue;
		act->cancelled = true;
		recover_stop(act);
		if (act->ask)
			run_cancel(act->ask);
		web_cancel(&act->web);
		if (act->call)
			module_stop(act->call, "interrupted");
	}
	ap->hard = true;
}

static void apply_on_late_interrupt(void *arg, int count) { (void)arg, (void)count; }

static void
apply_count(struct apply *ap)
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

/* Nodes that left the spec are no longer members once all their steps are gone. */
static void
apply_forget_nodes(struct apply *ap)
{
	struct cluster *c = ap->run->cluster;
	const struct graph *g = ap->plan->graph;

	for (size_t i = c->nspec; i < c->nnode; i++) {
		bool clean = run_host(ap->run, &c->node[i])->locked && !c->node[i].keeps;

		for (size_t k = 0; clean && k < g->n; k++) {
			if (g->v[k]->node == &c->node[i])
				clean = g->v[k]->observed.state == STATE_ABSENT || g->v[k]->kind->keep;
		}
		c->node[i].forget |= clean;
	}
}

static void
apply_finish(struct apply *ap)
{
	const struct run_tally *t = &ap->tally;
	bool whole = t->failed + t->skipped + t->cancelled == 0;

	apply_forget_nodes(ap);
	entry_end(ap);
	apply_write_members(ap, whole && ap->plan->options.destroy && !ap->plan->options.stop &&
			    !ap->plan->nexcluded);
}

/* What comes before the first operation. A destroy needs no proof. A hook may have taken
 * long: if a lock was lost meanwhile, the observation under it is stale. */
static bool
apply_begin(struct apply *ap)
{
	const struct node *lost = run_unlocked(ap->run);

	if (lost) {
		run_note(ap->run, "the connection to '%s' and its lock were lost before anything "
				  "was "
			 "started: nothing was changed, start again", lost->name);
		return false;
	}
	return (ap->plan->options.destroy || apply_prove(ap)) && apply_write_members(ap, false);
}

struct run_tally
run_apply(struct run *r, struct arena *a, struct plan *plan, const char *apply_id)
{
	struct apply ap = {.run = r, .arena = a, .plan = plan, .id = apply_id,
		.began = loop_clock()};
	const struct spec_limits *limits = &r->cluster->spec->limits;
	size_t parallel = r->opt.parallel ? r->opt.parallel : (size_t)limits->parallel.value;

	loop_interrupt(r->loop, apply_on_interrupt, &ap);
	entry_begin(&ap);
	if (apply_hooks_before(&ap) && apply_begin(&ap)) {
		ap.sched = sched_new(a, plan, parallel, (size_t)limits->downloads.value);
		ap.sched->stopping = ap.stop_early;
		if (r->view.begun)
			r->view.begun(r->view.arg, ap.sched);
		apply_go(&ap);
		loop_run(r->loop, &ap.finished);
		apply_count(&ap);
		apply_finish(&ap);
		loop_cancel(r->loop, &ap.leaving);
	} else {
		ap.tally.failed = 1;
	}
	if (!apply_hooks_after(&ap))
		ap.tally.failed++;
	loop_cancel(r->loop, &ap.leaving);
	/* Only the report is left: ignore further interrupts. */
	loop_interrupt(r->loop, apply_on_late_interrupt, NULL);
	return ap.tally;
}
