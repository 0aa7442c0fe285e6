/* Calls the hooks during a run: around the plan, around each step, around the apply. */
#include <string.h>

#include "executors/run/run_act.h"
#include "executors/run/run_looks.h"
#include "planner/base/vec.h"

static struct value *
hooks_base(struct run *r, struct arena *a, enum event event)
{
	return event_base(a, event, r->cluster, r->opt.command);
}

/* Is the event needed? A recording needs all of them. */
static bool
hooks_listens(const struct run *r, enum event event)
{
	return r->opt.command && (r->opt.record_dir || hooks_listen(r->modules, event));
}

/* The event together with the config of its hooks, for `dray hooks test`. */
static struct value *
hooks_recorded(const struct run *r, struct arena *a, const struct value *event)
{
	struct value *v = value_map(a), *hooks = value_map(a);

	for (size_t i = 0; i < event->n; i++)
		value_set(a, v, event->key[i], event->item[i]);
	for (size_t i = r->modules ? r->modules->hook.n : 0; i-- > 0;)
		value_set(a, hooks, r->modules->hook.v[i].module->file,
			  r->modules->hook.v[i].ctx->item[0]); /* config, all that it has */
	value_set(a, v, "hooks", hooks);
	return v;
}

/* With -record: write event-NAME.json, with a number for events that occur several times. */
static void
hooks_record_event(struct run *r, struct arena *a, enum event event, const struct value *v)
{
	const char *name = arena_printf(a, "event-%s", event_name(event)), *text;
	struct err e = {0};

	if (!r->opt.record_dir)
		return;
	if (event == EVENT_before_step || event == EVENT_after_step || event == EVENT_step_failed)
		name = arena_printf(a, "%s-%zu", name, ++r->nevent);
	text = value_write_pretty(a, hooks_recorded(r, a, v));
	if (!record_file(r->opt.record_dir, name, ".json", text, strlen(text), &e))
		run_note(r, "%s", e.text);
}

/* ---- around the plan ---- */

static bool
hooks_say(const struct verdict *v, struct diags *d)
{
	const struct vm_error words = {.text = v->why, .trace = ""};

	if (v->type != VERDICT_PASS)
		vm_error_diag(v->error.at.line ? &v->error : &words, d);
	return v->type == VERDICT_PASS;
}

bool
run_hooks(struct run *r, struct arena *a, enum event event, const struct plan *plan,
	  struct diags *d)
{
	struct value *v, *drift = NULL;
	struct verdict verdict;

	if (!hooks_listens(r, event) ||
	    (event == EVENT_on_drift && !(drift = event_drift(a, plan))))
		return true;
	v = hooks_base(r, a, event);
	if (plan) {
		if (!r->plan_value)
			r->plan_value = event_plan(a, plan);
		value_set(a, v, "plan", r->plan_value);
	}
	value_set(a, v, "drift", drift);
	hooks_record_event(r, a, event, v);
	verdict = hooks_ask(r->modules, &r->world, a, event, v, &r->hook_run);
	return hooks_say(&verdict, d);
}

bool
run_hooks_outage(struct run *r, struct arena *a, enum event event, const struct outage *outage, struct diags *d)
{
	struct value *v;
	struct verdict verdict;

	if (!hooks_listens(r, event))
		return true;
	v = event_outage(a, event, outage, hooks_base(r, a, event));
	hooks_record_event(r, a, event, v);
	verdict = hooks_ask(r->modules, &r->world, a, event, v, &r->hook_run);
	return hooks_say(&verdict, d);
}

/* ---- around a step ---- */

static double
hooks_seconds_since(long long began)
{
	return (double)(loop_clock() - began) / 1000;
}

static const char *
hooks_cause_of(const struct failure *f)
{
	return f->why ? f->why : f->tail && *f->tail ? f->tail : "it failed";
}

static struct value *
hooks_step_event(struct act *act, enum event event)
{
	struct apply *ap = act->apply;
	struct arena *a = ap->arena;
	const struct failure *f = &act->failure;
	struct value *v = hooks_base(ap->run, a, event);

	value_set(a, v, "step", event_op(a, act->job->op));
	if (event == EVENT_before_step)
		return v;
	value_set(a, v, "seconds", value_number(a, hooks_seconds_since(act->began)));
	if (event == EVENT_after_step) {
		value_set_text(a, v, "instance", act->step->observed.instance);
		return v;
	}
	value_set_text(a, v, "error", last_lines(a, hooks_cause_of(f), 1));
	value_set_text(a, v, "what", f->what);
	value_set_text(a, v, "failed_on", f->node);
	if (f->ran)
		value_set_integer(a, v, "status", f->status);
	value_set_text(a, v, "tail", f->tail);
	return v;
}

static void
hooks_on_told(void *owner, const struct verdict *verdict)
{
	struct act *act = owner;

	act->hook_run = NULL;
	act_hooked(act, act->asked, verdict);
}

/* A replace or restart is two jobs: before_step belongs to the first one, after_step to the
 * last. */
static bool
hooks_is_edge(const struct job *j, enum event event)
{
	enum action action = j->op->action;
	bool two = (action == ACT_REPLACE || action == ACT_RESTART) && !j->op->record_only;

	return event == EVENT_before_step ? !two || j->down :
	       event == EVENT_after_step ? !two || !j->down : true;
}

bool
act_ask_hooks(struct act *act, enum event event)
{
	struct apply *ap = act->apply;
	struct run *r = ap->run;
	struct verdict verdict;
	struct value *v;

	if (!hooks_listens(r, event) || !hooks_is_edge(act->job, event))
		return true;
	act->asked = event;
	v = hooks_step_event(act, event);
	hooks_record_event(r, ap->arena, event, v);
	if (!hooks_tell(r->modules, &r->world, ap->arena, event, v,
			act->step->node ? act->step->node->name : NULL, false, &verdict,
			&act->hook_run, hooks_on_told, act))
		return false;
	if (verdict.type == VERDICT_PASS)
		return true;
	act_hooked(act, event, &verdict);
	return false;
}

/* ---- around the apply ---- */

static bool
hooks_ask_and_tell(struct apply *ap, enum event event, struct value *v)
{
	struct run *r = ap->run;
	long long began = loop_clock();
	struct verdict verdict;
	struct failure f;

	hooks_record_event(r, ap->arena, event, v);
	verdict = hooks_ask(r->modules, &r->world, ap->arena, event, v, &r->hook_run);
	f = (struct failure){.step = event_name(event), .what = "ask the hooks", .ran = true,
		.status = 1, .why = verdict.why, .tail = verdict.error.trace,
		.seconds = hooks_seconds_since(began),
		.next = event == EVENT_before_apply ? "dray plan" : "dray status"};

	if (verdict.type == VERDICT_PASS)
		return true;
	*vec_push(ap->arena, &ap->failures) = f;
	if (r->view.failed)
		r->view.failed(r->view.arg, NULL, &f);
	return false;
}

static struct value *
hooks_plan_event(struct apply *ap, enum event event)
{
	struct run *r = ap->run;
	struct value *v = hooks_base(r, ap->arena, event);

	if (!r->plan_value)
		r->plan_value = event_plan(ap->arena, ap->plan);
	value_set(ap->arena, v, "plan", r->plan_value);
	return v;
}

bool
apply_hooks_before(struct apply *ap)
{
	return !hooks_listens(ap->run, EVENT_before_apply) ||
	       hooks_ask_and_tell(ap, EVENT_before_apply, hooks_plan_event(ap, EVENT_before_apply));
}

/* Count operations by outcome. One of two jobs counts once, by the worse outcome. */
static void
hooks_count_operations(struct apply *ap, size_t counts[OUT_CANCELLED + 1])
{
	static const int badness[] = {[OUT_OK] = 0, [OUT_CANCELLED] = 1, [OUT_PENDING] = 1,
		[OUT_RUNNING] = 1, [OUT_SKIPPED] = 2, [OUT_FAILED] = 3};
	enum outcome *worst = ar_array(ap->arena, enum outcome, ap->plan->n + 1);
	bool *met = ar_array(ap->arena, bool, ap->plan->n + 1);

	for (size_t i = 0; ap->sched && i < ap->sched->n; i++) {
		const struct job *j = &ap->sched->v[i];
		size_t k = j->op->step->index;

		if (!met[k] || badness[j->outcome] > badness[worst[k]])
			worst[k] = j->outcome;
		met[k] = true;
	}
	for (size_t k = 0; k < ap->plan->n; k++)
		if (met[k])
			counts[worst[k]]++;
	counts[OUT_CANCELLED] += counts[OUT_PENDING] + counts[OUT_RUNNING];
}

bool
apply_hooks_after(struct apply *ap)
{
	struct arena *a = ap->arena;
	const struct run_tally *t = &ap->tally;
	struct value *v, *failures = value_list(a);
	size_t counts[OUT_CANCELLED + 1] = {0};

	if (!hooks_listens(ap->run, EVENT_after_apply))
		return true;
	v = hooks_plan_event(ap, EVENT_after_apply);
	value_set_text(a, v, "outcome", t->interrupted ? "interrupted" :
		       t->again && !t->failed ? "again" :
		       t->failed + t->skipped + t->cancelled ? "failed" : "ok");
	value_set(a, v, "seconds", value_number(a, hooks_seconds_since(ap->began)));
	hooks_count_operations(ap, counts);
	value_set_integer(a, v, "ok", (long long)counts[OUT_OK]);
	value_set_integer(a, v, "failed", (long long)counts[OUT_FAILED]);
	value_set_integer(a, v, "skipped", (long long)counts[OUT_SKIPPED]);
	value_set_integer(a, v, "cancelled", (long long)counts[OUT_CANCELLED]);
	value_set(a, v, "changed", value_bool(a, t->changed));
	for (size_t i = 0; i < ap->failures.n; i++) {
		struct value *one = value_map(a);

		value_set_text(a, one, "step", ap->failures.v[i].step);
		value_set_text(a, one, "error",
			       last_lines(a, hooks_cause_of(&ap->failures.v[i]), 1));
		value_push(a, failures, one);
	}
	value_set(a, v, "failures", failures);
	return hooks_ask_and_tell(ap, EVENT_after_apply, v);
}
