/* One job of an apply: writes its intent, runs its tasks one after another, and writes its
 * record; or reports its failure. */
#include <string.h>

#include "executors/run/run_act.h"
#include "planner/base/vec.h"
#include "planner/cluster/decide.h"
#include "planner/steps/observe.h"
#include "planner/why/evidence.h"

/* The logs of dead ranks that are kept until their group comes up. */
enum { REPORTED_MAX = 256 << 20 };

static double
act_seconds_since(long long began)
{
	return (double)(loop_clock() - began) / 1000;
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
	spread_stop(act);
	upload_stop(act);
	web_release(&act->web);
	if (act->call)
		module_end(act->call);
	while (*at != act)
		at = &(*at)->next;
	*at = act->next;
	if (ok && r->view.ended)
		r->view.ended(r->view.arg, act->job, act_seconds_since(act->began));
	if (ok)
		entry_server(ap, act->job, false, true);
	sched_done(ap->sched, act->job, ok);
	if (act->cancelled)
		act->job->outcome = OUT_CANCELLED;
	apply_go(ap);
}

/* The work is done. It succeeded if the hooks agree. */
static void
act_done(struct act *act)
{
	act->done = true;
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
		*f = (struct failure){.what = event == EVENT_before_step
				? "call the hooks before it" : "call the hooks after it",
			.ran = true, .status = 1, .why = v->why,
			.tail = v->error.trace && *v->error.trace ? v->error.trace : NULL};
		if (event == EVENT_after_step)
			f->next = "dray apply for the rest: the step itself is done, and its "
				  "hooks are not called again";
		act_failed(act);
	} else if (event == EVENT_after_step) {
		act_end(act, true);
	} else if (act->apply->sched->stopping) {
		act->cancelled = true;  /* interrupted while the hooks ran */
		act_end(act, false);
	} else {
		act_again(act, false);
	}
}

static void
act_end_failed(struct act *act)
{
	if (act_ask_hooks(act, EVENT_step_failed))
		act_end(act, false);
}

static void
act_on_failure_kept(struct ask *ask)
{
	struct act *act = ask->owner;

	act->ask = NULL;
	act_end_failed(act);
}

/* Note in the record why a start failed: for a job with an intent, and for a probe, whose
 * earlier answer no longer counts. False: there is nothing to note, or no record. */
static bool
act_keep_failure(struct act *act)
{
	struct apply *ap = act->apply;
	struct host *h = run_host(ap->run, act->step->node);
	const struct failure *f = &act->failure;
	struct record *rec;
	struct task task = {0};

	/* The node itself has noted how a command ended. */
	if (act->at < act->tasks.n && act->tasks.v[act->at].task.noted)
		return false;
	if (act->job->down || act->cancelled || act->done || (!act->intended && !act->step->kind->asks) || host_lost(h) ||
	    !h->session)
		return false;
	rec = record_of(ap->arena, act->step, "intent", ap->id, run_time(ap->arena));
	rec->failed = f->why ? f->why : f->tail ? f->tail : arena_printf(ap->arena, "status %d", f->status);
	rec->failed = arena_strndup(ap->arena, rec->failed, strcspn(rec->failed, "\n"));
	rec->by = run_by(ap->run, ap->arena);
	record_task(ap->arena, ap->run->cluster, act->step->addr, rec, &task);
	act->ask = run_ask(ap->run, h, &task, act_on_failure_kept, act);
	return true;
}

void
act_failed(struct act *act)
{
	struct run *r = act->apply->run;
	struct failure *f = &act->failure;

	f->step = act->step->addr;
	f->node = f->node ? f->node : act->step->node ? act->step->node->name : NULL;
	f->seconds = act_seconds_since(act->began);
	if (act->next_command)
		f->next = act->next_command;
	else if (!f->next)
		f->next = !f->ran ? "dray plan, to see the current state" : run_destroys(r)
				? arena_printf(act->apply->arena, "dray %s, when the cause is fixed", r->opt.command)
				: "dray apply, when the cause is fixed";
	if (r->view.failed)
		r->view.failed(r->view.arg, act->job, f);
	*vec_push(act->apply->arena, &act->apply->failures) = *f;
	if (!act_keep_failure(act))
		act_end_failed(act);
}

void
act_fail(struct act *act)
{
	guard_stop(act);
	if (!act->step->kind->users && !act->job->down && !act->cancelled)
		diagnose_start(act);
	else
		act_failed(act);
}

void
act_fail_because(struct act *act, const char *why)
{
	act->failure.ran = true;
	act->failure.status = 1;
	act->failure.why = why;
	act_fail(act);
}

static void
act_fail_from(struct act *act, const struct ask *ask)
{
	struct arena *a = act->apply->arena;
	const struct result *r = &ask->request.result;
	struct failure *f = &act->failure;
	const char *guard_why = f->why;

	f->node = ask->host->name;
	f->ran = r->ran;
	f->status = r->status;
	f->why = guard_why ? guard_why : r->ran ? NULL : arena_strdup(a, r->why.text);
	f->tail = last_lines(a, str_text(&r->err), 20);
	act->next_command = result_fact(a, r, "next");
	act_fail(act);
}

static void
act_on_record(struct ask *ask)
{
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (!r->ran && host_lost(ask->host)) {
		recover_start(act, ask->host);
	} else if (!r->ran || r->status != 0) {
		act_fail_from(act, ask);
	} else if (act->at < act->tasks.n) {
		act->intended = true;
		act_go(act);
	} else {
		act_done(act);
	}
}

/* phase NULL: remove the record. */
static void
act_write_record(struct act *act, const char *phase)
{
	struct apply *ap = act->apply;
	struct step *s = act->step;
	struct record *rec = NULL;
	struct task task = {0};

	if (phase) {
		rec = record_of(ap->arena, s, phase, ap->id, run_time(ap->arena));
		rec->by = run_by(ap->run, ap->arena);
		if (strcmp(phase, "done") == 0 && !act->job->op->record_only)
			rec->took = (long long)act_seconds_since(act->began) + 1;
		if (act->measured)
			rec->memory = measured_of_start(ap->run->cluster, act->measured);
		/* What ran, not what the spec wants by now. */
		if (record_is_stopped(rec))
			rec->inputs = s->observed.have;
	}
	act->failure.what = phase ? "write the record" : "remove the record";
	record_task(ap->arena, ap->run->cluster, s->addr, rec, &task);
	act->ask = run_ask(ap->run, run_host(ap->run, s->node), &task, act_on_record, act);
}

void
act_settle(struct act *act)
{
	struct step *s = act->step;

	guard_stop(act);
	act->at = act->tasks.n;
	if (act->job->down) {
		s->observed = (struct observed){.state = STATE_ABSENT, .have = s->observed.have};
		/* What a stop ended keeps a record, so that a plan knows why it does not run. */
		act_write_record(act, act->apply->plan->options.stop && !s->orphan ? "stopped" : NULL);
		return;
	}
	/* A job that only adopts or rewrites the record keeps the observed identity. */
	if (act->instance || !act->job->op->record_only)
		s->observed.instance = act->instance;
	if (act->output || !act->job->op->record_only)
		s->observed.output = act->output;
	s->observed.state = STATE_PRESENT;
	act_write_record(act, "done");
}

static void
act_on_progress(struct ask *ask, const char *text)
{
	const struct act *act = ask->owner;
	const struct run *r = ask->run;

	if (r->view.progress)
		r->view.progress(r->view.arg, act->job, text);
}

static void
act_take_facts(struct act *act, const struct result *r)
{
	struct arena *a = act->apply->arena;
	const char *instance = result_fact(a, r, "instance"), *output = result_fact(a, r, "output");
	const char *note = result_fact(a, r, "note"), *died = result_fact(a, r, "died");
	struct death *death;

	if (note)
		run_note(act->apply->run, "%s: %s", act->step->addr, note);
	apply_take_again(act->apply, r);
	if (instance)
		act->instance = instance;
	if (output)
		act->output = output;
	if (result_fact(a, r, "measured"))
		act->measured = result_fact(a, r, "measured");
	if (!died)
		return;
	death = vec_push(a, &act->apply->deaths);
	*death = (struct death){.step = act->step, .words = died, .report = ""};
	if ((act->apply->reported += r->out.len) > REPORTED_MAX)
		return;
	death->report = arena_strndup(a, str_text(&r->out), r->out.len);
	death->nreport = r->out.len;
}

static bool
act_is_repair(const struct apply *ap, const struct step *step)
{
	for (size_t i = 0; i < ap->plan->n; i++)
		if (graph_same_group(ap->plan->v[i].step, step) && ap->plan->v[i].reason == REASON_GONE)
			return true;
	return false;
}

/* What the logs of a group say that were read before it went down; NULL: nothing. */
static const char *
act_cause_of_death(struct apply *ap, const struct step *step)
{
	struct evidence e = {0};
	bool by_log = false;
	struct why why;

	for (size_t i = 0; i < ap->deaths.n; i++) {
		const struct death *d = &ap->deaths.v[i];

		if (graph_same_group(d->step, step))
			evidence_read(ap->arena, &e, d->step->node->name, NULL, d->report, d->nreport);
	}
	why = evidence_why(ap->arena, &e, &by_log);
	return by_log ? evidence_line(ap->arena, &e, &why, by_log) : NULL;
}

/* Each death starts with its time. The earliest one caused the others, unless a log names the
 * cause. */
static void
act_tell_first_death(struct apply *ap, const struct step *step)
{
	const struct death *first = NULL;
	const char *cause;

	for (size_t i = 0; i < ap->deaths.n; i++) {
		const struct death *d = &ap->deaths.v[i];

		if (graph_same_group(d->step, step) && (!first || strcmp(d->words, first->words) < 0))
			first = d;
	}
	if (first && act_is_repair(ap, step)) {
		run_note(ap->run, "first failure of the group: %s at %s", first->step->addr, first->words);
		cause = act_cause_of_death(ap, step);
		if (cause)
			run_note(ap->run, "its cause: %s", cause);
	}
	ap->deaths.n = 0;
}

void
act_not_done(struct act *act, struct ask *ask)
{
	const struct result *r = &ask->request.result;

	/* Don't recover after a timeout or a guard: the task is over, even if the shell is lost. */
	if (!r->ran && host_lost(ask->host) && !act->cancelled && !act->failure.why &&
	    strncmp(r->why.text, "timed out", 9) != 0)
		recover_start(act, ask->host);
	else
		act_fail_from(act, ask);
}

void
act_task_done(struct act *act, const struct result *r)
{
	act_take_facts(act, r);
	act->at++;
	act_go(act);
}

static void
act_on_task(struct ask *ask)
{
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (!r->ran || r->status != 0)
		act_not_done(act, ask);
	else
		act_task_done(act, r);
}

static void
act_on_web(struct web *w)
{
	struct act *act = w->owner;
	struct step_task *next;

	if (w->why.text[0]) {
		act->failure.ran = w->http.status != 0;
		act->failure.status = (int)w->http.status;
		act->failure.why = arena_strdup(act->apply->arena, w->why.text);
		act_fail(act);
		return;
	}
	act->at++;
	/* The next look begins with the question that the model answers. */
	if (w->asked && w->asked != w->task->ask)
		act->output = w->asked->kind;
	if (w->task->type == TASK_FETCH && act->at < act->tasks.n) {
		next = &act->tasks.v[act->at];
		next->task.input = w->bytes.buf;
		next->task.ninput = w->bytes.len;
	}
	act_go(act);
}

static void
act_send_task(struct act *act, const struct step_task *st)
{
	struct run *r = act->apply->run;
	const struct task *t = &st->task;
	struct host *h = run_host(r, st->node ? st->node : act->step->node);

	act->failure.what = st->what;
	if (t->type == TASK_LUA) {
		custom_act(act, st);
		return;
	}
	if (t->type == TASK_SPREAD) {
		act->apply->tally.changed = true;
		spread_act(act);
		return;
	}
	if (t->type == TASK_UPLOAD) {
		act->apply->tally.changed = true;
		upload_act(act);
		return;
	}
	if (t->type == TASK_SCRIPT) {
		struct task task = *t;

		if (t->noted)
			task_arg(act->apply->arena, &task, "apply", act->apply->id);
		act->apply->tally.changed |= t->changes;
		act->ask = run_ask(r, h, &task, act_on_task, act);
		act->ask->progress = act_on_progress;
		return;
	}
	/* The bytes of an earlier fetch have been sent. */
	web_release(&act->web);
	act->web.then = act_on_web;
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

	/* The intent is written before the first change, so that a failure before it leaves no
	 * trace. */
	if (st->task.changes && !act->intended && !act->job->down)
		act_write_record(act, "intent");
	else
		act_send_task(act, st);
}

void
act_again(struct act *act, bool clean)
{
	struct arena *a = act->apply->arena;
	struct step *s = act->step;

	act->tasks = (struct tasks){0};
	act->at = 0;
	act->instance = act->output = act->measured = NULL;
	act->failure = (struct failure){0};
	if (act->job->down || (clean && !s->kind->keep))
		s->kind->down(a, s, &act->tasks);
	/* In a job that ends up, the node notes only the end of the up. */
	for (size_t i = 0; i < act->tasks.n && !act->job->down; i++)
		act->tasks.v[i].task.noted = false;
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
			    .began = loop_clock()};
	ap->acts = act;
	entry_server(ap, job, act->step->observed.state == STATE_PRESENT, false);
	if (!job->down && ap->deaths.n)
		act_tell_first_death(ap, job->op->step);
	if (r->view.started)
		r->view.started(r->view.arg, job);
	if (act_ask_hooks(act, EVENT_before_step))
		act_again(act, false);
}
