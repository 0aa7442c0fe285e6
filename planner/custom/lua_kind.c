/* What all Lua kinds share: observe() of the file makes the look, up() and down() are called as
 * tasks. command.c adds their steps to the graph. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/plan/graph.h"
#include "planner/plan/observed.h"
#include "planner/custom/custom.h"

static void
lua_kind_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	(void)a;
	(void)c;
	(void)b;
}

static void
lua_kind_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct record *r = step_record(s);
	struct attrs have = {0};

	if (!observe_look(a, s, problems))
		return;
	custom_leave_open(a, s, r ? &r->inputs : &(struct attrs){0}, &s->custom->look.have, &have);
	s->observed.have = have;
}

static struct task *
lua_kind_add(struct arena *a, const struct step *s, struct tasks *tasks, const char *function)
{
	const struct custom_kind *kind = s->kind->custom;
	struct step_task *st = vec_push(a, tasks);
	bool own = s->custom && s->custom->spec->timeout.set;

	*st = (struct step_task){.node = s->node,
		.what = arena_printf(a, "%s() of %s", strcmp(function, "check") == 0 ? "observe"
				     : function, kind->file),
		.task = {.type = TASK_LUA, .lua = {.function = function}, .changes = true,
			 .timeout_s = own ? (int)s->custom->spec->timeout.value : kind->timeout_s}};
	return &st->task;
}

static void
lua_kind_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct task *t = lua_kind_add(a, s, tasks, "up");

	t->lua.args[0] = s->custom->args;
	t->lua.args[1] = custom_change(a, s);
	t->lua.nargs = 2;
	t = lua_kind_add(a, s, tasks, "check");
	t->changes = false;
	t->lua.args[0] = s->custom->args;
	t->lua.nargs = 1;
}

static void
lua_kind_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct custom_kind *kind = s->kind->custom;
	struct task *t;

	if (!kind->has_down)
		return;
	t = lua_kind_add(a, s, tasks, "down");
	t->lua.args[0] = custom_table(a, kind, &s->observed.have);
	t->lua.nargs = 1;
}

const struct kind kind_lua = {
	.name = "lua",
	.doc = "a kind of step that is a Lua file",
	.again = true,
	.users = true,
	.plan = lua_kind_plan,
	.observe = lua_kind_observe,
	.up = lua_kind_up,
	.down = lua_kind_down,
};
