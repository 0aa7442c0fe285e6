/* Asks the server of a model that is not on the Hub for its list of files: pages, then what the
 * list does not say of single files. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "executors/io/file.h"
#include "executors/io/patience.h"
#include "executors/run/run_lookup.h"
#include "planner/sources/listing.h"

enum {
	AT_ONCE = 8,                    /* requests for single files under way */
	MAX_CA = 64 * 1024,             /* bytes: an argument of a script, too */
};

struct listing_question {
	struct lookup *lookup;
	struct http http;
	size_t file;                    /* its place in the list */
};

struct lookup_listing {
	struct listing pure;
	const struct listing_way *way;
	struct listing_question head[AT_ONCE];
	size_t next, under_way;         /* single files: the next one to ask for, and how many are asked */
	const char *why;                /* the first failure */
};

/* The list is complete, or `why` says that there is none. */
static void
listing_end(struct lookup *k, struct manifest *list, const char *why)
{
	struct cluster *c = k->run->cluster;

	if (k->extra) {
		cluster_extra_set(k->extra, list, why);
		k->extra->said = list ? listing_as_hub(k->arena, list) : NULL;
		k->extra->nsaid = list ? strlen(k->extra->said) : 0;
	} else {
		cluster_take_manifest(c, list, why);
	}
	if (list && !k->extra) {
		c->texts.hub = listing_as_hub(k->arena, list);
		c->texts.nhub = strlen(c->texts.hub);
		c->texts.where = k->listing->way->server;
		lookup_fetch_texts(k);
	}
	lookup_ended(k);
}

/* A header of the answer, or NULL. */
static const char *
listing_header(const struct http *h, const char *wanted)
{
	const char *name, *value;

	for (size_t at = 0; http_next_header(h, &at, &name, &value);)
		if (strcmp(name, wanted) == 0)
			return value;
	return NULL;
}

static const char *
listing_refusal(const struct lookup *k)
{
	if (strcmp(k->listing->way->auth, "aws") == 0) {
		if (!k->aws)
			return "it may need model.access_key and secret_key";
		/* Temporary keys of AWS begin so (IAM, unique identifiers). */
		if (strncmp(k->aws->access_key, "ASIA", 4) == 0 && !k->aws->session_token)
			return "these keys are temporary, and valid only with their token: set model.session_token";
		return "the keys (model.access_key, secret_key) are not valid for it";
	}
	return k->token ? "the token of model.token is not valid for it" : "it may need a model.token";
}

/* Why an answer cannot be used; NULL: it can. */
static const char *
listing_trouble(const struct lookup *k, const struct http *h)
{
	struct arena *a = k->arena;
	const struct listing_way *way = k->listing->way;
	const char *server = way->server, *said = NULL, *region = listing_header(h, "x-amz-bucket-region");

	if (h->status == 0)
		return arena_printf(a, "%s cannot be reached: %s", server, h->err.text);
	if (h->status != 200 && way->said && h->answer.len)
		said = way->said(a, str_text(&h->answer), h->answer.len);
	said = said ? arena_printf(a, ", %.80s", said) : "";
	if ((h->status == 301 || h->status == 400) && region && k->aws &&
	    strcmp(region, k->aws->region) != 0)
		return arena_printf(a, "%s is in region '%.40s', not '%s': set model.region", server, region,
				    k->aws->region);
	if (h->status == 401 || h->status == 403)
		return arena_printf(a, "%s refuses '%s' (status %ld%s): %s", server, h->url, h->status, said,
				    listing_refusal(k));
	if (h->status == 404)
		return arena_printf(a, "%s has no '%s'%s", server, h->url, said);
	if (h->status != 200)
		return arena_printf(a, "%s answered '%s' with status %ld%s", server, h->url, h->status, said);
	return NULL;
}

static void
listing_settle(struct lookup *k)
{
	struct err e = {0};
	struct manifest *list = k->listing->why ? NULL : listing_done(&k->listing->pure, &e);
	const char *why = k->listing->why;

	if (!list && !why)
		why = arena_printf(k->arena, "'%s': %s", k->listing->pure.from->repo.text, e.text);
	listing_end(k, list, why);
}

/* ---- single files ---- */

static void listing_ask_files(struct lookup *);

static struct listing_head
listing_head_of(struct arena *a, const struct http *h)
{
	const char *length = listing_header(h, "content-length"), *etag = listing_header(h, "etag");
	const char *sha256 = listing_header(h, "x-amz-checksum-sha256");
	const char *encryption = listing_header(h, "x-amz-server-side-encryption");
	char *end = NULL;
	struct listing_head head = {.size = -1,
		.etag = etag ? arena_strdup(a, etag) : NULL,
		.sha256 = sha256 ? arena_strdup(a, sha256) : NULL,
		.encryption = encryption ? arena_strdup(a, encryption) : NULL};

	if (length && *length >= '0' && *length <= '9')
		head.size = strtoll(length, &end, 10);
	if (end && *end)
		head.size = -1;
	return head;
}

static void
listing_on_file(struct http *h)
{
	struct listing_question *q = h->owner;
	struct lookup *k = q->lookup;
	struct lookup_listing *l = k->listing;
	struct manifest_file *file = &l->pure.list->v[q->file];
	const char *why = listing_trouble(k, h);
	struct err e = {0};

	l->under_way--;
	if (!why) {
		struct listing_head head = listing_head_of(k->arena, h);

		if (!l->way->head(&l->pure, file, &head, &e))
			why = arena_printf(k->arena, "'%s': %s", l->pure.from->repo.text, e.text);
	}
	if (why && !l->why)
		l->why = why;
	http_release(h);
	*h = (struct http){0};
	q->lookup = NULL;
	listing_ask_files(k);
}

static void
listing_ask_files(struct lookup *k)
{
	/* S3 says the hash of an object only if it is asked. */
	static const struct http_header checksum = {"x-amz-checksum-mode", "ENABLED"};
	struct lookup_listing *l = k->listing;
	struct manifest *list = l->pure.list;

	for (size_t i = 0; i < AT_ONCE && !l->why; i++) {
		struct listing_question *q = &l->head[i];

		while (l->next < list->n && !l->way->asks(&list->v[l->next]))
			l->next++;
		if (l->next == list->n)
			break;
		if (q->lookup)
			continue;
		*q = (struct listing_question){.lookup = k, .file = l->next++};
		q->http = (struct http){.method = "HEAD", .done = listing_on_file, .owner = q,
			.url = lookup_url(k, list->v[q->file].path), .timeout_ms = patience.hub * 1000L,
			.header = &checksum, .nheader = strcmp(l->way->auth, "aws") == 0};
		lookup_dress(k, &q->http);
		l->under_way++;
		http_start(k->run->loop, &q->http);
	}
	if (!l->under_way)
		listing_settle(k);
}

/* ---- pages ---- */

static void listing_ask_page(struct lookup *);

static void
listing_on_page(struct http *h)
{
	struct lookup *k = h->owner;
	struct listing *l = &k->listing->pure;
	struct err e = {0};

	k->listing->why = listing_trouble(k, h);
	if (!k->listing->why && !k->listing->way->page(l, str_text(&h->answer), h->answer.len, &e))
		k->listing->why = arena_printf(k->arena, "'%s': %s", l->from->repo.text, e.text);
	if (!k->listing->why && l->next && ++l->pages == LISTING_MAX_PAGES)
		k->listing->why = arena_printf(k->arena, "'%s': its list has more than %d pages",
					       l->from->repo.text, LISTING_MAX_PAGES);
	if (!k->listing->why && l->next)
		listing_ask_page(k);
	else
		listing_ask_files(k);
}

static void
listing_ask_page(struct lookup *k)
{
	http_release(&k->http);
	k->http = (struct http){.method = "GET", .url = k->listing->pure.next, .done = listing_on_page,
		.timeout_ms = patience.hub * 1000L, .max = LISTING_MAX_ANSWER, .owner = k};
	lookup_dress(k, &k->http);
	http_start(k->run->loop, &k->http);
}

const struct http_aws *
lookup_aws(struct lookup *k, const struct spec_model *from, struct err *e)
{
	struct http_aws *aws = ar_new(k->arena, struct http_aws);

	aws->region = from->region.text;
	aws->access_key = run_secret(k->run, &from->access_key, e);
	aws->secret_key = aws->access_key ? run_secret(k->run, &from->secret_key, e) : NULL;
	if (!aws->secret_key)
		return NULL;
	if (from->session_token.from != SECRET_NONE) {
		aws->session_token = run_secret(k->run, &from->session_token, e);
		if (!aws->session_token)
			return NULL;
	}
	return aws;
}

void
lookup_list(struct lookup *k)
{
	const struct spec_model *from = k->extra ? &k->extra->from : &k->run->cluster->spec->model;
	struct lookup_listing *l = k->listing = ar_new(k->arena, struct lookup_listing);

	l->way = source_of(from)->list;
	l->pure = (struct listing){.arena = k->arena, .from = from,
		.list = ar_new(k->arena, struct manifest), .next = l->way->start(k->arena, from)};
	listing_ask_page(k);
}

bool
lookup_read_ca(struct run *r, struct arena *a, struct err *e)
{
	struct cluster *c = r->cluster;
	const struct word *ca = &c->spec->model.ca;
	struct str text = {.max = MAX_CA};
	const char *path;

	if (!ca->text || r->opt.facts_dir || run_destroys(r))
		return true;
	path = *ca->text == '/' ? ca->text : arena_printf(a, "%s/%s", c->folder, ca->text);
	if (!file_read(open(path, O_RDONLY | O_CLOEXEC), path, MAX_CA, &text, e)) {
		str_release(&text);
		return err_wrap(e, "model.ca");
	}
	c->ca = arena_strndup(a, str_text(&text), text.len);
	str_release(&text);
	return strstr(c->ca, "-----BEGIN CERTIFICATE-----") ||
	       err_set(e, "model.ca: '%s' has no certificate in PEM form", path);
}
