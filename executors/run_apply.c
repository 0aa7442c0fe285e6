/* An apply: what only a write can prove, members, then job by job until the scheduler
 * has nothing left, and the members again. */
#include <stdio.h>
#include <string.h>

#include "executors/run_private.h"
#include "planner/observe.h"

/* ---- a few requests to many nodes, waited for together ---- */

struct batch {
	struct apply *apply;
	size_t left;
	bool finished, ok;
	const struct todo *todo;
	struct failure failure;
};

static void
batch_wait(struct batch *b)
{
	b->finished = b->left == 0;
	loop_run(b->apply->run->loop, &b->finished);
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
		members_task(ap->arena, r->model, remove_all || node->forget ? NULL : json, &task);
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

	for (size_t i = 0; kinds[i]; i++) {
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
			if (r->view.failed)
				r->view.failed(r->view.arg, NULL, &b.failure);
			return false;
		}
	}
	return true;
}

/* ---- one job ---- */

static double
seconds_since(long long began)
{
	return (double)(loop_now() - began) / 1000;
}

static void apply_go(struct apply *);

static void
act_end(struct act *act, bool ok)
{
	struct apply *ap = act->apply;
	struct run *r = ap->run;
	struct act **at = &ap->acts;

	if (act->over)
		return;
	act->over = true;
	guard_stop(act);
	web_release(&act->web);
	while (*at != act)
		at = &(*at)->next;
	*at = act->next;
	if (ok && r->view.ended)
		r->view.ended(r->view.arg, act->job, seconds_since(act->began));
	sched_done(ap->sched, act->job, ok);
	if (act->cancelled)
		act->job->outcome = OUT_CANCELLED;
	apply_go(ap);
}

void
act_failed(struct act *act)
{
	struct run *r = act->apply->run;
	struct failure *f = &act->failure;

	f->step = act->step->addr;
	f->node = f->node ? f->node : act->step->node ? act->step->node->name : NULL;
	f->seconds = seconds_since(act->began);
	if (act->next_command)
		f->next = act->next_command;
	else if (!f->next)
		f->next = f->ran ? "dray apply, when its cause is removed" : "dray plan, to see what is there now";
	if (r->view.failed)
		r->view.failed(r->view.arg, act->job, f);
	act_end(act, false);
}

void
act_fail(struct act *act)
{
	guard_stop(act);
	if (act->step->kind->blame && !act->job->down && !act->cancelled)
		blame_start(act);
	else
		act_failed(act);
}

static void
fail_from(struct act *act, const struct ask *ask)
{
	struct arena *a = act->apply->arena;
	const struct result *r = &ask->request.result;
	struct failure *f = &act->failure;
	const char *guard_why = f->why;

	f->node = ask->host->name;
	f->ran = r->ran;
	f->status = r->status;
	f->why = guard_why ? guard_why : r->ran ? NULL : arena_strdup(a, r->why);
	f->tail = last_lines(a, str_text(&r->err), 20);
	act->next_command = result_fact(a, r, "next");
	act_fail(act);
}

static void
on_record(struct ask *ask)
{
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (!r->ran && host_lost(ask->host)) {
		recover_start(act, ask->host);
	} else if (!r->ran || r->status != 0) {
		fail_from(act, ask);
	} else if (act->at < act->tasks.n) {
		act->intended = true;
		act_go(act);
	} else {
		act_end(act, true);
	}
}

/* phase NULL: the record goes. */
static void
write_record(struct act *act, const char *phase)
{
	struct apply *ap = act->apply;
	struct step *s = act->step;
	struct record *rec = NULL;
	struct task task = {0};

	if (phase)
		rec = record_of(ap->arena, s, phase, ap->id, run_time(ap->arena));
	act->failure.what = phase ? "write the record" : "remove the record";
	record_task(ap->arena, ap->run->model, s->addr, rec, &task);
	act->ask = run_ask(ap->run, run_host(ap->run, s->node), &task, on_record, act);
}

void
act_settle(struct act *act)
{
	struct step *s = act->step;

	guard_stop(act);
	act->at = act->tasks.n;
	if (act->job->down) {
		s->seen = (struct seen){.state = SEEN_ABSENT};
		write_record(act, NULL);
		return;
	}
	/* What only adopts or rewrites the record keeps the identity that was seen. */
	if (act->instance || !act->job->op->record_only)
		s->seen.instance = act->instance;
	if (act->output || !act->job->op->record_only)
		s->seen.output = act->output;
	s->seen.state = SEEN_PRESENT;
	write_record(act, "done");
}

static void
on_progress(struct ask *ask, const char *text)
{
	const struct act *act = ask->owner;
	const struct run *r = ask->run;

	if (r->view.progress)
		r->view.progress(r->view.arg, act->job, text);
}

static void
take_facts(struct act *act, const struct result *r)
{
	struct arena *a = act->apply->arena;
	const char *instance = result_fact(a, r, "instance"), *output = result_fact(a, r, "output");

	if (instance)
		act->instance = instance;
	if (output)
		act->output = output;
}

static void
on_task(struct ask *ask)
{
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	/* What timed out or was stopped by a guard is over, even if that cost the shell. */
	if (!r->ran && host_lost(ask->host) && !act->cancelled && !act->failure.why &&
	    strncmp(r->why, "timed out", 9) != 0) {
		recover_start(act, ask->host);
	} else if (!r->ran || r->status != 0) {
		fail_from(act, ask);
	} else {
		take_facts(act, r);
		act->at++;
		act_go(act);
	}
}

static void
on_web(struct web *w)
{
	struct act *act = w->owner;
	struct todo *next;

	if (w->why[0]) {
		act->failure.ran = w->http.status != 0;
		act->failure.status = (int)w->http.status;
		act->failure.why = arena_strdup(act->apply->arena, w->why);
		act_fail(act);
		return;
	}
	act->at++;
	if (w->task->type == TASK_FETCH && act->at < act->tasks.n) {
		next = &act->tasks.v[act->at];
		next->task.input = w->bytes.buf;
		next->task.ninput = w->bytes.len;
	}
	act_go(act);
}

static void
send_task(struct act *act, const struct todo *todo)
{
	struct run *r = act->apply->run;
	const struct task *t = &todo->task;
	struct host *h = run_host(r, todo->node ? todo->node : act->step->node);

	act->failure.what = todo->what;
	if (t->type == TASK_SCRIPT) {
		act->apply->tally.changed |= t->changes;
		act->ask = run_ask(r, h, t, on_task, act);
		act->ask->progress = on_progress;
		return;
	}
	/* Bytes of an earlier fetch have been sent by now. */
	web_release(&act->web);
	act->web.then = on_web;
	act->web.owner = act;
	web_start(r, &act->web, t, h->session);
}

void
act_go(struct act *act)
{
	if (act->cancelled) {
		act->failure.why = "interrupted";
		act_failed(act);
		return;
	}
	if (act->at == act->tasks.n) {
		act_settle(act);
		return;
	}
	const struct todo *todo = &act->tasks.v[act->at];

	/* Before the first change, not before the first look: what fails earlier leaves
	 * no trace. */
	if (todo->task.changes && !act->intended && !act->job->down)
		write_record(act, "intent");
	else
		send_task(act, todo);
}

void
act_again(struct act *act, bool clean)
{
	struct arena *a = act->apply->arena;
	struct step *s = act->step;

	act->tasks = (struct tasks){0};
	act->at = 0;
	act->instance = act->output = NULL;
	act->failure = (struct failure){0};
	if (act->job->down || (clean && !s->kind->keep))
		s->kind->down(a, s, &act->tasks);
	if (!act->job->down && !act->job->op->record_only)
		s->kind->up(a, s, &act->tasks);
	guard_start(act);
	act_go(act);
}

static void
act_start(struct apply *ap, struct job *job)
{
	struct act *act = ar_new(ap->arena, struct act);
	struct run *r = ap->run;

	*act = (struct act){.apply = ap, .job = job, .step = job->op->step, .next = ap->acts,
			    .began = loop_now()};
	ap->acts = act;
	if (r->view.started)
		r->view.started(r->view.arg, job);
	act_again(act, false);
}

/* ---- the whole ---- */

static void
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
		return;
	}
	ap->sched->stopping = true;
	if (count == 1) {
		run_note(ap->run, "interrupted: nothing more is started, what runs is finished; "
			 "interrupt again to stop it on the nodes");
		apply_go(ap);
		return;
	}
	if (ap->hard)
		return;
	ap->hard = true;
	run_note(ap->run, "interrupted again: stopping what runs");
	for (struct act *act = ap->acts; act; act = act->next) {
		act->cancelled = true;
		if (act->ask)
			run_cancel(act->ask);
		web_cancel(&act->web);
	}
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
		bool clean = run_host(ap->run, &m->node[i])->locked;

		for (size_t k = 0; clean && k < g->n; k++) {
			if (g->v[k]->node == &m->node[i])
				clean = g->v[k]->seen.state == SEEN_ABSENT || g->v[k]->kind->keep;
		}
		m->node[i].forget = clean;
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
	struct apply ap = {.run = r, .arena = a, .plan = plan, .id = apply_id};
	const struct spec_limits *limits = &r->model->spec->limits;
	size_t parallel = r->opt.parallel ? r->opt.parallel : (size_t)limits->parallel.value;

	loop_interrupt(r->loop, on_interrupt, &ap);
	if (!plan->options.destroy && (!prove(&ap) || !write_members(&ap, false))) {
		ap.tally.failed = 1;
		goto out;
	}
	ap.sched = sched_new(a, plan, parallel, (size_t)limits->downloads.value);
	ap.sched->stopping = ap.stop_early;
	apply_go(&ap);
	loop_run(r->loop, &ap.finished);
	count(&ap);
	finish(&ap);
out:
	loop_interrupt(r->loop, NULL, NULL);
	return ap.tally;
}
