/* A plan for people: Terraform's symbols, every operation with its cause. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/plan/view/plan_value.h"
#include "planner/plan/reconcile.h"

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
plan_text_paint(struct writer *w, const char *color)
{
	if (w->color)
		str_puts(&w->line, color);
}

static void
plan_text_unpaint(struct writer *w)
{
	if (w->color)
		str_puts(&w->line, "\033[0m");
}

static void
plan_text_painted(struct writer *w, const char *color, const char *text)
{
	plan_text_paint(w, color);
	str_puts(&w->line, text);
	plan_text_unpaint(w);
}

static void
plan_text_flush(struct writer *w)
{
	str_putc(&w->line, '\n');
	fwrite(str_text(&w->line), 1, w->line.len, w->to);
	str_reset(&w->line);
}

/* Spaces up to that column. Counts characters, without the colours. */
static void
plan_text_pad(struct writer *w, size_t column)
{
	const struct str *s = &w->line;
	size_t n = 2;

	for (size_t i = 0; i < s->len; i++) {
		if (s->buf[i] == '\033')
			while (i + 1 < s->len && s->buf[i] != 'm')
				i++;
		else
			n += ((unsigned char)s->buf[i] & 0xc0) != 0x80;
	}
	str_printf(&w->line, "  %*s", n < column ? (int)(column - n) : 0, "");
}

static size_t
plan_text_mac_number(struct writer *w, const char *mac)
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
plan_text_value(struct writer *w, const char *s, bool secret)
{
	if (secret)
		str_printf(&w->line, "(sensitive #%zu)", plan_text_mac_number(w, s));
	else
		plan_value(&w->line, s, w->verbose);
}

static void
plan_text_name_padded(struct writer *w, const char *name, size_t longest)
{
	size_t before = w->line.len;

	str_safe(&w->line, name, strlen(name));
	for (size_t n = w->line.len - before; n < longest; n++)
		str_putc(&w->line, ' ');
	str_puts(&w->line, " = ");
}

static void
plan_text_change_line(struct writer *w, const struct op *op, const struct change *c, size_t longest)
{
	const char *undo = op->step->kind->undo;
	const char *note = c->effect != EFFECT_REPLACE ? NULL :
		op->action == ACT_REPLACE ? "# forces replacement" :
		op->action == ACT_RESTART ? "# forces restart" : NULL;
	bool below = !c->secret && (plan_value_is_long(c->old) || plan_value_is_long(c->new));
	bool gone = !c->new && !c->unknown;
	/* A script that will run is shown whole. */
	bool whole = w->verbose || (op->action == ACT_DESTROY && undo && strcmp(c->name, undo) == 0);

	str_puts(&w->line, "      ");
	plan_text_painted(w, !c->old ? GREEN : gone ? RED : YELLOW, !c->old ? "+" : gone ? "-" : "~");
	str_putc(&w->line, ' ');
	plan_text_name_padded(w, c->name, longest);
	if (c->old && below)
		plan_value_size(&w->line, c->old);
	else if (c->old)
		plan_text_value(w, c->old, c->secret);
	if (c->old)
		str_puts(&w->line, " -> ");
	if (c->unknown)
		str_puts(&w->line, "(known after apply)");
	else if (!c->new)
		str_puts(&w->line, "null");
	else if (below)
		plan_value_size(&w->line, c->new);
	else
		plan_text_value(w, c->new, c->secret);
	if (note) {
		plan_text_pad(w, COMMENT_COLUMN);
		plan_text_painted(w, RED, note);
	}
	if (below)
		plan_value_lines(&w->line, c->old, c->new, whole, w->color);
	plan_text_flush(w);
}

static bool
plan_text_is_changed(const struct op *op, const char *name)
{
	for (size_t i = 0; i < op->changes.n; i++)
		if (strcmp(op->changes.v[i].name, name) == 0)
			return true;
	return false;
}

static void
plan_text_unchanged_lines(struct writer *w, const struct op *op, size_t longest)
{
	const struct attrs *want = &op->step->want;

	/* A step that only comes along, or is gone, has no attributes to show. */
	if (!op->unchanged || (!op->changes.n && !w->verbose))
		return;
	if (!w->verbose) {
		str_puts(&w->line, "        ");
		plan_text_paint(w, GREY);
		str_printf(&w->line, "# (%zu unchanged attribute%s hidden)", op->unchanged,
			   op->unchanged == 1 ? "" : "s");
		plan_text_unpaint(w);
		plan_text_flush(w);
		return;
	}
	for (size_t i = 0; i < want->n; i++) {
		if (!want->v[i].value || plan_text_is_changed(op, want->v[i].name))
			continue;
		str_puts(&w->line, "        ");
		plan_text_name_padded(w, want->v[i].name, longest);
		if (!want->v[i].secret && plan_value_is_long(want->v[i].value)) {
			plan_value_size(&w->line, want->v[i].value);
			plan_value_lines(&w->line, want->v[i].value, want->v[i].value, true, false);
		} else {
			plan_text_value(w, want->v[i].value, want->v[i].secret);
		}
		plan_text_flush(w);
	}
}

static size_t
plan_text_longest_name(const struct writer *w, const struct op *op)
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
plan_text_sign(enum action action, const char **color)
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

static void
plan_text_op_block(struct writer *w, const struct op *op)
{
	const struct step *step = op->step;
	bool interrupts = op_interrupts(w->plan, op);
	size_t longest = plan_text_longest_name(w, op);
	const char *color, *sign_text = plan_text_sign(op->action, &color);

	str_puts(&w->line, "  # ");
	plan_text_paint(w, BOLD);
	plan_headline(&w->line, op);
	plan_text_unpaint(w);
	if (interrupts) {
		plan_text_pad(w, NOTE_COLUMN);
		str_puts(&w->line, "downtime");
	}
	plan_text_flush(w);
	if (op->action == ACT_NONE)
		return;
	if (op->action != ACT_UNKNOWN) {
		plan_text_painted(w, color, sign_text);
		str_puts(&w->line, step->addr);
		if (step->node && !strchr(step->addr, '['))
			str_printf(&w->line, " on %s", step->node->name);
		plan_text_flush(w);
		for (size_t i = 0; i < op->changes.n; i++)
			plan_text_change_line(w, op, &op->changes.v[i], longest);
		plan_text_unchanged_lines(w, op, longest);
	}
	plan_text_flush(w);
}

/* Steps of a silent node are shown with the node, conflicts with the problems. */
static void
plan_text_ops(struct writer *w)
{
	const struct plan *plan = w->plan;
	bool plain = false;

	for (size_t k = 0; k < plan->n; k++) {
		size_t i = plan->options.destroy ? plan->n - 1 - k : k;
		const struct op *op = &plan->v[i];
		const struct facts *f = op->step->node ? op->step->node->facts : NULL;
		bool silent = op->action == ACT_UNKNOWN && (!f || f->state != FACTS_OK || !f->complete);
		bool shown = op->action != ACT_NONE || op->kept ||
			(w->verbose && !op->step->orphan && !plan->options.destroy);

		if (!shown || op->excluded || silent || op->action == ACT_CONFLICT)
			continue;
		if (plain && op->action != ACT_NONE)
			plan_text_flush(w);
		plain = op->action == ACT_NONE;
		plan_text_op_block(w, op);
	}
	if (plain)
		plan_text_flush(w);
}

static void
plan_text_layout_line(struct writer *w)
{
	const struct cluster *c = w->plan->graph->cluster;
	size_t n = c->nlayout ? c->nlayout : c->nspec;

	str_printf(&w->line, "layout  TP %lld × PP %lld", c->tensor, c->pipeline);
	if (c->data > 1)
		str_printf(&w->line, " × DP %lld", c->data);
	str_printf(&w->line, " over %zu node%s", n, n == 1 ? "" : "s");
	plan_gpus(&w->line, c, n);
	str_printf(&w->line, ", %s", c->engine->shape[c->shape].word);
	if (c->shape_why) {           /* may have text from an image or a node */
		str_puts(&w->line, " (");
		str_safe(&w->line, c->shape_why, strlen(c->shape_why));
		str_putc(&w->line, ')');
	}
	plan_text_flush(w);
	if (c->layout_note) {
		str_puts(&w->line, "        ");
		str_safe(&w->line, c->layout_note, strlen(c->layout_note));
		plan_text_flush(w);
	}
}

static void
plan_text_repo(struct writer *w, const char *what, const struct spec_model *spec,
	       const struct manifest *list, const char *commit, const char *why)
{
	str_printf(&w->line, "%-7s %s @ %s", what, spec->repo.text,
		   spec->revision.text ? spec->revision.text : "main");
	if (commit) {
		str_printf(&w->line, " = %.12s", commit);
	} else if (why) {
		str_puts(&w->line, " (commit not known: ");
		str_safe(&w->line, why, strlen(why));
		str_putc(&w->line, ')');
	}
	if (list)
		str_printf(&w->line, "   %zu file%s, %.1f GB", list->n, list->n == 1 ? "" : "s",
			   (double)list->bytes / 1e9);
	plan_text_flush(w);
}

static void
plan_text_model_line(struct writer *w)
{
	const struct cluster *c = w->plan->graph->cluster;
	const struct spec_model *spec = &c->spec->model;

	if (c->source->fetched)
		plan_text_repo(w, "model", spec, c->manifest, c->commit, c->commit_why);
	for (size_t i = 0; i < c->nextra; i++)
		plan_text_repo(w, c->extra[i].use ? c->extra[i].use : "extra", &c->extra[i].from,
			       c->extra[i].manifest, c->extra[i].commit, c->extra[i].commit_why);
}

static void
plan_text_header(struct writer *w)
{
	const struct plan *plan = w->plan;
	const struct cluster *c = plan->graph->cluster;
	size_t silent = 0;

	for (size_t i = 0; i < c->nnode; i++)
		silent += !c->node[i].facts || c->node[i].facts->state != FACTS_OK;
	str_printf(&w->line, "cluster %s", c->name);
	if (plan->spec_note)
		str_printf(&w->line, "   %s", plan->spec_note);
	str_printf(&w->line, "   %zu node%s observed", c->nnode, c->nnode == 1 ? "" : "s");
	if (plan->observe_seconds >= 0)
		str_printf(&w->line, " in %.2f s", plan->observe_seconds);
	if (plan->observe_seconds >= 0 && plan->slowest)
		str_printf(&w->line, " (slowest %s)", plan->slowest);
	if (silent)
		str_printf(&w->line, ", %zu unreachable", silent);
	plan_text_flush(w);
	if (!plan->options.destroy && c->spec) {
		plan_text_layout_line(w);
		str_puts(&w->line, "network ");
		if (plan_network(&w->line, c))
			plan_text_flush(w);
		str_reset(&w->line);
		plan_text_model_line(w);
	}
	plan_text_flush(w);
}

void
plan_text(const struct plan *plan, FILE *to, bool color, bool verbose)
{
	struct writer w = {.to = to, .plan = plan, .color = color, .verbose = verbose};

	plan_text_header(&w);
	plan_text_ops(&w);
	if (plan_problems(&w.line, plan, color))
		plan_text_flush(&w);
	if (plan_downtime(&w.line, plan))
		plan_text_flush(&w);
	plan_text_paint(&w, BOLD);
	plan_summary(&w.line, plan);
	plan_text_unpaint(&w);
	plan_text_flush(&w);
	if (plan->nexcluded) {
		str_printf(&w.line, "Note: -target leaves out %zu operation%s; plan without it to "
			   "see them.", plan->nexcluded, plan->nexcluded == 1 ? "" : "s");
		plan_text_flush(&w);
	}
	free(w.macs.v);
	str_release(&w.line);
}
