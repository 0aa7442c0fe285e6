/* The connection was lost in the middle of a change. That is no failure: connect
 * again, wait for what was left running there to let go of the lock, look, decide. */
#include <string.h>

#include "executors/run_private.h"
#include "planner/observe.h"

enum {
	GIVE_UP_MS = 30000,             /* without a connection */
	ORPHAN_MS = 600000,             /* waiting for what was left running */
};

struct recovery {
	struct act *act;
	struct host *host;
	long long began, orphan_since;
	long wait_ms;
};

static void try_lock(void *arg);

static void
give_up(struct recovery *c, const char *why)
{
	struct act *act = c->act;
	struct arena *a = act->apply->arena;

	c->host->recovering = false;
	act->failure.ran = false;
	act->failure.node = c->host->name;
	act->failure.why = arena_printf(a, "the connection was lost while it ran, and %s: whether it "
					"was done is not known", why);
	act->failure.next = "dray plan, to see what is there now";
	act_failed(act);
}

static void
tell(const struct recovery *c, const char *text)
{
	const struct run_view *v = &c->act->apply->run->view;

	if (v->progress)
		v->progress(v->arg, c->act->job, text);
}

/* What is there is what the step wants. */
static bool
matches(struct step *s)
{
	if (s->seen.state != SEEN_PRESENT)
		return false;
	for (size_t i = 0; i < s->want.n; i++) {
		const struct attr *want = &s->want.v[i];
		const char *have = attrs_value(&s->seen.have, want->name, NULL);

		if (want->value && (!have || strcmp(have, want->value) != 0))
			return false;
	}
	return true;
}

static void
decide(struct recovery *c)
{
	struct act *act = c->act;
	struct arena *a = act->apply->arena;
	struct problems problems = {0};
	struct step now = *act->step;

	c->host->recovering = false;
	now.seen = (struct seen){0};
	now.kind->see(a, &now, &problems);
	if (act->job->down) {
		if (now.seen.state == SEEN_ABSENT || now.seen.state == SEEN_GONE) {
			act_settle(act);
			return;
		}
	} else if (matches(&now)) {
		act->instance = now.seen.instance;
		act->output = now.seen.output;
		act_settle(act);
		return;
	}
	if (act->retried) {
		give_up(c, "it is not as it should be after a second time");
		return;
	}
	act->retried = true;
	tell(c, "connected again; it was not finished, once more from the start");
	/* One of a group cannot go down alone; its up goes on with what it finds. */
	act_again(act, !now.kind->group && (now.seen.state == SEEN_PRESENT ||
					    now.seen.state == SEEN_INTERRUPTED));
}

static void
on_look(struct ask *ask)
{
	struct recovery *c = ask->owner;
	struct node *node = host_node(ask->host);
	struct facts *f = facts_of(c->act->apply->arena, ask);

	if (f->state != FACTS_OK) {
		give_up(c, arena_printf(c->act->apply->arena, "the look at the node failed (%s)", f->why));
		return;
	}
	node->facts = f;
	decide(c);
}

static void
again_in(struct recovery *c, long ms)
{
	loop_after(c->act->apply->run->loop, ms, try_lock, c);
}

static void
on_lock(struct ask *ask)
{
	struct recovery *c = ask->owner;
	const struct result *r = &ask->request.result;
	struct apply *ap = c->act->apply;
	struct task task = {0};

	if (ap->hard) {
		give_up(c, "we were interrupted");
	} else if (!r->ran) {
		if (loop_now() - c->began > GIVE_UP_MS) {
			give_up(c, arena_printf(ap->arena, "the node cannot be reached any more (%s)",
						r->why));
			return;
		}
		c->wait_ms = c->wait_ms < 8000 ? 2 * c->wait_ms : c->wait_ms;
		again_in(c, c->wait_ms);
	} else if (r->status == LOCK_HELD) {
		if (!c->orphan_since)
			c->orphan_since = loop_now();
		if (loop_now() - c->orphan_since > ORPHAN_MS) {
			give_up(c, "something still holds the lock there");
			return;
		}
		tell(c, "connected again; waiting for what was left running on the node");
		again_in(c, 1000);
	} else if (r->status != 0) {
		give_up(c, arena_printf(ap->arena, "the lock cannot be taken (%s)",
					last_lines(ap->arena, str_text(&r->err), 1)));
	} else {
		c->host->locked = true;
		observe_task(ap->arena, ap->run->model, host_node(c->host), &task);
		run_ask(ap->run, c->host, &task, on_look, c);
	}
}

static void
try_lock(void *arg)
{
	struct recovery *c = arg;
	struct apply *ap = c->act->apply;
	struct task task = {0};

	/* By now the lost session has told everybody. */
	if (host_lost(c->host))
		host_reset(c->host);
	lock_task(ap->arena, ap->run->model, lock_info(ap->arena, ap->id), &task);
	run_ask(ap->run, c->host, &task, on_lock, c);
}

void
recover_start(struct act *act, struct host *h)
{
	struct recovery *c = ar_new(act->apply->arena, struct recovery);

	guard_stop(act);
	*c = (struct recovery){.act = act, .host = h, .began = loop_now(), .wait_ms = 1000};
	if (h->recovering) {
		give_up(c, "another step is in the way of a new connection");
		h->recovering = true;
		return;
	}
	h->recovering = true;
	tell(c, "the connection was lost; connecting again");
	again_in(c, c->wait_ms);
}
