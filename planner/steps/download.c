/* Kind download: the weights in a shared directory; and what all steps share that bring weights. */
#include <string.h>

#include "planner/base/bytes.h"
#include "planner/base/vec.h"
#include "planner/base/limits.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/container.h"
#include "planner/steps/download.h"
#include "planner/steps/inputs.h"
#include "planner/steps/node_weights.h"
#include "planner/steps/sampled.h"
#include "planner/plan/observed.h"
#include "planner/runtimes/runtime.h"
#include "planner/sources/listing.h"

/* How the files are asked for that hf does not fetch; NULL: hf does. */
static const struct listing_way *
download_way(const struct spec_model *from)
{
	return source_of(from)->list;
}

static bool
download_by_host(const struct cluster *c)
{
	return !c->image ||
	       (c->spec->model.client.text && strcmp(c->spec->model.client.text, "host") == 0);
}

bool
download_needed(const struct cluster *c)
{
	return c->spec->model.at.line && c->source->fetched;
}

struct download_what
download_of(const struct cluster *c, const struct cluster_extra *x)
{
	return x ? (struct download_what){&x->from, x->manifest, x->commit, x->commit_why, x->hub}
		 : (struct download_what){&c->spec->model, c->manifest, c->commit, c->commit_why, c->hub};
}

const struct cluster_extra *
download_extra(const struct step *s)
{
	struct attrs want = s->want;
	const char *repo = attrs_value(&want, "repo", "");

	for (size_t i = 0; s->kind == &kind_repo && i < s->cluster->nextra; i++)
		if (strcmp(s->cluster->extra[i].from.repo.text, repo) == 0)
			return &s->cluster->extra[i];
	return NULL;
}

void
download_want(struct arena *a, struct graph_builder *b, struct step *s, bool fetches,
	      const struct cluster_extra *x)
{
	const struct cluster *c = s->cluster;
	struct download_what what = download_of(c, x);
	const struct spec_model *from = what.from;
	struct step *image;

	attrs_add(a, &s->want, "repo", from->repo.text);
	attrs_add(a, &s->want, "revision", from->revision.text);
	attrs_add(a, &s->want, "commit", x ? extra_commit(c, x) : model_commit(c));
	if (x && x->use)
		attrs_add(a, &s->want, "for", x->use);
	if (from->include.n)
		attrs_add(a, &s->want, "include", words_text(a, &from->include));
	if (from->exclude.n)
		attrs_add(a, &s->want, "exclude", words_text(a, &from->exclude));
	if (from->endpoint.text && (!from->url.text || from->endpoint.at.line))
		attrs_add(a, &s->want, "endpoint", from->endpoint.text);
	if (from->ca.text)
		attrs_add(a, &s->want, "ca", from->ca.text);
	if (what.manifest) {
		attrs_addf(a, &s->want, "files", "%zu", what.manifest->n);
		attrs_add(a, &s->want, "bytes", bytes_text(a, what.manifest->bytes));
	}
	attrs_add(a, &s->want, "hf_home", c->hf_home);
	attrs_sort(&s->want);
	graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
	image = graph_find(b->graph, arena_printf(a, "image[%s]", s->node->name));
	if (image && fetches && !download_by_host(c))
		graph_dep(b, s, image, EDGE_ORDER, NULL);
	if (fetches && c->sif)
		graph_dep(b, s, graph_find(b->graph, arena_printf(a, "sif[%s]", s->node->name)), EDGE_ORDER, NULL);
}

static void
download_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_download;

	if (download_needed(c) && c->store_shared)
		download_want(a, b, graph_add(b, &kind_download, &c->node[0], false), true, NULL);
}

void
download_dep(struct graph_builder *b, struct step *s)
{
	const struct cluster *c = b->cluster;
	struct step *on = graph_find(b->graph, "download");

	repo_dep(b, s);
	graph_dep(b, s, on, EDGE_CONTENT, "model.commit");
	/* Its own node's copy is what it reads; the others' it waits for, so that no rank starts
	 * and waits for one that cannot start yet. */
	for (size_t i = 0; !on && i < c->nlayout; i++) {
		const struct node *n = &c->node[i];
		struct step *copy = graph_find(b->graph, arena_printf(b->arena, "weights[%s]", n->name));

		graph_dep(b, s, copy, n == s->node ? EDGE_CONTENT : EDGE_ORDER,
			  n == s->node ? "model.commit" : NULL);
	}
}

/* The node's file of that commit; facts name files COMMIT/PATH. */
static const struct fact_file *
download_find_file(const struct facts *f, const char *commit, const char *path)
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
download_is_whole(const struct manifest_file *want, const struct fact_file *have)
{
	if (!have || have->size != want->size)
		return false;
	return !want->blob || !have->blob || strcmp(have->blob, "-") == 0 ||
	       strcmp(have->blob, want->blob) == 0;
}

static bool
download_doubted(const struct cluster *c, const struct node *n, const struct fact_file *have)
{
	return have && have->size >= 0 && have->blob &&
	       (strcmp(have->blob, "changed") == 0 || sampled_doubt(c, n, have->blob));
}

static size_t
download_missing(const struct cluster *c, const struct manifest *m, const char *commit,
		 const struct node *n, const char **first, long long *bytes)
{
	size_t missing = 0;

	for (size_t i = 0; m && commit && i < m->n; i++) {
		const struct manifest_file *file = &m->v[i];
		const struct fact_file *have = download_find_file(n->facts, commit, file->path);

		if (download_is_whole(file, have) && !download_doubted(c, n, have))
			continue;
		*bytes += file->size;
		if (!missing++)
			*first = file->path;
	}
	return missing;
}

size_t
download_lacks(const struct cluster *c, const struct cluster_extra *x, const struct node *n,
	       const char **first, long long *bytes)
{
	return download_missing(c, download_of(c, x).manifest, x ? extra_commit(c, x) : model_commit(c), n,
				first, bytes);
}

struct manifest *
download_doubts(struct arena *a, const struct step *s)
{
	const struct manifest *m = download_of(s->cluster, download_extra(s)).manifest;
	struct attrs want = s->want;
	const char *commit = attrs_value(&want, "commit", NULL);
	struct manifest *list = ar_new(a, struct manifest);

	for (size_t i = 0; m && commit && node_observed(s->node) && i < m->n; i++)
		if (download_doubted(s->cluster, s->node,
				     download_find_file(s->node->facts, commit, m->v[i].path)))
			*vec_push(a, list) = m->v[i];
	return list;
}

/* For a step whose record says that it is done, if no list says what has to be there: if the cache
 * alone shows that something is missing, the step is gone. */
static void
download_judge(struct arena *a, struct step *s, const struct download_what *what, const char *commit)
{
	const struct cluster_extra *x = download_extra(s);
	const char *why = snapshot_lost(a, what->from, x, x ? x->use : NULL, s->node->facts, commit);

	if (!why)
		return;
	s->observed.state = STATE_GONE;
	s->observed.output = NULL;
	s->observed.why = arena_printf(a, "the cache there does not have all of %.12s: %s", commit, why);
}

void
download_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct cluster *c = s->cluster;
	const char *commit = attrs_value(&s->want, "commit", NULL), *recorded, *first = NULL;
	bool done, begun, doubted;
	struct download_what what = download_of(c, download_extra(s));
	const struct listing_way *way = download_way(what.from);
	const char *server = way ? way->server : "the Hub";
	size_t missing, all = what.manifest ? what.manifest->n : 0;
	long long bytes = 0;

	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || s->orphan)
		return;
	done = s->observed.state == STATE_PRESENT;
	begun = s->observed.state == STATE_INTERRUPTED;
	recorded = attrs_value(&s->observed.have, "commit", NULL);
	if (!what.commit && what.why && s->node == &c->node[0])
		diag_node(problems, commit ? DIAG_WARNING : DIAG_ERROR, s->node, commit ? NULL :
			  arena_printf(a, "without %s, the cache must have the whole snapshot: '%s/hub/%s'",
				       server, c->hf_home, what.hub),
			  commit ? "%s could not say what revision '%s' of '%s' is (%s); "
				   "the commit of the last apply is used"
				 : "%srevision '%s' of '%s' is not known: %s",
			  commit ? server : "", what.from->revision.text, what.from->repo.text, what.why);
	else if (what.why && s->node == &c->node[0])
		diag_node(problems, DIAG_WARNING, s->node, NULL,
			  "%s could not say what revision '%s' of '%s' is (%s); the cache there says "
			  "%.12s and has all of it", server, what.from->revision.text,
			  what.from->repo.text, what.why, commit);
	if (commit && !what.manifest && done && recorded && strcmp(recorded, commit) == 0)
		download_judge(a, s, &what, commit);
	if (!commit || !what.manifest || !what.commit)
		return;
	missing = download_missing(c, what.manifest, commit, s->node, &first, &bytes);
	if (!missing) {
		/* Complete, no matter who downloaded it. */
		if (!done || !recorded || strcmp(recorded, commit) != 0) {
			s->observed.adopted = true;
			s->observed.have = s->want;
		}
		s->observed.state = STATE_PRESENT;
		s->observed.output = commit;
		return;
	}
	/* Another commit was recorded: an update from that one to this one. */
	if (done && recorded && strcmp(recorded, commit) != 0)
		return;
	s->observed.output = NULL;
	if (done || begun) {
		/* Not "interrupted": a download continues with what is there. */
		s->observed.state = STATE_GONE;
		doubted = download_doubted(c, s->node, download_find_file(s->node->facts, commit, first));
		s->observed.why = arena_printf(a, "%s%zu of %zu files are missing or %s, such as '%s'",
					   begun ? "the download was interrupted, " : "", missing, all,
					   doubted ? "not what they were, or not the same on all nodes"
						   : "incomplete", first);
	}
}

const char *
download_list(struct arena *a, const struct manifest *m)
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

/* The same for fetch.py: also the URL and the server's name for the version. */
static const char *
download_list_urls(struct arena *a, const struct spec_model *from, const struct manifest *m)
{
	struct str s = {0};
	const char *copy;

	for (size_t i = 0; m && i < m->n; i++)
		str_printf(&s, "%lld\t%s\t%s\t%s\t%s\n", m->v[i].size, m->v[i].blob ? m->v[i].blob : "-",
			   m->v[i].path, download_way(from)->url(a, from, m->v[i].path),
			   m->v[i].etag ? m->v[i].etag : "-");
	str_puts(&s, "end\n");
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

/* Adds include or exclude, a word list among the inputs, as options of `hf download`. */
static void
download_patterns(struct arena *a, struct task *t, struct attrs *want, const char *name)
{
	size_t n;
	const char **word = words_of(a, attrs_value(want, name, ""), &n);

	for (size_t i = 0; i < n; i++) {
		task_wordf(a, t, "--%s", name);
		task_word(a, t, word[i]);
	}
}

/* The user's part of how the container with `hf` is run. */
static void
download_docker_args(struct arena *a, struct task *t, const struct step *s)
{
	const struct cluster *c = s->cluster;
	const struct words *more = &c->spec->engine.docker_args;
	struct attrs env = {0};

	task_word(a, t, "--network");
	task_word(a, t, "host");
	task_word(a, t, "-v");
	task_wordf(a, t, "%s:%s", c->store, c->store);
	env_want(a, c, s->node, &env);
	carried_want(a, c, s->node, true, &env);        /* such as an authority of its own */
	container_files(a, t, &env);
	env_args(a, t, &env);
	for (size_t i = 0; i < more->n; i++)
		task_word(a, t, more->v[i].text);
}

/* Other repositories may be named by other files, not by arguments: the cache must know their branch. */
void
download_ref(struct arena *a, struct task *t, const struct spec_model *from, bool extra)
{
	bool pinned = hub_is_commit(from->revision.text);

	if (!extra || download_way(from))
		return;
	task_arg(a, t, "ref", pinned ? "main" : from->revision.text);
	task_arg(a, t, "ref_kept", pinned ? "yes" : NULL);
}

void
download_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct attrs want = s->want;
	const char *repo = attrs_value(&want, "repo", ""), *commit = attrs_value(&want, "commit", NULL);
	struct download_what what = download_of(c, download_extra(s));
	const struct listing_way *way = download_way(what.from);
	const char *lines = way ? download_list_urls(a, what.from, what.manifest)
				: download_list(a, what.manifest);
	bool token = what.from->token.from, signs = what.from->access_key.from;
	bool by_host = download_by_host(c);
	struct task docker = {0};
	struct task *t = tasks_add(a, tasks, s->node, "download-up",
		way ? arena_printf(a, "download %s", repo)
		    : arena_printf(a, "hf download %s --revision %s", repo, commit ? commit : "(not known)"));

	t->script = owner_script(a, script_behind(a, "downloading", t->script));
	container_task(a, t, c->runtime);
	t->changes = true;
	t->input = lines;
	t->ninput = strlen(lines);
	t->secrets = token ? TASK_TOKEN : TASK_NO_SECRET;
	task_arg(a, t, "token", token ? "yes" : NULL);
	if (signs) {
		t->secrets = TASK_ACCESS_KEY | TASK_SECRET_KEY |
			     (what.from->session_token.from ? TASK_SESSION_TOKEN : TASK_NO_SECRET);
		task_arg(a, t, "keys", what.from->session_token.from ? "3" : "2");
		task_arg(a, t, "region", what.from->region.text);
	}
	task_arg(a, t, "hf_home", attrs_value(&want, "hf_home", NULL));
	task_arg(a, t, "hub", hub_folder_name(a, repo));
	task_arg(a, t, "repo", repo);
	task_arg(a, t, "commit", commit);
	download_ref(a, t, what.from, download_extra(s));
	task_arg(a, t, "endpoint", attrs_value(&want, "endpoint", NULL));
	if (what.from->ca.text)
		task_arg(a, t, "ca", c->ca);
	if (way) {
		task_arg(a, t, "fetch", script_get("fetch.py")->text);
		task_arg(a, t, "revision", what.from->revision.text);
		task_arg(a, t, "auth", token || signs ? way->auth : NULL);
	}
	container_named(a, t, s, s->kind);
	if (by_host)
		task_arg(a, t, "venv", c->venv);
	else
		download_docker_args(a, &docker, s);
	task_arg(a, t, "image", by_host ? NULL : c->image);
	task_arg_int(a, t, "docker_words", (long long)docker.argc);
	task_words(a, t);
	for (size_t i = 0; i < docker.argc; i++)
		task_word_kept(a, t, docker.argv[i]);
	if (way)
		return;
	download_patterns(a, t, &want, "include");
	download_patterns(a, t, &want, "exclude");
}

/* Only `destroy -purge` calls it. */
void
download_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->observed.have;
	const char *repo = attrs_value(&have, "repo", NULL);
	const char *home = attrs_value(&have, "hf_home", s->cluster->hf_home);
	const char *commit = attrs_value(&have, "commit", s->observed.output);
	struct task *t;

	if (!repo || !home || !commit)
		return;
	t = tasks_add(a, tasks, s->node, "download-down",
		      arena_printf(a, "remove %s at %.12s from %s", repo, commit, home));
	t->script = owner_script(a, script_behind(a, "downloading", t->script));
	container_task(a, t, s->cluster->runtime);
	t->changes = true;
	t->timeout_s = DOWNLOAD_DOWN_LIMIT;
	task_arg(a, t, "hf_home", home);
	task_arg(a, t, "hub", hub_folder_name(a, repo));
	task_arg(a, t, "commit", commit);
	container_named(a, t, s, s->kind);
}

const struct field_effect download_fields[] = {
	{"repo", EFFECT_UPDATE, "the repository on the Hub, or the URL that the model comes from"},
	{"revision", EFFECT_NONE, "the branch or tag that the commit was found by"},
	{"commit", EFFECT_UPDATE, "the commit; for a URL, a hash over the names, sizes and hashes of its "
		"files. A new one is a new directory next to the old one"},
	{"include", EFFECT_UPDATE, "the files to download"},
	{"exclude", EFFECT_UPDATE, "the files not to download"},
	{"endpoint", EFFECT_NONE, "the URL of the Hub, or of the bucket's server"},
	{"ca", EFFECT_NONE, "the file with the authorities that are trusted"},
	{"for", EFFECT_NONE, "what the engine does with it"},
	{"files", EFFECT_NONE, "how many files are downloaded"},
	{"bytes", EFFECT_NONE, "their size"},
	{"hf_home", EFFECT_UPDATE, "the model cache in the storage"},
	{"sent", EFFECT_NONE, "how much of it another node sends, and which one (storage.local)"},
	{NULL}
};

const struct kind kind_download = {
	.name = "download",
	.doc = "the model at one commit in the shared directory, complete and verified",
	.fields = download_fields,
	.keep = true,
	.pool = "downloads",
	.plan = download_plan,
	.observe = download_observe,
	.up = node_weights_up,
	.spread = &weights_spread,
	.down = download_down,
};
