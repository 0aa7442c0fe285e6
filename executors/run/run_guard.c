/* Watches the nodes that a step depends on while it comes up. After a failure it asks what
 * their logs say. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "executors/run/run_logs.h"

enum { STRIKES = 2 };

/*
 * One task of the guard, asked again and again. If the run's connection to the node is lost,
 * the guard opens one of its own, because it only looks. The lock that was lost with the
 * connection is taken again by the next job on that node (run_recover.c).
 */
struct watch {
	struct guard *guard;
	const struct step_task *task;
	struct host *host;              /* the run's */
	struct host own;                /* for the guard's own connection */
	unsigned strikes;               /* failures in a row */
	unsigned long next, silence;    /* timers */
	bool lost, told;                /* there is no connection now; a note said so */
	const char *why;                /* there was no answer */
};

struct guard {
	struct act *act;                /* NULL: the guard was stopped */
	struct tasks tasks;
	struct watch *watch;            /* one for each task */
};

static void guard_ask(void *arg);

static void
guard_hit(struct watch *w, const char *why, const char *next)
{
	struct act *act = w->guard->act;

	act->failure.why = why;
	act->failure.next = next;
	guard_stop(act);
	if (act->ask)
		run_cancel(act->ask);
}

/* What runs there has changed. */
static void
guard_struck(struct watch *w, const struct result *r)
{
	struct arena *a = w->guard->act->apply->arena;
	const char *says = last_lines(a, str_text(&r->err), 3);

	guard_hit(w, *says ? arena_printf(a, "%s: %s", w->host->name, says)
			   : arena_printf(a, "%s: '%s' ended with status %d", w->host->name,
					  w->task->what, r->status), NULL);
}

/* It is not known what runs there, and the others would wait for it in vain. */
static void
guard_unheard(void *arg)
{
	struct watch *w = arg;
	struct act *act = w->guard->act;
	struct arena *a = act->apply->arena;
	const char *node = w->host->name, *step = act->step->addr;
	const char *why = w->why && *w->why ? arena_printf(a, " (%s)", w->why) : "";

	w->silence = 0;
	guard_hit(w, w->lost ? arena_printf(a, "%s: the connection was lost while %s waited for this "
					    "node, and there is no new one within %u s%s",
					    node, step, patience.reconnect, why)
			     : arena_printf(a, "%s: no answer for %u s while %s waited for this node%s",
					    node, patience.unheard, step, why),
		  arena_printf(a, "dray apply, when '%s' is back; without it: remove it from 'nodes', "
			       "then dray apply -forget %s", node, node));
}

static void
guard_wait(struct watch *w, unsigned seconds)
{
	struct loop *loop = w->guard->act->apply->run->loop;

	loop_cancel(loop, &w->silence);
	w->silence = loop_after(loop, seconds * 1000L, guard_unheard, w);
}

static void
guard_on_lost(struct watch *w, const char *why)
{
	w->why = arena_strdup(w->guard->act->apply->arena, why);
	w->lost = true;
	guard_wait(w, patience.reconnect);
	if (!w->told)
		run_note(w->host->run, "%s: the connection was lost (%s); connecting again",
			 w->host->name, w->why);
	w->told = true;
}

static void
guard_on(struct ask *ask)
{
	struct watch *w = ask->owner;
	struct guard *g = w->guard;
	const struct result *r = &ask->request.result;

	if (!g->act)
		return;
	if (r->ran) {
		w->strikes = r->status ? w->strikes + 1 : 0;
		w->lost = false;
		guard_wait(w, patience.unheard);
	} else {
		w->why = arena_strdup(g->act->apply->arena, r->why.text);
		if (host_lost(ask->host) && !w->lost)
			guard_on_lost(w, r->why.text);
	}
	if (w->strikes >= STRIKES)
		guard_struck(w, r);
	else
		w->next = loop_after(ask->run->loop, patience.guard * 1000L, guard_ask, w);
}

static void
guard_ask(void *arg)
{
	struct watch *w = arg;
	struct host *h = w->host;

	w->next = 0;
	if (host_lost(h)) {
		if (!w->own.session && !w->lost)
			guard_on_lost(w, h->err.text);
		h = &w->own;
		if (host_lost(h))
			host_reset(h);
	}
	run_ask(h->run, h, &w->task->task, guard_on, w);
}

void
guard_start(struct act *act)
{
	struct apply *ap = act->apply;
	struct guard *g;

	guard_stop(act);
	if (act->job->down || act->job->op->record_only || !act->step->kind->guard)
		return;
	g = ar_new(ap->arena, struct guard);
	*g = (struct guard){.act = act};
	act->step->kind->guard(ap->arena, act->step, &g->tasks);
	if (!g->tasks.n)
		return;
	act->guard = g;
	g->watch = ar_array(ap->arena, struct watch, g->tasks.n);
	for (size_t i = 0; i < g->tasks.n; i++) {
		struct watch *w = &g->watch[i];
		struct host *h = run_host(ap->run, g->tasks.v[i].node);

		*w = (struct watch){.guard = g, .task = &g->tasks.v[i], .host = h,
				    .own = {.run = ap->run, .name = h->name}};
		guard_wait(w, patience.unheard);
		w->next = loop_after(ap->run->loop, patience.guard * 1000L, guard_ask, w);
	}
}

void
guard_stop(struct act *act)
{
	struct guard *g = act->guard;

	if (!g)
		return;
	for (size_t i = 0; i < g->tasks.n; i++) {
		loop_cancel(act->apply->run->loop, &g->watch[i].next);
		loop_cancel(act->apply->run->loop, &g->watch[i].silence);
		host_reset(&g->watch[i].own);
	}
	g->act = NULL;
	act->guard = NULL;
}

struct diagnosis {
	struct act *act;
	struct tasks tasks;
	struct evidence evidence;
};

/* What the failed task itself said comes last: it counts if no log says more. */
static void
guard_add_tail(struct diagnosis *d)
{
	struct act *act = d->act;
	const struct failure *f = &act->failure;

	if (f->ran && f->tail && *f->tail)
		evidence_log(act->apply->arena, &d->evidence, act->step->addr, f->tail, strlen(f->tail));
}

/* Put the cause in front of what the guard saw. */
static void
guard_diagnosed(void *owner)
{
	struct diagnosis *d = owner;
	struct arena *a = d->act->apply->arena;
	struct failure *f = &d->act->failure;
	const char *line, *seen = f->why;
	bool by_log;
	struct why why;

	guard_add_tail(d);
	why = evidence_why(a, &d->evidence, &by_log);
	line = evidence_line(a, &d->evidence, &why, by_log);
	/* For a step without logs only a known message says more than its last lines. */
	if (!d->act->step->kind->diagnose && !(why.saying && why.saying->weight == SAYING_CAUSE))
		line = NULL, why.saying = NULL;
	if (line)
		f->why = seen ? arena_printf(a, "%s; %s", line, seen) : line;
	if (why.saying && *why.saying->means)
		f->means = why.saying->means;
	if (why.saying && *why.saying->advice)
		f->advice = why.saying->advice;
	act_failed(d->act);
}

void
diagnose_start(struct act *act)
{
	struct apply *ap = act->apply;
	struct diagnosis *d = ar_new(ap->arena, struct diagnosis);

	*d = (struct diagnosis){.act = act};
	if (act->step->kind->diagnose)
		act->step->kind->diagnose(ap->arena, act->step, &d->tasks);
	logs_collect(ap->run, ap->arena, &d->tasks, &d->evidence, guard_diagnosed, d);
}
