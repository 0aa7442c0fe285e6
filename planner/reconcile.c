/*
 * (steps with what is wanted and what was seen) -> operations, each with its cause.
 * Steps come in topological order, so what happens upstream is decided already; it
 * counts downstream by content and instance edges only.
 */
#include "planner/reconcile.h"

#include <string.h>

#include "planner/base/vec.h"

enum { MAX_CAUSES = 3, MAX_NAMES = 3 };

/* The reasons for one operation while they are gathered; the first names it. */
struct causes {
	const char *v[MAX_CAUSES];
	size_t n;
	enum reason first;
};

struct maker {
	struct arena *arena;
	struct plan *plan;
	const bool *replace;    /* per step, or NULL */
};

static void
because(struct causes *c, enum reason reason, const char *text)
{
	if (!c->n)
		c->first = reason;
	if (c->n < MAX_CAUSES)
		c->v[c->n] = text;
	c->n++;
}

static const char *
join(struct arena *a, const struct causes *c)
{
	size_t shown = c->n > MAX_CAUSES ? MAX_CAUSES - 1 : c->n;
	const char *s = c->n ? c->v[0] : NULL;

	for (size_t i = 1; i < shown; i++)
		s = arena_printf(a, "%s%s%s", s, i + 1 < c->n ? ", " : " and ", c->v[i]);
	return shown < c->n ? arena_printf(a, "%s and %zu more", s, c->n - shown) : s;
}

static struct op *
op_of(const struct maker *m, const struct step *step)
{
	return &m->plan->v[step->index];
}

static bool
is_blind(const struct op *op)
{
	return op->action == ACT_UNKNOWN || op->action == ACT_CONFLICT;
}

/* Can a down and an up be had from it? What is kept or has no down never goes away. */
static bool
can_go(const struct step *step)
{
	return step->kind->down && !step->kind->keep;
}

static enum action
action_of(const struct step *step, enum effect effect)
{
	if (effect == EFFECT_NONE)
		return ACT_NONE;
	if (step->kind->verb)
		return ACT_RUN;
	if (effect <= EFFECT_UPDATE || !can_go(step))
		return step->seen.state == SEEN_GONE || step->seen.state == SEEN_INTERRUPTED
			? ACT_CREATE : ACT_UPDATE;
	if (effect == EFFECT_RESTART || step->kind->restarts)
		return ACT_RESTART;
	return ACT_REPLACE;
}

/*
 * What flows along the content edges: the upstream's output as it is, or unknown when
 * the upstream changes by this plan. A value that the kind knew beforehand stands. An
 * upstream that cannot be seen changes nothing by itself: what is there stands.
 */
static const struct op *
take_inputs(struct maker *m, struct step *step)
{
	const struct op *blind = NULL;

	for (size_t i = 0; i < step->deps.n; i++) {
		const struct dep *dep = &step->deps.v[i];
		const struct op *up = op_of(m, dep->on);
		const char *value = dep->on->seen.output;

		if (dep->edge != EDGE_CONTENT || !dep->input ||
		    attrs_value(&step->want, dep->input, NULL))
			continue;
		if (is_blind(up)) {
			blind = up;
			value = attrs_value(&step->seen.have, dep->input, NULL);
		} else if (up->action != ACT_NONE && !up->record_only) {
			value = NULL;
		}
		attrs_add(m->arena, &step->want, dep->input, value);
		attrs_sort(&step->want);
	}
	return blind;
}

static bool
is_content_input(const struct step *step, const char *name)
{
	for (size_t i = 0; i < step->deps.n; i++)
		if (step->deps.v[i].edge == EDGE_CONTENT && step->deps.v[i].input &&
		    strcmp(step->deps.v[i].input, name) == 0)
			return true;
	return false;
}

static bool
is_same(const struct step *step, const struct attr *want, const struct attr *have)
{
	/* Not known yet and from no upstream: the step itself finds it out, so what it
	 * found last time is as good as what it would find now. */
	if (!want->value)
		return !is_content_input(step, want->name);
	return have->value && want->secret == have->secret &&
	       strcmp(want->value, have->value) == 0;
}

static enum effect
add_change(struct arena *a, struct op *op, const char *name, const struct attr *want,
	   const struct attr *have)
{
	enum effect effect = kind_effect(op->step->kind, name);

	/* What makes no difference is worth a line only when it all is new. */
	if (effect == EFFECT_NONE && op->step->seen.state != SEEN_ABSENT) {
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

/* One walk over two sorted lists; the weightiest effect of what differs. */
static enum effect
diff(struct arena *a, struct op *op)
{
	const struct attrs *want = &op->step->want, *have = &op->step->seen.have;
	enum effect most = EFFECT_NONE, effect;
	size_t w = 0, h = 0;

	while (w < want->n || h < have->n) {
		int order = w == want->n ? 1 : h == have->n ? -1
			: strcmp(want->v[w].name, have->v[h].name);

		if (order == 0 && is_same(op->step, &want->v[w], &have->v[h])) {
			op->unchanged++;
			w++;
			h++;
			continue;
		}
		effect = add_change(a, op, order <= 0 ? want->v[w].name : have->v[h].name,
				    order <= 0 ? &want->v[w] : NULL,
				    order >= 0 ? &have->v[h] : NULL);
		w += order <= 0;
		h += order >= 0;
		if (effect > most)
			most = effect;
	}
	return most;
}

static bool
has_prefix(const struct op *op, size_t n)
{
	const char *first = op->changes.v[0].name;

	for (size_t i = 1; i < op->changes.n; i++)
		if (strncmp(op->changes.v[i].name, first, n) != 0 ||
		    op->changes.v[i].name[n] != '.')
			return false;
	return first[n] == '.';
}

/* "args.a and args.b changed", "args changed (5 of them)", "image, port and 3 more". */
static const char *
changed_text(struct arena *a, const struct op *op)
{
	size_t n = op->changes.n, prefix = strcspn(op->changes.v[0].name, ".");
	size_t shown = n > MAX_NAMES ? MAX_NAMES - 1 : n;
	const char *s = op->changes.v[0].name;
	bool unknown = true;

	for (size_t i = 0; i < n; i++)
		unknown = unknown && op->changes.v[i].unknown;
	if (n > MAX_NAMES && has_prefix(op, prefix))
		return arena_printf(a, "%.*s changed (%zu of them)", (int)prefix, s, n);
	for (size_t i = 1; i < shown; i++)
		s = arena_printf(a, "%s%s%s", s, i + 1 < n ? ", " : " and ",
				 op->changes.v[i].name);
	if (shown < n)
		s = arena_printf(a, "%s and %zu more", s, n - shown);
	return arena_printf(a, unknown ? "%s may change" : "%s changed", s);
}

/* What can be said of an upstream; several of which it is true share one sentence. */
enum {
	IS_CREATED, IS_REPLACED, IS_RESTARTED, IS_AGAIN, IS_OTHER, IS_NEWER, IS_UNSAID, TELLINGS
};

struct telling {
	const char *name[MAX_NAMES];
	size_t n;
};

static void
tell(struct telling *t, const char *name)
{
	if (t->n < MAX_NAMES)
		t->name[t->n] = name;
	t->n++;
}

static int
telling_of(const struct op *up)
{
	switch (up->action) {
	case ACT_CREATE:
	case ACT_RUN: return IS_CREATED;
	case ACT_RESTART: return IS_RESTARTED;
	case ACT_UPDATE: return IS_AGAIN;
	default: return IS_REPLACED;
	}
}

static void
tell_causes(struct arena *a, const struct telling *told, struct causes *causes)
{
	static const struct { const char *before, *one, *many; enum reason reason; } words[] = {
		[IS_CREATED] = {"", " is created", " are created", REASON_UPSTREAM},
		[IS_REPLACED] = {"", " is replaced", " are replaced", REASON_UPSTREAM},
		[IS_RESTARTED] = {"", " is restarted", " are restarted", REASON_UPSTREAM},
		[IS_AGAIN] = {"", " is done again", " are done again", REASON_UPSTREAM},
		[IS_OTHER] = {"", " was restarted outside dray", " were restarted outside dray",
			      REASON_STALE},
		[IS_NEWER] = {"", " was restarted by an apply that ended before this",
			      " were restarted by an apply that ended before this", REASON_STALE},
		[IS_UNSAID] = {"nothing says that it belongs to the present ", "", "",
			       REASON_STALE},
	};

	for (size_t t = 0; t < TELLINGS; t++) {
		size_t n = told[t].n, shown = n > MAX_NAMES ? MAX_NAMES - 1 : n;
		const char *s = told[t].name[0];

		for (size_t i = 1; i < shown; i++)
			s = arena_printf(a, "%s%s%s", s, i + 1 < n ? ", " : " and ",
					 told[t].name[i]);
		if (shown < n)
			s = arena_printf(a, "%s and %zu more", s, n - shown);
		if (n)
			because(causes, words[t].reason,
				arena_printf(a, "%s%s%s", words[t].before, s,
					     n > 1 ? words[t].many : words[t].one));
	}
}

/* Bound to something that is not an upstream any more, or that never was written down. */
static void
check_extra_bounds(struct maker *m, struct step *step, struct causes *causes)
{
	const struct attrs *bound = &step->seen.bound;

	for (size_t i = 0; i < bound->n; i++) {
		bool found = false;

		for (size_t k = 0; k < step->deps.n && !found; k++)
			found = step->deps.v[k].edge == EDGE_INSTANCE &&
				strcmp(step->deps.v[k].on->addr, bound->v[i].name) == 0;
		if (!found)
			because(causes, REASON_STALE, arena_printf(m->arena,
				"%s is no longer a part of it", bound->v[i].name));
	}
}

/* Does it get another instance by this plan? */
static bool
is_renewed(const struct op *up)
{
	if (up->action == ACT_UPDATE)
		return up->step->kind->again && !up->record_only;
	return up->action != ACT_NONE;
}

/* Instance edges: is it still bound to what runs upstream, and will it be? (What does
 * not run is bound to nothing.) The op of an upstream that cannot be seen is returned. */
static const struct op *
check_bounds(struct maker *m, struct step *step, struct causes *causes)
{
	const struct op *blind = NULL;
	struct telling told[TELLINGS] = {{.n = 0}};
	bool runs = step->seen.state == SEEN_PRESENT;
	size_t matched = 0;

	for (size_t i = 0; i < step->deps.n; i++) {
		const struct step *on = step->deps.v[i].on;
		const struct op *up = op_of(m, on);
		const char *live = on->seen.instance, *then;

		if (step->deps.v[i].edge != EDGE_INSTANCE)
			continue;
		then = attrs_value(&step->seen.bound, on->addr, NULL);
		matched += then != NULL;
		if (is_blind(up)) {
			blind = up;
		} else if (is_renewed(up)) {
			tell(&told[telling_of(up)], on->addr);
		} else if (!live || !runs) {
			continue;
		} else if (!then) {
			tell(&told[IS_UNSAID], on->addr);
		} else if (strcmp(live, then) != 0) {
			tell(&told[step_on_record(on) ? IS_NEWER : IS_OTHER], on->addr);
		}
	}
	tell_causes(m->arena, told, causes);
	if (runs && matched < step->seen.bound.n)
		check_extra_bounds(m, step, causes);
	return blind;
}

static void
decide_present(struct maker *m, struct op *op)
{
	struct step *step = op->step;
	struct causes causes = {0};
	const struct op *blind = take_inputs(m, step), *other;
	enum effect mend = step->kind->again ? EFFECT_UPDATE : EFFECT_REPLACE, effect = mend;
	size_t bounds;

	if (step->seen.state == SEEN_GONE)
		because(&causes, REASON_GONE,
			step->seen.why ? step->seen.why : "what was there is gone");
	else if (step->seen.state == SEEN_INTERRUPTED)
		because(&causes, REASON_INTERRUPTED, step->seen.why ? step->seen.why :
			"an earlier apply was interrupted while starting it");
	else
		effect = EFFECT_NONE;
	/* Without inputs on record there is nothing to compare with. */
	if (effect == EFFECT_NONE || step->seen.have.n) {
		enum effect changed = diff(m->arena, op);

		if (changed > effect)
			effect = changed;
		if (op->changes.n)
			because(&causes, REASON_CHANGED, changed_text(m->arena, op));
	}
	bounds = causes.n;
	other = check_bounds(m, step, &causes);
	if (causes.n > bounds && effect < mend)
		effect = mend;
	if (m->replace && m->replace[step->index]) {
		effect = EFFECT_REPLACE;
		because(&causes, REASON_REQUESTED, "-replace asks for it");
		causes.first = REASON_REQUESTED;
	}
	op->action = action_of(step, effect);
	op->record_only = effect == EFFECT_RECORD;
	op->reason = causes.first;
	op->cause = join(m->arena, &causes);
	if (op->action == ACT_NONE && (blind || other)) {
		blind = blind ? blind : other;
		op->action = ACT_UNKNOWN;
		op->reason = REASON_UNREACHABLE;
		op->cause = arena_printf(m->arena, "%s is %s", blind->step->addr,
			blind->action == ACT_CONFLICT ? "in conflict" : "unknown");
	} else if (op->action == ACT_NONE && step->seen.adopted) {
		op->action = ACT_UPDATE;
		op->record_only = true;
		op->reason = REASON_UNRECORDED;
		op->cause = "it is there without a record: only that is written";
	}
}

static void
decide_absent(struct maker *m, struct op *op)
{
	take_inputs(m, op->step);
	diff(m->arena, op);
	op->action = op->step->kind->verb ? ACT_RUN : ACT_CREATE;
	op->reason = REASON_ABSENT;
	op->cause = op->step->kind->verb ? "it did not run yet" :
		    op->step->seen.why ? op->step->seen.why : "it does not exist";
}

static void
decide_down(struct maker *m, struct op *op)
{
	const struct step *step = op->step;
	const struct node *node = step->node;

	if (step->seen.state == SEEN_ABSENT || step->seen.state == SEEN_CONFLICT ||
	    !step->kind->down)
		return;
	if (step->kind->keep && !(m->plan->options.destroy && m->plan->options.purge)) {
		op->kept = m->plan->options.destroy;
		return;
	}
	/* What was there before us, and no apply took down as ours, is not ours to undo. */
	if (step->kind->again && step->seen.adopted)
		return;
	op->action = ACT_DESTROY;
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
decide(struct maker *m, struct op *op)
{
	struct step *step = op->step;

	if (step->seen.state == SEEN_UNKNOWN) {
		op->action = ACT_UNKNOWN;
		op->reason = REASON_UNREACHABLE;
		op->cause = step->seen.why ? step->seen.why : "its node could not be looked at";
	} else if (step->orphan || m->plan->options.destroy) {
		decide_down(m, op);
	} else if (!step->kind->up) {
		op->action = ACT_NONE;
	} else if (step->seen.state == SEEN_CONFLICT) {
		op->action = ACT_CONFLICT;
		op->reason = REASON_CONFLICT;
		op->cause = step->seen.why ? step->seen.why : "something that is not ours is there";
	} else if (step->seen.state == SEEN_ABSENT) {
		decide_absent(m, op);
	} else {
		decide_present(m, op);
	}
}

static bool
ends_group(const struct graph *g, size_t i)
{
	bool ends = graph_same_group(g->v[i], g->v[i]);

	for (size_t k = i + 1; ends && k < g->n; k++)
		ends = !graph_same_group(g->v[i], g->v[k]);
	return ends;
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
	m.replace = choose_steps(a, g, options->replace, "-replace", d);
	choose_check_replace(g, m.replace, d);
	targets = choose_steps(a, g, options->target, "-target", d);
	if (d->nerror > errors)
		return NULL;
	for (size_t i = 0; i < g->n; i++)
		plan->v[i].step = g->v[i];
	for (size_t i = 0; i < g->n; i++) {
		decide(&m, &plan->v[i]);
		if (!options->destroy && ends_group(g, i))
			group_decide(a, plan, &plan->v[i]);
	}
	if (targets)
		choose_targets(a, plan, targets);
	plan_finish(a, plan);
	return plan;
}
