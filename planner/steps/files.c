/* The files under files: of the spec on each node, beside its records. */
#include "planner/steps/files.h"

#include <string.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/plan/graph.h"
#include "planner/plan/observed.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/runtime.h"

static void
files_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_files;
	const struct spec *spec = c->spec;

	for (size_t i = 0; spec->carried.n && i < c->nlayout; i++) {
		struct step *s = graph_add(b, &kind_files, &c->node[i], true);

		for (size_t k = 0; k < spec->carried.n; k++) {
			const struct spec_carried *f = &spec->carried.v[k];

			if (!f->name)
				continue;
			attrs_add(a, &s->want, arena_printf(a, "file.%s", f->name), f->sha256);
			if (f->mode.text && strcmp(f->mode.text, "0644") != 0)
				attrs_add(a, &s->want, arena_printf(a, "mode.%s", f->name), f->mode.text);
		}
		attrs_sort(&s->want);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
	}
}

/* What reads the files waits for them; so does the image, whose parser tries the options, and what
 * downloads in a container with the engine's variables. */
static void
files_link(struct graph_builder *b, struct diags *problems)
{
	const struct graph *g = b->graph;

	(void)problems;
	for (size_t i = 0; b->cluster->spec->carried.n && i < g->n; i++) {
		struct step *s = g->v[i];

		bool downloads = s->kind->pool && strcmp(s->kind->pool, "downloads") == 0;

		if (s->node && !s->orphan && (s->kind->engine || s->tries || downloads))
			graph_dep(b, s, graph_find(g, arena_printf(b->arena, "files[%s]", s->node->name)),
				  EDGE_ORDER, NULL);
	}
}

static const struct fact_carried *
files_find(const struct node *n, const char *path)
{
	for (size_t i = 0; node_observed(n) && path && i < n->facts->carried.n; i++)
		if (strcmp(n->facts->carried.v[i].path, path) == 0)
			return &n->facts->carried.v[i];
	return NULL;
}

static bool
files_has_content(const struct spec_carried *f, const struct fact_carried *there)
{
	return there && f->sha256 && strcmp(there->sha256, f->sha256 + strlen("sha256:")) == 0;
}

/* "0644" and "644" are one mode. */
static bool
files_has_mode(const struct spec_carried *f, const struct fact_carried *there)
{
	return f->mode.text && strcmp(there->mode, f->mode.text + (*f->mode.text == '0')) == 0;
}

bool
files_there(struct arena *a, const struct cluster *c, const struct node *n)
{
	for (size_t i = 0; i < c->spec->carried.n; i++) {
		const struct spec_carried *f = &c->spec->carried.v[i];

		if (!files_has_content(f, files_find(n, carried_path(a, f))))
			return false;
	}
	return true;
}

/* What is wrong with a file that the record says is there, or NULL. */
static const char *
files_lost(struct arena *a, const struct step *s, const struct spec_carried *f)
{
	const struct fact_carried *there = files_find(s->node, carried_path(a, f));
	struct attrs have = s->observed.have;
	const char *sum = f->name ? attrs_value(&have, arena_printf(a, "file.%s", f->name), NULL) : NULL;
	const char *mode = f->name ? attrs_value(&have, arena_printf(a, "mode.%s", f->name), "0644") : "";

	if (!sum || !f->sha256 || strcmp(sum, f->sha256) != 0)
		return NULL;
	if (!there)
		return arena_printf(a, "'%s' is gone", f->name);
	if (!files_has_content(f, there))
		return arena_printf(a, "'%s' was changed on the node", f->name);
	if (!files_has_mode(f, there) && strcmp(mode, f->mode.text) == 0)
		return arena_printf(a, "the mode of '%s' was changed on the node to 0%s", f->name, there->mode);
	return NULL;
}

static void
files_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct spec *spec = s->cluster->spec;
	const char *folder = carried_folder(a, s->cluster, s->node), *lost = NULL;

	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || s->orphan)
		return;
	if (folder && s->cluster->runtime->contained && !carried_mountable(folder))
		diag_node(problems, DIAG_ERROR, s->node, "set XDG_STATE_HOME there to a path without them",
			  "a container cannot get what is under 'files': the path '%s' has a ':', ',' or the like "
			  "in it", folder);
	for (size_t i = 0; s->observed.state == STATE_PRESENT && i < spec->carried.n && !lost; i++)
		lost = files_lost(a, s, &spec->carried.v[i]);
	if (!lost)
		return;
	s->observed.state = STATE_GONE;
	s->observed.why = lost;
}

static struct task *
files_task(struct arena *a, const struct step *s, struct tasks *tasks, const char *script, const char *what)
{
	struct task *t = tasks_add(a, tasks, s->node, script, what);

	t->script = script_with(a, "state", script);
	t->changes = true;
	t->timeout_s = FILE_LIMIT;
	task_arg(a, t, "cluster", s->cluster->name);
	return t;
}

static void
files_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct spec *spec = s->cluster->spec;
	struct task *t;

	for (size_t i = 0; i < spec->carried.n; i++) {
		const struct spec_carried *f = &spec->carried.v[i];
		const char *path = carried_path(a, f);

		if (!path || files_has_content(f, files_find(s->node, path)))
			continue;
		t = files_task(a, s, tasks, "files-put", arena_printf(a, "write %s", f->name));
		task_arg(a, t, "path", path);
		task_arg(a, t, "sha256", f->sha256 + strlen("sha256:"));
		task_arg(a, t, "mode", f->mode.text);
		t->input = f->bytes;
		t->ninput = f->n;
		t->private = strcmp(f->mode.text, "0600") == 0 || strcmp(f->mode.text, "0700") == 0;
	}
	t = files_task(a, s, tasks, "files-keep", "remove files that are no longer wanted");
	task_words(a, t);
	for (size_t i = 0; i < spec->carried.n; i++)
		if (carried_path(a, &spec->carried.v[i]))
			task_wordf(a, t, "%s %s", spec->carried.v[i].mode.text, carried_path(a, &spec->carried.v[i]));
}

static void
files_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	files_task(a, s, tasks, "files-keep", "remove all files of the spec");
}

static const struct field_effect fields[] = {
	{"file.", EFFECT_UPDATE, "the content of a file; what uses it is restarted"},
	{"mode.", EFFECT_UPDATE, "who may read it, if that is not 0644"},
	{NULL}
};

const struct kind kind_files = {
	.name = "files",
	.doc = "the files under 'files' of the spec, beside the node's records",
	.fields = fields,
	.again = true,
	.plan = files_plan,
	.link = files_link,
	.observe = files_observe,
	.up = files_up,
	.down = files_down,
};
