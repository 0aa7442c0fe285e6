/* The user's own steps: looks at each by its script or its Lua file, and runs the acts of
 * Lua kinds. */
#include <string.h>

#include "executors/run/run_act.h"
#include "executors/run/run_looks.h"
#include "planner/base/hash.h"
#include "planner/base/vec.h"
#include "planner/custom/custom.h"

/* ---- recorded looks: steps.json ---- */

static struct value *
custom_look_value(struct arena *a, const struct custom_step *s)
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
custom_record_looks(struct run *r, struct arena *a, struct err *e)
{
	struct value *all = value_map(a);
	const char *text;

	for (size_t i = 0; i < r->cluster->custom.n; i++)
		value_set(a, all, r->cluster->custom.v[i].addr,
			  custom_look_value(a, &r->cluster->custom.v[i]));
	text = value_write_pretty(a, all);
	return record_file(r->opt.record_dir, "steps", ".json", text, strlen(text), e);
}

static void
custom_take_recorded(struct arena *a, struct custom_step *s, const struct value *v)
{
	const char *state = value_get_text(v, "state", "failed");
	const struct value *have = value_get(v, "have");

	s->look.state = strcmp(state, "present") == 0 ? LOOK_PRESENT :
			strcmp(state, "absent") == 0 ? LOOK_ABSENT : LOOK_FAILED;
	s->look.why = value_get_text(v, "why", s->look.state == LOOK_FAILED
				     ? "the recorded look does not have it" : NULL);
	for (size_t i = 0; have && i < have->n; i++)
		if (have->item[i]->type == VALUE_TEXT)
			attrs_add(a, &s->look.have, have->key[i], have->item[i]->text);
	attrs_sort(&s->look.have);
}

static void
custom_recorded_looks(struct run *r, struct arena *a)
{
	struct str text = {0};
	struct err e = {0};
	const struct value *all = NULL;

	if (recorded_file(r, "steps", ".json", &text, &e))
		all = value_read(a, str_text(&text), text.len, &e);
	for (size_t i = 0; i < r->cluster->custom.n; i++)
		custom_take_recorded(a, &r->cluster->custom.v[i],
				     value_get(all, r->cluster->custom.v[i].addr));
	str_release(&text);
}

/* ---- secrets: the wanted inputs of a step contain their MACs ---- */

const char *
run_unread(struct run *r, struct arena *a, const char *step, const char *name)
{
	const struct cluster *c = r->cluster;

	if (!r->unread_told)
		run_note(r, "secrets are not read, and count as unchanged: %s", r->opt.quiet);
	r->unread_told = true;
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *f = c->node[i].facts;

		for (size_t k = 0; f && k < f->record.n; k++) {
			const char *mac = attrs_get(&f->record.v[k].inputs, name)
				? attrs_get(&f->record.v[k].inputs, name)->value : NULL;

			if (mac && (!step || strcmp(f->record.v[k].step, step) == 0))
				return mac;
		}
	}
	return arena_strdup(a, "(not read)");
}

static bool
custom_want_secrets(struct run *r, struct arena *a, struct custom_step *s, struct err *e)
{
	for (size_t i = 0; s->user && i < s->user->nfield; i++) {
		const char *name = s->user->field[i].name;
		const char *text = s->user->field[i].secret ? value_get_text(s->args, name, NULL) : NULL;
		struct secret_ref ref = {0};
		const char *secret;
		char mac[HASH_HEX];

		if (!text || attrs_get(&s->want, name))
			continue;
		secret = !secret_refer(text, &ref, e) || r->opt.quiet ? NULL : run_secret(r, &ref, e);
		if (!secret && !(r->opt.quiet && ref.from != SECRET_NONE))
			return err_wrap(e, "'%s' of %s", name, s->addr);
		if (secret)
			hash_mac(r->cluster->mac_key, secret, strlen(secret), mac);
		attrs_add_secret(a, &s->want, name, secret ? mac : run_unread(r, a, s->addr, name));
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
	struct custom_step *step;
	struct module_call *call;
};

static void
custom_looked(struct looks *l)
{
	if (--l->left == 0)
		l->finished = true;
}

static void
custom_on_script_looked(struct ask *ask)
{
	struct one_look *one = ask->owner;

	custom_look_take(one->looks->arena, one->step, &ask->request.result);
	custom_looked(one->looks);
}

/* What Lua code returns goes into plans and records, so secrets are masked. */
static const char *
custom_scrubbed(struct run *r, struct arena *a, const char *said)
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
custom_take_have(struct run *r, struct arena *a, const struct custom_step *s, struct module_call *c,
		 struct custom_look *look)
{
	const struct value *v = c->ok ? module_result(c, 0) : NULL;
	struct err e = {0};

	if (!v)
		return module_why(c);
	if (v->type == VALUE_NIL || (v->type == VALUE_BOOL && !v->boolean)) {
		look->state = LOOK_ABSENT;
		return NULL;
	}
	if (v->type != VALUE_MAP)
		err_set(&e, "observe() must return a table, or nil if nothing is there");
	else
		custom_attrs(a, s->user, v, r->cluster->mac_key, &look->have, &e);
	if (*e.text)
		return custom_scrubbed(r, a, arena_printf(a, "%s: %s", s->user->file, e.text));
	for (size_t i = 0; i < look->have.n; i++) {
		struct attr *attr = &look->have.v[i];

		attr->name = custom_scrubbed(r, a, attr->name);
		if (!attr->secret && attr->value)
			attr->value = custom_scrubbed(r, a, attr->value);
	}
	look->state = LOOK_PRESENT;
	return NULL;
}

static void
custom_take_lua_look(struct one_look *one)
{
	struct looks *l = one->looks;
	struct custom_look look = {0};
	const char *why = custom_take_have(l->run, l->arena, one->step, one->call, &look);

	if (why)
		look = (struct custom_look){.state = LOOK_FAILED, .why = why};
	one->step->look = look;
	module_end(one->call);
}

static void
custom_on_lua_looked(struct module_call *c)
{
	struct one_look *one = c->owner;

	custom_take_lua_look(one);
	custom_looked(one->looks);
}

static struct value *
custom_ctx_of(struct arena *a, const struct custom_step *s)
{
	struct value *ctx = value_map(a);

	value_set_text(a, ctx, "node", s->node);
	value_set_text(a, ctx, "step", s->addr);
	return ctx;
}

static const struct record *
custom_record_of_user(const struct facts *f, const char *addr)
{
	for (size_t i = 0; i < f->record.n; i++)
		if (strcmp(f->record.v[i].step, addr) == 0)
			return &f->record.v[i];
	return NULL;
}

static void
custom_look_at(struct looks *l, struct custom_step *s, const struct facts *facts)
{
	struct run *r = l->run;
	struct one_look *one = ar_new(l->arena, struct one_look);
	struct task task = {0};

	*one = (struct one_look){.looks = l, .step = s};
	if (!custom_has_look(s))
		return;
	l->left++;
	if (!s->user) {
		custom_look_task(l->arena, s, &task);
		run_ask(r, run_host(r, cluster_node(r->cluster, s->node)), &task,
			custom_on_script_looked, one);
		return;
	}
	struct module_job job = {
		.function = "observe",
		.ctx = custom_ctx_of(l->arena, s),
		.nargs = 1,
		.args = {custom_look_args(l->arena, s, custom_record_of_user(facts, s->addr))},
		.node = s->node,
		.timeout_s = s->user->timeout_s};

	if (module_start(&one->call, &r->world, l->arena, modules_kind(r->modules, s->user), &job,
			 custom_on_lua_looked, one)) {
		custom_take_lua_look(one);
		l->left--;
	}
}

/* For a destroy: remove a step that cannot be observed by what its record says. */
static void
custom_take_blindly(struct run *r)
{
	for (size_t i = 0; i < r->cluster->custom.n; i++) {
		struct custom_step *s = &r->cluster->custom.v[i];

		if (s->look.state != LOOK_FAILED)
			continue;
		run_note(r, "warning: %s cannot be observed, so its record decides: "
			    "%s", s->addr, s->look.why);
		s->look.state = LOOK_RECORD;
	}
}

bool
run_observe_custom(struct run *r, struct arena *a, struct err *e)
{
	struct looks l = {.run = r, .arena = a};
	struct cluster *c = r->cluster;

	if (!c->custom.n)
		return true;
	for (size_t i = 0; i < c->custom.n && !run_destroys(r); i++)
		if (!custom_want_secrets(r, a, &c->custom.v[i], e))
			return false;
	if (r->opt.facts_dir) {
		custom_recorded_looks(r, a);
		return true;
	}
	for (size_t i = 0; i < c->custom.n; i++) {
		const struct node *node = cluster_node(c, c->custom.v[i].node);

		if (node && node->facts && node->facts->state == FACTS_OK)
			custom_look_at(&l, &c->custom.v[i], node->facts);
	}
	l.finished = l.left == 0;
	loop_run(r->loop, &l.finished);
	if (run_destroys(r))
		custom_take_blindly(r);
	return !r->opt.record_dir || custom_record_looks(r, a, e);
}

/* ---- acts of Lua kinds ---- */

static const char *
custom_not_yet(struct arena *a, struct custom_look *look, const struct step *step)
{
	const char *differs;

	if (look->state == LOOK_ABSENT)
		return "up() succeeded, but observe() finds nothing";
	differs = custom_differs(a, step, &look->have);
	return differs ? arena_printf(a, "up() succeeded, but %s", differs) : NULL;
}

/* up() may return {instance, note}; afterwards observe() must show what is wanted. Without an
 * instance each up() counts as a new one, as each run of a command does, so that the steps
 * that depend on it follow. */
static const char *
custom_take_act(struct act *act, struct module_call *c)
{
	struct apply *ap = act->apply;
	const struct task *t = &act->tasks.v[act->at].task;
	struct custom_step *s = custom_step_find(ap->run->cluster, act->step->addr);
	struct custom_look look = {0};
	char random[HASH_HEX];
	const struct value *v;
	const char *why;

	if (!c->ok)
		return module_why(c);
	if (strcmp(t->lua.function, "check") == 0) {
		why = s ? custom_take_have(ap->run, ap->arena, s, c, &look) : NULL;
		return why || !s ? why : custom_not_yet(ap->arena, &look, act->step);
	}
	v = module_result(c, 0);
	if (!v)
		return module_why(c);
	if (strcmp(t->lua.function, "up") == 0) {
		hash_random(random);
		act->instance =
			custom_scrubbed(ap->run, ap->arena, value_get_text(v, "instance", random));
	}
	if (value_get_text(v, "note", NULL))
		run_note(ap->run, "%s: %s", act->step->addr, value_get_text(v, "note", ""));
	return NULL;
}

static void
custom_end_act(struct act *act)
{
	struct module_call *c = act->call;
	const char *why = custom_take_act(act, c);

	act->call = NULL;
	if (why)
		act->failure.tail = c->error.trace && *c->error.trace ? c->error.trace : NULL;
	module_end(c);
	if (why) {
		act_fail_because(act, why);
		return;
	}
	act->at++;
	act_go(act);
}

static void
custom_on_acted(struct module_call *c)
{
	custom_end_act(c->owner);
}

void
custom_act(struct act *act, const struct step_task *st)
{
	struct apply *ap = act->apply;
	struct run *r = ap->run;
	const struct custom_call *call = &st->task.lua;
	const struct custom_step *s = custom_step_find(r->cluster, act->step->addr);
	const struct custom_kind *kind = act->step->kind->custom;
	bool check = strcmp(call->function, "check") == 0;
	struct value *ctx = value_map(ap->arena);
	struct module_job job = {.function = check ? "observe" : call->function,
				 .ctx = s ? custom_ctx_of(ap->arena, s) : ctx,
				 .args = {call->args[0], call->args[1]},
				 .nargs = call->nargs,
				 .node = act->step->node->name,
				 .timeout_s = kind->timeout_s,
				 .changes = !check};

	/* A step that left the spec has only a node and an address. */
	value_set_text(ap->arena, ctx, "node", act->step->node->name);
	value_set_text(ap->arena, ctx, "step", act->step->addr);
	ap->tally.changed |= !check;
	if (module_start(&act->call, &r->world, ap->arena, modules_kind(r->modules, kind), &job,
			 custom_on_acted, act))
		custom_end_act(act);
}
