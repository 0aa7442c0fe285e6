/* A plan as people read it: Terraform's signs, every operation with its cause. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/plan_value.h"
#include "planner/reconcile.h"

enum { COMMENT_COLUMN = 53, NOTE_COLUMN = 82 };

struct writer {
	FILE *to;
	const struct plan *plan;
	struct str line;
	bool color, verbose;
	struct { const char **v; size_t n, cap; } macs;  /* sensitive values by number */
};

static const char *const GREEN = "\033[32m", *const YELLOW = "\033[33m", *const RED = "\033[31m",
	*const BOLD = "\033[1m", *const GREY = "\033[90m";

static void
paint(struct writer *w, const char *color)
{
	if (w->color)
		str_puts(&w->line, color);
}

static void
unpaint(struct writer *w)
{
	if (w->color)
		str_puts(&w->line, "\033[0m");
}

static void
flush(struct writer *w)
{
	str_putc(&w->line, '\n');
	fwrite(str_text(&w->line), 1, w->line.len, w->to);
	str_reset(&w->line);
}

/* Columns that the line takes on a terminal: characters, without the colours. */
static size_t
width(const struct str *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->len; i++) {
		if (s->buf[i] == '\033')
			while (i + 1 < s->len && s->buf[i] != 'm')
				i++;
		else
			n += ((unsigned char)s->buf[i] & 0xc0) != 0x80;
	}
	return n;
}

static void
pad(struct writer *w, size_t column)
{
	size_t n = width(&w->line);

	str_puts(&w->line, "  ");
	for (n += 2; n < column; n++)
		str_putc(&w->line, ' ');
}

static size_t
mac_number(struct writer *w, const char *mac)
{
	for (size_t i = 0; i < w->macs.n; i++)
		if (strcmp(w->macs.v[i], mac) == 0)
			return i + 1;
	if (w->macs.n == w->macs.cap) {
		w->macs.cap = w->macs.cap ? 2 * w->macs.cap : 8;
		w->macs.v = xrealloc(w->macs.v, w->macs.cap * sizeof *w->macs.v);
	}
	w->macs.v[w->macs.n++] = mac;
	return w->macs.n;
}

static void
value(struct writer *w, const char *s, bool secret)
{
	if (secret)
		str_printf(&w->line, "(sensitive #%zu)", mac_number(w, s));
	else
		plan_value(&w->line, s, w->verbose);
}

static void
symbol(struct writer *w, char c)
{
	paint(w, c == '+' ? GREEN : c == '-' ? RED : YELLOW);
	str_putc(&w->line, c);
	unpaint(w);
}

static const char *
force_note(const struct op *op, const struct change *c)
{
	if (op->action != ACT_REPLACE && op->action != ACT_RESTART)
		return NULL;
	if (c->effect != EFFECT_REPLACE && c->effect != EFFECT_RESTART)
		return NULL;
	return c->effect == EFFECT_REPLACE && op->action == ACT_REPLACE ? "# forces replacement"
									: "# forces restart";
}

static void
name_padded(struct writer *w, const char *name, size_t longest)
{
	size_t before = w->line.len;

	str_safe(&w->line, name, strlen(name));
	for (size_t n = w->line.len - before; n < longest; n++)
		str_putc(&w->line, ' ');
	str_puts(&w->line, " = ");
}

static void
change_line(struct writer *w, const struct op *op, const struct change *c, size_t longest)
{
	const char *note = force_note(op, c);
	bool below = !c->secret && (plan_value_is_long(c->old) || plan_value_is_long(c->new));

	str_puts(&w->line, "      ");
	symbol(w, (char)(!c->old ? '+' : !c->new && !c->unknown ? '-' : '~'));
	str_putc(&w->line, ' ');
	name_padded(w, c->name, longest);
	if (c->old && below)
		plan_value_size(&w->line, c->old);
	else if (c->old)
		value(w, c->old, c->secret);
	if (c->old)
		str_puts(&w->line, " -> ");
	if (c->unknown)
		str_puts(&w->line, "(known after apply)");
	else if (!c->new)
		str_puts(&w->line, "null");
	else if (below)
		plan_value_size(&w->line, c->new);
	else
		value(w, c->new, c->secret);
	if (note) {
		pad(w, COMMENT_COLUMN);
		paint(w, RED);
		str_puts(&w->line, note);
		unpaint(w);
	}
	if (below)
		plan_value_lines(&w->line, c->old, c->new, w->verbose, w->color);
	flush(w);
}

static bool
is_changed(const struct op *op, const char *name)
{
	for (size_t i = 0; i < op->changes.n; i++)
		if (strcmp(op->changes.v[i].name, name) == 0)
			return true;
	return false;
}

static void
unchanged_lines(struct writer *w, const struct op *op, size_t longest)
{
	const struct attrs *want = &op->step->want;

	/* A step that only comes along, or is gone, has no attributes to speak of. */
	if (!op->unchanged || (!op->changes.n && !w->verbose))
		return;
	if (!w->verbose) {
		str_puts(&w->line, "        ");
		paint(w, GREY);
		str_printf(&w->line, "# (%zu unchanged attribute%s hidden)", op->unchanged,
			   op->unchanged == 1 ? "" : "s");
		unpaint(w);
		flush(w);
		return;
	}
	for (size_t i = 0; i < want->n; i++) {
		if (!want->v[i].value || is_changed(op, want->v[i].name))
			continue;
		str_puts(&w->line, "        ");
		name_padded(w, want->v[i].name, longest);
		if (!want->v[i].secret && plan_value_is_long(want->v[i].value)) {
			plan_value_size(&w->line, want->v[i].value);
			plan_value_lines(&w->line, want->v[i].value, want->v[i].value, true, false);
		} else {
			value(w, want->v[i].value, want->v[i].secret);
		}
		flush(w);
	}
}

static size_t
longest_name(const struct writer *w, const struct op *op)
{
	size_t longest = 0;

	for (size_t i = 0; i < op->changes.n; i++)
		if (strlen(op->changes.v[i].name) > longest)
			longest = strlen(op->changes.v[i].name);
	for (size_t i = 0; w->verbose && i < op->step->want.n; i++)
		if (strlen(op->step->want.v[i].name) > longest)
			longest = strlen(op->step->want.v[i].name);
	return longest;
}

static const char *
sign(enum action action, const char **color)
{
	*color = YELLOW;
	switch (action) {
	case ACT_CREATE: *color = GREEN; return "  + ";
	case ACT_REPLACE: *color = RED; return "-/+ ";
	case ACT_DESTROY: *color = RED; return "  - ";
	case ACT_RUN: *color = GREEN; return "  > ";
	default: return "  ~ ";
	}
}

/* A restart is of something that was there to be used; so is what serves and goes away while
 * another comes in its place: on another head, or by another backend. */
static bool
interrupts(const struct plan *plan, const struct op *op)
{
	const struct step *s = op->step;

	return op->action == ACT_RESTART ||
	       (op->action == ACT_DESTROY && !plan->options.destroy && s->kind->restarts &&
		s->seen.state == SEEN_PRESENT);
}

static void
op_block(struct writer *w, const struct op *op)
{
	const struct step *step = op->step;
	size_t longest = longest_name(w, op);
	const char *color, *sign_text = sign(op->action, &color);

	str_puts(&w->line, "  # ");
	paint(w, BOLD);
	plan_headline(&w->line, op);
	unpaint(w);
	if (interrupts(w->plan, op)) {
		pad(w, NOTE_COLUMN);
		str_puts(&w->line, "downtime");
	}
	flush(w);
	if (op->action == ACT_NONE)
		return;
	if (op->action != ACT_UNKNOWN) {
		paint(w, color);
		str_puts(&w->line, sign_text);
		unpaint(w);
		str_puts(&w->line, step->addr);
		if (step->node && !strchr(step->addr, '['))
			str_printf(&w->line, " on %s", step->node->name);
		flush(w);
		for (size_t i = 0; i < op->changes.n; i++)
			change_line(w, op, &op->changes.v[i], longest);
		unchanged_lines(w, op, longest);
	}
	flush(w);
}

static bool
is_silent(const struct op *op)
{
	const struct facts *f = op->step->node ? op->step->node->facts : NULL;

	return op->action == ACT_UNKNOWN &&
	       (!f || f->state != FACTS_OK || !f->complete);
}

/* Steps of a silent node are told with the node, conflicts with the problems. */
static void
ops(struct writer *w)
{
	const struct plan *plan = w->plan;
	bool plain = false;

	for (size_t k = 0; k < plan->n; k++) {
		size_t i = plan->options.destroy ? plan->n - 1 - k : k;
		const struct op *op = &plan->v[i];
		bool shown = op->action != ACT_NONE || op->kept ||
			(w->verbose && !op->step->orphan && !plan->options.destroy);

		if (!shown || op->excluded || is_silent(op) || op->action == ACT_CONFLICT)
			continue;
		if (plain && op->action != ACT_NONE)
			flush(w);
		plain = op->action == ACT_NONE;
		op_block(w, op);
	}
	if (plain)
		flush(w);
}

static void
mark_line(struct writer *w, const char *color, const char *mark)
{
	str_puts(&w->line, "  ");
	paint(w, color);
	str_puts(&w->line, mark);
	unpaint(w);
	str_putc(&w->line, ' ');
}

/* The problem that says the same of a conflict, so that it is said once. */
static bool
is_told(const struct plan *plan, const struct op *op)
{
	for (size_t i = 0; i < plan->problems.n; i++)
		if (strcmp(plan->problems.v[i].text, op->cause) == 0 &&
		    plan->problems.v[i].node == op->step->node)
			return true;
	return false;
}

static void
problem_lines(struct writer *w, const struct problem *p)
{
	bool error = p->severity == DIAG_ERROR;

	mark_line(w, error ? RED : YELLOW, error ? "! error:" : "! warning:");
	if (p->node)
		str_printf(&w->line, "%s: ", p->node->name);
	str_safe(&w->line, p->text, strlen(p->text));
	flush(w);
	if (p->hint) {
		str_puts(&w->line, "    hint: ");
		str_safe(&w->line, p->hint, strlen(p->hint));
		flush(w);
	}
}

static void
problems(struct writer *w)
{
	const struct plan *plan = w->plan;
	const struct model *m = plan->graph->model;
	struct str s = {0};
	bool any = false;

	for (size_t i = 0; i < plan->problems.n; i++, any = true)
		problem_lines(w, &plan->problems.v[i]);
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].action != ACT_CONFLICT || plan->v[i].excluded ||
		    is_told(plan, &plan->v[i]))
			continue;
		mark_line(w, RED, "!");
		plan_headline(&w->line, &plan->v[i]);
		flush(w);
		any = true;
	}
	for (size_t i = 0; i < m->nnode; i++) {
		if (!plan_silence(&s, plan, &m->node[i]))
			continue;
		mark_line(w, RED, "!");
		for (const char *p = str_text(&s); *p; p++) {
			str_putc(&w->line, *p);
			if (*p == '\n')
				str_puts(&w->line, "    ");
		}
		flush(w);
		str_reset(&s);
		any = true;
	}
	if (any)
		flush(w);
	str_release(&s);
}

static void
layout_line(struct writer *w)
{
	const struct model *m = w->plan->graph->model;
	size_t n = m->nlayout ? m->nlayout : m->nspec;

	str_printf(&w->line, "layout  TP %lld × PP %lld", m->tensor, m->pipeline);
	if (m->data > 1)
		str_printf(&w->line, " × DP %lld", m->data);
	str_printf(&w->line, " over %zu node%s", n, n == 1 ? "" : "s");
	plan_gpus(&w->line, m, n);
	str_puts(&w->line, m->backend == BACKEND_MP ? ", mp" : ", ray");
	if (m->backend_why) {           /* an image or a node may have a part in it */
		str_puts(&w->line, " (");
		str_safe(&w->line, m->backend_why, strlen(m->backend_why));
		str_putc(&w->line, ')');
	}
	flush(w);
	if (m->layout_note) {
		str_puts(&w->line, "        ");
		str_safe(&w->line, m->layout_note, strlen(m->layout_note));
		flush(w);
	}
}

static void
model_line(struct writer *w)
{
	const struct model *m = w->plan->graph->model;
	const struct spec_model *spec = &m->spec->model;

	if (!spec->repo.text)
		return;
	str_printf(&w->line, "model   %s @ %s", spec->repo.text,
		   spec->revision.text ? spec->revision.text : "main");
	if (m->commit) {
		str_printf(&w->line, " = %.12s", m->commit);
	} else if (m->commit_why) {
		str_puts(&w->line, " (commit not known: ");
		str_safe(&w->line, m->commit_why, strlen(m->commit_why));
		str_putc(&w->line, ')');
	}
	if (m->manifest)
		str_printf(&w->line, "   %zu file%s, %.1f GB", m->manifest->n,
			   m->manifest->n == 1 ? "" : "s", (double)m->manifest->bytes / 1e9);
	flush(w);
}

static void
header(struct writer *w)
{
	const struct plan *plan = w->plan;
	const struct model *m = plan->graph->model;
	size_t silent = 0;

	for (size_t i = 0; i < m->nnode; i++)
		silent += !m->node[i].facts || m->node[i].facts->state != FACTS_OK;
	str_printf(&w->line, "cluster %s", m->cluster);
	if (plan->spec_note)
		str_printf(&w->line, "   %s", plan->spec_note);
	str_printf(&w->line, "   %zu node%s observed", m->nnode, m->nnode == 1 ? "" : "s");
	if (plan->observe_seconds >= 0)
		str_printf(&w->line, " in %.2f s", plan->observe_seconds);
	if (plan->observe_seconds >= 0 && plan->slowest)
		str_printf(&w->line, " (slowest %s)", plan->slowest);
	if (silent)
		str_printf(&w->line, ", %zu unreachable", silent);
	flush(w);
	if (!plan->options.destroy && m->spec) {
		layout_line(w);
		str_puts(&w->line, "network ");
		if (plan_network(&w->line, m))
			flush(w);
		str_reset(&w->line);
		model_line(w);
	}
	flush(w);
}

void
plan_text(const struct plan *plan, FILE *to, bool color, bool verbose)
{
	struct writer w = {.to = to, .plan = plan, .color = color, .verbose = verbose};

	header(&w);
	ops(&w);
	problems(&w);
	paint(&w, BOLD);
	plan_summary(&w.line, plan);
	unpaint(&w);
	flush(&w);
	if (plan->nexcluded) {
		str_printf(&w.line, "Note: -target leaves out %zu operation%s; plan without it to "
			   "see all.", plan->nexcluded, plan->nexcluded == 1 ? "" : "s");
		flush(&w);
	}
	free(w.macs.v);
	str_release(&w.line);
}
