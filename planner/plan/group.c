/*
 * Groups: steps that are one unit, such as the ranks of one engine. Each step is decided
 * alone first; then work on one becomes work on all, with its cause.
 */
#include <string.h>

#include "planner/base/str.h"
#include "planner/plan/reconcile.h"

enum { MAX_NAMES = 3 };

static bool
group_is_trigger(const struct op *op)
{
	return op->action == ACT_CREATE || op->action == ACT_RESTART || op->action == ACT_REPLACE;
}

static bool
group_is_blind(const struct op *op)
{
	return op->action == ACT_UNKNOWN || op->action == ACT_CONFLICT;
}

static const char *
group_says(enum reason reason, bool many)
{
	switch (reason) {
	case REASON_GONE: return many ? "are gone" : "is gone";
	case REASON_ABSENT: return many ? "do not exist" : "does not exist";
	case REASON_INTERRUPTED: return many ? "were interrupted" : "was interrupted";
	case REASON_CHANGED: return many ? "change" : "changes";
	case REASON_CONFLICT: return many ? "are in conflict" : "is in conflict";
	case REASON_UNREACHABLE: return many ? "are unknown" : "is unknown";
	default: return "must be restarted";
	}
}

/* "rank[a] and rank[b] are gone; ranks are one unit": the members with the same reason as the
 * first for which `is` holds. */
static const char *
group_cause_of(struct arena *a, const struct plan *plan, const struct op *like,
	       bool (*is)(const struct op *))
{
	const char *name[MAX_NAMES] = {0};
	enum reason reason = REASON_NONE;
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];

		if (!graph_same_group(op->step, like->step) || !is(op))
			continue;
		reason = n ? reason : op->reason;
		if (op->reason != reason)
			continue;
		if (n < MAX_NAMES)
			name[n] = op->step->addr;
		n++;
	}
	return arena_printf(a, "%s %s; %ss are one unit", str_names(a, name, n, MAX_NAMES), group_says(reason, n > 1),
			    like->step->kind->name);
}

void
group_decide(struct arena *a, struct plan *plan, const struct op *last)
{
	const char *work = NULL, *blind = NULL;

	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];

		if (!graph_same_group(op->step, last->step))
			continue;
		if (group_is_trigger(op) && !work)
			work = group_cause_of(a, plan, last, group_is_trigger);
		if (group_is_blind(op) && !blind)
			blind = group_cause_of(a, plan, last, group_is_blind);
	}
	for (size_t i = 0; (work || blind) && i < plan->n; i++) {
		struct op *op = &plan->v[i];

		if (!graph_same_group(op->step, last->step) || group_is_trigger(op) ||
		    group_is_blind(op))
			continue;
		op->record_only = op->awaits = false;
		op->action = blind ? ACT_UNKNOWN :
			op->step->kind->restarts ? ACT_RESTART : ACT_REPLACE;
		op->reason = blind ? REASON_UNREACHABLE : REASON_GROUP;
		op->cause = blind ? blind : work;
	}
}
