/*
 * A copy from one node to another (spread.h). The node that gives runs an sshd for this copy alone,
 * and the node that takes connects to it, with keys that were made for the copy. If that is not
 * possible, the blocks pass through this machine, over its connections to both nodes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "executors/run/run_spread.h"
#include "planner/base/vec.h"
#include "planner/cluster/cluster.h"

/* The exit statuses by which the scripts say how a copy ended. */
enum { SPREAD_NO_SSHD = 3, SPREAD_WRONG = 65, SPREAD_NO_MORE = 69, SPREAD_NO_WAY = 75 };

struct arena *
spread_arena(const struct spread *sp)
{
	return sp->act->apply->arena;
}

const struct node *
spread_to(const struct spread *sp)
{
	return sp->act->step->node;
}

struct host *
spread_host(const struct spread *sp, const struct node *n)
{
	return run_host(sp->act->apply->run, n);
}

void
spread_say(const struct spread *sp, const char *text)
{
	const struct run *r = sp->act->apply->run;

	if (r->view.progress)
		r->view.progress(r->view.arg, sp->act->job, text);
}

/* The giver's sshd ends with this request. How it ends does not matter. */
void
spread_close(struct spread *sp)
{
	if (!sp->give)
		return;
	sp->give->then = NULL;
	run_cancel(sp->give);
	if (sp->act->ask == sp->give)
		sp->act->ask = NULL;
	sp->give = NULL;
}

void
spread_stop(struct act *act)
{
	struct spread *sp = act->spread;

	if (!sp)
		return;
	loop_cancel(act->apply->run->loop, &sp->timer);
	spread_close(sp);
	arena_release(&sp->block_arena);
	str_release(&sp->bytes);
	act->spread = NULL;
}

void
spread_fail(struct spread *sp, const char *why)
{
	struct act *act = sp->act;

	spread_stop(act);
	act_fail_because(act, why);
}

bool
spread_interrupted(struct spread *sp)
{
	if (!sp->act->cancelled)
		return false;
	spread_fail(sp, "interrupted");
	return true;
}

/* The job of this apply that makes the node's own copy, or NULL. */
static const struct job *
spread_job(const struct spread *sp, const struct node *n)
{
	const struct sched *s = sp->act->apply->sched;

	for (size_t i = 0; i < s->n; i++) {
		const struct step *other = s->v[i].op->step;

		if (other->node == n && !s->v[i].down && sp->way->same(sp->act->step, other))
			return &s->v[i];
	}
	return NULL;
}

bool
spread_can_give(const struct spread *sp, const struct node *n)
{
	const struct job *job = spread_job(sp, n);

	if (!job)
		return sp->way->whole(sp->act->step, n);
	return job->outcome == OUT_PENDING || job->outcome == OUT_RUNNING || job->outcome == OUT_OK;
}

struct node *
spread_before(const struct spread *sp, const struct node *n)
{
	return sp->way->from(spread_arena(sp), sp->act->step, n);
}

/* ---- a task on either node ---- */

static void
spread_on_progress(struct ask *ask, const char *text)
{
	spread_say(((struct act *)ask->owner)->spread, text);
}

void
spread_ask_taker(struct spread *sp, const char *act, void (*then)(struct ask *), struct task *t)
{
	struct act *a = sp->act;

	if (act)
		sp->way->take(spread_arena(sp), a->step, spread_to(sp), sp->list, act, t);
	task_arg(spread_arena(sp), t, "from", sp->from ? sp->from->name : NULL);
	a->failure.what = a->tasks.v[a->at].what;
	a->ask = run_ask(a->apply->run, spread_host(sp, spread_to(sp)), t, then, a);
	a->ask->progress = spread_on_progress;
}

void
spread_not_done(struct spread *sp, struct ask *ask)
{
	struct act *act = sp->act;

	spread_stop(act);
	act_not_done(act, ask);
}

struct spread *
spread_answered(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;

	act->ask = NULL;
	if (ask->request.result.ran && ask->request.result.status == 0)
		return sp;
	spread_not_done(sp, ask);
	return NULL;
}

/* ---- a file with the wrong contents ---- */

static void
spread_on_checked(struct ask *ask)
{
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;
	const char *removed = r->ran && r->status == 0
		? result_fact(act->apply->arena, r, "removed") : NULL;
	struct spread *sp = act->spread;

	act->ask = NULL;
	if (removed)
		act->failure.why = arena_printf(act->apply->arena, "'%s' on %s had the wrong contents; it was "
						"removed there, and the next apply copies it again",
						removed, sp->from->name);
	spread_stop(act);
	act_fail(act);
}

/* What came has another hash: check the file on the node that gave it. */
static void
spread_check_giver(struct spread *sp, struct ask *ask)
{
	struct act *act = sp->act;
	const struct result *r = &ask->request.result;
	const char *bad = result_fact(spread_arena(sp), r, "bad");
	struct task t;

	act->failure.node = ask->host->name;
	act->failure.ran = true;
	act->failure.status = r->status;
	act->failure.tail = last_lines(spread_arena(sp), str_text(&r->err), 20);
	spread_close(sp);
	sp->way->take(spread_arena(sp), act->step, sp->from, sp->list, "check", &t);
	task_arg_int(spread_arena(sp), &t, "index", strtoll(bad ? bad : "0", NULL, 10));
	act->ask = run_ask(act->apply->run, spread_host(sp, sp->from), &t, spread_on_checked, act);
}

static void
spread_on_done(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	const struct result *r = &ask->request.result;

	act->ask = NULL;
	if (r->ran && r->status == SPREAD_WRONG && sp->from) {
		spread_check_giver(sp, ask);
	} else if (!r->ran || r->status != 0) {
		spread_not_done(sp, ask);
	} else if (sp->way->unpack) {
		spread_load(sp);
	} else {
		spread_stop(act);
		act_task_done(act, r);
	}
}

void
spread_finish(struct spread *sp)
{
	struct task t;

	spread_ask_taker(sp, "done", spread_on_done, &t);
}

/* ---- by ssh from node to node ---- */

static void
spread_on_taken(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	const struct result *r = &ask->request.result;

	loop_cancel(act->apply->run->loop, &sp->timer);
	if (act->cancelled || host_lost(ask->host) || (r->ran && (r->status == 0 || r->status == SPREAD_WRONG))) {
		spread_on_done(ask);
		return;
	}
	act->ask = NULL;
	if (r->ran && r->status == SPREAD_NO_WAY) {
		run_note(act->apply->run, "%s: %s; the copy passes through this machine", act->step->addr,
			 last_lines(spread_arena(sp), str_text(&r->err), 1));
		spread_relay(sp);
	} else if (sp->left || (r->ran && r->status == SPREAD_NO_MORE)) {
		sp->left = true;
		spread_again(sp);
	} else {
		spread_not_done(sp, ask);
	}
}

/* Can the node that gives still give, or does it still get its own copy? */
static void
spread_watch(void *arg)
{
	struct spread *sp = arg;
	struct act *act = sp->act;

	sp->timer = 0;
	if (!spread_can_give(sp, sp->from) && act->ask) {
		sp->left = true;
		run_cancel(act->ask);
		return;
	}
	sp->timer = loop_after(act->apply->run->loop, LOOK_MS, spread_watch, sp);
}

static bool
spread_is_key(const char *key)
{
	static const char type[] = "ssh-ed25519 ", base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
		"klmnopqrstuvwxyz0123456789+/=";

	return key && strncmp(key, type, sizeof type - 1) == 0 && key[sizeof type - 1] &&
	       strlen(key) < 200 && !key[sizeof type - 1 + strspn(key + sizeof type - 1, base64)];
}

/* "open PORT TYPE KEY": the giver's sshd listens at that port, with that host key. */
static void
spread_on_said(struct ask *ask, const char *text)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	struct arena *a = spread_arena(sp);
	int port = 0, n = 0;
	struct task t;

	if (sp->taking || sscanf(text, "open %5d %n", &port, &n) != 1 || !n || port < 1 || port > 65535 ||
	    !spread_is_key(text + n))
		return;
	sp->taking = true;
	sp->way->take(a, act->step, spread_to(sp), sp->list, "take", &t);
	task_arg(a, &t, "user", sp->from->facts->user);
	task_arg(a, &t, "address", node_dial(sp->from));
	task_arg_int(a, &t, "port", port);
	task_arg(a, &t, "hostkey", text + n);
	spread_ask_taker(sp, NULL, spread_on_taken, &t);
	sp->timer = loop_after(act->apply->run->loop, LOOK_MS, spread_watch, sp);
}

static void
spread_on_given(struct ask *ask)
{
	struct act *act = ask->owner;
	struct spread *sp = act->spread;
	const struct result *r = &ask->request.result;

	sp->give = NULL;
	/* While the taker copies, its end decides. */
	if (sp->taking) {
		sp->left |= !r->ran;
		return;
	}
	act->ask = NULL;
	if (spread_interrupted(sp))
		return;
	if (r->ran && r->status == SPREAD_NO_SSHD) {
		run_note(act->apply->run, "%s: %s: %s; the copy passes through this machine", act->step->addr,
			 sp->from->name, last_lines(spread_arena(sp), str_text(&r->err), 1));
		spread_relay(sp);
		return;
	}
	if (!r->ran && !host_lost(ask->host)) {
		run_note(act->apply->run, "%s: %s: %s; the copy passes through this machine", act->step->addr,
			 sp->from->name, r->why.text);
		spread_relay(sp);
		return;
	}
	sp->left = true;
	spread_pick(sp);
}

/* ---- the start ---- */

static void
spread_open(struct spread *sp)
{
	struct act *act = sp->act;
	struct arena *a = spread_arena(sp);
	struct task t;

	sp->taking = false;
	sp->way->give(a, act->step, sp->from, sp->list, "open", &t);
	task_arg(a, &t, "key", sp->key);
	task_arg(a, &t, "address", node_dial(sp->from));
	sp->give = act->ask = run_ask(act->apply->run, spread_host(sp, sp->from), &t, spread_on_given, act);
	sp->give->progress = spread_on_said;
}

/* Takes from the next node of the chain that has a copy, or gets one. */
void
spread_pick(struct spread *sp)
{
	struct act *act = sp->act;
	struct node *next;
	const struct node *from = sp->from;

	spread_close(sp);
	if (spread_interrupted(sp))
		return;
	from = from ? from : act->step->node;
	do {
		next = spread_before(sp, from);
		if (next == from) {
			spread_fail(sp, sp->left
				? arena_printf(spread_arena(sp), "%s does not send it any more", from->name)
				: SPREAD_NOBODY);
			return;
		}
		from = next;
	} while (!spread_can_give(sp, next));
	if (sp->from)
		spread_say(sp, arena_printf(spread_arena(sp), "%s does not send any more; going on with %s",
					    sp->from->name, from->name));
	sp->from = next;
	sp->left = false;
	if (sp->key && !sp->relays && node_dial(from))
		spread_open(sp);
	else
		spread_relay(sp);
}

static bool
spread_read_needs(struct spread *sp, const char *text)
{
	const struct manifest *m = sp->list;
	struct spread_file f;
	int n;

	for (; *text; text += n + (text[n] == '\n')) {
		n = (int)strcspn(text, "\n");
		if (sscanf(text, "%9lld %lld %lld", &f.number, &f.size, &f.block) != 3 || f.number < 1 ||
		    !m || (size_t)f.number > m->n || f.size != m->v[f.number - 1].size || f.block < 0 ||
		    f.block > f.size / BLOCK)
			return false;
		*vec_push(spread_arena(sp), &sp->file) = f;
		sp->sum += f.block * BLOCK;
		sp->all += f.size;
	}
	return true;
}

static void
spread_on_need(struct ask *ask)
{
	struct spread *sp = spread_answered(ask);
	struct act *act = ask->owner;
	const struct result *r = &ask->request.result;

	if (!sp)
		return;
	if (!spread_read_needs(sp, str_text(&r->out))) {
		spread_fail(sp, "the node's answer cannot be understood");
		return;
	}
	sp->key = result_fact(spread_arena(sp), r, "key");
	if (!spread_is_key(sp->key))
		sp->key = NULL;
	if (!sp->key && sp->file.n && !sp->relays)
		run_note(act->apply->run, "%s: %s has no ssh and ssh-keygen; the copy passes through this "
			 "machine", act->step->addr, spread_to(sp)->name);
	if (sp->file.n)
		spread_pick(sp);
	else
		spread_finish(sp);
}

void
spread_again(struct spread *sp)
{
	struct task t;

	spread_close(sp);
	sp->file.n = 0;
	sp->sum = sp->all = 0;
	spread_ask_taker(sp, "need", spread_on_need, &t);
}

void
spread_act(struct act *act)
{
	struct spread *sp = ar_new(act->apply->arena, struct spread);

	spread_stop(act);
	*sp = (struct spread){.act = act, .way = act->step->kind->spread};
	act->spread = sp;
	if (sp->way->pack) {
		spread_pack(sp);
		return;
	}
	sp->list = sp->way->list(act->step);
	spread_again(sp);
}
