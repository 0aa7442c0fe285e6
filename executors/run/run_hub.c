/* Resolves model.revision to a commit and its list of files, and checks whether the token
 * may read them. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/patience.h"
#include "executors/run/run_lookup.h"
#include "planner/sources/listing.h"

enum { MAX_CONFIG = 1024 * 1024 };

static const struct spec_model *
hub_wanted(const struct lookup *k)
{
	return k->extra ? &k->extra->from : &k->run->cluster->spec->model;
}

static void
hub_take(struct lookup *k, struct manifest *list, const char *why)
{
	if (k->extra)
		cluster_extra_set(k->extra, list, why);
	else
		cluster_take_manifest(k->run->cluster, list, why);
}

static const char *
hub_token_name(const struct lookup *k)
{
	struct str s = {0};
	const char *name;

	secret_name(&hub_wanted(k)->token, &s);
	name = arena_strdup(k->arena, s.buf);
	str_release(&s);
	return name;
}

static const char *
hub_endpoint(const struct lookup *k)
{
	const char *url = hub_wanted(k)->endpoint.text;
	size_t n = url ? strlen(url) : 0;

	while (n && url[n - 1] == '/')
		n--;
	return arena_strndup(k->arena, url ? url : "", n);
}

void
lookup_ended(struct lookup *k)
{
	if (--k->under_way)
		return;
	http_release(&k->http);
	k->http = (struct http){0};
	if (--*k->left == 0)
		*k->finished = true;
}

/* For 401 and 403: what the user must do. */
static const char *
hub_refusal(const struct lookup *k, const char *code)
{
	struct arena *a = k->arena;
	const char *repo = hub_wanted(k)->repo.text;
	bool gated = strcmp(code, "GatedRepo") == 0;

	if (gated && !k->token)
		return arena_printf(a, "'%s' is gated: accept its terms at %s/%s and set model.token, "
				    "as in 'token: env:HF_TOKEN'", repo, hub_endpoint(k), repo);
	if (gated)
		return arena_printf(a,
				    "'%s' is gated and the account of the token '%s' has no access "
				    "yet: request it at %s/%s",
				    repo, hub_token_name(k), hub_endpoint(k), repo);
	if (!k->token)
		return arena_printf(a, "the Hub does not show '%s' without a token: there is no such "
				    "repository, or it is private (set model.token)", repo);
	if (strcmp(code, "RepoNotFound") == 0)
		return arena_printf(a, "there is no repository '%s' that the token '%s' may see", repo,
				    hub_token_name(k));
	return arena_printf(a, "the Hub refused the token '%s': it is not valid for '%s'",
			    hub_token_name(k), repo);
}

/* Describes a bad answer; NULL: it is good. */
static const char *
hub_trouble(const struct lookup *k)
{
	const struct http *h = &k->http;
	struct arena *a = k->arena;

	if (h->status == 0)
		return arena_printf(a, "the Hub cannot be reached: %s", h->err.text);
	if (h->status == 401 || h->status == 403)
		return hub_refusal(k, h->error_code);
	if (h->status == 404 && strcmp(h->error_code, "RevisionNotFound") == 0)
		return arena_printf(a, "'%s' has no revision '%s'", hub_wanted(k)->repo.text,
				    hub_wanted(k)->revision.text);
	if (h->status == 404)
		return arena_printf(a, "the Hub has no '%s' at revision '%s'",
				    hub_wanted(k)->repo.text, hub_wanted(k)->revision.text);
	if (h->status != 200)
		return arena_printf(a, "the Hub answered with status %ld", h->status);
	return NULL;
}

static void
hub_on_gated(struct http *h)
{
	struct lookup *k = h->owner;

	/* Only a refusal counts; a redirect to the bytes means access. */
	if (h->status == 401 || h->status == 403)
		k->gated_why = hub_refusal(k, h->error_code);
	lookup_ended(k);
}

/* ---- config.json and the index ---- */

static void
hub_on_file(struct http *h)
{
	struct wanted_file *f = h->owner;
	struct lookup *k = f->lookup;

	if (h->status == 200 && h->answer.len) {
		*f->text = arena_strndup(k->arena, h->answer.buf, h->answer.len);
		*f->n = h->answer.len;
		cache_write("models", f->cached, h->answer.buf, h->answer.len);
	} else if (f == &k->file[0]) {
		k->run->cluster->texts.why = h->status
			? arena_printf(k->arena, "its config.json could not be fetched: status "
						 "%ld", h->status)
			: arena_printf(k->arena, "its config.json could not be fetched: "
						 "%s", h->err.text);
	}
	http_release(h);
	lookup_ended(k);
}

const char *
lookup_url(const struct lookup *k, const char *path)
{
	const struct listing_way *way = source_of(hub_wanted(k))->list;

	if (way)
		return way->url(k->arena, hub_wanted(k), path);
	return arena_printf(k->arena, "%s/%s/resolve/%s/%s", hub_endpoint(k),
			    hub_wanted(k)->repo.text,
			    k->extra ? k->extra->commit : k->run->cluster->commit,
			    url_escaped(k->arena, path, "/._-"));
}

void
lookup_dress(const struct lookup *k, struct http *h)
{
	h->bearer = k->cookie ? NULL : k->token;
	h->cookie = k->cookie;
	h->aws = k->aws;
	h->ca = hub_wanted(k)->ca.text ? k->run->cluster->ca : NULL;
}

static bool
hub_is_listed(const struct manifest *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].path, path) == 0)
			return true;
	return false;
}

/* A commit never changes, so a file is fetched only once. */
static void
hub_fetch(struct lookup *k, struct wanted_file *f, const char *path, const char **text, size_t *n)
{
	struct cluster *c = k->run->cluster;
	struct str kept = {.max = LOOKUP_MAX_ANSWER};

	if (!hub_is_listed(c->manifest, path) || *text)
		return;
	*f = (struct wanted_file){.lookup = k, .path = path, .text = text, .n = n,
		.cached = arena_printf(k->arena, "%s-%s", c->source->cache_name(k->arena, hub_wanted(k), NULL,
								      c->commit), path)};
	if (cache_read("models", f->cached, &kept)) {
		*text = arena_strndup(k->arena, kept.buf, kept.len);
		*n = kept.len;
	} else {
		f->http = (struct http){.method = "GET", .url = lookup_url(k, path),
			.done = hub_on_file, .timeout_ms = patience.hub * 1000L, .owner = f,
			.max = f == &k->file[0] ? MAX_CONFIG : LOOKUP_MAX_ANSWER};
		lookup_dress(k, &f->http);
		k->under_way++;
		http_start(k->run->loop, &f->http);
	}
	str_release(&kept);
}

static void
hub_ask(struct lookup *k, const char *method, const char *url, void (*done)(struct http *))
{
	http_release(&k->http);
	k->http = (struct http){.method = method, .url = url, .done = done,
		.timeout_ms = patience.hub * 1000L, .max = LOOKUP_MAX_ANSWER, .owner = k,
		.no_redirects = strcmp(method, "HEAD") == 0};
	lookup_dress(k, &k->http);
	http_start(k->run->loop, &k->http);
}

/* The list of files of a gated model is public, the files are not. So ask for one of them. */
static void
hub_on_extra(struct http *h)
{
	struct lookup *k = h->owner;
	struct cluster_extra *x = k->extra;
	const char *why = hub_trouble(k);
	struct manifest *list = NULL;
	struct err e = {0};

	if (!why) {
		x->said = arena_strndup(k->arena, str_text(&h->answer), h->answer.len);
		x->nsaid = h->answer.len;
		list = hub_read(k->arena, &x->from, x->said, x->nsaid, &e);
		why = list ? NULL : arena_strdup(k->arena, e.text);
	}
	hub_take(k, list, why);
	if (why)
		lookup_ended(k);
	else
		hub_ask(k, "HEAD", lookup_url(k, list->v[0].path), hub_on_gated);
}

void
lookup_fetch_texts(struct lookup *k)
{
	struct checkpoint_texts *t = &k->run->cluster->texts;

	hub_fetch(k, &k->file[0], t->format == FORMAT_MISTRAL ? "params.json" : "config.json", &t->config,
		  &t->nconfig);
	hub_fetch(k, &k->file[1], "model.safetensors.index.json", &t->index, &t->nindex);
}

static void
hub_on_revision(struct http *h)
{
	struct lookup *k = h->owner;
	struct cluster *c = k->run->cluster;
	const char *why = hub_trouble(k), *file, *config;
	struct manifest *list = NULL;
	struct err e = {0};

	if (!why) {
		c->texts.hub = arena_strndup(k->arena, str_text(&h->answer), h->answer.len);
		c->texts.nhub = h->answer.len;
		list = hub_read(k->arena, &c->spec->model, h->answer.buf, h->answer.len, &e);
		why = list ? NULL : arena_strdup(k->arena, e.text);
	}
	cluster_take_manifest(c, list, why);
	if (why) {
		lookup_ended(k);
		return;
	}
	config = c->texts.format == FORMAT_MISTRAL ? "params.json" : "config.json";
	file = hub_is_listed(c->manifest, config) ? config : c->manifest->v[0].path;
	hub_ask(k, "HEAD", lookup_url(k, file), hub_on_gated);
	c->texts.where = "the Hub";
	lookup_fetch_texts(k);
}

static struct lookup *
hub_start(struct run *r, struct arena *a, struct cluster_extra *x, size_t *left, bool *finished)
{
	struct lookup *k = ar_new(a, struct lookup);
	const struct spec_model *want;
	struct err e = {0};

	*k = (struct lookup){.run = r, .arena = a, .left = left, .finished = finished, .extra = x};
	want = hub_wanted(k);
	if (want->token.from != SECRET_NONE) {
		k->token = run_secret(r, &want->token, &e);
		if (!k->token) {
			hub_take(k, NULL, arena_strdup(a, e.text));
			return k;
		}
	}
	if (k->token && source_of(want)->list && strcmp(source_of(want)->list->auth, "cookie") == 0)
		k->cookie = arena_printf(a, "m_session_id=%s", k->token);
	if (want->access_key.from != SECRET_NONE) {
		k->aws = lookup_aws(k, want, &e);
		if (!k->aws) {
			hub_take(k, NULL, arena_strdup(a, e.text));
			return k;
		}
	}
	++*left;
	k->under_way = 1;
	if (source_of(want)->list) {
		lookup_list(k);
		return k;
	}
	hub_ask(k, "GET",
		arena_printf(a, "%s/api/models/%s/revision/%s?blobs=true", hub_endpoint(k),
			     want->repo.text, url_escaped(a, want->revision.text, "._-")),
		x ? hub_on_extra : hub_on_revision);
	return k;
}

struct lookup *
lookup_start(struct run *r, struct arena *a, size_t *left, bool *finished)
{
	struct cluster *c = r->cluster;

	/* The Hub is not asked if the user gave a config. */
	if (!c->spec->model.at.line || !c->source->fetched || c->texts.config)
		return NULL;
	return hub_start(r, a, NULL, left, finished);
}

struct lookup *
lookup_start_extra(struct run *r, struct arena *a, struct cluster_extra *x, size_t *left,
		   bool *finished)
{
	return hub_start(r, a, x, left, finished);
}

/* Is the commit complete on some node? Then no access to the files is needed. */
static bool
hub_is_there(const struct cluster *c, const struct manifest *list)
{
	if (c->nnode && snapshot_has(c->node[0].facts, list))
		return true;
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *f = c->node[i].facts;

		for (size_t k = 0; f && k < f->record.n; k++) {
			const struct record *rec = &f->record.v[k];

			if (rec->output && strcmp(rec->output, list->commit) == 0 &&
			    strcmp(rec->phase, "done") == 0)
				return true;
		}
	}
	return false;
}

void
lookup_finish(struct lookup *k)
{
	struct cluster *c = k->run->cluster;
	const char *commit = k->extra ? k->extra->commit : c->commit;
	const struct manifest *list = k->extra ? k->extra->manifest : c->manifest;

	if (k->gated_why && commit && !hub_is_there(c, list))
		hub_take(k, NULL, k->gated_why);
}
