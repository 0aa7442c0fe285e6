/* One job of an apply: its intent, its tasks one after the other, its record; or its
 * failure with all there is to say. */
#include <string.h>

#include "executors/run_private.h"
#include "planner/base/vec.h"
#include "planner/observe.h"

static double
seconds_since(long long began)
{
	return (double)(loop_now() - began) / 1000;
}

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
	if (act->call)
		module_end(act->call);
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

/* Its work is done; it is well when the hooks that listen say so. */
static void
act_done(struct act *act)
{
	if (act_ask_hooks(act, EVENT_after_step))
		act_end(act, true);
}

void
act_hooked(struct act *act, enum event event, const struct verdict *v)
{
	struct failure *f = &act->failure;

	if (event == EVENT_step_failed) {
		if (v->type != VERDICT_PASS)
			run_note(act->apply->run, "%s", v->why);
		act_end(act, false);
	} else if (v->type != VERDICT_PASS) {
		*f = (struct failure){.what = event == EVENT_before_step ? "ask the hooks before it"
						 : "tell the hooks after it",
			.ran = true, .status = 1, .why = v->why,
			.tail = v->error.trace && *v->error.trace ? v->error.trace : NULL};
		if (event == EVENT_after_step)
			f->next = "dray apply for the rest: the step itself is done, and no hook is told of "
				  "it again";
		act_failed(act);
	} else if (event == EVENT_after_step) {
		act_end(act, true);
	} else if (act->apply->sched->stopping) {
		act->cancelled = true;  /* an interrupt came while the hooks were asked */
		act_end(act, false);
	} else {
		act_again(act, false);
	}
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
		f->next = !f->ran ? "dray plan, to see what is there now" : run_destroys(r)
			? "dray destroy, when its cause is removed" : "dray apply, when its cause is removed";
	if (r->view.failed)
		r->view.failed(r->view.arg, act->job, f);
	*vec_push(act->apply->arena, &act->apply->failures) = *f;
	if (act_ask_hooks(act, EVENT_step_failed))
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
		act_done(act);
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
	const char *note = result_fact(a, r, "note"), *died = result_fact(a, r, "died");

	if (note)
		run_note(act->apply->run, "%s: %s", act->step->addr, note);
	apply_take_again(act->apply, r);
	if (instance)
		act->instance = instance;
	if (output)
		act->output = output;
	if (died)
		*vec_push(a, &act->apply->deaths) = (struct death){act->step, died};
}

static bool
is_repair(const struct apply *ap, const struct step *step)
{
	for (size_t i = 0; i < ap->plan->n; i++)
		if (graph_same_group(ap->plan->v[i].step, step) && ap->plan->v[i].reason == REASON_GONE)
			return true;
	return false;
}

/* Each line of what died begins with its time: the earliest is what the others died of. */
static void
tell_first_death(struct apply *ap, const struct step *step)
{
	const struct death *first = NULL;

	for (size_t i = 0; i < ap->deaths.n; i++) {
		const struct death *d = &ap->deaths.v[i];

		if (graph_same_group(d->step, step) && (!first || strcmp(d->words, first->words) < 0))
			first = d;
	}
	if (first && is_repair(ap, step))
		run_note(ap->run, "first failure of the group: %s at %s", first->step->addr, first->words);
	ap->deaths.n = 0;
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
	struct step_task *next;

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
send_task(struct act *act, const struct step_task *st)
{
	struct run *r = act->apply->run;
	const struct task *t = &st->task;
	struct host *h = run_host(r, st->node ? st->node : act->step->node);

	act->failure.what = st->what;
	if (t->type == TASK_LUA) {
		user_act(act, st);
		return;
	}
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
	const struct step_task *st = &act->tasks.v[act->at];

	/* Before the first change, not before the first look: what fails earlier leaves
	 * no trace. */
	if (st->task.changes && !act->intended && !act->job->down)
		write_record(act, "intent");
	else
		send_task(act, st);
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

void
act_start(struct apply *ap, struct job *job)
{
	struct act *act = ar_new(ap->arena, struct act);
	struct run *r = ap->run;

	*act = (struct act){.apply = ap, .job = job, .step = job->op->step, .next = ap->acts,
			    .began = loop_now()};
	ap->acts = act;
	if (!job->down && ap->deaths.n)
		tell_first_death(ap, job->op->step);
	if (r->view.started)
		r->view.started(r->view.arg, job);
	if (act_ask_hooks(act, EVENT_before_step))
		act_again(act, false);
}
