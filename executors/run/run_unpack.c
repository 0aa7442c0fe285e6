/*
 * Before and after a copy of an engine's image: the source lays the image out as files, and the taker
 * says which of them it lacks and makes an image of them afterwards. The files stay until the last
 * node of the chain is done, because one node takes them from another.
 */
#include <string.h>

#include "executors/run/run_spread.h"
#include "planner/cluster/cluster.h"

/* image-copy.sh: the engine refuses the image without the files that did not come. */
enum { UNPACK_ALL = 79 };

static struct node *
unpack_source(const struct spread *sp)
{
	struct node *n = spread_before(sp, spread_to(sp)), *next;

	while ((next = spread_before(sp, n)) != n)
		n = next;
	return n;
}

static void
unpack_ask(struct spread *sp, struct node *n, const struct manifest *m, const char *act,
	   void (*then)(struct ask *))
{
	struct task t;

	sp->way->unpack(spread_arena(sp), sp->act->step, n, m, act, &t);
	if (n == spread_to(sp)) {
		sp->from = sp->from ? sp->from : unpack_source(sp);
		spread_ask_taker(sp, NULL, then, &t);
		return;
	}
	sp->act->ask = run_ask(sp->act->apply->run, spread_host(sp, n), &t, then, sp->act);
}

/* ---- before it ---- */

/* The taker has the image. */
static void
unpack_done(struct spread *sp)
{
	struct act *act = sp->act;
	struct result none = {0};

	spread_stop(act);
	act_task_done(act, &none);
}

static void
unpack_on_has(struct ask *ask)
{
	struct spread *sp = spread_answered(ask);
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	if (!sp)
		return;
	if (result_fact(spread_arena(sp), r, "whole")) {
		act->output = result_fact(spread_arena(sp), r, "output");
		act->copied = true;
		unpack_done(sp);
		return;
	}
	sp->list = spread_read_rest(spread_arena(sp), sp->whole, str_text(&r->out));
	sp->from = NULL;
	sp->relays = false;
	if (!sp->list)
		spread_fail(sp, "the node's answer cannot be understood");
	else if (sp->list->n)
		spread_again(sp);
	else
		spread_load(sp);
}

static void
unpack_look(struct spread *sp)
{
	unpack_ask(sp, sp->act->step->node, sp->whole, "has", unpack_on_has);
}

static void
unpack_on_refused(struct ask *ask)
{
	struct act *act = ask->owner;

	act->ask = NULL;
	if (!spread_interrupted(act->spread))
		spread_fail(act->spread, act->spread->wrong);
}

static void
unpack_on_packed(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	const struct result *r = &ask->request.result;
	const char *wrong;

	act->ask = NULL;
	sp->packing = false;
	if (spread_interrupted(sp))
		return;
	if (!r->ran || r->status != 0) {
		spread_not_done(sp, ask);
		return;
	}
	sp->whole = spread_read_list(spread_arena(sp), str_text(&r->out));
	wrong = sp->whole && sp->way->wrong ? sp->way->wrong(spread_arena(sp), act->step, sp->whole) : NULL;
	if (wrong) {
		/* What it laid out is of no use to the next apply. */
		sp->wrong = arena_printf(spread_arena(sp), "%s %s", ask->host->name, wrong);
		unpack_ask(sp, unpack_source(sp), NULL, "drop", unpack_on_refused);
	} else if (sp->whole) {
		unpack_look(sp);
	} else {
		spread_fail(sp, arena_printf(spread_arena(sp), "the answer of %s cannot be understood", ask->host->name));
	}
}

static void
unpack_on_said(struct ask *ask, const char *text)
{
	struct spread *sp = ((struct act *)ask->owner)->spread;

	spread_say(sp, arena_printf(spread_arena(sp), "%s: %s", ask->host->name, text));
}

/* The source makes the files once. A node that comes meanwhile waits. */
static void
unpack_start(void *arg)
{
	struct spread *sp = arg;
	struct act *act = sp->act;
	struct node *source = unpack_source(sp);
	struct task t;

	sp->timer = 0;
	if (spread_interrupted(sp))
		return;
	for (const struct act *other = act->apply->acts; other; other = other->next)
		if (other->spread && other->spread->packing && sp->way->same(act->step, other->step)) {
			sp->timer = loop_after(act->apply->run->loop, LOOK_MS, unpack_start, sp);
			return;
		}
	if (!spread_can_give(sp, source)) {
		spread_fail(sp, SPREAD_NOBODY);
		return;
	}
	sp->packing = true;
	act->failure.what = act->tasks.v[act->at].what;
	sp->way->pack(spread_arena(sp), act->step, source, &t);
	act->ask = run_ask(act->apply->run, spread_host(sp, source), &t, unpack_on_packed, act);
	act->ask->progress = unpack_on_said;
}

void
spread_pack(struct spread *sp)
{
	unpack_start(sp);
}

/* ---- after it ---- */

static void unpack_drop(struct spread *, size_t from);

/* Do all nodes of the chain have the image? If not, the next apply can use the files. */
static bool
unpack_is_last(const struct spread *sp)
{
	const struct apply *ap = sp->act->apply;

	for (size_t i = 0; i < ap->sched->n; i++) {
		const struct job *job = &ap->sched->v[i];
		bool copied = job->outcome == OUT_OK || !job->op->step->copies;

		if (job->down || !sp->way->same(sp->act->step, job->op->step))
			continue;
		for (const struct act *act = ap->acts; act && !copied; act = act->next)
			copied = act->job == job && act->copied;
		if (!copied)
			return false;
	}
	return true;
}

static void
unpack_on_dropped(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (!r->ran || r->status != 0)
		run_note(act->apply->run, "%s: %s keeps the files of the copy; dray prune removes them",
			 act->step->addr, ask->host->name);
	unpack_drop(sp, sp->at + 1);
}

/* Removes the files on each node of the chain, from this one on. */
static void
unpack_drop(struct spread *sp, size_t from)
{
	struct act *act = sp->act;
	const struct cluster *c = act->step->cluster;

	for (sp->at = from; sp->at < c->nlayout; sp->at++) {
		struct node *n = &c->node[sp->at];
		struct step on = *act->step;

		on.node = n;
		if (!node_observed(n) || !sp->way->same(act->step, &on) || host_lost(spread_host(sp, n)) ||
		    act->cancelled)
			continue;
		unpack_ask(sp, n, NULL, "drop", unpack_on_dropped);
		return;
	}
	unpack_done(sp);
}

static void
unpack_on_loaded(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (r->ran && r->status == UNPACK_ALL && !act->cancelled) {
		run_note(act->apply->run, "%s: the engine there refuses the image without the layers that it has "
			 "already; all layers are sent", act->step->addr);
		unpack_look(sp);
		return;
	}
	if (!r->ran || r->status != 0) {
		spread_not_done(sp, ask);
		return;
	}
	act->output = result_fact(spread_arena(sp), r, "output");
	act->copied = true;
	if (unpack_is_last(sp))
		unpack_drop(sp, 0);
	else
		unpack_done(sp);
}

void
spread_load(struct spread *sp)
{
	spread_close(sp);
	unpack_ask(sp, sp->act->step->node, sp->whole, "load", unpack_on_loaded);
}
