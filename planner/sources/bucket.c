/* model.url, s3://BUCKET/PREFIX: the objects below a prefix of an S3-compatible bucket. Sizes and
 * ETags are those of ListObjectsV2. The hash of an object is the one that an object SHA256SUMS gives,
 * else its own SHA-256 if the bucket keeps one, else the MD5 that the ETag is if the object was not
 * written in parts and not encrypted with a key of a KMS; otherwise none is known.
 * (docs.aws.amazon.com/AmazonS3/latest/API: ListObjectsV2, HeadObject, "Checking object integrity") */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/sources/listing.h"
#include "planner/sources/xml.h"

#define BUCKET_SUMS "SHA256SUMS"

static const char *
bucket_name(const struct spec_model *spec)
{
	return spec->url.text && strncmp(spec->url.text, "s3://", 5) == 0 ? spec->url.text : NULL;
}

static const char *
bucket_served_name(const struct spec_model *spec)
{
	return strrchr(spec->url.text, '/') + 1;
}

/* What the keys of its objects begin with: "PREFIX/", or nothing. */
static const char *
bucket_prefix(struct arena *a, const struct spec_model *spec)
{
	const char *slash = strchr(spec->url.text + 5, '/');

	return slash ? arena_printf(a, "%s/", slash + 1) : "";
}

/* The bucket is a part of the path: that works with names with dots, and with MinIO and Ceph. */
static const char *
bucket_root(struct arena *a, const struct spec_model *spec)
{
	const char *bucket = spec->url.text + 5;

	return arena_printf(a, "%s/%.*s", spec->endpoint.text, (int)strcspn(bucket, "/"), bucket);
}

static const char *
bucket_url(struct arena *a, const struct spec_model *spec, const char *path)
{
	return arena_printf(a, "%s/%s", bucket_root(a, spec),
			    url_escaped(a, arena_printf(a, "%s%s", bucket_prefix(a, spec), path), "/._-~"));
}

/* The parameters are sorted, as the signature wants them. */
static const char *
bucket_page_url(struct arena *a, const struct spec_model *spec, const char *token)
{
	return arena_printf(a, "%s?%s%s%sencoding-type=url&list-type=2&max-keys=1000&prefix=%s",
			    bucket_root(a, spec), token ? "continuation-token=" : "",
			    token ? url_escaped(a, token, "._-~") : "", token ? "&" : "",
			    url_escaped(a, bucket_prefix(a, spec), "._-~"));
}

static const char *
bucket_start(struct arena *a, const struct spec_model *spec)
{
	return bucket_page_url(a, spec, NULL);
}

/* Decodes encoding-type=url: %XX, and '+' for a space. NULL: the text is not encoded so. */
static const char *
bucket_decoded(struct arena *a, const char *text)
{
	char *plain = arena_strdup(a, text), *to = plain;

	for (; *text; text++) {
		char hex[3] = {0}, *end;

		if (*text != '%') {
			*to++ = (char)(*text == '+' ? ' ' : *text);
			continue;
		}
		if (!text[1] || !text[2])
			return NULL;
		memcpy(hex, text + 1, 2);
		*to = (char)strtol(hex, &end, 16);
		if (*end || !*to++)
			return NULL;
		text += 2;
	}
	*to = '\0';
	return plain;
}

/* An ETag as it is sent back in If-Match, or NULL. */
static const char *
bucket_etag(struct arena *a, const char *text)
{
	enum { LONGEST = 200 };
	size_t n = text ? strlen(text) : 0;

	if (!n || n > LONGEST)
		return NULL;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return NULL;
	return *text == '"' ? text : arena_printf(a, "\"%s\"", text);
}

static bool
bucket_take(struct listing *l, const struct xml *contents, struct err *e)
{
	const char *key = xml_text(l->arena, contents, "Key"), *size = xml_text(l->arena, contents, "Size");
	const char *prefix = bucket_prefix(l->arena, l->from), *path;
	char *end = NULL;
	long long bytes = size && *size >= '0' && *size <= '9' ? strtoll(size, &end, 10) : -1;

	key = key ? bucket_decoded(l->arena, key) : NULL;
	if (!key || strncmp(key, prefix, strlen(prefix)) != 0)
		return err_set(e, "its list has an object with an invalid key");
	path = key + strlen(prefix);
	if (bytes < 0 || *end)
		return err_set(e, "its list does not give the size of '%.200s'", path);
	/* What some programs write for a folder. */
	if (!*path || (path[strlen(path) - 1] == '/' && !bytes))
		return true;
	if (strcmp(path, BUCKET_SUMS) == 0) {
		l->sums = true;
		return true;
	}
	return listing_add(l, path, strlen(path), bytes, NULL,
			   bucket_etag(l->arena, xml_text(l->arena, contents, "ETag")), e);
}

static bool
bucket_list(struct listing *l, const char *text, size_t n, struct err *e)
{
	struct xml result, at = {0};
	const char *more, *token;

	if (!xml_find(&(struct xml){text, n}, "ListBucketResult", &result))
		return err_set(e, "its answer is not a list of a bucket");
	while (xml_next(&result, "Contents", &at))
		if (!bucket_take(l, &at, e))
			return false;
	more = xml_text(l->arena, &result, "IsTruncated");
	if (!more || strcmp(more, "true") != 0)
		return true;
	token = xml_text(l->arena, &result, "NextContinuationToken");
	if (!token || !*token)
		return err_set(e, "its list ends in the middle");
	l->next = bucket_page_url(l->arena, l->from, token);
	return true;
}

static bool
bucket_take_sum(void *arg, const char *path, const char *sha256, struct err *e)
{
	struct listing *l = arg;
	struct manifest_file *file = manifest_find(l->list, path);

	if (file)
		file->blob = sha256;
	else if (strcmp(path, BUCKET_SUMS) != 0 && (!hub_is_safe(path) || hub_wants(l->arena, l->from, path)))
		return err_set(e, "there is no '%.200s'", path);
	return true;
}

static bool
bucket_page(struct listing *l, const char *text, size_t n, struct err *e)
{
	struct err why = {0};

	l->next = NULL;
	if (l->in_sums)
		return sums_read(l->arena, text, n, bucket_take_sum, l, &why) ||
		       err_set(e, BUCKET_SUMS ": %s", why.text);
	if (!bucket_list(l, text, n, e))
		return false;
	if (!l->next && l->sums) {
		manifest_sort(l->list);
		l->in_sums = true;
		l->next = bucket_url(l->arena, l->from, BUCKET_SUMS);
	}
	return true;
}

static bool
bucket_asks(const struct manifest_file *f)
{
	return !f->blob;
}

/* A SHA-256 in base64 as 64 hex digits. NULL: it is not the SHA-256 of the object; of an object in
 * parts, S3 has the checksum of the checksums of its parts. */
static const char *
bucket_sha256(struct arena *a, const char *base64)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	enum { LENGTH = 44 };
	struct str s = {0};
	const char *hex = NULL;
	unsigned bits = 0, n = 0;

	if (!base64 || strlen(base64) != LENGTH || base64[LENGTH - 1] != '=')
		return NULL;
	for (size_t i = 0; i < LENGTH - 1; i++) {
		const char *at = strchr(letters, base64[i]);

		if (!at)
			break;
		bits = bits << 6 | (unsigned)(at - letters);
		n += 6;
		if (n >= 8)
			str_printf(&s, "%02x", bits >> (n -= 8) & 0xff);
	}
	if (s.len == 64)
		hex = arena_strdup(a, str_text(&s));
	str_release(&s);
	return hex;
}

static bool
bucket_head(struct listing *l, struct manifest_file *f, const struct listing_head *head, struct err *e)
{
	const char *etag = bucket_etag(l->arena, head->etag);
	bool own_key = head->encryption && strcmp(head->encryption, "AES256") != 0;

	if (head->size >= 0 && head->size != f->size)
		return err_set(e, "'%.200s' changes while it is looked at", f->path);
	f->blob = bucket_sha256(l->arena, head->sha256);
	if (etag)
		f->etag = etag;
	if (!f->blob && !own_key && etag && strlen(etag) == 34 &&
	    strspn(etag + 1, "0123456789abcdef") == 32)
		f->blob = arena_strndup(l->arena, etag + 1, 32);
	return true;
}

static const char *
bucket_said(struct arena *a, const char *text, size_t n)
{
	struct xml error;

	return xml_find(&(struct xml){text, n}, "Error", &error) ? xml_text(a, &error, "Code") : NULL;
}

static const struct listing_way bucket_way = {
	.server = "the bucket",
	.start = bucket_start,
	.page = bucket_page,
	.url = bucket_url,
	.asks = bucket_asks,
	.head = bucket_head,
	.said = bucket_said,
	.auth = "aws",
};

const struct weights_source source_bucket = {
	.name = bucket_name,
	.served_name = bucket_served_name,
	SOURCE_IN_HUB_CACHE,
	.list = &bucket_way,
};
