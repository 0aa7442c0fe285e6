#include <string.h>

#include "planner/kinds/common.h"

static bool
by_host(const struct model *m)
{
	return !m->image ||
	       (m->spec->model.client.text && strcmp(m->spec->model.client.text, "host") == 0);
}

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_download;
	const struct spec_model *from = &m->spec->model;
	struct step *s, *image;

	if (!from->at.line || from->path.text)
		return;
	s = graph_add(b, &kind_download, &m->node[0], false);
	attrs_add(a, &s->want, "repo", from->repo.text);
	attrs_add(a, &s->want, "revision", from->revision.text);
	attrs_add(a, &s->want, "commit", model_commit(m));
	if (from->include.n)
		attrs_add(a, &s->want, "include", words_text(a, &from->include));
	if (from->exclude.n)
		attrs_add(a, &s->want, "exclude", words_text(a, &from->exclude));
	if (from->endpoint.text)
		attrs_add(a, &s->want, "endpoint", from->endpoint.text);
	if (m->manifest) {
		attrs_addf(a, &s->want, "files", "%zu", m->manifest->n);
		attrs_add(a, &s->want, "bytes", bytes_text(a, m->manifest->bytes));
	}
	attrs_add(a, &s->want, "hf_home", m->hf_home);
	attrs_sort(&s->want);
	graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
	image = graph_find(b->graph, arena_printf(a, "image[%s]", m->node[0].name));
	if (image && !by_host(m))
		graph_dep(b, s, image, EDGE_ORDER, NULL);
}

/* Files of that commit which the node has; facts name them COMMIT/PATH. */
static const struct fact_file *
find_file(const struct facts *f, const char *commit, const char *path)
{
	size_t n = strlen(commit);

	for (size_t i = 0; i < f->file.n; i++) {
		const char *name = f->file.v[i].path;

		if (strncmp(name, commit, n) == 0 && name[n] == '/' &&
		    strcmp(name + n + 1, path) == 0)
			return &f->file.v[i];
	}
	return NULL;
}

static bool
is_whole(const struct manifest_file *want, const struct fact_file *have)
{
	if (!have || have->size != want->size)
		return false;
	return !want->blob || !have->blob || strcmp(have->blob, "-") == 0 ||
	       strcmp(have->blob, want->blob) == 0;
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const struct model *m = s->model;
	const char *commit = attrs_value(&s->want, "commit", NULL), *recorded, *first = NULL;
	bool done, begun;
	size_t missing = 0, all = m->manifest ? m->manifest->n : 0;

	see_record(a, s);
	if (s->seen.state == SEEN_UNKNOWN || s->orphan)
		return;
	done = s->seen.state == SEEN_PRESENT;
	begun = s->seen.state == SEEN_INTERRUPTED;
	recorded = attrs_value(&s->seen.have, "commit", NULL);
	if (!m->commit && m->commit_why)
		problem_add(a, problems, commit ? DIAG_WARNING : DIAG_ERROR, s->node, NULL,
			    commit ? "the Hub was not asked what revision '%s' of '%s' is (%s); "
				     "the commit of the last apply stands"
				   : "revision '%s' of '%s' is not known: %s",
			    m->spec->model.revision.text, m->spec->model.repo.text, m->commit_why);
	if (!commit || !m->manifest || !m->commit)
		return;
	for (size_t i = 0; i < all; i++) {
		const struct manifest_file *file = &m->manifest->v[i];

		if (is_whole(file, find_file(s->node->facts, commit, file->path)))
			continue;
		if (!missing++)
			first = file->path;
	}
	if (!missing) {
		/* Complete, by whose hand ever. */
		if (!done || !recorded || strcmp(recorded, commit) != 0) {
			s->seen.adopted = true;
			s->seen.have = s->want;
		}
		s->seen.state = SEEN_PRESENT;
		s->seen.output = commit;
		return;
	}
	/* Another commit than the recorded one: an update from that to this. */
	if (done && recorded && strcmp(recorded, commit) != 0)
		return;
	s->seen.output = NULL;
	if (done || begun) {
		/* Not "interrupted": what is there already is taken up, not thrown away. */
		s->seen.state = SEEN_GONE;
		s->seen.why = arena_printf(a, "%s%zu of %zu files are missing or not whole, as '%s'",
					   begun ? "the download was interrupted, " : "",
					   missing, all, first);
	}
}

static const char *
manifest_lines(struct arena *a, const struct manifest *m)
{
	struct str s = {0};
	const char *copy;

	for (size_t i = 0; m && i < m->n; i++)
		str_printf(&s, "%lld\t%s\t%s\n", m->v[i].size, m->v[i].blob ? m->v[i].blob : "-",
			   m->v[i].path);
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

/* Includes and excludes as `hf download` takes them. */
static void
patterns(struct arena *a, struct task *t, const struct words *list, const char *flag)
{
	for (size_t i = 0; i < list->n; i++) {
		task_arg(a, t, flag);
		task_arg(a, t, list->v[i].text);
	}
}

/* How the container that has `hf` is run, as far as the user decides. */
static void
docker_args(struct arena *a, struct task *t, const struct step *s)
{
	const struct model *m = s->model;
	const struct words *more = &m->spec->engine.docker_args;
	struct attrs env = {0};

	task_arg(a, t, "--network");
	task_arg(a, t, "host");
	task_arg(a, t, "-v");
	task_argf(a, t, "%s:%s", m->spec->shared_dir.text, m->spec->shared_dir.text);
	env_want(a, m, s->node, &env);
	env_args(a, t, &env);
	for (size_t i = 0; i < more->n; i++)
		task_arg(a, t, more->v[i].text);
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	const struct spec_model *from = &m->spec->model;
	const char *commit = model_commit(m), *lines = manifest_lines(a, m->manifest);
	size_t count;
	struct task *t = tasks_add(a, tasks, s->node, "download-up",
		arena_printf(a, "hf download %s --revision %s", from->repo.text,
			     commit ? commit : "(not known)"));

	container_task(a, t, m->runtime);
	t->changes = true;
	t->input = lines;
	t->ninput = strlen(lines);
	if (from->token.from)
		t->secrets = TASK_TOKEN;
	task_arg(a, t, by_host(m) ? "host" : "container");
	task_arg(a, t, from->token.from ? "token" : "no-token");
	task_arg(a, t, m->hf_home);
	task_arg(a, t, m->hub);
	task_arg(a, t, commit ? commit : "-");
	task_arg(a, t, from->repo.text);
	task_arg(a, t, from->endpoint.text ? from->endpoint.text : "-");
	task_arg(a, t, container_name(a, m, "download"));
	task_arg(a, t, m->cluster);
	task_arg(a, t, m->venv ? m->venv : by_host(m) ? "-" : m->image);
	/* How many words go to docker run; the rest goes to hf. */
	count = t->argc;
	task_arg(a, t, "0");
	if (!by_host(m))
		docker_args(a, t, s);
	t->argv[count] = arena_printf(a, "%zu", t->argc - count - 1);
	patterns(a, t, &from->include, "--include");
	patterns(a, t, &from->exclude, "--exclude");
}

/* Only destroy -purge comes here. */
static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->seen.have;
	const char *repo = attrs_value(&have, "repo", NULL);
	const char *home = attrs_value(&have, "hf_home", s->model->hf_home);
	const char *commit = attrs_value(&have, "commit", s->seen.output);
	struct task *t;

	if (!repo || !home || !commit)
		return;
	t = tasks_add(a, tasks, s->node, "download-down",
		      arena_printf(a, "remove %s at %.12s from %s", repo, commit, home));
	container_task(a, t, s->model->runtime);
	t->changes = true;
	t->timeout_s = 600;
	task_arg(a, t, home);
	task_arg(a, t, repo);
	task_arg(a, t, commit);
	task_arg(a, t, container_name(a, s->model, "download"));
	task_arg(a, t, s->model->cluster);
}

static const struct field_effect fields[] = {
	{"repo", EFFECT_UPDATE, "the repository on the Hub"},
	{"revision", EFFECT_NONE, "the name that the commit was found by"},
	{"commit", EFFECT_UPDATE, "the commit: a new directory beside the old one"},
	{"include", EFFECT_UPDATE, "which files"},
	{"exclude", EFFECT_UPDATE, "which files not"},
	{"endpoint", EFFECT_NONE, "where the Hub is"},
	{"files", EFFECT_NONE, "how many files the commit has for us"},
	{"bytes", EFFECT_NONE, "how big they are"},
	{"hf_home", EFFECT_UPDATE, "the model cache in the shared directory"},
	{NULL}
};

const struct kind kind_download = {
	.name = "download",
	.doc = "the model at one commit in the shared directory, complete and verified",
	.fields = fields,
	.keep = true,
	.pool = "downloads",
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
};
