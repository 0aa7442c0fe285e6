#ifndef USER_BY_HAND_H
#define USER_BY_HAND_H

/* The user's own steps in tests: a kind as a Lua file defines it, a cluster with steps, what
 * was observed of them, and the plan. */
#include "planner/base/vec.h"
#include "planner/plan/plan.h"
#include "planner/custom/custom.h"
#include "tests/unit/kinds_by_hand.h"

#define ENGINE "engine: {backend: ray, image: 'vllm/vllm-openai:v0.17.1'}\n"

static struct diags diags;
static struct custom_kinds custom_kinds;
static struct plan *plan;
static const char lua_text[] = "return {\n  name = 'nfs',\n  fields = {server = {}},\n}\n";
static const struct source lua_source = {"kinds/nfs.lua", lua_text, sizeof lua_text - 1};

/* The first line that contains the word, as vm_find() finds it. */
static struct loc
find_word(void *arg, const char *word)
{
	const char *at = strstr(lua_text, word);
	struct loc loc = {&lua_source, 1, 1, 0};

	(void)arg;
	for (const char *s = lua_text; at && s < at; s++)
		loc.line += *s == '\n';
	return loc;
}

static inline struct custom_kind *
read_kind(const char *name, const char *fields, bool down)
{
	struct err e = {0};
	const struct custom_source from = {.file = "kinds/nfs.lua", .name = value_text(&arena, name),
		.fields = fields ? value_read(&arena, fields, strlen(fields), &e) : NULL,
		.observe = true, .up = true, .down = down, .find = find_word};

	diags = (struct diags){.arena = &arena};
	return custom_kind_read(&arena, &from, &diags);
}

static inline bool
complains(const char *words)
{
	for (size_t i = 0; i < diags.n; i++)
		if (strstr(diags.v[i].text, words))
			return true;
	return false;
}

static const char nfs_fields[] =
	"{\"server\": {\"type\": \"text\", \"required\": true, \"forces\": \"replace\"},"
	" \"port\": {\"type\": \"integer\", \"default\": 2049},"
	" \"ro\": {\"type\": \"boolean\"},"
	" \"options\": {\"type\": \"list\"},"
	" \"env\": {\"type\": \"map\"},"
	" \"note\": {\"type\": \"text\", \"forces\": \"none\"},"
	" \"password\": {\"type\": \"text\", \"secret\": true}}";

/* A cluster with these steps and the kind nfs; NULL with errors in `diags`. */
static inline struct cluster *
model_of(const char *steps)
{
	const char *text = arena_printf(&arena, "%s%skinds: [kinds/nfs.lua]\nsteps:\n%s", base_spec,
					ENGINE, steps);
	struct cluster *c;
	struct spec *spec;

	custom_kinds = (struct custom_kinds){0};
	*vec_push(&arena, &custom_kinds) = read_kind("nfs", nfs_fields, true);
	assert_non_null(custom_kinds.v[0]);
	diags = (struct diags){.arena = &arena};
	source = (struct source){.name = "t.yaml", .text = text, .len = strlen(text)};
	spec = spec_read(&arena, &source, NULL, &diags);
	if (!spec)
		return NULL;
	spec->custom_kinds = &custom_kinds;
	c = cluster_compile(&arena, spec, &diags);
	if (c)
		compile_check_circles(&arena, c, &diags);
	return diags.nerror ? NULL : c;
}

static inline void
good_model(const char *steps)
{
	model = model_of(steps);
	if (diags.nerror)
		diag_print(&diags, stderr, false);
	assert_non_null(model);
}

static inline void
looked(const char *addr, int state, const char *words_or_have)
{
	struct custom_step *u = custom_step_find(model, addr);
	struct err e = {0};

	assert_non_null(u);
	u->look.state = state;
	if (state == LOOK_PRESENT && words_or_have)
		assert_true(custom_attrs(&arena, u->user, value_read(&arena, words_or_have,
			strlen(words_or_have), &e), "k", &u->look.have, &e));
	else
		u->look.why = words_or_have;
}

/* `first` and `second` are the facts of the nodes. Set the looks before. */
static inline void
make_plan(const char *first, const char *second, bool destroy)
{
	struct plan_options options = {.destroy = destroy};

	problems = (struct diags){.arena = &arena};
	seen_as(0, first);
	seen_as(1, second);
	graph = graph_build(&arena, model, &problems);
	plan = plan_make(&arena, graph, &options, &diags);
	assert_non_null(plan);
}

static inline const struct op *
op(const char *addr)
{
	for (size_t i = 0; i < plan->n; i++)
		if (strcmp(plan->v[i].step->addr, addr) == 0)
			return &plan->v[i];
	fail_msg("no step %s", addr);
	return NULL;
}

static inline void
assert_op(const char *addr, enum action action, const char *cause)
{
	const struct op *o = op(addr);

	if (o->action != action || (cause && (!o->cause || !strstr(o->cause, cause))))
		fail_msg("%s: %s because %s", addr, action_word(o->action), o->cause);
}

#endif
