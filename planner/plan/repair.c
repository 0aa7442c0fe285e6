/* Splits a plan into what only brings back what ran, and the rest. */
#include "planner/plan/repair.h"

#include <string.h>

#include "planner/facts/facts.h"

const char repair_mark[] = " (dray watch)";

/* Was it an apply of dray watch that did not end? */
static bool
repair_began(const struct step *s)
{
	const struct record *r = step_record(s);
	size_t n = r && r->by ? strlen(r->by) : 0, mark = sizeof repair_mark - 1;

	return n > mark && strcmp(r->by + n - mark, repair_mark) == 0;
}

/* Is it bound to something that is no longer an upstream? Then the spec has changed. */
static bool
repair_has_lost(const struct step *s)
{
	for (size_t i = 0; i < s->observed.bound.n; i++) {
		bool found = false;

		for (size_t k = 0; k < s->deps.n && !found; k++)
			found = strcmp(s->deps.v[k].on->addr, s->observed.bound.v[i].name) == 0;
		if (!found)
			return true;
	}
	return false;
}

static bool
repair_is(const struct op *op)
{
	const struct step *s = op->step;

	if (op->changes.n || s->observed.state == STATE_ABSENT || s->orphan || repair_has_lost(s))
		return false;
	switch (op->reason) {
	case REASON_GONE: case REASON_STALE: case REASON_UPSTREAM: case REASON_GROUP:
	case REASON_UNRECORDED: case REASON_STARTING:
		return s->observed.state != STATE_INTERRUPTED || s->observed.coming || repair_began(s);
	case REASON_INTERRUPTED:
		return repair_began(s);
	default:
		return false;
	}
}

static const char *
repair_words(struct arena *a, const struct op *op)
{
	return arena_printf(a, "%s (%s)", op->step->addr, op->cause ? op->cause : reason_word(op->reason));
}

struct repair
repair_of(struct arena *a, const struct plan *p)
{
	struct repair r = {.target = ar_array(a, const char *, p->n + 1)};
	const struct op *first = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct op *op = &p->v[i];

		if (!op_acts(op) || op->step->kind->verb)
			continue;
		if (!repair_is(op)) {
			r.other = r.others++ ? r.other : repair_words(a, op);
			continue;
		}
		r.target[r.n++] = op->step->addr;
		/* What is gone itself is told rather than what follows from it. */
		if (!first || (op->reason == REASON_GONE && first->reason != REASON_GONE))
			first = op;
	}
	if (first)
		r.what = repair_words(a, first);
	if (r.n > 1)
		r.what = arena_printf(a, "%s, and %zu more", r.what, r.n - 1);
	return r;
}
