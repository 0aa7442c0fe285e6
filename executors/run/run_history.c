/* The history: the entry that an apply leaves on the nodes, and the entries of earlier ones. */
#include <string.h>

#include "executors/run/run_act.h"
#include "executors/run/run_looks.h"
#include "planner/base/hash.h"
#include "planner/steps/observe.h"

enum { TOLD = 3, CAUSE_MAX = 100 };     /* operations with their causes */

/* ---- the entry of this apply ---- */

static const char *
history_verb(const struct op *op)
{
	return op->reason == REASON_STOP ? "stop" : op->action == ACT_DESTROY ? "destroy"
	     : op->reason == REASON_STOPPED ? "start" : action_word(op->action);
}

/* "restart serve (args changed), replace head[a] (image changed) and 3 more". */
static const char *
history_what(struct arena *a, const struct plan *plan)
{
	struct str s = {0};
	size_t n = 0;
	const char *what;

	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];
		size_t cause = op->cause ? strlen(op->cause) : 0;

		if (!op_acts(op) || op->record_only || op->step->kind->asks || n++ >= TOLD)
			continue;
		str_printf(&s, "%s%s %s", s.len ? ", " : "", history_verb(op), op->step->addr);
		if (cause && op->reason != REASON_STOP && op->reason != REASON_DESTROY)
			str_printf(&s, " (%.*s%s)", (int)(cause < CAUSE_MAX ? cause : CAUSE_MAX), op->cause,
				   cause < CAUSE_MAX ? "" : "...");
	}
	if (n > TOLD)
		str_printf(&s, " and %zu more", n - TOLD);
	what = arena_strdup(a, s.len ? s.buf : "only the probe or records");
	str_release(&s);
	return what;
}

/* The name of a spec in our cache. */
static void
history_spec_name(const char *text, char sha[HASH_HEX])
{
	hash_sha256(text, strlen(text), sha);
}

/* The files under files:, so that a plan back to this spec can say which have changed. */
static const char *
history_files(struct arena *a, const struct spec *spec)
{
	struct str s = {0};
	const char *text;

	for (size_t i = 0; spec && i < spec->carried.n; i++)
		if (spec->carried.v[i].name && spec->carried.v[i].sha256)
			str_printf(&s, "%s %s\n", spec->carried.v[i].name, spec->carried.v[i].sha256);
	text = arena_strdup(a, str_text(&s));
	str_release(&s);
	return text;
}

void
entry_begin(struct apply *ap)
{
	const struct run *r = ap->run;
	const struct source *src = r->cluster->spec ? r->cluster->spec->src : NULL;
	char sha[HASH_HEX];

	ap->entry = (struct history_entry){.id = ap->id, .at = run_time(ap->arena),
		.by = run_by(ap->run, ap->arena), .command = r->opt.command ? r->opt.command : "apply",
		.result = "begun", .what = history_what(ap->arena, ap->plan), .seconds = -1, .down = -1,
		.spec = src ? src->text : NULL, .files = history_files(ap->arena, r->cluster->spec)};
	if (!src)
		return;
	history_spec_name(src->text, sha);
	cache_write("spec", sha, src->text, strlen(src->text));
}

void
entry_end(struct apply *ap)
{
	const struct run_tally *t = &ap->tally;
	bool whole = t->failed + t->skipped + t->cancelled == 0;

	ap->entry.result = t->interrupted ? "interrupted" : t->again ? "replanned" : whole ? "done"
		: t->changed ? "partial" : "failed";
	ap->entry.seconds = (loop_clock() - ap->began + 500) / 1000;
	ap->entry.down = !ap->down_from ? HISTORY_NOT_DOWN : ap->up_at <= ap->down_from ? -1
		: (ap->up_at - ap->down_from + 500) / 1000;
}

void
entry_server(struct apply *ap, const struct job *job, bool was_up, bool ended)
{
	const struct step *s = job->op->step;

	if (!s->kind->server || (!s->orphan && s->node != &s->cluster->node[0]))
		return;
	if (job->down && was_up && !ended && !ap->down_from)
		ap->down_from = loop_clock();
	if (!job->down && ended && !job->op->record_only)
		ap->up_at = loop_clock();
}

bool
run_spec_is_ours(const char *text)
{
	struct str ours = {0};
	char sha[HASH_HEX];
	bool same;

	history_spec_name(text, sha);
	same = cache_read("spec", sha, &ours) && ours.len == strlen(text) && memcmp(ours.buf, text, ours.len) == 0;
	str_release(&ours);
	return same;
}

/* ---- what the nodes have ---- */

struct histories {
	struct arena *arena;
	struct history *to;
	size_t left, answers;
	bool finished;
	struct err why;
};

static void
history_on_answer(struct ask *ask)
{
	struct histories *h = ask->owner;
	const struct result *r = &ask->request.result;

	if (r->ran && r->status == 0) {
		h->answers++;
		history_merge(h->arena, h->to, ask->host->name, str_text(&r->out), r->out.len);
	} else {
		h->why = ask->host->err.text[0] ? ask->host->err : r->why;
		h->to->silent = arena_printf(h->arena, "%s%s does not tell its history: %s\n",
			h->to->silent ? h->to->silent : "", ask->host->name,
			r->ran ? last_lines(h->arena, str_text(&r->err), 1) : h->why.text);
	}
	h->finished = --h->left == 0;
}

bool
run_history(struct run *r, struct arena *a, struct history *to, struct err *e)
{
	struct histories h = {.arena = a, .to = to, .left = r->cluster->nspec};

	for (size_t i = 0; i < r->cluster->nspec; i++) {
		struct task task = {0};

		history_task(a, r->cluster, &task);
		run_ask(r, run_host(r, &r->cluster->node[i]), &task, history_on_answer, &h);
	}
	loop_run(r->loop, &h.finished);
	history_sort(to);
	if (!h.answers) {
		*e = h.why;
		return err_wrap(e, "no node answers");
	}
	return true;
}
