/* Lists of files as servers of models send them: the output of sha256sum, pages of a bucket, ModelScope's JSON. What is
 * taken has safe names and a known size. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/sources/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void
one(const char *url, const char *text, size_t n)
{
	struct arena a = {0};
	struct spec_model from = {.repo.text = url, .url.text = strchr(url, '/')[1] == '/' ? url : NULL,
		 .endpoint.text = "https://s3",
		.revision.text = "latest"};
	struct listing l = {.arena = &a, .from = &from, .list = ar_new(&a, struct manifest)};
	const struct listing_way *way = source_of(&from)->list;
	struct listing_head head = {.size = 5, .etag = "\"x\"", .sha256 = "x"};
	struct manifest *m;
	struct err e = {0};

	/* The same text stands for the pages that follow. */
	for (int i = 0; i < 3 && (!i || l.next); i++)
		if (!way->page(&l, text, n, &e))
			break;
	for (size_t i = 0; i < l.list->n; i++)
		if (way->asks(&l.list->v[i]))
			way->head(&l, &l.list->v[i], &head, &e);
	m = listing_done(&l, &e);
	for (size_t i = 0; m && i < m->n; i++)
		if (!hub_is_safe(m->v[i].path) || m->v[i].size < 0 || strpbrk(m->v[i].path, "\t\n") ||
		    (m->v[i].etag && strpbrk(m->v[i].etag, "\t\r\n")))
			abort();
	if (m && !hub_is_commit(m->commit))
		abort();
	if (way->said)
		way->said(&a, text, n);
	arena_release(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	/* As libcurl hands it over: with a NUL behind it. */
	char *text = malloc(n + 1);

	memcpy(text, bytes, n);
	text[n] = '\0';
	one("https://h/d", text, n);
	one("s3://b/p", text, n);
	one("modelscope:o/n", text, n);
	free(text);
	return 0;
}
