/* Follows logs: asks every node for what was added, again and again. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_logs.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

/* One task, and how far its logs are known. */
struct follow_one {
	struct follow *follow;
	const struct step_task *task;
	char since[48];                 /* the time of the container's last line; "": none yet */
	size_t from;                    /* where the server's file ended */
	struct str state;               /* its states, as they were shown last */
};

struct follow {
	struct run *run;
	struct follow_one *v;
	size_t n, left;
	struct logs_depth depth;        /* of the first round */
	bool first;
	struct arena arena;             /* of this round */
	struct evidence evidence;
	bool (*show)(void *arg, struct arena *, const struct evidence *);
	void *arg;
	bool finished;
};

static void follow_round(void *arg);

/* The length of the time that a container runtime puts in front of a line; 0: there is none. */
static size_t
follow_stamp(const char *line, size_t n)
{
	size_t len = 0;

	while (len < n && (isdigit((unsigned char)line[len]) || strchr("TZ:.+-", line[len])))
		len++;
	return len >= 20 && len < sizeof ((struct follow_one *)0)->since && line[10] == 'T' && len < n &&
		line[len] == ' ' ? len : 0;
}

/* Leave out the lines that are known, and remember the last one. */
static void
follow_lines(struct follow_one *one, struct why_log *log)
{
	const char *p = log->text, *end = log->text + log->n, *next, *from = one->since[0] ? NULL : p;
	char last[sizeof one->since] = "";

	for (; p < end; p = next) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p), len = follow_stamp(p, n);

		next = p + n + 1;
		if (!len)
			continue;
		memcpy(last, p, len);
		last[len] = '\0';
		if (!from && strcmp(last, one->since) > 0)
			from = p;
	}
	if (last[0] && from)
		memcpy(one->since, last, sizeof last);
	log->n = from && from < end ? (size_t)(end - from) : 0;
	log->text = from ? from : log->text;
}

/* The same for a file. A line that is not complete comes with its rest. */
static void
follow_file(struct follow_one *one, struct why_log *log)
{
	size_t rest = 0;

	one->from = log->end;
	if (!log->cut)
		return;
	while (rest + 1 < log->n && log->text[log->n - 2 - rest] != '\n')
		rest++;
	log->n -= rest + 1;
	one->from -= rest < one->from ? rest : one->from;
}

/* Is this another state than the last one? */
static bool
follow_is_news(struct follow_one *one, const struct evidence *e)
{
	struct str now = {0};
	bool news;

	for (size_t i = 0; i < e->states.n; i++)
		str_printf(&now, "%s\n", e->states.v[i].text);
	news = strcmp(str_text(&now), str_text(&one->state)) != 0;
	str_release(&one->state);
	one->state = now;
	return news;
}

static void
follow_take(struct follow_one *one, struct evidence *e)
{
	struct follow *f = one->follow;

	for (size_t i = 0; i < e->logs.n; i++) {
		struct why_log *log = &e->logs.v[i];

		if (log->end)
			follow_file(one, log);
		else
			follow_lines(one, log);
		if (log->n)
			*vec_push(&f->arena, &f->evidence.logs) = *log;
	}
	if (!follow_is_news(one, e))
		return;
	for (size_t i = 0; i < e->states.n; i++)
		*vec_push(&f->arena, &f->evidence.states) = e->states.v[i];
}

static void
follow_on(struct ask *ask)
{
	struct follow_one *one = ask->owner;
	struct follow *f = one->follow;
	struct evidence e = {0};

	logs_read(ask, &f->arena, &e);
	follow_take(one, &e);
	if (--f->left)
		return;
	if (f->show(f->arg, &f->arena, &f->evidence))
		loop_after(f->run->loop, FOLLOW_EVERY * 1000L, follow_round, f);
	else
		f->finished = true;
}

static void
follow_ask(struct follow *f, struct follow_one *one)
{
	struct task *task = ar_new(&f->arena, struct task);
	const struct task *as = &one->task->task;
	struct host *host = run_host(f->run, one->task->node);

	*task = *as;
	task->argv = NULL;
	task->argc = task->cap = 0;
	for (size_t i = 0; i < as->argc; i++)
		task_word(&f->arena, task, as->argv[i]);
	if (!f->first) {
		task_arg_int(&f->arena, task, "from", (long long)one->from);
		if (one->since[0])
			task_arg(&f->arena, task, "since", one->since);
	}
	logs_limit(&f->arena, task, f->n, f->first ? &f->depth
			: &(struct logs_depth){.lines = DIAGNOSE_LINES, .bytes = LOGS_BYTES});
	if (host_lost(host))
		host_reset(host);
	run_ask(f->run, host, task, follow_on, one);
}

static void
follow_round(void *arg)
{
	struct follow *f = arg;

	arena_release(&f->arena);
	f->evidence = (struct evidence){0};
	f->left = f->n;
	for (size_t i = 0; i < f->n; i++)
		follow_ask(f, &f->v[i]);
	f->first = false;
}

void
run_follow(struct run *r, const struct tasks *tasks, const struct logs_depth *depth,
	   bool (*show)(void *arg, struct arena *, const struct evidence *), void *arg)
{
	struct follow f = {.run = r, .n = tasks->n, .depth = *depth, .first = true, .show = show, .arg = arg};

	f.v = xcalloc(tasks->n + 1, sizeof *f.v);
	for (size_t i = 0; i < tasks->n; i++) {
		f.v[i].follow = &f;
		f.v[i].task = &tasks->v[i];
	}
	if (f.n) {
		follow_round(&f);
		loop_run(r->loop, &f.finished);
	}
	for (size_t i = 0; i < f.n; i++)
		str_release(&f.v[i].state);
	arena_release(&f.arena);
	free(f.v);
}
