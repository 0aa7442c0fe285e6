/* The lock: flock() on each node's own disk, held by the first shell of its session. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/io/names.h"
#include "executors/io/patience.h"
#include "executors/run/run_act.h"
#include "planner/facts/record.h"
#include "planner/plan/repair.h"
#include "planner/steps/observe.h"

const char *
lock_info(struct arena *a, const char *apply_id)
{
	const struct passwd *pw = name_me();
	char host[256] = "";
	const char *line;
	json_t *json;
	char *text;

	gethostname(host, sizeof host - 1);
	json = json_pack("{s:s, s:s, s:s, s:i, s:s}", "apply", apply_id, "who",
			 pw ? pw->pw_name : "?", "host", host, "pid", (int)getpid(), "since",
			 run_time(a));
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	line = arena_strdup(a, text ? text : "{}");
	free(text);
	json_decref(json);
	return line;
}

const char *
run_who(struct arena *a)
{
	const struct passwd *pw = name_me();
	char host[256] = "";

	gethostname(host, sizeof host - 1);
	return arena_printf(a, "%s@%s", pw ? pw->pw_name : "?", host);
}

const char *
run_by(const struct run *r, struct arena *a)
{
	bool watch = r->opt.command && strcmp(r->opt.command, "watch") == 0;

	return arena_printf(a, "%s%s", run_who(a), watch ? repair_mark : "");
}

struct locking {
	struct run *run;
	struct arena *arena;
	bool finished, ok, held;
	long long wait_ms, until;       /* how long to wait; when that is over, as loop_now() */
	const char *told;               /* for whom we wait, as the last note said */
	struct err *e;
};

static void
lock_answered(struct ask *ask)
{
	struct locking *l = ask->owner;
	const struct result *r = &ask->request.result;
	struct host *h = ask->host;

	l->finished = true;
	l->held = r->ran && r->status == LOCK_HELD;
	if (!r->ran) {
		err_set(l->e, "lock '%s': %s", h->name, r->why.text);
	} else if (l->held) {
		err_set(l->e, "the lock on '%s' is held by %s", h->name,
			lock_holder(l->arena, str_text(&r->out)));
		err_hint(l->e, "-lock-timeout SECONDS waits longer; if that process is gone, what it "
			 "started there still runs and will end");
	} else if (r->status != 0) {
		err_set(l->e, "lock '%s': %s", h->name,
			last_lines(l->arena, str_text(&r->err), 1));
	} else {
		h->locked = l->ok = true;
	}
}

static bool
lock_ask(struct locking *l, struct host *h, const struct task *task)
{
	*l->e = (struct err){0};
	l->finished = l->ok = false;
	run_ask(l->run, h, task, lock_answered, l);
	loop_run(l->run->loop, &l->finished);
	return l->ok;
}

static void
lock_on_time(void *arg)
{
	struct locking *l = arg;

	l->finished = true;
}

/* Do both say the same, except for how long the lock has been held? */
static bool
lock_is_same(const char *told, const char *now)
{
	const char *length = strstr(now, LOCK_FOR);

	return strncmp(told, now, length ? (size_t)(length - now) : strlen(now) + 1) == 0;
}

/* While the lock is held and time is left: say for whom we wait, and ask again. */
static bool
lock_ask_in_time(struct locking *l, struct host *h, const struct task *task)
{
	while (!lock_ask(l, h, task)) {
		long long left;

		if (!l->held)
			return false;
		/* The time to wait begins with the first refusal, however long that took. */
		if (!l->until)
			l->until = loop_now() + l->wait_ms;
		left = l->until - loop_now();
		if (left <= 0)
			return false;
		if (!l->told || !lock_is_same(l->told, l->e->text))
			run_note(l->run, "%s; waiting up to %ld s for it to end", l->e->text,
				 (long)((left + 999) / 1000));
		l->told = arena_strdup(l->arena, l->e->text);
		l->finished = false;
		loop_after(l->run->loop, patience.lock_again * 1000L, lock_on_time, l);
		loop_run(l->run->loop, &l->finished);
	}
	return true;
}

static bool
lock_one(struct locking *l, struct node *node, const char *info)
{
	struct host *h = run_host(l->run, node);
	struct task task = {0};

	if (h->locked)
		return true;
	/* The connection was lost while the user read the plan: try once more. */
	if (host_lost(h))
		host_reset(h);
	lock_task(l->arena, l->run->cluster, info, &task);
	if (lock_ask_in_time(l, h, &task))
		return true;
	/* While the user reads, nobody notices that a connection is dead. This request was the
	 * first to show it. */
	if (!host_lost(h))
		return false;
	host_reset(h);
	return lock_ask_in_time(l, h, &task);
}

static int
lock_by_name(const void *x, const void *y)
{
	struct node *const *a = x, *const *b = y;

	return strcmp((*a)->name, (*b)->name);
}

bool
run_lock(struct run *r, const char *apply_id, long seconds, bool *held, struct err *e)
{
	struct arena arena = {0};
	struct cluster *c = r->cluster;
	struct locking l = {.run = r, .arena = &arena, .e = e,
		.wait_ms = seconds * 1000LL};
	const char *info = lock_info(&arena, apply_id);
	struct node **order = ar_array(&arena, struct node *, c->nnode + 1);
	size_t n = 0;
	bool ok = true;

	for (size_t i = 0; i < c->nnode; i++) {
		if (c->node[i].facts && c->node[i].facts->state == FACTS_OK)
			order[n++] = &c->node[i];
	}
	/* Everybody locks in the same order, head first, so exactly one of two applies wins. */
	if (n > 1)
		qsort(order + 1, n - 1, sizeof(struct node *), lock_by_name);
	for (size_t i = 0; ok && i < n; i++)
		ok = lock_one(&l, order[i], info);
	*held = l.held;
	/* Release the locks that we took before the error is shown. */
	for (size_t i = 0; !ok && i < n; i++)
		host_reset(run_host(r, order[i]));
	arena_release(&arena);
	return ok;
}

const struct node *
run_unlocked(struct run *r)
{
	const struct cluster *c = r->cluster;

	for (size_t i = 0; i < c->nnode; i++)
		if (c->node[i].facts->state == FACTS_OK && !run_host(r, &c->node[i])->locked)
			return &c->node[i];
	return NULL;
}
