/* The connection was lost in the middle of a change. That is not a failure: connect again,
 * wait until what was left running there releases the lock, look, and decide. */
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "executors/run/run_looks.h"

#include "planner/cluster/members.h"
#include "planner/steps/observe.h"
#include "planner/custom/custom.h"

struct recovery {
	struct act *act;
	struct host *host;
	long long began, orphan_since;
	long wait_ms;
	unsigned long timer;
	struct ask *ask;
};

static void recover_try_lock(void *arg);

static void
recover_give_up(struct recovery *c, const char *why)
{
	struct act *act = c->act;
	struct arena *a = act->apply->arena;

	c->host->recovering = false;
	act->recovery = NULL;
	act->failure.ran = false;
	act->failure.node = c->host->name;
	act->failure.why = arena_printf(a, "the connection was lost while it ran, and %s: it is "
					   "not "
					"known whether it was done", why);
	act->failure.next = "dray plan, to see the current state";
	act_failed(act);
}

static void
recover_tell(const struct recovery *c, const char *text)
{
	const struct run_view *v = &c->act->apply->run->view;

	if (v->progress)
		v->progress(v->arg, c->act->job, text);
}

/* Is what was observed there with the inputs that the step wants? */
static bool
recover_matches(struct step *s)
{
	for (size_t i = 0; i < s->want.n; i++) {
		const struct attr *want = &s->want.v[i];
		const char *have = attrs_value(&s->observed.have, want->name, NULL);

		if (want->value && (!have || strcmp(have, want->value) != 0))
			return false;
	}
	return true;
}

/* The end that the node noted for this step in this apply, or NULL. */
static const struct record_end *
recover_end_of(const struct act *act)
{
	const struct record *r = step_record(act->step);

	return r && r->end.apply_id && strcmp(r->end.apply_id, act->apply->id) == 0 &&
	       r->end.down == act->job->down ? &r->end : NULL;
}

/* Fail as if the answer had come. */
static void
recover_take_failure(struct act *act, const struct record_end *end)
{
	struct arena *a = act->apply->arena;

	act->failure.node = act->step->node->name;
	act->failure.ran = true;
	act->failure.status = end->status;
	act->failure.tail = last_lines(a, end->words, 20);
	run_note(act->apply->run, "%s: it ended at %s, while the connection was lost",
		 act->step->addr, end->at);
	act_fail(act);
}

/* The step as the node shows it now. The check of a command was asked before it ran, so here
 * its record decides: the node writes it only if the check holds. */
static void
recover_observe_now(struct act *act, struct step *now)
{
	struct custom_step user;
	struct diags problems = {.arena = act->apply->arena};

	*now = *act->step;
	now->observed = (struct observed){0};
	if (now->custom && !now->custom->user && (act->job->down || recover_end_of(act))) {
		user = *now->custom;
		user.look.state = LOOK_RECORD;
		now->custom = &user;
	}
	now->kind->observe(act->apply->arena, now, &problems);
	now->custom = act->step->custom;
}

static void
recover_decide(struct recovery *c)
{
	struct act *act = c->act;
	const struct record_end *end = recover_end_of(act);
	struct step now;

	c->host->recovering = false;
	act->recovery = NULL;
	/* All tasks are done; only the record is missing. */
	if (act->at == act->tasks.n) {
		act_settle(act);
		return;
	}
	if (end && end->status != 0) {
		recover_take_failure(act, end);
		return;
	}
	recover_observe_now(act, &now);
	if (act->job->down) {
		if (now.observed.state == STATE_ABSENT || now.observed.state == STATE_GONE) {
			act_settle(act);
			return;
		}
	} else if (now.observed.coming && recover_matches(&now)) {
		recover_tell(c, "connected again; what was started is coming up");
		act->step->observed = now.observed;
		act_again(act, false);
		return;
	} else if (now.observed.state == STATE_PRESENT && recover_matches(&now)) {
		act->instance = now.observed.instance;
		act->output = now.observed.output;
		act_settle(act);
		return;
	}
	if (act->retried) {
		recover_give_up(c, "it is still not as wanted after a second try");
		return;
	}
	act->retried = true;
	recover_tell(c, "connected again; it was not finished, starting again");
	/* A member of a group cannot go down alone; its up continues with what it finds. */
	act_again(act, !now.kind->group && (now.observed.state == STATE_PRESENT ||
					    now.observed.state == STATE_INTERRUPTED));
}

/* The lock was free while the connection was lost. Did another apply run meanwhile? Then the
 * approved plan does not match the node any more. */
static bool
recover_is_overtaken(const struct recovery *c, const struct facts *f)
{
	const char *id = members_apply(c->act->apply->arena, f->members);

	return c->host->marked && (!id || strcmp(id, c->act->apply->id) != 0);
}

static void
recover_on_look(struct ask *ask)
{
	struct recovery *c = ask->owner;
	struct node *node = host_node(ask->host);
	struct facts *f = facts_of(c->act->apply->arena, ask);

	c->ask = NULL;
	if (f->state != FACTS_OK) {
		recover_give_up(c, arena_printf(c->act->apply->arena,
						"the look at the node failed (%s)", f->why));
		return;
	}
	if (recover_is_overtaken(c, f)) {
		c->act->apply->sched->stopping = true;
		recover_give_up(c, "another apply has run on the node meanwhile");
		return;
	}
	node->facts = f;
	recover_decide(c);
}

static void
recover_again_in(struct recovery *c, long ms)
{
	c->timer = loop_after(c->act->apply->run->loop, ms, recover_try_lock, c);
}

static void
recover_on_lock(struct ask *ask)
{
	struct recovery *c = ask->owner;
	const struct result *r = &ask->request.result;
	struct apply *ap = c->act->apply;
	struct task task = {0};

	c->ask = NULL;
	if (!r->ran) {
		if (loop_now() - c->began > patience.reconnect * 1000LL) {
			recover_give_up(c, arena_printf(ap->arena,
							"the node cannot be reached any more (%s)",
							r->why.text));
			return;
		}
		c->wait_ms = c->wait_ms < 8000 ? 2 * c->wait_ms : c->wait_ms;
		recover_again_in(c, c->wait_ms);
	} else if (r->status == LOCK_HELD) {
		if (!c->orphan_since)
			c->orphan_since = loop_now();
		if (loop_now() - c->orphan_since > patience.orphan * 1000LL) {
			recover_give_up(c, "something still holds the lock there");
			return;
		}
		recover_tell(c, "connected again; waiting for what was left running on the node");
		recover_again_in(c, 1000);
	} else if (r->status != 0) {
		recover_give_up(c, arena_printf(ap->arena, "the lock cannot be taken (%s)",
						last_lines(ap->arena, str_text(&r->err), 1)));
	} else {
		c->host->locked = true;
		observe_task(ap->arena, ap->run->cluster, host_node(c->host), false, &task);
		c->ask = run_ask(ap->run, c->host, &task, recover_on_look, c);
	}
}

static void
recover_try_lock(void *arg)
{
	struct recovery *c = arg;
	struct apply *ap = c->act->apply;
	struct task task = {0};

	c->timer = 0;
	/* All requests of the lost session have been answered by now. */
	if (host_lost(c->host))
		host_reset(c->host);
	lock_task(ap->arena, ap->run->cluster, lock_info(ap->arena, ap->id), &task);
	c->ask = run_ask(ap->run, c->host, &task, recover_on_lock, c);
}

static void
recover_stopped(void *arg)
{
	recover_give_up(arg, "dray was interrupted");
}

void
recover_stop(struct act *act)
{
	struct recovery *c = act->recovery;
	struct loop *loop = act->apply->run->loop;

	if (!c)
		return;
	loop_cancel(loop, &c->timer);
	/* The request ends later, unnoticed. */
	if (c->ask)
		c->ask->then = NULL;
	c->ask = NULL;
	c->timer = loop_after(loop, 0, recover_stopped, c);
}

void
recover_start(struct act *act, struct host *h)
{
	struct recovery *c = ar_new(act->apply->arena, struct recovery);

	guard_stop(act);
	*c = (struct recovery){.act = act, .host = h, .began = loop_now(), .wait_ms = 1000};
	if (h->recovering) {
		recover_give_up(c, "another step is making a new connection already");
		h->recovering = true;
		return;
	}
	h->recovering = true;
	act->recovery = c;
	if (act->apply->hard) {
		recover_stop(act);
		return;
	}
	recover_tell(c, "the connection was lost; connecting again");
	recover_again_in(c, c->wait_ms);
}
