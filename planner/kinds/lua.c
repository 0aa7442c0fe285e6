/* What all kinds that are Lua files have in common: the look was made by their observe(),
 * the acts are calls of up() and down(). command.c puts their steps into the graph. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/kinds/common.h"
#include "planner/user.h"

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	(void)a;
	(void)m;
	(void)b;
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const struct record *r = step_record(s);
	struct attrs have = {0};

	if (!see_look(a, s, problems))
		return;
	user_leave_open(a, s, r ? &r->inputs : &(struct attrs){0}, &s->user->look.have, &have);
	s->seen.have = have;
}

static struct task *
add(struct arena *a, const struct step *s, struct tasks *tasks, const char *function)
{
	const struct user_kind *kind = user_kind_of(s->kind);
	struct step_task *st = vec_push(a, tasks);
	bool own = s->user && s->user->spec->timeout.set;

	*st = (struct step_task){.node = s->node,
		.what = arena_printf(a, "%s() of %s", strcmp(function, "check") == 0 ? "observe"
				     : function, kind->file),
		.task = {.type = TASK_LUA, .lua = {.function = function}, .changes = true,
			 .timeout_s = own ? (int)s->user->spec->timeout.value : kind->timeout_s}};
	return &st->task;
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct task *t = add(a, s, tasks, "up");

	t->lua.args[0] = s->user->args;
	t->lua.args[1] = user_change(a, s);
	t->lua.nargs = 2;
	t = add(a, s, tasks, "check");
	t->changes = false;
	t->lua.args[0] = s->user->args;
	t->lua.nargs = 1;
}

static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct user_kind *kind = user_kind_of(s->kind);
	struct task *t;

	if (!kind->has_down)
		return;
	t = add(a, s, tasks, "down");
	t->lua.args[0] = user_table(a, kind, &s->seen.have);
	t->lua.nargs = 1;
}

const struct kind kind_lua = {
	.name = "lua",
	.doc = "a kind of step that is a Lua file",
	.again = true,
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
};
