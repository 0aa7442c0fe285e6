#include <string.h>

#include "planner/base/vec.h"
#include "planner/kinds/common.h"

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_script;
	struct step *s;

	if (!m->launcher_script)
		return;
	s = graph_add(b, &kind_script, &m->node[0], false);
	attrs_add(a, &s->want, "url", m->spec->engine.script.url.text);
	attrs_add(a, &s->want, "sha256", m->spec->engine.script.sha256.text);
	attrs_add(a, &s->want, "path", m->script_path);
	graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const char *sha = attrs_value(&s->want, "sha256", NULL), *path, *there;
	bool recorded;

	(void)problems;
	see_record(a, s);
	if (s->seen.state == SEEN_UNKNOWN || s->orphan)
		return;
	recorded = s->seen.state == SEEN_PRESENT;
	path = attrs_value(&s->seen.have, "path", NULL);
	there = s->node->facts->script_sha;
	/* The look was at the path of today; another path is as the record has it. */
	if (recorded && path && strcmp(path, s->model->script_path) != 0)
		return;
	if (there && sha && strcmp(there, sha) == 0) {
		if (!recorded) {
			s->seen.have = s->want;
			s->seen.adopted = true;
		}
		s->seen.state = SEEN_PRESENT;
		s->seen.output = sha;
		return;
	}
	s->seen.output = NULL;
	if (!recorded && !there)
		return;
	s->seen.state = SEEN_GONE;
	s->seen.why = there ? "the script has other bytes than were put there"
			    : "the script is gone";
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct spec_script *from = &s->model->spec->engine.script;
	struct step_task *fetch = vec_push(a, tasks);
	struct task *t;

	*fetch = (struct step_task){.node = s->node,
		.what = arena_printf(a, "fetch %s", from->url.text),
		.task = {.type = TASK_FETCH, .url = from->url.text, .sha256 = from->sha256.text,
			 .timeout_s = 60}};
	t = tasks_add(a, tasks, s->node, "push",
		      arena_printf(a, "write %s", s->model->script_path));
	t->changes = true;
	t->timeout_s = 60;
	task_arg(a, t, s->model->script_path);
	task_arg(a, t, from->sha256.text);
}

static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->seen.have;
	const char *path = attrs_value(&have, "path", s->model->script_path);
	struct task *t;

	if (!path)
		return;
	t = tasks_add(a, tasks, s->node, "push", arena_printf(a, "rm %s", path));
	t->changes = true;
	t->timeout_s = 60;
	task_arg(a, t, path);
}

static const struct field_effect fields[] = {
	{"url", EFFECT_NONE, "where the script is fetched from; the same bytes are the same script"},
	{"sha256", EFFECT_REPLACE, "what its bytes must be"},
	{"path", EFFECT_REPLACE, "where it lies in the shared directory"},
	{NULL}
};

const struct kind kind_script = {
	.name = "script",
	.doc = "vLLM's run_cluster.sh, pinned by sha256, in the shared directory",
	.fields = fields,
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
};
