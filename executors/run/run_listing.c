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

/* The list is there, or there is none. */
static void
listing_end(struct lookup *k, struct manifest *list, const char *why)
{
	struct cluster *c = k->run->cluster;

	cluster_take_manifest(c, list, why);
	if (list) {
		c->texts.hub = listing_as_hub(k->arena, list);
		c->texts.nhub = strlen(c->texts.hub);
		c->texts.where = k->listing->way->server;
		lookup_fetch_texts(k);
	}
	lookup_ended(k);
}

/* Why there is no use in an answer; NULL: there is. */
static const char *
listing_trouble(const struct lookup *k, const struct http *h)
{
	struct arena *a = k->arena;
	const char *server = k->listing->way->server;

	if (h->status == 0)
		return arena_printf(a, "%s cannot be reached: %s", server, h->err.text);
	if (h->status == 401 || h->status == 403)
		return arena_printf(a, "%s refuses '%s' (status %ld): %s", server, h->url, h->status,
				    k->token ? "the token of model.token is not valid for it"
					     : "it may need a model.token");
	if (h->status == 404)
		return arena_printf(a, "%s has no '%s'", server, h->url);
	if (h->status != 200)
		return arena_printf(a, "%s answered '%s' with status %ld", server, h->url, h->status);
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
	struct listing_head head = {.size = -1};
	const char *name, *value;

	for (size_t at = 0; http_next_header(h, &at, &name, &value);) {
		char *end;

		if (strcmp(name, "content-length") == 0 && *value >= '0' && *value <= '9') {
			head.size = strtoll(value, &end, 10);
			if (*end)
				head.size = -1;
		} else if (strcmp(name, "etag") == 0) {
			head.etag = arena_strdup(a, value);
		}
	}
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
			.url = lookup_url(k, list->v[q->file].path), .timeout_ms = patience.hub * 1000L};
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

void
lookup_list(struct lookup *k)
{
	const struct spec_model *from = &k->run->cluster->spec->model;
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
	if (!file_read(open(path, O_RDONLY | O_CLOEXEC), path, MAX_CA, &text, e))
		return err_set(e, "model.ca: %s", arena_strdup(a, e->text));
	c->ca = arena_strndup(a, str_text(&text), text.len);
	str_release(&text);
	return strstr(c->ca, "-----BEGIN CERTIFICATE-----") ||
	       err_set(e, "model.ca: '%s' has no certificate in PEM form", path);
}
