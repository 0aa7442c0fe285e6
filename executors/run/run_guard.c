/* Watches the nodes that a step depends on while it comes up. After a failure it asks what
 * their logs say. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "executors/run/run_logs.h"

enum { STRIKES = 2 };

struct guard {
	struct act *act;                /* NULL: the guard was stopped */
	struct tasks tasks;
	unsigned *strikes;              /* failures in a row, for each task */
	size_t left;
	unsigned long timer;
};

struct watch_one {
	struct guard *guard;
	size_t i;
};

static void guard_round(void *arg);

static void
guard_hit(struct guard *g, size_t i, const struct ask *ask)
{
	struct act *act = g->act;
	struct arena *a = act->apply->arena;
	const struct result *r = &ask->request.result;
	const char *says = last_lines(a, str_text(&r->err), 3);

	act->failure.why = *says ? arena_printf(a, "%s: %s", ask->host->name, says)
				 : arena_printf(a, "%s: '%s' ended with status %d", ask->host->name,
						g->tasks.v[i].what, r->status);
	guard_stop(act);
	if (act->ask)
		run_cancel(act->ask);
}

static void
guard_on(struct ask *ask)
{
	struct watch_one *one = ask->owner;
	struct guard *g = one->guard;
	const struct result *r = &ask->request.result;

	g->left--;
	if (!g->act)
		return;
	/* A missing answer tells nothing about what runs there. */
	if (r->ran)
		g->strikes[one->i] = r->status ? g->strikes[one->i] + 1 : 0;
	if (g->strikes[one->i] >= STRIKES) {
		guard_hit(g, one->i, ask);
		return;
	}
	if (!g->left)
		g->timer = loop_after(g->act->apply->run->loop, patience.guard * 1000L, guard_round, g);
}

static void
guard_round(void *arg)
{
	struct guard *g = arg;
	struct apply *ap = g->act->apply;

	g->timer = 0;
	for (size_t i = 0; i < g->tasks.n; i++) {
		struct host *h = run_host(ap->run, g->tasks.v[i].node);
		struct watch_one *one = ar_new(ap->arena, struct watch_one);

		*one = (struct watch_one){g, i};
		g->left++;
		run_ask(ap->run, h, &g->tasks.v[i].task, guard_on, one);
	}
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
	g->strikes = ar_array(ap->arena, unsigned, g->tasks.n);
	g->timer = loop_after(ap->run->loop, patience.guard * 1000L, guard_round, g);
	act->guard = g;
}

void
guard_stop(struct act *act)
{
	if (!act->guard)
		return;
	loop_cancel(act->apply->run->loop, &act->guard->timer);
	act->guard->act = NULL;
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
	/* Of a step without logs only words that are known say more than its last lines. */
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
