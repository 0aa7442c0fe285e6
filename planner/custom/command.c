/* The user's own commands: `run` on a node, shown to be done by `check`, `creates` or the
 * record alone, reversed by `undo`. */
#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/plan/graph.h"
#include "planner/plan/observed.h"
#include "planner/steps/observe.h"
#include "planner/custom/custom.h"

/* All of the user's steps, in the order of the spec, including those of Lua kinds. */
static void
command_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	for (size_t i = 0; i < c->custom.n; i++) {
		struct custom_step *u = &c->custom.v[i];
		struct node *node = cluster_node(c, u->node);
		struct step *s;

		if (!node)
			continue;
		s = graph_add_as(b, u->kind, node, u->addr);
		s->custom = u;
		for (size_t k = 0; k < u->want.n; k++)
			*vec_push(a, &s->want) = u->want.v[k];
		if (u->user)
			attrs_add(a, &s->keep, "file", u->user->file);
		custom_keep_order(a, u->spec, &s->keep);
	}
}

bool
custom_has_look(const struct custom_step *u)
{
	return u->user || u->spec->check.text || u->spec->creates.text;
}

static int
command_timeout_of(const struct custom_step *u)
{
	return u && u->spec->timeout.set ? (int)u->spec->timeout.value : COMMAND_LIMIT;
}

void
custom_look_task(struct arena *a, const struct custom_step *u, struct task *t)
{
	*t = (struct task){.type = TASK_SCRIPT, .script = script_get("command-observe"),
		.timeout_s = command_timeout_of(u)};
	task_arg(a, t, "check", u->spec->check.text);
	task_arg(a, t, "creates", u->spec->creates.text);
}

static const char *
command_first_line(struct arena *a, const char *text)
{
	size_t n = strcspn(text, "\n");

	return arena_printf(a, "%.*s%s", (int)(n < 300 ? n : 300), text, n < 300 ? "" : "...");
}

void
custom_look_take(struct arena *a, struct custom_step *u, const struct result *r)
{
	const char *said = str_text(&r->out);

	if (r->ran && r->status == 0 && strcmp(said, "present\n") == 0) {
		u->look.state = LOOK_PRESENT;
	} else if (r->ran && r->status == 0 && strncmp(said, "absent ", 7) == 0) {
		u->look.state = LOOK_ABSENT;
		u->look.why = command_first_line(a, said + 7);
	} else {
		u->look.state = LOOK_FAILED;
		u->look.why = !r->ran ? arena_printf(a, "its check did not run: %s", r->why.text)
			: arena_printf(a, "its check ended with status %d: %s", r->status,
				       command_first_line(a, str_text(&r->err)));
	}
}

bool
observe_look(struct arena *a, struct step *s, struct diags *problems)
{
	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || !s->custom || !custom_has_look(s->custom))
		return false;
	switch (s->custom->look.state) {
	case LOOK_RECORD:
		return false;
	case LOOK_NOT_YET:
		s->observed = (struct observed){.state = STATE_UNKNOWN, .why = "it was not observed"};
		return false;
	case LOOK_FAILED:
		s->observed = (struct observed){.state = STATE_UNKNOWN,
			.why = arena_printf(a, "it cannot be observed: %s", s->custom->look.why)};
		diag_node(problems, DIAG_ERROR, s->node, NULL, "%s: %s", s->addr,
			  s->custom->look.why);
		return false;
	case LOOK_ABSENT:
		s->observed.instance = NULL;
		if (s->observed.state == STATE_PRESENT)
			s->observed.state = STATE_GONE;
		if (s->observed.state != STATE_INTERRUPTED)
			s->observed.why = s->custom->look.why;
		return false;
	case LOOK_PRESENT:
		break;
	}
	if (s->observed.state == STATE_ABSENT) {
		s->observed.state = STATE_PRESENT;
		s->observed.adopted = true;
	}
	return true;
}

static void
command_observe(struct arena *a, struct step *s, struct diags *problems)
{
	if (observe_look(a, s, problems) && s->observed.adopted)
		s->observed.have = s->want;
	if (s->observed.state == STATE_ABSENT && !s->observed.why)
		s->observed.why = "it has not run yet";
}

/* The first line of the script, to be shown. */
static const char *
command_words(struct arena *a, const char *what, const char *script)
{
	size_t n = strcspn(script, "\n");

	return arena_printf(a, "%s: %.*s%s", what, (int)(n < 60 ? n : 60), script,
			    n < 60 && !script[n] ? "" : " ...");
}

/* The node records how it ended. */
static void
command_noted(struct arena *a, const struct step *s, struct task *t)
{
	t->script = script_behind(a, "state", script_behind(a, "noted", t->script));
	task_arg(a, t, "cluster", s->cluster->name);
	task_arg(a, t, "step", record_name(a, s->addr));
	t->noted = true;
	t->changes = true;
	t->timeout_s = command_timeout_of(s->custom);
}

static void
command_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs want = s->want;
	const char *run = attrs_value(&want, "run", "");
	struct task *t = tasks_add(a, tasks, s->node, "command-up", command_words(a, "run", run));

	task_arg(a, t, "run", run);
	task_arg(a, t, "check", attrs_value(&want, "check", NULL));
	task_arg(a, t, "creates", attrs_value(&want, "creates", NULL));
	command_noted(a, s, t);
}

/* From the spec if it has the step, else as recorded. */
static void
command_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs from = s->custom ? s->want : s->observed.have;
	const char *undo = attrs_value(&from, "undo", NULL);
	struct task *t;

	if (!undo)
		return;
	t = tasks_add(a, tasks, s->node, "command-down", command_words(a, "undo", undo));
	task_arg(a, t, "undo", undo);
	command_noted(a, s, t);
}

static const struct field_effect fields[] = {
	{"run", EFFECT_UPDATE, "the script; it runs again if it changes"},
	{"check", EFFECT_RECORD, "the script that checks if it is in place"},
	{"creates", EFFECT_RECORD, "the path that exists if it is in place"},
	{"undo", EFFECT_RECORD, "the script that undoes it"},
	{NULL}
};

const struct kind kind_command = {
	.name = "command",
	.doc = "a command of the user, under steps:",
	.fields = fields,
	.undo = "undo",
	.again = true,
	.users = true,
	.plan = command_plan,
	.link = custom_link,
	.link_left = custom_link_orphans,
	.observe = command_observe,
	.up = command_up,
	.down = command_down,
};
