/* The summary of an apply: what was done, what was not, and why. */
#include <jansson.h>
#include <string.h>

#include "cmd/view.h"

struct counts {
	size_t added, changed, replaced, restarted, destroyed, ran;
};

/* A replace or restart is a down and an up; it counts once, when its up has succeeded. */
static struct counts
summary_count(const struct sched *s)
{
	struct counts c = {0};

	for (size_t i = 0; s && i < s->n; i++) {
		const struct job *j = &s->v[i];

		if (j->outcome != OUT_OK)
			continue;
		if (j->down) {
			c.destroyed += j->op->action == ACT_DESTROY;
			continue;
		}
		c.added += j->op->action == ACT_CREATE;
		c.changed += j->op->action == ACT_UPDATE;
		c.replaced += j->op->action == ACT_REPLACE;
		c.restarted += j->op->action == ACT_RESTART;
		c.ran += j->op->action == ACT_RUN;
	}
	return c;
}

static const char *
summary_outcome_word(enum outcome o)
{
	switch (o) {
	case OUT_PENDING: return "not reached";
	case OUT_SKIPPED: return "skipped";
	case OUT_CANCELLED: return "cancelled";
	case OUT_FAILED: return "failed";
	default: return NULL;
	}
}

/* After a failure: list what was changed, because that stays. */
static void
summary_list_done(const struct sched *s)
{
	const char *before = "  already done: ";

	for (size_t i = 0; s && i < s->n; i++) {
		const struct job *j = &s->v[i];

		if (j->outcome != OUT_OK)
			continue;
		printf("%s%s%s", before, j->op->step->addr, j->down ? " (down)" : "");
		before = ", ";
	}
	if (*before == ',')
		putchar('\n');
}

void
view_summary(const struct cli *cli, const struct run_tally *t, const char *verb)
{
	struct counts c = summary_count(t->sched);
	bool again = t->again && !t->failed && !t->interrupted;
	bool bad = !again && (t->failed || t->cancelled || t->skipped || t->interrupted);

	if (bad)
		summary_list_done(t->sched);
	for (size_t i = 0; bad && t->sched && i < t->sched->n; i++) {
		const struct job *j = &t->sched->v[i];
		const char *word = summary_outcome_word(j->outcome);

		if (!word || j->outcome == OUT_FAILED)
			continue;
		printf("  %s%s: %s", j->op->step->addr, j->down ? " (down)" : "", word);
		if (j->because)
			printf(" (because %s failed)", j->because->op->step->addr);
		putchar('\n');
	}
	if (cli->color)
		fputs(bad ? "\033[1;31m" : "\033[1;32m", stdout);
	if (again)
		printf("\n%s stopped, because the plan has changed. Steps: ", verb);
	else if (!bad)
		printf("\n%s complete! Steps: ", verb);
	else if (t->interrupted)
		printf("\n%s interrupted. Steps: ", verb);
	else
		printf("\n%s failed%s. Steps: ", verb, t->changed ? "" : "; nothing was changed");
	if (strcmp(verb, "Stop") == 0)
		printf("%zu stopped", c.destroyed);
	else
		printf("%zu added, %zu changed, %zu replaced, %zu restarted, %zu destroyed", c.added,
		       c.changed, c.replaced, c.restarted, c.destroyed);
	if (c.ran)
		printf(", %zu run", c.ran);
	if (t->failed)
		printf(", %zu failed", t->failed);
	if (t->skipped)
		printf(", %zu skipped", t->skipped);
	puts(cli->color ? ".\033[0m" : ".");
	if (bad && t->changed && strcmp(verb, "Destroy") == 0)
		puts("What was removed stays removed; 'dray status' shows what is left, "
		     "'dray destroy' continues from there.");
	else if (bad && t->changed && strcmp(verb, "Stop") == 0)
		puts("What was stopped stays stopped; 'dray status' shows what still runs, "
		     "'dray stop' continues from there.");
	else if (bad && t->changed)
		puts("What was done stays done; 'dray plan' shows what is left, "
		     "'dray apply' continues from there.");
}

void
view_summary_json(const struct run_tally *t, const char *verb)
{
	struct counts c = summary_count(t->sched);
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}, "
			      "s:b, s:b, s:b}", "type", "change_summary", "@level",
			      t->failed ? "error" : "info", "@module", "dray.ui", "@message", verb,
			      "changes", "add", (json_int_t)c.added, "change", (json_int_t)c.changed,
			      "replace", (json_int_t)c.replaced, "restart", (json_int_t)c.restarted,
			      "destroy", (json_int_t)c.destroyed, "run", (json_int_t)c.ran, "failed",
			      (json_int_t)t->failed, "skipped", (json_int_t)t->skipped, "changed",
			      t->changed, "interrupted", t->interrupted,
			      "again", t->again);

	for (size_t i = 0; t->sched && i < t->sched->n; i++) {
		const struct job *j = &t->sched->v[i];
		json_t *skip;

		if (j->outcome != OUT_SKIPPED && j->outcome != OUT_CANCELLED &&
		    j->outcome != OUT_PENDING)
			continue;
		skip = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "type", "step_skipped",
				 "@level", "warn", "@module", "dray.ui", "@message",
				 summary_outcome_word(j->outcome), "addr", j->op->step->addr,
				 "because", j->because ? j->because->op->step->addr : NULL);
		json_dumpf(skip, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(skip);
	}
	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
}
