/* The human view of an apply. */
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

const char *
job_doing(const struct job *j)
{
	if (j->down)
		return j->op->action == ACT_RESTART ? "Stopping" : "Destroying";
	switch (j->op->action) {
	case ACT_UPDATE:
		return "Updating";
	case ACT_RESTART:
		return "Starting";
	case ACT_RUN:
		return "Running";
	default:
		return "Creating";
	}
}

const char *
job_done(const struct job *j)
{
	if (j->down)
		return j->op->action == ACT_RESTART ? "Stopped" : "Destruction complete";
	switch (j->op->action) {
	case ACT_UPDATE:
		return "Update complete";
	case ACT_RESTART:
		return "Start complete";
	case ACT_RUN:
		return "Passed";
	default:
		return "Creation complete";
	}
}

static const char *
still(const struct job *j)
{
	const char *doing = job_doing(j);

	return strcmp(doing, "Creating") == 0     ? "Still creating"
	       : strcmp(doing, "Starting") == 0   ? "Still starting"
	       : strcmp(doing, "Stopping") == 0   ? "Still stopping"
	       : strcmp(doing, "Running") == 0    ? "Still running"
	       : strcmp(doing, "Updating") == 0   ? "Still updating"
						  : "Still destroying";
}

static struct winsize
screen(void)
{
	struct winsize size = {0};

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (size.ws_col < 2)
		size.ws_col = 80;
	if (size.ws_row < 3)
		size.ws_row = 24;
	return size;
}

/* How many bytes of a line fit into so many columns. */
static int
fitting(const char *s, unsigned width)
{
	size_t n = strlen(s), at = 0, len;
	uint32_t code;

	for (; at < n; at += len) {
		len = utf8_next(s + at, n - at, &code);
		if (utf8_width(code) > width)
			break;
		width -= utf8_width(code);
	}
	return (int)at;
}

/* Take the live region off the screen, so that a line can be printed above it. */
static void
undraw(struct view *v)
{
	for (; v->drawn > 0; v->drawn--)
		fputs("\033[1A\033[2K", v->out);
}

static void
draw_line(struct view *v, const char *line, unsigned width)
{
	fprintf(v->out, "%.*s\n", fitting(line, width), line);
	v->drawn++;
}

/* What has left the screen at its top cannot be taken off it: no more lines than it has. */
static void
draw(struct view *v)
{
	struct winsize size = screen();
	size_t room = size.ws_row - 1U, n = v->nrunning <= room ? v->nrunning : room - 1;
	struct str line = {0};

	if (!v->live)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct view_job *r = &v->running[i];

		str_reset(&line);
		str_printf(&line, "%s: %s... %llds%s%s", r->job->op->step->addr, still(r->job),
			   (loop_now() - r->since) / 1000, *r->text ? ", " : "", r->text);
		draw_line(v, line.buf, size.ws_col - 1U);
	}
	if (n < v->nrunning) {
		str_reset(&line);
		str_printf(&line, "and %zu more are at work", v->nrunning - n);
		draw_line(v, line.buf, size.ws_col - 1U);
	}
	str_release(&line);
	fflush(v->out);
}

static void
print(struct view *v, const char *text)
{
	undraw(v);
	fputs(text, v->out);
	fputc('\n', v->out);
	draw(v);
	fflush(v->out);
}

static struct view_job *
find(struct view *v, const struct job *j)
{
	for (size_t i = 0; i < v->nrunning; i++)
		if (v->running[i].job == j)
			return &v->running[i];
	return NULL;
}

/* Once a second: redraw, or say what still runs after ten silent seconds. */
static void
tick(void *arg)
{
	struct view *v = arg;
	long long now = loop_now();

	v->timer = v->nrunning ? loop_after(v->loop, REDRAW_MS, tick, v) : 0;
	if (v->live) {
		undraw(v);
		draw(v);
		return;
	}
	for (size_t i = 0; i < v->nrunning; i++) {
		struct view_job *r = &v->running[i];

		if (now - r->told < STILL_MS)
			continue;
		r->told = now;
		fprintf(v->out, "%s: %s... [%llds elapsed]%s%s\n", r->job->op->step->addr,
			still(r->job), (now - r->since) / 1000, *r->text ? " " : "", r->text);
		fflush(v->out);
	}
}

static void
started(void *arg, const struct job *j)
{
	struct view *v = arg;
	struct str line = {0};

	if (v->nrunning == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 8;
		v->running = xrealloc(v->running, v->cap * sizeof *v->running);
	}
	undraw(v);
	v->running[v->nrunning++] = (struct view_job){.job = j, .since = loop_now(),
		.told = loop_now()};
	str_printf(&line, "%s: %s...", j->op->step->addr, job_doing(j));
	if (!v->live)
		print(v, line.buf);
	else
		draw(v);
	str_release(&line);
	if (!v->timer)
		v->timer = loop_after(v->loop, REDRAW_MS, tick, v);
}

static void
progress(void *arg, const struct job *j, const char *text)
{
	struct view *v = arg;
	struct view_job *r = find(v, j);
	struct str safe = {0};

	if (!r)
		return;
	str_safe(&safe, text, strcspn(text, "\n"));
	snprintf(r->text, sizeof r->text, "%s", str_text(&safe));
	str_release(&safe);
	if (v->live) {
		undraw(v);
		draw(v);
	}
}

static void
forget(struct view *v, const struct job *j)
{
	struct view_job *r = find(v, j);

	if (r)
		memmove(r, r + 1, (size_t)(v->running + --v->nrunning - r) * sizeof *r);
}

static void
ended(void *arg, const struct job *j, double seconds)
{
	struct view *v = arg;
	const char *id = j->down ? NULL : j->op->step->seen.instance;
	struct str line = {0};

	undraw(v);
	forget(v, j);
	str_printf(&line, "%s%s: %s after %.0fs", v->cli->color ? "\033[1m" : "",
		   j->op->step->addr, job_done(j), seconds);
	if (id) {
		str_puts(&line, " [id=");
		str_safe(&line, id, (size_t)instance_width(id));
		str_putc(&line, ']');
	}
	if (v->cli->color)
		str_puts(&line, "\033[0m");
	print(v, line.buf);
	str_release(&line);
}

/* A node may have had a hand in the text. */
static void
add_line(struct str *s, const char *bar, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	str_printf(s, "%s%s", bar, label);
	str_safe(s, text, strlen(text));
	str_putc(s, '\n');
}

static void
failed(void *arg, const struct job *j, const struct failure *f)
{
	struct view *v = arg;
	struct str s = {0};
	const char *bar = v->cli->color ? "\033[31m│\033[0m " : "│ ";

	undraw(v);
	if (j)
		forget(v, j);
	str_printf(&s, "%s\n%s%sError:%s %s failed", v->cli->color ? "\033[31m╷\033[0m" : "╷", bar,
		   v->cli->color ? "\033[1;31m" : "", v->cli->color ? "\033[0m" : "", f->step);
	if (f->node)
		str_printf(&s, " on %s", f->node);
	str_printf(&s, " after %.0f s\n", f->seconds);
	add_line(&s, bar, "", f->why);
	add_line(&s, bar, "ran:    ", f->what);
	if (f->ran)
		str_printf(&s, "%sstatus: %d\n", bar, f->status);
	else
		str_printf(&s, "%sstatus: unknown\n", bar);
	if (f->tail && *f->tail) {
		str_printf(&s, "%sits last lines:\n", bar);
		for (const char *p = f->tail; *p;) {
			size_t n = strcspn(p, "\n");

			str_printf(&s, "%s  ", bar);
			str_safe(&s, p, n);
			str_putc(&s, '\n');
			p += n + (p[n] == '\n');
		}
	}
	add_line(&s, bar, "next:   ", f->next);
	str_puts(&s, v->cli->color ? "\033[31m╵\033[0m" : "╵");
	print(v, s.buf);
	str_release(&s);
}

static void
note(void *arg, const char *text)
{
	struct str s = {0};

	str_safe(&s, text, strlen(text));
	print(arg, str_text(&s));
	str_release(&s);
}

/* The plan lists unreachable nodes, so that nothing is said twice here. */
static void
node_unreachable(void *arg, const struct node *node, const struct err *e)
{
	(void)arg, (void)node, (void)e;
}

void
view_init(struct view *v, const struct cli *cli, struct loop *loop)
{
	const char *term = getenv("TERM");

	*v = (struct view){
		.run = {node_unreachable, started, progress, ended, failed, note, v},
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
		loop_cancel(v->loop, v->timer);
	free(v->running);
	*v = (struct view){0};
}
