/* Checks of where the model comes from. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/spec/checks.h"

/* Is it in the file, right or wrong? A url gives the repo a text, too. */
static bool
model_has(const struct word *word)
{
	return word->at.line > 0;
}

/* Does the spec need a storage that it does not give? */
void
check_model_storage(struct checking *c)
{
	const struct spec *s = c->spec;
	const struct word *launcher = &s->engine.launcher, *fetched = &s->model.repo;

	if (!model_has(fetched))
		fetched = model_has(&s->model.url) ? &s->model.url : NULL;
	if (launcher->text && strcmp(launcher->text, "script") == 0) {
		if (!was_given(&s->shared_dir) && !was_given(&s->storage.shared))
			check_fail(c, launcher->at, "launcher script needs 'storage: {shared: DIR}', a "
				   "directory that all nodes share: it runs run_cluster.sh from there");
	} else if (was_given(&s->shared_dir) || s->storage.at.line) {
		return;
	} else if (!fetched) {
		size_t n;
		const struct spec_extra *extra = spec_extras(c->d->arena, s, &n);

		if (n)
			check_fail(c, extra->at, "'%s' needs a place: add 'storage: {local: DIR}' for a copy on "
				   "each node's own disk, or 'storage: {shared: DIR}' for a directory that all "
				   "nodes share", extra->repo.text);
	} else {
		check_fail(c, fetched->at, "'%s' needs a place for the weights: add 'storage: "
			   "{local: DIR}' for a copy on each node's own disk, or 'storage: {shared: DIR}' "
			   "for a directory that all nodes share", model_has(&s->model.url) ? "url" : "repo");
	}
}

void
check_model_source(struct checking *c)
{
	const struct spec_model *m = &c->spec->model;
	const struct { const char *name; const struct word *word; } ways[] = {
		{"repo", &m->repo}, {"url", &m->url}, {"path", &m->path}};
	size_t first = countof(ways);

	if (!m->at.line)
		return;
	for (size_t i = 0; i < countof(ways); i++) {
		if (!model_has(ways[i].word))
			continue;
		if (first < countof(ways)) {
			check_fail(c, ways[i].word->at, "'model' has both '%s' and '%s'", ways[first].name,
				   ways[i].name);
			diag_note(c->d, ways[first].word->at, "the %s", ways[first].name);
			return;
		}
		first = i;
	}
	if (m->source.at.line && !model_has(&m->repo) && first < countof(ways))
		check_fail(c, m->source.at, "'source' says which hub has the 'repo', so it has no effect with '%s'",
			   ways[first].name);
	if (first == countof(ways))
		check_fail(c, m->at, "'model' needs a 'repo' (ORG/NAME), a 'url' or a 'path'");
}

static bool
model_is_pin(const char *s)
{
	return s && strlen(s) == 40 && strspn(s, "0123456789abcdef") == 40;
}

static bool
model_in_bucket(const struct spec_model *m)
{
	return m->url.text && strncmp(m->url.text, "s3://", 5) == 0;
}

/* Is it a page of a hub? A hub has no SHA256SUMS, so the user means 'repo'. */
static bool
model_is_of_hub(const char *url)
{
	static const char *const hosts[] = {"https://huggingface.co/", "https://hf.co/",
		"https://www.modelscope.cn/", "https://modelscope.cn/"};

	for (size_t i = 0; url && i < countof(hosts); i++)
		if (strncmp(url, hosts[i], strlen(hosts[i])) == 0)
			return true;
	return false;
}

void
check_model_url(struct checking *c)
{
	const struct spec_model *m = &c->spec->model;

	if (!model_has(&m->url))
		return;
	if (model_is_of_hub(m->url.text)) {
		check_fail(c, m->url.at, "this is the page of a repository: write 'repo: ORG/NAME'%s, and "
			   "'revision' if it is not the default", strstr(m->url.text, "modelscope.") ?
			   " and 'source: modelscope'" : "");
		return;
	}
	if (model_has(&m->endpoint) && !model_in_bucket(m))
		check_fail(c, m->endpoint.at, "'endpoint' is for 'repo' and for s3:// URLs: this 'url' names its "
			   "server itself");
	if (model_has(&m->revision) && !model_is_pin(m->revision.text))
		check_fail(c, m->revision.at, "a 'url' has no branches or tags: set 'revision' to the 40 digits that "
			   "the plan shows, or leave it out to get what is there now");
}

void
check_model_bucket(struct checking *c)
{
	const struct spec_model *m = &c->spec->model;
	const struct { const char *name; struct loc at; } keys[] = {
		{"region", m->region.at}, {"access_key", m->access_key.at},
		{"secret_key", m->secret_key.at}, {"session_token", m->session_token.at}};

	for (size_t i = 0; i < countof(keys) && !model_in_bucket(m); i++)
		if (keys[i].at.line)
			check_fail(c, keys[i].at, "'%s' is for a bucket: 'url: s3://BUCKET/PREFIX'", keys[i].name);
	if (!model_in_bucket(m))
		return;
	if (m->token.at.line)
		check_fail(c, m->token.at, "a bucket takes no token: use 'access_key' and 'secret_key'");
	if (m->access_key.at.line && !m->secret_key.at.line)
		check_fail(c, m->access_key.at, "'access_key' needs 'secret_key' beside it");
	if (m->secret_key.at.line && !m->access_key.at.line)
		check_fail(c, m->secret_key.at, "'secret_key' needs 'access_key' beside it");
	if (m->session_token.at.line && !m->access_key.at.line)
		check_fail(c, m->session_token.at, "'session_token' needs 'access_key' and 'secret_key' beside it");
}

void
check_model_repo(struct checking *c)
{
	const struct word *repo = &c->spec->model.repo;

	if (repo->text && (strstr(repo->text, "..") || strstr(repo->text, "--")))
		check_fail(c, repo->at, "'repo' must not contain '..' or '--'");
}

void
check_model_revision(struct checking *c)
{
	const struct word *revision = &c->spec->model.revision;
	size_t n = revision->text ? strlen(revision->text) : 0;

	if (n && (strstr(revision->text, "..") || revision->text[n - 1] == '/'))
		check_fail(c, revision->at, "'revision' must not contain '..' or end in '/'");
}

void
check_model_token_clear(struct checking *c)
{
	const struct spec_model *m = &c->spec->model;
	const struct word *to = model_has(&m->url) && !model_in_bucket(m) ? &m->url : &m->endpoint;

	if (m->token.from != SECRET_NONE && !model_has(&m->path) && to->text && str_in_clear(to->text))
		check_fail(c, to->at, "model.token is sent to '%s' unencrypted: others on the "
			   "network can read it; use https://", to->text);
}

void
check_model_path_alone(struct checking *c)
{
	const struct spec_model *m = &c->spec->model;
	const struct { const char *name; struct loc at; } other[] = {
		{"revision", m->revision.at}, {"endpoint", m->endpoint.at},
		{"client", m->client.at}, {"token", m->token.at}, {"ca", m->ca.at},
		{"include", m->include.n ? m->include.v[0].at : (struct loc){0}},
		{"exclude", m->exclude.n ? m->exclude.v[0].at : (struct loc){0}},
	};

	for (size_t i = 0; model_has(&m->path) && i < countof(other); i++)
		if (other[i].at.line)
			check_fail(c, other[i].at, "'%s' has no effect with 'path': nothing is "
				   "downloaded", other[i].name);
}
