/* What every view of a plan needs: words, counts, fingerprints. */
#include "planner/plan/plan.h"

#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/str.h"
#include "planner/plan/reconcile.h"

const char *
action_word(enum action action)
{
	static const char *const words[] = {
		[ACT_NONE] = "noop", [ACT_CREATE] = "create", [ACT_UPDATE] = "update",
		[ACT_RESTART] = "restart", [ACT_REPLACE] = "replace", [ACT_DESTROY] = "delete",
		[ACT_RUN] = "run", [ACT_UNKNOWN] = "unknown", [ACT_CONFLICT] = "conflict",
	};

	return words[action];
}

const char *
reason_word(enum reason reason)
{
	static const char *const words[] = {
		[REASON_NONE] = "none", [REASON_ABSENT] = "absent", [REASON_GONE] = "gone",
		[REASON_INTERRUPTED] = "interrupted", [REASON_CHANGED] = "changed",
		[REASON_STALE] = "stale", [REASON_UPSTREAM] = "upstream",
		[REASON_GROUP] = "group",
		[REASON_REQUESTED] = "requested", [REASON_UNRECORDED] = "unrecorded",
		[REASON_STARTING] = "starting",
		[REASON_NOT_IN_SPEC] = "not_in_spec", [REASON_DESTROY] = "destroy",
		[REASON_UNREACHABLE] = "unreachable", [REASON_CONFLICT] = "conflict",
		[REASON_STOP] = "stop", [REASON_STOPPED] = "stopped",
	};

	return words[reason];
}

bool
op_acts(const struct op *op)
{
	return !op->excluded && op->action != ACT_NONE && op->action != ACT_UNKNOWN &&
	       op->action != ACT_CONFLICT;
}

bool
op_interrupts(const struct plan *plan, const struct op *op)
{
	const struct step *step = op->step;

	if (op->excluded)
		return false;
	return op->action == ACT_RESTART ||
	       (op->action == ACT_DESTROY && !plan->options.destroy && step->kind->restarts &&
		step->observed.state == STATE_PRESENT);
}

size_t
plan_nops(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += op_acts(&plan->v[i]);
	return n;
}

/* A field ends with a NUL and a missing one is "\1": different lists stay different. */
static void
plan_field(struct str *s, const char *text)
{
	if (text)
		str_puts(s, text);
	else
		str_putc(s, '\1');
	str_putc(s, '\0');
}

static const char *
plan_fingerprint(struct arena *a, const struct op *op, struct str *s)
{
	const struct step *step = op->step;
	char hex[HASH_HEX];

	str_reset(s);
	plan_field(s, step->addr);
	plan_field(s, step->node ? step->node->name : NULL);
	plan_field(s, action_word(op->action));
	plan_field(s, reason_word(op->reason));
	str_putc(s, (char)('0' + step->observed.state));
	plan_field(s, step->observed.instance);
	plan_field(s, step->observed.output);
	for (size_t i = 0; i < op->changes.n; i++) {
		const struct change *c = &op->changes.v[i];

		plan_field(s, c->name);
		plan_field(s, c->old);
		/* With a key that this run made, the same secret looks different each time. */
		plan_field(s, c->secret && step->cluster->mac_key_new ? NULL : c->new);
		plan_field(s, c->unknown ? "?" : "");
	}
	for (size_t i = 0; i < step->deps.n; i++)
		if (step->deps.v[i].edge == EDGE_INSTANCE)
			plan_field(s, step->deps.v[i].on->observed.instance);
	hash_sha256(s->buf, s->len, hex);
	return arena_strdup(a, hex);
}

static void
plan_count(struct plan *plan, const struct op *op)
{
	switch (op->action) {
	case ACT_NONE: plan->nkept += op->kept; return;
	case ACT_CREATE: plan->nadd++; return;
	case ACT_UPDATE: plan->nchange++; return;
	case ACT_RESTART: plan->nrestart++; return;
	case ACT_REPLACE: plan->nreplace++; return;
	case ACT_DESTROY: plan->ndestroy++; return;
	case ACT_RUN: plan->nrun++; return;
	case ACT_UNKNOWN: plan->nunknown++; return;
	case ACT_CONFLICT: plan->nconflict++; return;
	}
}

/* A chain of starts, each after those that it is bound to. */
static void
plan_find_downtime(struct arena *a, struct plan *plan)
{
	long long *until = ar_array(a, long long, plan->n + 1);

	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];
		const struct step *s = op->step;
		const struct record *r = s->node ? step_record(s) : NULL;
		bool starts = s->kind->engine && op_acts(op) && op->action != ACT_DESTROY && !op->record_only;

		for (size_t k = 0; k < s->deps.n; k++)
			if (s->deps.v[k].edge == EDGE_INSTANCE && until[s->deps.v[k].on->index] > until[i])
				until[i] = until[s->deps.v[k].on->index];
		if (starts && r)
			until[i] += r->took;
		/* (A server that left has no other at its address: the new one's start counts.) */
		plan->downtime |= op_interrupts(plan, op);
		if (starts && s->kind->server && r && r->took > 0 && until[i] > plan->downtime_s) {
			plan->downtime_s = until[i];
			plan->last_start_s = r->took;
		}
	}
	if (!plan->downtime)
		plan->downtime_s = plan->last_start_s = 0;
}

void
plan_finish(struct arena *a, struct plan *plan)
{
	struct str s = {0};

	for (size_t i = 0; i < plan->n; i++) {
		struct op *op = &plan->v[i];

		if (op->excluded) {
			plan->nexcluded += op->action != ACT_NONE;
			continue;
		}
		plan_count(plan, op);
		if (op_acts(op))
			op->fingerprint = plan_fingerprint(a, op, &s);
	}
	plan_find_downtime(a, plan);
	str_release(&s);
}

static const char *
plan_will_be(const struct op *op)
{
	switch (op->action) {
	case ACT_CREATE:
		return op->reason == REASON_STOPPED ? "will be started again" : "will be created";
	case ACT_UPDATE: return op->record_only ? "will be recorded" :
		op->awaits ? "will be waited for" : "will be updated in-place";
	case ACT_RESTART: return "will be restarted";
	case ACT_REPLACE: return "must be replaced";
	case ACT_DESTROY:
		return op->reason == REASON_STOP ? "will be stopped" : "will be destroyed";
	case ACT_RUN: return "will be run";
	case ACT_UNKNOWN: return "is unknown";
	case ACT_CONFLICT: return "is in conflict";
	case ACT_NONE: break;
	}
	return op->kept ? "is kept (use -purge)" : "is unchanged";
}

void
plan_headline(struct str *s, const struct op *op)
{
	str_printf(s, "%s %s", op->step->addr, plan_will_be(op));
	if (op->cause) {
		str_puts(s, " (because ");
		str_safe(s, op->cause, strlen(op->cause));
		str_puts(s, op->pulled ? "; not a target, but comes along)" : ")");
	}
}

static size_t
plan_nunchanged(const struct plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		n += plan->v[i].action == ACT_NONE && !plan->v[i].kept &&
		     !plan->v[i].step->orphan && !plan->v[i].excluded;
	return n;
}

bool
plan_blocked_by(const struct node *n)
{
	return !n->forget && (!n->facts || n->facts->state == FACTS_UNREACHABLE);
}

bool
plan_forgets(const struct plan *plan)
{
	const struct cluster *c = plan->graph->cluster;

	for (size_t i = 0; i < c->nnode; i++)
		if (c->node[i].forget)
			return true;
	return false;
}

/* With unreachable nodes, conflicts or errors, "No changes" would not be known to be true. */
static bool
plan_is_sound(const struct plan *plan)
{
	const struct cluster *c = plan->graph->cluster;

	for (size_t i = 0; i < plan->problems.n; i++)
		if (plan->problems.v[i].severity == DIAG_ERROR)
			return false;
	for (size_t i = 0; i < c->nnode; i++)
		if (!c->node[i].facts || c->node[i].facts->state != FACTS_OK ||
		    !c->node[i].facts->complete)
			return false;
	return !plan->nunknown && !plan->nconflict;
}

static bool
plan_is_bare(const struct cluster *c)
{
	for (size_t i = 0; i < c->nnode; i++)
		if (c->node[i].keeps)
			return false;
	return true;
}

void
plan_summary(struct str *s, const struct plan *plan)
{
	size_t same = plan_nunchanged(plan);

	if (!plan_nops(plan) && plan_is_sound(plan) && !plan->nexcluded) {
		str_puts(s, !plan->options.destroy ? "No changes. What runs matches the spec."
			    : plan->options.stop ? "Nothing to stop. The engine does not run."
			    : plan_is_bare(plan->graph->cluster)
			    ? "Nothing to destroy. Nothing of this cluster is on its nodes."
			    : "Nothing to destroy, except what is left alone.");
		return;
	}
	if (plan->options.stop)
		str_printf(s, "Plan: %zu to stop", plan->ndestroy);
	else
		str_printf(s, "Plan: %zu to add, %zu to change, %zu to replace, %zu to restart, "
			   "%zu to destroy", plan->nadd, plan->nchange, plan->nreplace,
			   plan->nrestart, plan->ndestroy);
	if (plan->nrun)
		str_printf(s, ", %zu to run", plan->nrun);
	if (plan->nunknown)
		str_printf(s, ", %zu unknown", plan->nunknown);
	if (plan->nconflict)
		str_printf(s, ", %zu in conflict", plan->nconflict);
	str_puts(s, ".");
	if (plan->nkept)
		str_printf(s, " %zu step%s kept.", plan->nkept, plan->nkept == 1 ? "" : "s");
	else if (!plan->options.destroy)
		str_printf(s, " %zu step%s unchanged.", same, same == 1 ? "" : "s");
}

/* To the minute, if it is one at least. */
static long long
plan_about(long long seconds)
{
	return seconds < 60 ? seconds : (seconds + 30) / 60 * 60;
}

/* The kinds that are done while the API still answers: what is fetched. */
static void
plan_before_downtime(struct str *s, const struct plan *plan)
{
	const struct kind *told = NULL;
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];

		if (!op->step->kind->keep || !op_acts(op) || op->record_only || op->step->kind == told)
			continue;
		told = op->step->kind;
		str_printf(s, "%s%s", n++ ? " and the " : ", after the ", told->name);
	}
}

bool
plan_downtime(struct str *s, const struct plan *plan)
{
	const char *first = NULL;
	size_t more = 0;

	if (!plan->downtime)
		return false;
	str_puts(s, "Downtime: ");
	if (plan->downtime_s) {
		str_puts(s, "about ");
		str_put_duration(s, plan_about(plan->downtime_s));
		str_puts(s, " (last start: ");
		str_put_duration(s, plan->last_start_s);
		str_putc(s, ')');
	} else {
		str_puts(s, "how long is not known (no start is recorded yet)");
	}
	plan_before_downtime(s, plan);
	for (size_t i = 0; i < plan->n; i++) {
		const struct op *op = &plan->v[i];

		if (!op->step->kind->engine || op->step->kind->server || !op_acts(op) || op->record_only)
			continue;
		first = first ? first : op->step->addr;
		more++;
	}
	str_putc(s, '.');
	if (first && more > 1)
		str_printf(s, " The server stops first, and starts after %s and %zu more.", first, more - 1);
	else if (first)
		str_printf(s, " The server stops first, and starts after %s.", first);
	return true;
}

static void
plan_left_text(struct str *s, const struct node *node)
{
	str_puts(s, "\nit left the spec");
	if (node->named_by)
		str_printf(s, " (members.json of %s names it)", node->named_by);
	str_puts(s, ", and what still runs on it is unknown; apply will refuse");
	if (!node->left)
		str_puts(s, "\nif it can be reached another way, put it under 'left' in the spec to clean "
			    "it up");
	str_printf(s, "\nif it is gone for good, use -forget %s", node->name);
}

bool
plan_silence(struct str *s, const struct plan *plan, const struct node *node)
{
	const struct facts *f = node->facts;
	size_t n = 0;

	if (f && f->state == FACTS_OK && f->complete)
		return false;
	str_printf(s, "node %s %s", node->name, f && f->state == FACTS_OK
		? "gave only a partial answer" : node->no_way ? "is not contacted"
		: f ? "is unreachable" : "was not observed");
	if (f && f->why) {
		str_puts(s, ": ");
		str_safe(s, f->why, strlen(f->why));
	}
	if (f && f->hint && *f->hint) {
		str_puts(s, "\nhint: ");
		str_safe(s, f->hint, strlen(f->hint));
	}
	for (size_t i = 0; i < plan->n; i++)
		n += plan->v[i].action == ACT_UNKNOWN && plan->v[i].step->node == node;
	if (node->forget)
		str_puts(s, "\nit left the spec and is forgotten; what runs on it keeps running");
	else if (!node->spec)
		plan_left_text(s, node);
	else if (n)
		str_printf(s, "\n%zu step%s on it %s unknown; apply will refuse", n,
			   n == 1 ? "" : "s", n == 1 ? "is" : "are");
	return true;
}
