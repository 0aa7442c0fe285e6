/* model.revision -> commit and list of files, and whether the token may have them. */
#include <stdlib.h>
#include <string.h>

#include "executors/run_private.h"

enum { HUB_MS = 20000, MAX_ANSWER = 32 * 1024 * 1024, MAX_CONFIG = 1024 * 1024 };

/* A small file of the commit that is wanted as it is. */
struct wanted_file {
	struct lookup *lookup;
	struct http http;
	const char *path;               /* in the repository */
	const char *cached;             /* its name in our cache */
	const char **text;              /* where it goes */
	size_t *n;
};

struct lookup {
	struct run *run;
	struct arena *arena;
	struct http http;
	struct wanted_file file[2];
	size_t under_way;               /* requests */
	const char *token;
	const char *gate_why;           /* the files are kept from us */
	size_t *left;
	bool *finished;
};

static const struct spec_model *
wanted(const struct lookup *k)
{
	return &k->run->model->spec->model;
}

static const char *
token_name(const struct lookup *k)
{
	struct str s = {0};
	const char *name;

	secret_name(&wanted(k)->token, &s);
	name = arena_strdup(k->arena, s.buf);
	str_release(&s);
	return name;
}

/* All but letters, digits and `keep` as %XX. */
static const char *
escaped(struct arena *a, const char *text, const char *keep)
{
	struct str s = {0};
	const char *copy;

	for (; *text; text++) {
		if ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
		    (*text >= '0' && *text <= '9') || strchr(keep, *text))
			str_putc(&s, *text);
		else
			str_printf(&s, "%%%02X", (unsigned char)*text);
	}
	copy = arena_strdup(a, str_text(&s));
	str_release(&s);
	return copy;
}

static const char *
endpoint(const struct lookup *k)
{
	const char *url = wanted(k)->endpoint.text;
	size_t n = url ? strlen(url) : 0;

	while (n && url[n - 1] == '/')
		n--;
	return arena_strndup(k->arena, url ? url : "", n);
}

static void
ended(struct lookup *k)
{
	if (--k->under_way)
		return;
	http_release(&k->http);
	k->http = (struct http){0};
	if (--*k->left == 0)
		*k->finished = true;
}

/* 401, 403: who must do what. */
static const char *
refusal(const struct lookup *k, const char *code)
{
	struct arena *a = k->arena;
	const char *repo = wanted(k)->repo.text;
	bool gated = strcmp(code, "GatedRepo") == 0;

	if (gated && !k->token)
		return arena_printf(a, "'%s' is gated: accept its terms at %s/%s and set model.token, "
				    "as in 'token: env:HF_TOKEN'", repo, endpoint(k), repo);
	if (gated)
		return arena_printf(a, "'%s' is gated and the account of the token '%s' has no access "
				    "yet: ask for it at %s/%s", repo, token_name(k), endpoint(k), repo);
	if (!k->token)
		return arena_printf(a, "the Hub does not show '%s' without a token: there is no such "
				    "repository, or it is private (set model.token)", repo);
	if (strcmp(code, "RepoNotFound") == 0)
		return arena_printf(a, "there is no repository '%s' that the token '%s' may see", repo,
				    token_name(k));
	return arena_printf(a, "the Hub refused the token '%s': it is not valid for '%s'",
			    token_name(k), repo);
}

/* Any answer but a good one, in words; NULL: it is good. */
static const char *
trouble(const struct lookup *k)
{
	const struct http *h = &k->http;
	struct arena *a = k->arena;

	if (h->status == 0)
		return arena_printf(a, "the Hub cannot be reached: %s", h->err.text);
	if (h->status == 401 || h->status == 403)
		return refusal(k, h->error_code);
	if (h->status == 404 && strcmp(h->error_code, "RevisionNotFound") == 0)
		return arena_printf(a, "'%s' has no revision '%s'", wanted(k)->repo.text,
				    wanted(k)->revision.text);
	if (h->status == 404)
		return arena_printf(a, "the Hub has no '%s' at revision '%s'", wanted(k)->repo.text,
				    wanted(k)->revision.text);
	if (h->status != 200)
		return arena_printf(a, "the Hub answered with status %ld", h->status);
	return NULL;
}

static void
on_gate(struct http *h)
{
	struct lookup *k = h->owner;

	/* Only a refusal counts: a redirect to the bytes is what a willing Hub sends. */
	if (h->status == 401 || h->status == 403)
		k->gate_why = refusal(k, h->error_code);
	ended(k);
}

/* ---- config.json and the index ---- */

static void
on_file(struct http *h)
{
	struct wanted_file *f = h->owner;
	struct lookup *k = f->lookup;

	if (h->status == 200 && h->answer.len) {
		*f->text = arena_strndup(k->arena, h->answer.buf, h->answer.len);
		*f->n = h->answer.len;
		cache_write("models", f->cached, h->answer.buf, h->answer.len);
	} else if (f == &k->file[0]) {
		k->run->model->texts.why = h->status
			? arena_printf(k->arena, "its config.json was not to be had: status %ld", h->status)
			: arena_printf(k->arena, "its config.json was not to be had: %s", h->err.text);
	}
	http_release(h);
	ended(k);
}

const char *
lookup_url(const struct lookup *k, const char *path)
{
	return arena_printf(k->arena, "%s/%s/resolve/%s/%s", endpoint(k), wanted(k)->repo.text,
			    k->run->model->commit, escaped(k->arena, path, "/._-"));
}

const char *
lookup_token(const struct lookup *k)
{
	return k->token;
}

static bool
is_listed(const struct manifest *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].path, path) == 0)
			return true;
	return false;
}

/* A commit never changes: what was fetched once is not asked for again. */
static void
fetch(struct lookup *k, struct wanted_file *f, const char *path, const char **text, size_t *n)
{
	struct model *m = k->run->model;
	struct str kept = {.max = MAX_ANSWER};

	if (!is_listed(m->manifest, path) || *text)
		return;
	*f = (struct wanted_file){.lookup = k, .path = path, .text = text, .n = n,
		.cached = arena_printf(k->arena, "%s@%s-%s", m->hub, m->commit, path)};
	if (cache_read("models", f->cached, &kept)) {
		*text = arena_strndup(k->arena, kept.buf, kept.len);
		*n = kept.len;
	} else {
		f->http = (struct http){.method = "GET", .url = lookup_url(k, path), .bearer = k->token,
			.done = on_file, .timeout_ms = HUB_MS, .owner = f,
			.max = f == &k->file[0] ? MAX_CONFIG : MAX_ANSWER};
		k->under_way++;
		http_start(k->run->loop, &f->http);
	}
	str_release(&kept);
}

static void
ask(struct lookup *k, const char *method, const char *url, void (*done)(struct http *))
{
	http_release(&k->http);
	k->http = (struct http){.method = method, .url = url, .bearer = k->token, .done = done,
		.timeout_ms = HUB_MS, .max = MAX_ANSWER, .owner = k,
		.no_redirects = strcmp(method, "HEAD") == 0};
	http_start(k->run->loop, &k->http);
}

/* The list of a gated model is open to all, its files are not. */
static void
on_revision(struct http *h)
{
	struct lookup *k = h->owner;
	struct model *m = k->run->model;
	const char *why = trouble(k), *file;

	if (!why) {
		m->texts.hub = arena_strndup(k->arena, str_text(&h->answer), h->answer.len);
		m->texts.nhub = h->answer.len;
		if (!model_read_hub(k->arena, m, h->answer.buf, h->answer.len, &why) && !why)
			why = "the Hub's answer cannot be understood";
	}
	if (why) {
		m->commit_why = why;
		ended(k);
		return;
	}
	file = is_listed(m->manifest, "config.json") ? "config.json" : m->manifest->v[0].path;
	ask(k, "HEAD", lookup_url(k, file), on_gate);
	m->texts.where = "the Hub";
	fetch(k, &k->file[0], "config.json", &m->texts.config, &m->texts.nconfig);
	fetch(k, &k->file[1], "model.safetensors.index.json", &m->texts.index, &m->texts.nindex);
}

struct lookup *
lookup_start(struct run *r, struct arena *a, size_t *left, bool *finished)
{
	struct model *m = r->model;
	const struct spec_model *want = &m->spec->model;
	struct err e = {0};
	struct lookup *k;

	/* A config that was given stands for the model: nobody is asked. */
	if (!want->at.line || want->path.text || !want->repo.text || m->texts.config)
		return NULL;
	k = ar_new(a, struct lookup);
	*k = (struct lookup){.run = r, .arena = a, .left = left, .finished = finished};
	if (want->token.from != SECRET_NONE) {
		k->token = run_secret(r, &want->token, &e);
		if (!k->token) {
			m->commit_why = arena_strdup(a, e.text);
			return k;
		}
	}
	++*left;
	k->under_way = 1;
	ask(k, "GET", arena_printf(a, "%s/api/models/%s/revision/%s?blobs=true", endpoint(k),
				   want->repo.text, escaped(a, want->revision.text, "._-")),
	    on_revision);
	return k;
}

/* Is that commit complete on some node already? Then nobody needs the gate. */
static bool
is_there(const struct model *m, const char *commit)
{
	for (size_t i = 0; i < m->nnode; i++) {
		const struct facts *f = m->node[i].facts;

		for (size_t k = 0; f && k < f->record.n; k++) {
			const struct record *rec = &f->record.v[k];

			if (rec->output && strcmp(rec->output, commit) == 0 &&
			    strcmp(rec->phase, "done") == 0)
				return true;
		}
	}
	return false;
}

void
lookup_finish(struct lookup *k)
{
	struct model *m = k->run->model;

	if (!k->gate_why || !m->commit || is_there(m, m->commit))
		return;
	m->commit = NULL;
	m->manifest = NULL;
	m->commit_why = k->gate_why;
}
