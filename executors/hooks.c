/* An event goes from hook to hook. */
#include "executors/hooks.h"

struct telling {
	const struct modules *modules;
	struct module_world *world;
	struct arena *arena;
	enum event event;
	const struct value *value;
	const char *node;
	bool changes;
	size_t at;                      /* the hook that is asked */
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
warn(struct telling *t, const char *why)
{
	if (t->world->say)
		t->world->say(t->world->arg, VM_WARN, why);
}

static void
take_failure(struct telling *t, const struct hook *h)
{
	const char *why = module_why(t->call);

	if (h->warn)
		warn(t, why);
	else
		t->verdict = (struct verdict){VERDICT_FAILED, why, t->call->error};
}

/* after_plan returns nothing, or a text: its veto. */
static void
take_veto(struct telling *t, const struct hook *h)
{
	const struct value *v = module_result(t->call, 0);

	/* `return false, "words"` is how other Lua code says it. */
	if (v && v->type == VALUE_BOOL && !v->boolean)
		v = module_result(t->call, 1);
	if (!v) {
		take_failure(t, h);
	} else if (v->type == VALUE_TEXT) {
		t->verdict.type = VERDICT_VETO;
		t->verdict.why = arena_printf(t->arena, "%s: %s", h->module->file,
					      *v->text ? module_scrubbed(t->call, v->text)
						       : "a veto without a reason");
	} else if (v->type != VALUE_NIL && !(v->type == VALUE_BOOL && v->boolean)) {
		t->call->error = (struct vm_error){.text = "after_plan must return nothing, or the "
			"text of its veto"};
		take_failure(t, h);
	}
}

/* Whoever returns a text means something by it. */
static void
take_text(struct telling *t, const struct hook *h)
{
	const struct value *v = module_result(t->call, 0);

	if (v && v->type == VALUE_TEXT)
		warn(t, arena_printf(t->arena, "%s: what %s() returns is for nobody: only after_plan "
				     "returns a veto, here error() stops it", h->module->file,
				     event_name(t->event)));
}

static void
take(struct telling *t)
{
	const struct hook *h = &t->modules->hook.v[t->at];

	if (!t->call->ok)
		take_failure(t, h);
	else if (t->event == EVENT_after_plan)
		take_veto(t, h);
	else
		take_text(t, h);
	module_end(t->call);
	t->call = NULL;
	t->at++;
}

static void on_called(struct module_call *);

/* True: there is no hook left, or one stopped it. */
static bool
go(struct telling *t)
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
		if (!module_start(&t->call, t->world, t->arena, h->module, &job, on_called, t))
			return false;
		take(t);
	}
	return true;
}

static void
on_called(struct module_call *c)
{
	struct telling *t = c->owner;

	take(t);
	if (go(t))
		t->then(t->owner, &t->verdict);
}

bool
hooks_tell(const struct modules *modules, struct module_world *world, struct arena *a,
	   enum event event, const struct value *value, const char *node, bool changes,
	   struct verdict *verdict, struct telling **now,
	   void (*then)(void *owner, const struct verdict *), void *owner)
{
	struct telling *t = ar_new(a, struct telling);

	*t = (struct telling){.modules = modules, .world = world, .arena = a, .event = event,
		.value = value, .node = node, .changes = changes, .then = then, .owner = owner};
	if (go(t)) {
		*verdict = t->verdict;
		return true;
	}
	*now = t;
	return false;
}

void
hooks_stop(struct telling *t, const char *why)
{
	if (t->call)
		module_stop(t->call, why);
}

struct waiting {
	struct verdict verdict;
	bool finished;
};

static void
on_told(void *owner, const struct verdict *verdict)
{
	struct waiting *w = owner;

	w->verdict = *verdict;
	w->finished = true;
}

struct verdict
hooks_ask(const struct modules *modules, struct module_world *world, struct arena *a,
	  enum event event, const struct value *value, struct telling **now)
{
	struct waiting w = {0};

	*now = NULL;
	w.finished = hooks_tell(modules, world, a, event, value, NULL, false, &w.verdict, now,
				on_told, &w);
	if (!w.finished)
		loop_run(world->loop, &w.finished);
	*now = NULL;
	return w.verdict;
}
