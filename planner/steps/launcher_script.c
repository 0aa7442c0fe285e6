/* Kind script: run_cluster.sh on the nodes (launcher: script), at a pinned SHA-256. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/base/limits.h"
#include "planner/plan/graph.h"
#include "planner/plan/observed.h"

static void
launcher_script_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_script;
	struct step *s;

	if (!c->launcher_script)
		return;
	s = graph_add(b, &kind_script, &c->node[0], false);
	attrs_add(a, &s->want, "url", c->spec->engine.script.url.text);
	attrs_add(a, &s->want, "sha256", c->spec->engine.script.sha256.text);
	attrs_add(a, &s->want, "path", c->script_path);
	graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
}

static void
launcher_script_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const char *sha = attrs_value(&s->want, "sha256", NULL), *path, *there;
	bool recorded;

	(void)problems;
	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || s->orphan)
		return;
	recorded = s->observed.state == STATE_PRESENT;
	path = attrs_value(&s->observed.have, "path", NULL);
	there = s->node->facts->script_sha;
	/* The observation was of today's path; for another path the record counts. */
	if (recorded && path && strcmp(path, s->cluster->script_path) != 0)
		return;
	if (there && sha && strcmp(there, sha) == 0) {
		if (!recorded) {
			s->observed.have = s->want;
			s->observed.adopted = true;
		}
		s->observed.state = STATE_PRESENT;
		s->observed.output = sha;
		return;
	}
	s->observed.output = NULL;
	if (!recorded && !there)
		return;
	s->observed.state = STATE_GONE;
	s->observed.why = there ? "the script was changed"
			    : "the script is gone";
}

static void
launcher_script_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct spec_script *from = &s->cluster->spec->engine.script;
	struct step_task *fetch = vec_push(a, tasks);
	struct task *t;

	*fetch = (struct step_task){.node = s->node,
		.what = arena_printf(a, "fetch %s", from->url.text),
		.task = {.type = TASK_FETCH, .url = from->url.text, .sha256 = from->sha256.text,
			 .timeout_s = FILE_LIMIT}};
	t = tasks_add(a, tasks, s->node, "push",
		      arena_printf(a, "write %s", s->cluster->script_path));
	t->changes = true;
	t->timeout_s = FILE_LIMIT;
	task_arg(a, t, "path", s->cluster->script_path);
	task_arg(a, t, "sha256", from->sha256.text);
}

static void
launcher_script_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->observed.have;
	const char *path = attrs_value(&have, "path", s->cluster->script_path);
	struct task *t;

	if (!path)
		return;
	t = tasks_add(a, tasks, s->node, "push", arena_printf(a, "rm %s", path));
	t->changes = true;
	t->timeout_s = FILE_LIMIT;
	task_arg(a, t, "path", path);
}

static const struct field_effect fields[] = {
	{"url", EFFECT_NONE, "where the script is fetched from; only its sha256 counts"},
	{"sha256", EFFECT_REPLACE, "the SHA-256 that it must have"},
	{"path", EFFECT_REPLACE, "its path in the shared directory"},
	{NULL}
};

const struct kind kind_script = {
	.name = "script",
	.doc = "vLLM's run_cluster.sh, pinned by sha256, in the shared directory",
	.fields = fields,
	.plan = launcher_script_plan,
	.observe = launcher_script_observe,
	.up = launcher_script_up,
	.down = launcher_script_down,
};
