/* Checks a request before anything is sent. */
#include "executors/http/http_private.h"

#include <string.h>
#include <strings.h>

#include "planner/base/vec.h"

static const char token[] = "!#$%&'*+-.^_`|~0123456789"
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* A line break in a header would start another header. */
static bool
http_check_is_value(const char *s)
{
	for (; *s; s++) {
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	}
	return true;
}

/* curl writes these headers: they frame the request and name its host. */
static bool
http_check_is_ours(const char *name)
{
	static const char *const ours[] = {
		"host", "content-length", "transfer-encoding", "connection", "keep-alive",
		"upgrade", "te", "trailer", "expect",
	};

	for (size_t i = 0; i < countof(ours); i++) {
		if (strcasecmp(name, ours[i]) == 0)
			return true;
	}
	return strncasecmp(name, "proxy-", 6) == 0;
}

static bool
http_check_headers(const struct http *h, struct err *e)
{
	size_t bytes = 0;

	if (h->nheader > HTTP_MAX_HEADERS)
		return err_set(e, "more than %d headers", HTTP_MAX_HEADERS);
	for (size_t i = 0; i < h->nheader; i++) {
		const char *name = h->header[i].name, *value = h->header[i].value;

		if (!*name || name[strspn(name, token)] || strlen(name) > 256)
			return err_set(e, "'%.100s' is not a valid header name", name);
		if (http_check_is_ours(name))
			return err_set(e, "the header '%s' cannot be set: dray sets it", name);
		/* The value is not shown: it may be a secret. */
		if (!http_check_is_value(value))
			return err_set(e, "the header '%s' contains a control character", name);
		bytes += strlen(name) + strlen(value) + 4;
	}
	return bytes <= HTTP_MAX_HEAD || err_set(e, "more than %d bytes of headers", HTTP_MAX_HEAD);
}

bool
http_check(const struct http *h, struct err *e)
{
	const char *method = h->method ? h->method : "GET";
	size_t n = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (strncasecmp(h->url, "http://", 7) != 0 && strncasecmp(h->url, "https://", 8) != 0)
		return err_set(e, "'%.200s' is not an http:// or https:// URL", h->url);
	for (const char *s = h->url; *s; s++) {
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return err_set(e, "'%.200s' contains a space or a control "
					  "character", h->url);
	}
	if (n == 0 || n > 20 || method[n] || strcmp(method, "CONNECT") == 0)
		return err_set(e, "'%.40s' is not an HTTP method", method);
	if (h->bearer && !http_check_is_value(h->bearer))
		return err_set(e, "the token contains a control character");
	if (h->cookie && (!http_check_is_value(h->cookie) || strpbrk(h->cookie, "; ,")))
		return err_set(e, "the token contains a character that no cookie has");
	return http_check_headers(h, e);
}

bool
http_same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *ua = curl_url(), *ub = curl_url();
	bool same = ua && ub && curl_url_set(ua, CURLUPART_URL, a, 0) == CURLUE_OK &&
		    curl_url_set(ub, CURLUPART_URL, b, 0) == CURLUE_OK;

	for (size_t i = 0; same && i < sizeof parts / sizeof *parts; i++) {
		char *pa = NULL, *pb = NULL;

		same = curl_url_get(ua, parts[i], &pa, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       curl_url_get(ub, parts[i], &pb, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		       strcasecmp(pa, pb) == 0;
		curl_free(pa);
		curl_free(pb);
	}
	curl_url_cleanup(ua);
	curl_url_cleanup(ub);
	return same;
}
