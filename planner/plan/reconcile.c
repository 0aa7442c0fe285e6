/*
 * Steps with what is wanted and what was observed -> operations, each with its cause. Steps
 * come in topological order, so their upstreams are decided already. Upstreams affect a step
 * only through content and instance edges.
 */
#include "planner/plan/causes.h"
#include "planner/plan/reconcile.h"

#include <string.h>

#include "planner/base/vec.h"

struct maker {
	struct arena *arena;
	struct plan *plan;
	const bool *replace;    /* per step, or NULL */
};

static struct op *
reconcile_op_of(const struct maker *m, const struct step *step)
{
	return &m->plan->v[step->index];
}

static bool
reconcile_is_blind(const struct op *op)
{
	return op->action == ACT_UNKNOWN || op->action == ACT_CONFLICT;
}

/* Can it go down and come up again? What is kept or has no down never goes away. */
static bool
reconcile_can_go(const struct step *step)
{
	return step->kind->down && !step->kind->keep;
}

static enum action
reconcile_action_of(const struct step *step, enum effect effect)
{
	if (effect == EFFECT_NONE)
		return ACT_NONE;
	if (step->kind->verb)
		return ACT_RUN;
	if (effect <= EFFECT_UPDATE || !reconcile_can_go(step))
		return step->observed.state == STATE_GONE || step->observed.state == STATE_INTERRUPTED
			? ACT_CREATE : ACT_UPDATE;
	return step->kind->restarts ? ACT_RESTART : ACT_REPLACE;
}

/*
 * Sets the inputs of content edges: the upstream's present output, or unknown if this plan
 * changes the upstream. A value that the kind already knew stays. An upstream that was not
 * observed changes nothing.
 */
static const struct op *
reconcile_take_inputs(struct maker *m, struct step *step)
{
	const struct op *blind = NULL;

	for (size_t i = 0; i < step->deps.n; i++) {
		const struct dep *dep = &step->deps.v[i];
		const struct op *up = reconcile_op_of(m, dep->on);
		const char *value = dep->on->observed.output;

		if (dep->edge != EDGE_CONTENT || !dep->input ||
		    attrs_value(&step->want, dep->input, NULL))
			continue;
		if (reconcile_is_blind(up)) {
			blind = up;
			value = attrs_value(&step->observed.have, dep->input, NULL);
		} else if (up->action != ACT_NONE && !up->record_only) {
			value = NULL;
		}
		attrs_add(m->arena, &step->want, dep->input, value);
		attrs_sort(&step->want);
	}
	return blind;
}

static bool
reconcile_is_content_input(const struct step *step, const char *name)
{
	for (size_t i = 0; i < step->deps.n; i++)
		if (step->deps.v[i].edge == EDGE_CONTENT && step->deps.v[i].input &&
		    strcmp(step->deps.v[i].input, name) == 0)
			return true;
	return false;
}

static bool
reconcile_is_same(const struct step *step, const struct attr *want, const struct attr *have)
{
	/* A value that the step itself finds out in apply: what it found last time counts. */
	if (!want->value)
		return !reconcile_is_content_input(step, want->name);
	return have->value && want->secret == have->secret &&
	       strcmp(want->value, have->value) == 0;
}

static enum effect
reconcile_add_change(struct arena *a, struct op *op, const char *name, const struct attr *want,
		     const struct attr *have)
{
	enum effect effect = kind_effect(op->step->kind, name);

	/* A change without effect is shown only if the whole step is new. */
	if (effect == EFFECT_NONE && op->step->observed.state != STATE_ABSENT) {
		op->unchanged++;
		return effect;
	}
	*vec_push(a, &op->changes) = (struct change){.name = name,
		.old = have ? have->value ? have->value : "" : NULL,
		.new = want ? want->value : NULL,
		.secret = (want && want->secret) || (have && have->secret),
		.unknown = want && !want->value, .effect = effect};
	return effect;
}

static bool
reconcile_is_later(const struct step *step, const char *name)
{
	const struct field_effect *field = kind_field(step->kind, name);

	return field && field->later;
}

/* Was it started by a version that recorded fewer attributes? */
static bool
reconcile_is_old(const struct step *step)
{
	const struct attrs *have = &step->observed.have;

	for (size_t i = 0; i < have->n; i++)
		if (reconcile_is_later(step, have->v[i].name))
			return false;
	return true;
}

/* Compares two sorted lists in one walk; returns the strongest effect. */
static enum effect
reconcile_diff(struct arena *a, struct op *op)
{
	const struct attrs *want = &op->step->want, *have = &op->step->observed.have;
	bool old = op->step->observed.state != STATE_ABSENT && reconcile_is_old(op->step);
	enum effect most = EFFECT_NONE, effect;
	size_t w = 0, h = 0;

	while (w < want->n || h < have->n) {
		int order = w == want->n ? 1 : h == have->n ? -1
			: strcmp(want->v[w].name, have->v[h].name);

		if (order == 0 && reconcile_is_same(op->step, &want->v[w], &have->v[h])) {
			op->unchanged++;
			w++;
			h++;
			continue;
		}
		if (order < 0 && old && reconcile_is_later(op->step, want->v[w].name)) {
			op->unchanged++;
			w++;
			continue;
		}
		effect = reconcile_add_change(a, op, order <= 0 ? want->v[w].name : have->v[h].name,
					      order <= 0 ? &want->v[w] : NULL,
					      order >= 0 ? &have->v[h] : NULL);
		w += order <= 0;
		h += order >= 0;
		if (effect > most)
			most = effect;
	}
	return most;
}

/* Is it bound to something that is no longer an upstream, or that was never recorded? */
static void
reconcile_check_extra_bounds(struct maker *m, struct step *step, struct causes *causes)
{
	const struct attrs *bound = &step->observed.bound;

	for (size_t i = 0; i < bound->n; i++) {
		bool found = false;

		for (size_t k = 0; k < step->deps.n && !found; k++)
			found = step->deps.v[k].edge == EDGE_INSTANCE &&
				strcmp(step->deps.v[k].on->addr, bound->v[i].name) == 0;
		if (!found)
			causes_add(causes, REASON_STALE, arena_printf(m->arena,
				"%s is no longer a part of it", bound->v[i].name));
	}
}

/* Does it get a new instance in this plan? */
static bool
reconcile_is_renewed(const struct op *up)
{
	if (up->action == ACT_UPDATE)
		return up->step->kind->again && !up->record_only;
	return up->action != ACT_NONE;
}

/* Instance edges: is it bound to the upstream's running instance, and will that still run
 * after this plan? (What does not run is not bound.) Returns the op of an upstream that is not
 * known, or NULL. */
static const struct op *
reconcile_check_bounds(struct maker *m, struct step *step, struct causes *causes)
{
	const struct op *blind = NULL;
	struct cause_names told[TELLINGS] = {{.n = 0}};
	bool runs = step->observed.state == STATE_PRESENT || step->observed.coming;
	size_t matched = 0;

	for (size_t i = 0; i < step->deps.n; i++) {
		const struct step *on = step->deps.v[i].on;
		const struct op *up = reconcile_op_of(m, on);
		const char *live = on->observed.instance, *then;

		if (step->deps.v[i].edge != EDGE_INSTANCE)
			continue;
		then = attrs_value(&step->observed.bound, on->addr, NULL);
		matched += then != NULL;
		if (reconcile_is_blind(up)) {
			blind = up;
		} else if (reconcile_is_renewed(up)) {
			causes_tell(&told[causes_telling(up)], on->addr);
		} else if (!live || !runs) {
			continue;
		} else if (!then) {
			causes_tell(&told[IS_UNSAID], on->addr);
		} else if (strcmp(live, then) != 0) {
			causes_tell(&told[step_on_record(on) ? IS_NEWER : IS_OTHER], on->addr);
		}
	}
	causes_told(m->arena, told, causes);
	if (runs && matched < step->observed.bound.n)
		reconcile_check_extra_bounds(m, step, causes);
	return blind;
}

/* It needs no work of its own, but something is missing: the end of its start, or its record. */
static void
reconcile_complete(struct op *op)
{
	const struct observed *o = &op->step->observed;

	if (!o->coming && !o->adopted)
		return;
	op->action = ACT_UPDATE;
	op->awaits = o->coming;
	op->record_only = !o->coming;
	op->reason = o->coming ? REASON_STARTING : REASON_UNRECORDED;
	op->cause = !o->coming ? "it is there, but has no record yet"
		: o->why ? o->why : "an earlier apply started it";
}

static void
reconcile_decide_present(struct maker *m, struct op *op)
{
	struct step *step = op->step;
	struct causes causes = {0};
	const struct op *blind = reconcile_take_inputs(m, step), *other;
	enum effect mend = step->kind->again ? EFFECT_UPDATE : EFFECT_REPLACE, effect = mend;
	size_t bounds;

	if (step->observed.state == STATE_GONE)
		causes_add(&causes, REASON_GONE,
			step->observed.why ? step->observed.why : "what was there is gone");
	else if (step->observed.state == STATE_INTERRUPTED && !step->observed.coming)
		causes_add(&causes, REASON_INTERRUPTED, step->observed.why ? step->observed.why :
			"an earlier apply was interrupted while starting it");
	else
		effect = EFFECT_NONE;
	/* Without recorded inputs there is nothing to compare. */
	if (effect == EFFECT_NONE || step->observed.have.n) {
		enum effect changed = reconcile_diff(m->arena, op);

		if (changed > effect)
			effect = changed;
		if (op->changes.n)
			causes_add(&causes, REASON_CHANGED, causes_changed(m->arena, op));
	}
	bounds = causes.n;
	other = reconcile_check_bounds(m, step, &causes);
	if (causes.n > bounds && effect < mend)
		effect = mend;
	if (m->replace && m->replace[step->index]) {
		effect = EFFECT_REPLACE;
		causes_add(&causes, REASON_REQUESTED, m->plan->options.restart
			? "a restart was asked for" : "-replace was given");
		causes.first = REASON_REQUESTED;
	}
	/* What is coming up is waited for with the record that it gets then, or is started anew. */
	if (step->observed.coming && effect != EFFECT_NONE)
		effect = effect == EFFECT_RECORD ? EFFECT_NONE : EFFECT_REPLACE;
	op->action = reconcile_action_of(step, effect);
	op->record_only = effect == EFFECT_RECORD;
	op->reason = causes.first;
	op->cause = causes_join(m->arena, &causes);
	if (op->action == ACT_NONE && (blind || other)) {
		blind = blind ? blind : other;
		op->action = ACT_UNKNOWN;
		op->reason = REASON_UNREACHABLE;
		op->cause = arena_printf(m->arena, "%s is %s", blind->step->addr,
			blind->action == ACT_CONFLICT ? "in conflict" : "unknown");
	} else if (op->action == ACT_NONE) {
		reconcile_complete(op);
	}
}

static void
reconcile_decide_absent(struct maker *m, struct op *op)
{
	const struct kind *kind = op->step->kind;
	const char *why = op->step->observed.why;

	reconcile_take_inputs(m, op->step);
	reconcile_diff(m->arena, op);
	op->action = kind->verb ? ACT_RUN : ACT_CREATE;
	op->reason = op->step->observed.stopped ? REASON_STOPPED : REASON_ABSENT;
	op->cause = why && (!kind->verb || kind->asks) ? why
		  : kind->verb ? "it has not run yet" : "it does not exist";
}

/* The script that removes it is approved with the plan. If it is no longer in the spec, it comes
 * from a node. */
static void
reconcile_show_script(struct maker *m, struct op *op)
{
	const struct step *step = op->step;
	struct attrs from = step->custom ? step->want : step->observed.have;
	const char *name = step->kind->undo, *script = name ? attrs_value(&from, name, NULL) : NULL;

	if (script)
		*vec_push(m->arena, &op->changes) = (struct change){.name = name, .old = script};
}

static void
reconcile_decide_down(struct maker *m, struct op *op)
{
	const struct step *step = op->step;
	const struct node *node = step->node;

	if (step->observed.state == STATE_ABSENT || step->observed.state == STATE_CONFLICT ||
	    !step->kind->down)
		return;
	if (step->kind->keep && !(m->plan->options.destroy && m->plan->options.purge)) {
		op->kept = m->plan->options.destroy;
		return;
	}
	/* It was there before dray, and no apply recorded it: not ours to undo. */
	if (step->kind->again && step->observed.adopted)
		return;
	op->action = ACT_DESTROY;
	reconcile_show_script(m, op);
	if (m->plan->options.stop) {
		op->reason = REASON_STOP;
		op->cause = "a stop was asked for";
		return;
	}
	if (m->plan->options.destroy) {
		op->reason = REASON_DESTROY;
		op->cause = "destroy was asked for";
		return;
	}
	op->reason = REASON_NOT_IN_SPEC;
	op->cause = node && !node->spec
		? arena_printf(m->arena, "node %s is no longer in the spec", node->name)
		: "it is no longer in the spec";
}

static void
reconcile_decide(struct maker *m, struct op *op)
{
	struct step *step = op->step;

	if (m->plan->options.stop && !step->kind->engine)
		return;
	if (step->observed.state == STATE_UNKNOWN) {
		op->action = ACT_UNKNOWN;
		op->reason = REASON_UNREACHABLE;
		op->cause = step->observed.why ? step->observed.why : "its node could not be observed";
	} else if (step->orphan || m->plan->options.destroy) {
		reconcile_decide_down(m, op);
	} else if (!step->kind->up) {
		op->action = ACT_NONE;
	} else if (step->observed.state == STATE_CONFLICT) {
		op->action = ACT_CONFLICT;
		op->reason = REASON_CONFLICT;
		op->cause = step->observed.why ? step->observed.why : "something that is not ours is there";
	} else if (step->observed.state == STATE_ABSENT) {
		reconcile_decide_absent(m, op);
	} else {
		reconcile_decide_present(m, op);
	}
}

static bool
reconcile_ends_group(const struct graph *g, size_t i)
{
	bool ends = graph_same_group(g->v[i], g->v[i]);

	for (size_t k = i + 1; ends && k < g->n; k++)
		ends = !graph_same_group(g->v[i], g->v[k]);
	return ends;
}

/* If we destroy, another owner's steps are not in the way. */
static void
reconcile_leave_alone(struct arena *a, struct plan *plan)
{
	for (size_t i = 0; i < plan->problems.n; i++) {
		struct diag *p = &plan->problems.v[i];

		if (!p->step || !p->step->observed.foreign)
			continue;
		p->severity = DIAG_WARNING;
		p->text = arena_printf(a, "%s: it is left alone", p->text);
		p->hint = NULL;
	}
}

struct plan *
plan_make(struct arena *a, struct graph *g, const struct plan_options *options,
	  struct diags *d)
{
	struct plan *plan = ar_new(a, struct plan);
	struct maker m = {.arena = a, .plan = plan};
	const bool *targets;
	size_t errors = d->nerror;

	*plan = (struct plan){.graph = g, .v = ar_array(a, struct op, g->n + 1), .n = g->n,
		.options = *options, .observe_seconds = -1};
	if (g->problems)
		plan->problems = *g->problems;
	m.replace = options->restart && !options->replace ? choose_server(a, g, d)
		: choose_steps(a, g, options->replace, options->restart ? "restart" : "-replace", d);
	choose_check_replace(g, m.replace, d);
	targets = choose_steps(a, g, options->target, "-target", d);
	if (d->nerror > errors)
		return NULL;
	for (size_t i = 0; i < g->n; i++)
		plan->v[i].step = g->v[i];
	if (options->destroy)
		reconcile_leave_alone(a, plan);
	for (size_t i = 0; i < g->n; i++) {
		reconcile_decide(&m, &plan->v[i]);
		if (!options->destroy && reconcile_ends_group(g, i))
			group_decide(a, plan, &plan->v[i]);
	}
	if (targets)
		choose_targets(a, plan, targets);
	plan_finish(a, plan);
	return plan;
}
