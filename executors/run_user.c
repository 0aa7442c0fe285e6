/* The user's own steps: a look at each, by script or by its Lua file, and the acts of
 * Lua kinds. */
#include <string.h>

#include "executors/run_private.h"
#include "planner/base/hash.h"
#include "planner/base/vec.h"
#include "planner/user.h"

/* ---- recorded looks: steps.json ---- */

static struct value *
look_value(struct arena *a, const struct user_step *s)
{
	static const char *const words[] = {[LOOK_NOT_YET] = "unknown", [LOOK_ABSENT] = "absent",
		[LOOK_PRESENT] = "present", [LOOK_FAILED] = "failed", [LOOK_RECORD] = "failed"};
	struct value *v = value_map(a), *have = value_map(a);

	value_set_text(a, v, "state", words[s->look.state]);
	value_set_text(a, v, "why", s->look.why);
	for (size_t i = 0; i < s->look.have.n; i++)
		if (!s->look.have.v[i].secret)
			value_set_text(a, have, s->look.have.v[i].name, s->look.have.v[i].value);
	if (have->n)
		value_set(a, v, "have", have);
	return v;
}

static bool
record_looks(struct run *r, struct arena *a, struct err *e)
{
	struct value *all = value_map(a);
	const char *text;

	for (size_t i = 0; i < r->model->user.n; i++)
		value_set(a, all, r->model->user.v[i].addr, look_value(a, &r->model->user.v[i]));
	text = value_write_pretty(a, all);
	return record_file(r->opt.record_dir, "steps", ".json", text, strlen(text), e);
}

static void
take_recorded(struct arena *a, struct user_step *s, const struct value *v)
{
	const char *state = value_get_text(v, "state", "failed");
	const struct value *have = value_get(v, "have");

	s->look.state = strcmp(state, "present") == 0 ? LOOK_PRESENT :
			strcmp(state, "absent") == 0 ? LOOK_ABSENT : LOOK_FAILED;
	s->look.why = value_get_text(v, "why", s->look.state == LOOK_FAILED
				     ? "the recorded look has nothing of it" : NULL);
	for (size_t i = 0; have && i < have->n; i++)
		if (have->item[i]->type == VALUE_TEXT)
			attrs_add(a, &s->look.have, have->key[i], have->item[i]->text);
	attrs_sort(&s->look.have);
}

static void
recorded_looks(struct run *r, struct arena *a)
{
	struct str text = {0};
	struct err e = {0};
	const struct value *all = NULL;

	if (recorded_file(r, "steps", ".json", &text, &e))
		all = value_read(a, str_text(&text), text.len, &e);
	for (size_t i = 0; i < r->model->user.n; i++)
		take_recorded(a, &r->model->user.v[i], value_get(all, r->model->user.v[i].addr));
	str_release(&text);
}

/* ---- secrets: what a step wants has their MACs ---- */

static bool
want_secrets(struct run *r, struct arena *a, struct user_step *s, struct err *e)
{
	for (size_t i = 0; s->user && i < s->user->nfield; i++) {
		const char *name = s->user->field[i].name;
		const char *text = s->user->field[i].secret ? value_get_text(s->args, name, NULL) : NULL;
		struct secret_ref ref;
		const char *secret;
		char mac[HASH_HEX];

		if (!text || attrs_get(&s->want, name))
			continue;
		secret = secret_refer(text, &ref, e) ? run_secret(r, &ref, e) : NULL;
		if (!secret)
			return err_wrap(e, "'%s' of %s", name, s->addr);
		hash_mac(r->model->mac_key, secret, strlen(secret), mac);
		attrs_add_secret(a, &s->want, name, mac);
		attrs_sort(&s->want);
	}
	return true;
}

/* ---- looks ---- */

struct looks {
	struct run *run;
	struct arena *arena;
	size_t left;
	bool finished;
};

struct one_look {
	struct looks *looks;
	struct user_step *step;
	struct module_call *call;
};

static void
looked(struct looks *l)
{
	if (--l->left == 0)
		l->finished = true;
}

static void
on_script_looked(struct ask *ask)
{
	struct one_look *one = ask->owner;

	user_look_take(one->looks->arena, one->step, &ask->request.result);
	looked(one->looks);
}

/* What Lua says goes into plans and records. */
static const char *
scrubbed(struct run *r, struct arena *a, const char *said)
{
	struct str text = {0};
	const char *copy;

	str_puts(&text, said);
	secrets_scrub(&r->secrets, &text);
	copy = arena_strdup(a, str_text(&text));
	str_release(&text);
	return copy;
}

static const char *
take_have(struct run *r, struct arena *a, const struct user_step *s,
	       struct module_call *c, struct user_look *look)
{
	const struct value *v = c->ok ? module_result(c, 0) : NULL;
	const char *why = NULL;

	if (!v)
		return module_why(c);
	if (v->type == VALUE_NIL || (v->type == VALUE_BOOL && !v->boolean)) {
		look->state = LOOK_ABSENT;
		return NULL;
	}
	if (v->type != VALUE_MAP)
		why = "observe() must return a table, or nil when it is not there";
	else if (user_attrs(a, s->user, v, r->model->mac_key, &look->have, &why))
		why = NULL;
	if (why)
		return scrubbed(r, a, arena_printf(a, "%s: %s", s->user->file, why));
	for (size_t i = 0; i < look->have.n; i++) {
		struct attr *attr = &look->have.v[i];

		attr->name = scrubbed(r, a, attr->name);
		if (!attr->secret && attr->value)
			attr->value = scrubbed(r, a, attr->value);
	}
	look->state = LOOK_PRESENT;
	return NULL;
}

static void
take_lua_look(struct one_look *one)
{
	struct looks *l = one->looks;
	struct user_look look = {0};
	const char *why = take_have(l->run, l->arena, one->step, one->call, &look);

	if (why)
		look = (struct user_look){.state = LOOK_FAILED, .why = why};
	one->step->look = look;
	module_end(one->call);
}

static void
on_lua_looked(struct module_call *c)
{
	struct one_look *one = c->owner;

	take_lua_look(one);
	looked(one->looks);
}

static struct value *
ctx_of(struct arena *a, const struct user_step *s)
{
	struct value *ctx = value_map(a);

	value_set_text(a, ctx, "node", s->node);
	value_set_text(a, ctx, "step", s->addr);
	return ctx;
}

static const struct record *
record_of_user(const struct facts *f, const char *addr)
{
	for (size_t i = 0; i < f->record.n; i++)
		if (strcmp(f->record.v[i].step, addr) == 0)
			return &f->record.v[i];
	return NULL;
}

static void
look_at(struct looks *l, struct user_step *s, const struct facts *facts)
{
	struct run *r = l->run;
	struct one_look *one = ar_new(l->arena, struct one_look);
	struct task task = {0};

	*one = (struct one_look){.looks = l, .step = s};
	if (!user_has_look(s))
		return;
	l->left++;
	if (!s->user) {
		user_look_task(l->arena, s, &task);
		run_ask(r, run_host(r, model_node(r->model, s->node)), &task, on_script_looked, one);
		return;
	}
	struct module_job job = {.function = "observe", .ctx = ctx_of(l->arena, s), .nargs = 1,
		.args = {user_look_args(l->arena, s, record_of_user(facts, s->addr))},
		.node = s->node, .timeout_s = s->user->timeout_s};

	if (module_start(&one->call, &r->world, l->arena, modules_kind(r->modules, s->user), &job,
			 on_lua_looked, one)) {
		take_lua_look(one);
		l->left--;
	}
}

/* What is to go goes, as it was recorded, when it cannot be seen. */
static void
take_blindly(struct run *r)
{
	for (size_t i = 0; i < r->model->user.n; i++) {
		struct user_step *s = &r->model->user.v[i];

		if (s->look.state != LOOK_FAILED)
			continue;
		run_note(r, "warning: %s cannot be seen, its record decides: %s", s->addr, s->look.why);
		s->look.state = LOOK_RECORD;
	}
}

bool
run_look_user(struct run *r, struct arena *a, struct err *e)
{
	struct looks l = {.run = r, .arena = a};
	struct model *m = r->model;

	if (!m->user.n)
		return true;
	for (size_t i = 0; i < m->user.n && !run_destroys(r); i++)
		if (!want_secrets(r, a, &m->user.v[i], e))
			return false;
	if (r->opt.facts_dir) {
		recorded_looks(r, a);
		return true;
	}
	for (size_t i = 0; i < m->user.n; i++) {
		const struct node *node = model_node(m, m->user.v[i].node);

		if (node && node->facts && node->facts->state == FACTS_OK)
			look_at(&l, &m->user.v[i], node->facts);
	}
	l.finished = l.left == 0;
	loop_run(r->loop, &l.finished);
	if (run_destroys(r))
		take_blindly(r);
	return !r->opt.record_dir || record_looks(r, a, e);
}

/* ---- acts of Lua kinds ---- */

static const char *
not_yet(struct arena *a, struct user_look *look, const struct step *step)
{
	const char *differs;

	if (look->state == LOOK_ABSENT)
		return "up() ended well, but observe() finds nothing";
	differs = user_differs(a, step, &look->have);
	return differs ? arena_printf(a, "up() ended well, but %s", differs) : NULL;
}

/* up() may return {instance, note}; what observe() shows must be what is wanted. What says
 * nothing of its identity is another one after each up(), as a command is after each run:
 * else nothing could follow it. */
static const char *
take_act(struct act *act, struct module_call *c)
{
	struct apply *ap = act->apply;
	const struct task *t = &act->tasks.v[act->at].task;
	struct user_step *s = user_step_find(ap->run->model, act->step->addr);
	struct user_look look = {0};
	char random[HASH_HEX];
	const struct value *v;
	const char *why;

	if (!c->ok)
		return module_why(c);
	if (strcmp(t->lua.function, "check") == 0) {
		why = s ? take_have(ap->run, ap->arena, s, c, &look) : NULL;
		return why || !s ? why : not_yet(ap->arena, &look, act->step);
	}
	v = module_result(c, 0);
	if (!v)
		return module_why(c);
	if (strcmp(t->lua.function, "up") == 0) {
		hash_random(random);
		act->instance = scrubbed(ap->run, ap->arena, value_get_text(v, "instance", random));
	}
	if (value_get_text(v, "note", NULL))
		run_note(ap->run, "%s: %s", act->step->addr, value_get_text(v, "note", ""));
	return NULL;
}

static void
end_act(struct act *act)
{
	struct module_call *c = act->call;
	const char *why = take_act(act, c);

	act->call = NULL;
	if (why) {
		act->failure.ran = true;
		act->failure.status = 1;
		act->failure.why = why;
		act->failure.tail = c->error.trace && *c->error.trace ? c->error.trace : NULL;
	}
	module_end(c);
	if (why) {
		act_fail(act);
		return;
	}
	act->at++;
	act_go(act);
}

static void
on_acted(struct module_call *c)
{
	end_act(c->owner);
}

void
user_act(struct act *act, const struct step_task *st)
{
	struct apply *ap = act->apply;
	struct run *r = ap->run;
	const struct user_call *call = &st->task.lua;
	const struct user_step *s = user_step_find(r->model, act->step->addr);
	const struct user_kind *kind = (const struct user_kind *)(const void *)act->step->kind;
	bool check = strcmp(call->function, "check") == 0;
	struct value *ctx = value_map(ap->arena);
	struct module_job job = {.function = check ? "observe" : call->function,
		.ctx = s ? ctx_of(ap->arena, s) : ctx, .args = {call->args[0], call->args[1]},
		.nargs = call->nargs, .node = act->step->node->name, .timeout_s = kind->timeout_s,
		.changes = !check};

	/* A step that left the spec has only its node and address. */
	value_set_text(ap->arena, ctx, "node", act->step->node->name);
	value_set_text(ap->arena, ctx, "step", act->step->addr);
	ap->tally.changed |= !check;
	if (module_start(&act->call, &r->world, ap->arena, modules_kind(r->modules, kind), &job,
			 on_acted, act))
		end_act(act);
}
