/* The user's own commands: `run` on a node, known to be done by `check`, `creates` or the
 * record alone, taken back by `undo`. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/kinds/common.h"
#include "planner/user.h"

enum { TIMEOUT = 300 };         /* seconds, when the spec does not say */

/* All steps of the user's, in the order of the spec: those of Lua kinds as well. */
static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	for (size_t i = 0; i < m->user.n; i++) {
		struct user_step *u = &m->user.v[i];
		struct node *node = model_node(m, u->node);
		struct step *s;

		if (!node)
			continue;
		s = graph_add_as(b, u->kind, node, u->addr);
		s->user = u;
		for (size_t k = 0; k < u->want.n; k++)
			*vec_push(a, &s->want) = u->want.v[k];
		if (u->user)
			attrs_add(a, &s->keep, "file", u->user->file);
		user_keep_order(a, u->spec, &s->keep);
	}
}

bool
user_has_look(const struct user_step *u)
{
	return u->user || u->spec->check.text || u->spec->creates.text;
}

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

static int
timeout_of(const struct user_step *u)
{
	return u && u->spec->timeout.set ? (int)u->spec->timeout.value : TIMEOUT;
}

void
user_look_task(struct arena *a, const struct user_step *u, struct task *t)
{
	*t = (struct task){.type = TASK_SCRIPT, .script = script_get("command-look"),
		.timeout_s = timeout_of(u)};
	task_arg(a, t, or_empty(u->spec->check.text));
	task_arg(a, t, or_empty(u->spec->creates.text));
}

static const char *
first_line(struct arena *a, const char *text)
{
	size_t n = strcspn(text, "\n");

	return arena_printf(a, "%.*s%s", (int)(n < 300 ? n : 300), text, n < 300 ? "" : "...");
}

void
user_look_take(struct arena *a, struct user_step *u, const struct result *r)
{
	const char *said = str_text(&r->out);

	if (r->ran && r->status == 0 && strcmp(said, "present\n") == 0) {
		u->look.state = LOOK_PRESENT;
	} else if (r->ran && r->status == 0 && strncmp(said, "absent ", 7) == 0) {
		u->look.state = LOOK_ABSENT;
		u->look.why = first_line(a, said + 7);
	} else {
		u->look.state = LOOK_FAILED;
		u->look.why = !r->ran ? arena_printf(a, "its check was not run: %s", r->why)
			: arena_printf(a, "its check ended with status %d: %s", r->status,
				       first_line(a, str_text(&r->err)));
	}
}

bool
see_look(struct arena *a, struct step *s, struct problems *problems)
{
	see_record(a, s);
	if (s->seen.state == SEEN_UNKNOWN || !s->user || !user_has_look(s->user))
		return false;
	switch (s->user->look.state) {
	case LOOK_RECORD:
		return false;
	case LOOK_NOT_YET:
		s->seen = (struct seen){.state = SEEN_UNKNOWN, .why = "it was not looked at"};
		return false;
	case LOOK_FAILED:
		s->seen = (struct seen){.state = SEEN_UNKNOWN,
			.why = arena_printf(a, "it cannot be seen: %s", s->user->look.why)};
		problem_add(a, problems, DIAG_ERROR, s->node, NULL, "%s: %s", s->addr,
			    s->user->look.why);
		return false;
	case LOOK_ABSENT:
		s->seen.instance = NULL;
		if (s->seen.state == SEEN_PRESENT)
			s->seen.state = SEEN_GONE;
		if (s->seen.state != SEEN_INTERRUPTED)
			s->seen.why = s->user->look.why;
		return false;
	case LOOK_PRESENT:
		break;
	}
	if (s->seen.state == SEEN_ABSENT) {
		s->seen.state = SEEN_PRESENT;
		s->seen.adopted = true;
	}
	return true;
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	if (see_look(a, s, problems) && s->seen.adopted)
		s->seen.have = s->want;
	if (s->seen.state == SEEN_ABSENT && !s->seen.why)
		s->seen.why = "it was not run yet";
}

/* Its first line, to be shown. */
static const char *
words(struct arena *a, const char *what, const char *script)
{
	size_t n = strcspn(script, "\n");

	return arena_printf(a, "%s: %.*s%s", what, (int)(n < 60 ? n : 60), script,
			    n < 60 && !script[n] ? "" : " ...");
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs want = s->want;
	const char *run = attrs_value(&want, "run", "");
	struct task *t = tasks_add(a, tasks, s->node, "command-up", words(a, "run", run));

	t->changes = true;
	t->timeout_s = timeout_of(s->user);
	task_arg(a, t, run);
	task_arg(a, t, attrs_value(&want, "check", ""));
	task_arg(a, t, attrs_value(&want, "creates", ""));
}

/* By the spec where it has the step, else as it was recorded. */
static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs from = s->user ? s->want : s->seen.have;
	const char *undo = attrs_value(&from, "undo", NULL);
	struct task *t;

	if (!undo)
		return;
	t = tasks_add(a, tasks, s->node, "command-down", words(a, "undo", undo));
	t->changes = true;
	t->timeout_s = timeout_of(s->user);
	task_arg(a, t, undo);
}

static const struct field_effect fields[] = {
	{"run", EFFECT_UPDATE, "the script: another one is run again"},
	{"check", EFFECT_RECORD, "how it is seen to be in place"},
	{"creates", EFFECT_RECORD, "the path that shows that it is in place"},
	{"undo", EFFECT_RECORD, "the script that takes it away"},
	{NULL}
};

const struct kind kind_command = {
	.name = "command",
	.doc = "a command of the user's own, under steps:",
	.fields = fields,
	.again = true,
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
};
