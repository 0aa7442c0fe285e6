/* Calls the hooks of an event, one after another. */
#include "executors/script/hooks.h"

struct hook_run {
	const struct modules *modules;
	struct module_world *world;
	struct arena *arena;
	enum event event;
	const struct value *value;
	const char *node;
	bool changes;
	size_t at;                      /* the hook that is called */
	struct module_call *call;
	struct verdict verdict;
	void (*then)(void *owner, const struct verdict *);
	void *owner;
};

bool
hooks_listen(const struct modules *all, enum event event)
{
	for (size_t i = 0; all && i < all->hook.n; i++)
		if (all->hook.v[i].listens & 1U << event)
			return true;
	return false;
}

static void
hooks_warn(struct hook_run *t, const char *why)
{
	if (t->world->say)
		t->world->say(t->world->arg, VM_WARN, why);
}

static void
hooks_take_failure(struct hook_run *t, const struct hook *h)
{
	const char *why = module_why(t->call);

	if (h->warn)
		hooks_warn(t, why);
	else
		t->verdict = (struct verdict){VERDICT_FAILED, why, t->call->error};
}

/* after_plan returns nothing, or a string: its veto. */
static void
hooks_take_veto(struct hook_run *t, const struct hook *h)
{
	const struct value *v = module_result(t->call, 0);

	/* Other Lua code often writes `return false, "words"`. */
	if (v && v->type == VALUE_BOOL && !v->boolean)
		v = module_result(t->call, 1);
	if (!v) {
		hooks_take_failure(t, h);
	} else if (v->type == VALUE_TEXT) {
		t->verdict.type = VERDICT_VETO;
		t->verdict.why = arena_printf(t->arena, "%s: %s", h->module->file,
					      *v->text ? module_scrubbed(t->call, v->text)
						       : "a veto without a reason");
	} else if (v->type != VALUE_NIL && !(v->type == VALUE_BOOL && v->boolean)) {
		t->call->error = (struct vm_error){.text = "after_plan must return nothing, or a "
			"string: its veto"};
		hooks_take_failure(t, h);
	}
}

/* A returned string has no effect here, so warn about it. */
static void
hooks_take_text(struct hook_run *t, const struct hook *h)
{
	const struct value *v = module_result(t->call, 0);

	if (v && v->type == VALUE_TEXT)
		hooks_warn(t, arena_printf(t->arena,
					   "%s: the string that %s() returns is ignored: only "
					   "after_plan can return a veto, use error() here",
					   h->module->file, event_name(t->event)));
}

static void
hooks_take(struct hook_run *t)
{
	const struct hook *h = &t->modules->hook.v[t->at];

	if (!t->call->ok)
		hooks_take_failure(t, h);
	else if (t->event == EVENT_after_plan)
		hooks_take_veto(t, h);
	else
		hooks_take_text(t, h);
	module_end(t->call);
	t->call = NULL;
	t->at++;
}

static void hooks_on_called(struct module_call *);

/* Call the rest of the hooks. True: all were called, or one of them stopped the event. */
static bool
hooks_go(struct hook_run *t)
{
	for (; t->modules && t->at < t->modules->hook.n && t->verdict.type == VERDICT_PASS;) {
		const struct hook *h = &t->modules->hook.v[t->at];
		struct module_job job = {.function = event_name(t->event), .ctx = h->ctx,
			.args = {t->value}, .nargs = 1, .node = t->node,
			.timeout_s = h->timeout_s, .changes = t->changes};

		if (!(h->listens & 1U << t->event)) {
			t->at++;
			continue;
		}
		if (!module_start(&t->call, t->world, t->arena, h->module, &job, hooks_on_called,
				  t))
			return false;
		hooks_take(t);
	}
	return true;
}

static void
hooks_on_called(struct module_call *c)
{
	struct hook_run *t = c->owner;

	hooks_take(t);
	if (hooks_go(t))
		t->then(t->owner, &t->verdict);
}

bool
hooks_tell(const struct modules *modules, struct module_world *world, struct arena *a,
	   enum event event, const struct value *value, const char *node, bool changes,
	   struct verdict *verdict, struct hook_run **now,
	   void (*then)(void *owner, const struct verdict *), void *owner)
{
	struct hook_run *t = ar_new(a, struct hook_run);

	*t = (struct hook_run){.modules = modules, .world = world, .arena = a, .event = event,
		.value = value, .node = node, .changes = changes, .then = then, .owner = owner};
	if (hooks_go(t)) {
		*verdict = t->verdict;
		return true;
	}
	*now = t;
	return false;
}

void
hooks_stop(struct hook_run *t, const char *why)
{
	if (t->call)
		module_stop(t->call, why);
}

struct waiting {
	struct verdict verdict;
	bool finished;
};

static void
hooks_on_told_all(void *owner, const struct verdict *verdict)
{
	struct waiting *w = owner;

	w->verdict = *verdict;
	w->finished = true;
}

struct verdict
hooks_ask(const struct modules *modules, struct module_world *world, struct arena *a,
	  enum event event, const struct value *value, struct hook_run **now)
{
	struct waiting w = {0};

	*now = NULL;
	w.finished = hooks_tell(modules, world, a, event, value, NULL, false, &w.verdict, now,
				hooks_on_told_all, &w);
	if (!w.finished)
		loop_run(world->loop, &w.finished);
	*now = NULL;
	return w.verdict;
}
