/* Failures of an apply as text: one box for those that are the same on many nodes. */
#include <stdlib.h>
#include <string.h>

#include "cmd/view.h"
#include "planner/base/arena.h"
#include "planner/base/str.h"

enum { HOLD_MS = 2000 };

struct view_failure {
	const struct job *job;
	char *step, *node;      /* NULL: no node */
	char *text;             /* all but its first line, with the node's name as \001 */
	double seconds;
	long long since;        /* loop_clock() */
};

/* The text may come from a node. */
static void
view_failed_line(struct str *s, const char *bar, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	str_printf(s, "%s%s", bar, label);
	str_safe_lines(s, text, bar);
	str_putc(s, '\n');
}

static const char *
view_failed_bar(const struct view *v)
{
	return v->cli->color ? "\033[31m│\033[0m " : "│ ";
}

/* All lines of the box but the first. */
static void
view_failed_body(const struct view *v, const struct failure *f, struct str *s)
{
	const char *bar = view_failed_bar(v);
	struct str mark = {0};

	view_failed_line(s, bar, "", f->why);
	view_failed_line(s, bar, "means:  ", f->means);
	view_failed_line(s, bar, "do:     ", f->advice);
	view_failed_line(s, bar, "ran:    ", f->what);
	if (f->ran)
		str_printf(s, "%sstatus: %d\n", bar, f->status);
	else
		str_printf(s, "%sstatus: unknown\n", bar);
	if (f->tail && *f->tail) {
		str_printf(s, "%sits last lines:\n", bar);
		str_printf(&mark, "%s  ", bar);
		str_puts(s, mark.buf);
		str_safe_lines(s, f->tail, mark.buf);
		str_putc(s, '\n');
	}
	view_failed_line(s, bar, "next:   ", f->next);
	str_release(&mark);
}

static void
view_failed_box(struct view *v, const char *step, const char *where, double seconds, const char *body)
{
	bool color = v->cli->color;
	struct str s = {0};

	str_printf(&s, "%s\n%s%sError:%s %s failed", color ? "\033[31m╷\033[0m" : "╷", view_failed_bar(v),
		   color ? "\033[1;31m" : "", color ? "\033[0m" : "", step);
	if (where)
		str_printf(&s, " on %s", where);
	str_printf(&s, " after %.0f s\n%s%s", seconds, body, color ? "\033[31m╵\033[0m" : "╵");
	view_print(v, s.buf);
	str_release(&s);
}

/* Replaces each `from` in the text by `to`. */
static char *
view_failed_replace(const char *text, const char *from, const char *to)
{
	struct str s = {0};
	char *copy;

	for (const char *p; *from && (p = strstr(text, from)); text = p + strlen(from)) {
		str_add(&s, text, (size_t)(p - text));
		str_puts(&s, to);
	}
	str_puts(&s, text);
	copy = xstrdup(str_text(&s));
	str_release(&s);
	return copy;
}

/* ---- which of them are one ---- */

/* The length of KIND of KIND[NODE], or 0. */
static size_t
view_failed_stem(const struct view_failure *h)
{
	const char *open = strchr(h->step, '[');
	size_t n = h->node ? strlen(h->node) : 0;

	return open && strncmp(open + 1, h->node ? h->node : "", n) == 0 && strcmp(open + 1 + n, "]") == 0 && n
		       ? (size_t)(open - h->step) : 0;
}

static bool
view_failed_same(const struct view_failure *a, const struct view_failure *b)
{
	size_t n = view_failed_stem(a);

	return n && n == view_failed_stem(b) && strncmp(a->step, b->step, n) == 0 &&
	       a->job->down == b->job->down && strcmp(a->text, b->text) == 0;
}

static bool
view_failed_is_held(const struct view *v, const struct job *j)
{
	for (size_t i = 0; i < v->nheld; i++)
		if (v->held[i].job == j)
			return true;
	return false;
}

/* May the same still happen to another step of its kind? */
static bool
view_failed_waits(const struct view *v, const struct view_failure *h)
{
	if (!v->jobs || loop_clock() - h->since >= HOLD_MS)
		return false;
	for (size_t i = 0; i < v->jobs->n; i++) {
		const struct job *j = &v->jobs->v[i];

		if (j->op->step->kind == h->job->op->step->kind && j->down == h->job->down &&
		    (j->outcome == OUT_RUNNING || (j->outcome == OUT_PENDING && !v->jobs->stopping)) &&
		    !view_failed_is_held(v, j))
			return true;
	}
	return false;
}

static void
view_failed_drop(struct view *v, size_t i)
{
	struct view_failure *h = &v->held[i];

	free(h->step);
	free(h->node);
	free(h->text);
	memmove(h, h + 1, (--v->nheld - i) * sizeof *h);
}

/* Shows all that are like the held one of that number. */
static void
view_failed_show(struct view *v, size_t first)
{
	struct view_failure *h = &v->held[first];
	struct arena a = {0};
	const char **name = arena_alloc(&a, v->nheld * sizeof *name), *step = h->step, *where = h->node;
	char *body = view_failed_replace(h->text, "\001", h->node ? h->node : "");
	double seconds = h->seconds;
	size_t n = 0;

	for (size_t i = first; i < v->nheld; i++) {
		if (i != first && !view_failed_same(h, &v->held[i]))
			continue;
		name[n++] = arena_strdup(&a, v->held[i].node ? v->held[i].node : "");
		seconds = v->held[i].seconds > seconds ? v->held[i].seconds : seconds;
	}
	if (n > 1) {
		step = arena_printf(&a, "%.*s[%s]", (int)view_failed_stem(h), h->step, str_ranges(&a, name, n));
		where = arena_printf(&a, "%zu nodes", n);
	}
	view_failed_box(v, step, where, seconds, body);
	free(body);
	for (size_t i = v->nheld; i-- > first + 1;)
		if (view_failed_same(h, &v->held[i]))
			view_failed_drop(v, i);
	view_failed_drop(v, first);
	arena_release(&a);
}

void
view_settle(struct view *v, bool all)
{
	for (size_t i = 0; i < v->nheld;) {
		if (!all && view_failed_waits(v, &v->held[i])) {
			i++;
			continue;
		}
		view_failed_show(v, i);
		i = 0;
	}
}

void
view_failed(void *arg, const struct job *j, const struct failure *f)
{
	struct view *v = arg;
	struct str s = {0};

	if (j)
		view_forget(v, j);
	view_failed_body(v, f, &s);
	if (!j) {
		view_failed_box(v, f->step, f->node, f->seconds, str_text(&s));
		str_release(&s);
		return;
	}
	if (v->nheld == v->held_cap) {
		v->held_cap = v->held_cap ? v->held_cap * 2 : 8;
		v->held = xrealloc(v->held, v->held_cap * sizeof *v->held);
	}
	v->held[v->nheld++] = (struct view_failure){.job = j, .step = xstrdup(f->step),
		.node = f->node ? xstrdup(f->node) : NULL, .seconds = f->seconds, .since = loop_clock(),
		.text = view_failed_replace(str_text(&s), f->node ? f->node : "", "\001")};
	str_release(&s);
	view_settle(v, false);
	view_redraw(v);
}
