/* Shows an apply as text. */
#include "cmd/view.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "planner/base/arena.h"
#include "planner/base/str.h"
#include "planner/base/utf8.h"

enum { STILL_MS = 10000, REDRAW_MS = 1000 };

int
instance_width(const char *instance)
{
	size_t n = strlen(instance);

	return n == 64 && strspn(instance, "0123456789abcdef") == n ? 12 : (int)n;
}

/* Does it go down to come up again, at once or when it is asked for? */
static bool
view_job_stops(const struct job *j)
{
	return j->op->action == ACT_RESTART || j->op->reason == REASON_STOP;
}

const char *
job_doing(const struct job *j)
{
	if (j->down)
		return view_job_stops(j) ? "Stopping" : "Destroying";
	switch (j->op->action) {
	case ACT_UPDATE: return j->op->awaits ? "Waiting" : "Updating";
	case ACT_RESTART: return "Starting";
	case ACT_RUN: return "Running";
	default: return "Creating";
	}
}

const char *
job_done(const struct job *j)
{
	if (j->down)
		return view_job_stops(j) ? "Stopped" : "Destruction complete";
	/* The first of its group waits for it: only then has it joined. */
	if (j->op->step->kind->group && j->op->step->node != &j->op->step->cluster->node[0])
		return "Started";
	switch (j->op->action) {
	case ACT_UPDATE: return j->op->awaits ? "It is up" : "Update complete";
	case ACT_RESTART: return "Start complete";
	case ACT_RUN: return "Passed";
	default: return "Creation complete";
	}
}

static const char *
view_still(const struct job *j)
{
	static char text[32];
	const char *doing = job_doing(j);

	snprintf(text, sizeof text, "Still %c%s", doing[0] | 0x20, doing + 1);
	return text;
}

/* Erase the live region, so that a line can be printed above it. */
static void
view_undraw(struct view *v)
{
	for (; v->drawn > 0; v->drawn--)
		fputs("\033[1A\033[2K", v->out);
}

/* Draw as much of a line as fits into `width` columns. */
static void
view_draw_line(struct view *v, const char *line, unsigned width)
{
	size_t n = strlen(line), at = 0, len;
	uint32_t code;

	for (; at < n; at += len) {
		len = utf8_next(line + at, n - at, &code);
		if (utf8_width(code) > width)
			break;
		width -= utf8_width(code);
	}
	fprintf(v->out, "%.*s\n", (int)at, line);
	v->drawn++;
}

static struct view_job *
view_find(const struct view *v, const struct job *j)
{
	for (size_t i = 0; i < v->nrunning; i++)
		if (v->running[i].job == j)
			return &v->running[i];
	return NULL;
}

/* Is it the last of its step: what it is counted by? */
static bool
view_counts(const struct job *j)
{
	return !j->down || (j->op->action != ACT_RESTART && j->op->action != ACT_REPLACE);
}

/* "3 of 12 steps done, 1 min 20 s; serve took 11 min 20 s last time" */
static void
view_add_whole(const struct view *v, struct str *line)
{
	const struct step *longest = NULL;
	long long took = 0;
	size_t all = 0, done = 0;

	for (size_t i = 0; i < v->jobs->n; i++) {
		const struct job *j = &v->jobs->v[i];

		all += view_counts(j);
		done += view_counts(j) && j->outcome != OUT_PENDING && !view_find(v, j);
	}
	for (size_t i = 0; i < v->nrunning; i++) {
		const struct job *j = v->running[i].job;
		const struct record *r = j->down ? NULL : step_record(j->op->step);

		if (r && r->took > took) {
			took = r->took;
			longest = j->op->step;
		}
	}
	str_printf(line, "%zu of %zu steps done, ", done, all);
	str_put_duration(line, (loop_clock() - v->began) / 1000);
	if (longest) {
		str_printf(line, "; %s took ", longest->addr);
		str_put_duration(line, took);
		str_puts(line, " last time");
	}
}

/* Draw the live region. It must fit on the screen, because lines that scrolled off cannot be
 * erased. */
static void
view_draw(struct view *v)
{
	struct winsize size = {0};
	struct str line = {0};
	size_t room, n;

	if (!v->live || !v->nrunning)
		return;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (size.ws_col < 2)
		size.ws_col = 80;
	room = size.ws_row < 4 ? 22 : size.ws_row - 2U; /* without the last line */
	n = v->nrunning <= room ? v->nrunning : room - 1;
	for (size_t i = 0; i < n; i++) {
		const struct view_job *r = &v->running[i];

		str_reset(&line);
		str_printf(&line, "%s: %s... %llds%s%s", r->job->op->step->addr, view_still(r->job),
			   (loop_clock() - r->since) / 1000, *r->text ? ", " : "", r->text);
		view_draw_line(v, line.buf, size.ws_col - 1U);
	}
	if (n < v->nrunning) {
		str_reset(&line);
		str_printf(&line, "and %zu more", v->nrunning - n);
		view_draw_line(v, line.buf, size.ws_col - 1U);
	}
	if (v->jobs) {
		str_reset(&line);
		view_add_whole(v, &line);
		view_draw_line(v, line.buf, size.ws_col - 1U);
	}
	str_release(&line);
	fflush(v->out);
}

void
view_redraw(struct view *v)
{
	view_undraw(v);
	view_draw(v);
}

void
view_print(struct view *v, const char *text)
{
	view_undraw(v);
	fputs(text, v->out);
	fputc('\n', v->out);
	view_draw(v);
	fflush(v->out);
}

/* Once a second: redraw, or on a pipe report jobs that were silent for ten seconds. */
static void
view_tick(void *arg)
{
	struct view *v = arg;
	long long now = loop_clock();

	v->timer = v->nrunning ? loop_after(v->loop, REDRAW_MS, view_tick, v) : 0;
	view_settle(v, false);
	if (v->live) {
		view_redraw(v);
		return;
	}
	for (size_t i = 0; i < v->nrunning; i++) {
		struct view_job *r = &v->running[i];

		if (now - r->told < STILL_MS)
			continue;
		r->told = now;
		fprintf(v->out, "%s: %s... [%llds elapsed]%s%s\n", r->job->op->step->addr,
			view_still(r->job), (now - r->since) / 1000, *r->text ? " " : "", r->text);
		fflush(v->out);
	}
}

static void
view_started(void *arg, const struct job *j)
{
	struct view *v = arg;
	struct str line = {0};

	if (v->nrunning == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 8;
		v->running = xrealloc(v->running, v->cap * sizeof *v->running);
	}
	view_undraw(v);
	v->running[v->nrunning++] = (struct view_job){.job = j, .since = loop_clock(),
		.told = loop_clock()};
	str_printf(&line, "%s: %s...", j->op->step->addr, job_doing(j));
	if (!v->live)
		view_print(v, line.buf);
	else
		view_draw(v);
	str_release(&line);
	if (!v->timer)
		v->timer = loop_after(v->loop, REDRAW_MS, view_tick, v);
}

static void
view_progress(void *arg, const struct job *j, const char *text)
{
	struct view *v = arg;
	struct view_job *r = view_find(v, j);
	struct str safe = {0};

	if (!r)
		return;
	str_safe(&safe, text, strcspn(text, "\n"));
	snprintf(r->text, sizeof r->text, "%s", str_text(&safe));
	str_release(&safe);
	if (v->live)
		view_redraw(v);
}

void
view_forget(struct view *v, const struct job *j)
{
	struct view_job *r = view_find(v, j);

	view_undraw(v);
	if (r)
		memmove(r, r + 1, (size_t)(v->running + --v->nrunning - r) * sizeof *r);
}

static void
view_ended(void *arg, const struct job *j, double seconds)
{
	struct view *v = arg;
	const char *id = j->down ? NULL : j->op->step->observed.instance;
	struct str line = {0};

	if (j->down && j->op->step->kind->server)
		v->api_down = time(NULL);
	view_forget(v, j);
	str_printf(&line, "%s%s: %s after %.0fs", v->cli->color ? "\033[1m" : "",
		   j->op->step->addr, job_done(j), seconds);
	if (id) {
		str_puts(&line, " [id=");
		str_safe(&line, id, (size_t)instance_width(id));
		str_putc(&line, ']');
	}
	if (v->cli->color)
		str_puts(&line, "\033[0m");
	view_print(v, line.buf);
	str_release(&line);
	view_settle(v, false);
}

static void
view_begun(void *arg, const struct sched *jobs)
{
	struct view *v = arg;

	v->jobs = jobs;
	v->began = loop_clock();
}

static void
view_note(void *arg, const char *text)
{
	struct str s = {0};

	str_safe_lines(&s, text, "  | ");
	view_print(arg, str_text(&s));
	str_release(&s);
}

void
view_init(struct view *v, const struct cli *cli, struct loop *loop)
{
	const char *term = getenv("TERM");

	*v = (struct view){
		/* No callback for unreachable nodes: the plan lists them. */
		.run = {.started = view_started, .progress = view_progress, .ended = view_ended,
			.failed = view_failed, .note = view_note, .begun = view_begun, .arg = v},
		.out = stdout,
		.cli = cli,
		.loop = loop,
		.live = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0,
	};
}

void
view_release(struct view *v)
{
	if (v->timer)
		loop_cancel(v->loop, &v->timer);
	free(v->running);
	free(v->held);
	*v = (struct view){0};
}
