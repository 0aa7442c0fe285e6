/* Watches the nodes that a step depends on while it comes up. After a failure it asks what
 * their logs say. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_act.h"

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
	const char **says;
	size_t left;
};

struct blame_one {
	struct diagnosis *diagnose;
	size_t i;
};

/* One line from a node; the lines of a rank start with their time. */
struct saying {
	const struct node *node;
	const char *at, *text;          /* nat 0: the time is not known */
	size_t nat, ntext;
};

static struct saying
guard_saying_of(const struct node *node, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	size_t nat = space && n > 20 && memcmp(line, "20", 2) == 0 && line[10] == 'T' && space[-1] == 'Z'
		? (size_t)(space - line) : 0;

	return (struct saying){.node = node, .at = line, .nat = nat,
		.text = line + nat + (nat > 0), .ntext = n - nat - (nat > 0)};
}

/* container-diagnose.sh prints the state of the container, then the causes found in the logs. */
static struct saying
guard_say_of(const struct diagnosis *b, size_t i, bool of_container)
{
	const char *says = b->says[i] ? b->says[i] : "", *end = strchrnul(says, '\n');
	const char *line = of_container ? says : end + (*end == '\n');
	size_t n = strcspn(line, "\n");

	if (of_container && memmem(line, n, ": running,", 10))
		n = 0;
	return guard_saying_of(b->tasks.v[i].node, line, n);
}

static void
guard_add_saying(struct str *to, const struct saying *s)
{
	if (s->ntext && !memmem(str_text(to), to->len, s->text, s->ntext))
		str_printf(to, "%s%s: %.*s", to->len ? "; " : "", s->node->name, (int)s->ntext, s->text);
}

static int
guard_by_time(const void *x, const void *y)
{
	const struct saying *s = x, *t = y;
	size_t n = s->nat < t->nat ? s->nat : t->nat;
	int order = memcmp(s->at, t->at, n);

	return order ? order : s->nat < t->nat ? -1 : s->nat > t->nat;
}

/* Add the lines with a time, or those without: of all containers first, then of all logs. */
static size_t
guard_add_sayings(const struct diagnosis *b, bool timed, struct saying *to)
{
	size_t n = 0;

	for (int log = 0; log < 2; log++)
		for (size_t i = 0; i < b->tasks.n; i++) {
			struct saying s = guard_say_of(b, i, !log);

			if ((s.nat != 0) == timed)
				to[n++] = s;
		}
	return n;
}

/* If times are known, the earliest failure comes first. Otherwise a node that died does,
 * because the other nodes only report the consequences. */
static void
guard_diagnose_end(struct diagnosis *b)
{
	struct failure *f = &b->act->failure;
	struct saying *all = ar_array(b->act->apply->arena, struct saying, 2 * b->tasks.n + 1);
	size_t timed = guard_add_sayings(b, true, all),
	       n = timed + guard_add_sayings(b, false, all + timed);
	struct str why = {0};

	qsort(all, timed, sizeof *all, guard_by_time);
	if (f->why && !timed)
		str_puts(&why, f->why);
	for (size_t i = 0; i < n; i++)
		guard_add_saying(&why, &all[i]);
	if (f->why && timed)
		str_printf(&why, "; %s", f->why);
	if (why.len)
		f->why = arena_strdup(b->act->apply->arena, why.buf);
	str_release(&why);
	act_failed(b->act);
}

static void
guard_on_diagnosed(struct ask *ask)
{
	struct blame_one *one = ask->owner;
	struct diagnosis *b = one->diagnose;
	const struct result *r = &ask->request.result;

	if (r->ran && r->status == 0)
		b->says[one->i] = last_lines(b->act->apply->arena, str_text(&r->out), 20);
	if (--b->left == 0)
		guard_diagnose_end(b);
}

void
diagnose_start(struct act *act)
{
	struct apply *ap = act->apply;
	struct diagnosis *b = ar_new(ap->arena, struct diagnosis);

	*b = (struct diagnosis){.act = act};
	act->step->kind->diagnose(ap->arena, act->step, &b->tasks);
	b->says = ar_array(ap->arena, const char *, b->tasks.n + 1);
	b->left = b->tasks.n;
	if (!b->left) {
		act_failed(act);
		return;
	}
	for (size_t i = 0; i < b->tasks.n; i++) {
		struct blame_one *one = ar_new(ap->arena, struct blame_one);
		struct task *task = &b->tasks.v[i].task;

		*one = (struct blame_one){b, i};
		if (!task->timeout_s || task->timeout_s > (int)patience.diagnose)
			task->timeout_s = (int)patience.diagnose;
		run_ask(ap->run, run_host(ap->run, b->tasks.v[i].node), task, guard_on_diagnosed,
			one);
	}
}
