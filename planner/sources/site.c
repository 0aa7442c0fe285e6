/* model.url, http:// or https://: a folder on a web server with a file SHA256SUMS, the output of
 * sha256sum. What that names is the model; sizes are what the server says of each file. */
#include <string.h>

#include "planner/sources/listing.h"

#define SITE_SUMS "SHA256SUMS"

static const char *
site_name(const struct spec_model *spec)
{
	return spec->url.text;
}

static const char *
site_served_name(const struct spec_model *spec)
{
	const char *slash = strrchr(spec->url.text, '/');

	return slash && slash[1] ? slash + 1 : spec->url.text;
}

static const char *
site_url(struct arena *a, const struct spec_model *spec, const char *path)
{
	return arena_printf(a, "%s/%s", spec->url.text, url_escaped(a, path, "/._-~"));
}

static const char *
site_start(struct arena *a, const struct spec_model *spec)
{
	return site_url(a, spec, SITE_SUMS);
}

static bool
site_take(void *arg, const char *path, const char *sha256, struct err *e)
{
	struct listing *l = arg;

	/* It may name itself, as it was while it was written. */
	return strcmp(path, SITE_SUMS) == 0 || listing_add(l, path, strlen(path), -1, sha256, NULL, e);
}

static bool
site_page(struct listing *l, const char *text, size_t n, struct err *e)
{
	struct err why = {0};

	l->next = NULL;
	return sums_read(l->arena, text, n, site_take, l, &why) ||
	       err_set(e, SITE_SUMS ": %s", why.text);
}

static bool
site_asks(const struct manifest_file *f)
{
	return f->size < 0;
}

static bool
site_head(struct listing *l, struct manifest_file *f, const struct listing_head *head, struct err *e)
{
	(void)l;
	f->size = head->size;
	return head->size >= 0 || err_set(e, "it does not say the size of '%.200s'", f->path);
}

static const struct listing_way site_list = {
	.server = "the server",
	.start = site_start,
	.page = site_page,
	.url = site_url,
	.asks = site_asks,
	.head = site_head,
	.auth = "bearer",
};

const struct weights_source source_site = {
	.name = site_name,
	.served_name = site_served_name,
	SOURCE_IN_HUB_CACHE,
	.list = &site_list,
};
