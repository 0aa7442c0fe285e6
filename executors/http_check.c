/* What of a request is refused before anything is sent. */
#include "executors/http_private.h"

#include <string.h>
#include <strings.h>

#include "planner/base/vec.h"

static const char token[] = "!#$%&'*+-.^_`|~0123456789"
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* A line break in a header would begin another one. */
static bool
is_value(const char *s)
{
	for (; *s; s++) {
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	}
	return true;
}

/* These say where the request ends and whom it is for: curl writes them. */
static bool
is_ours(const char *name)
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
check_headers(const struct http *h, struct err *e)
{
	size_t bytes = 0;

	if (h->nheader > HTTP_MAX_HEADERS)
		return err_set(e, "more than %d headers", HTTP_MAX_HEADERS);
	for (size_t i = 0; i < h->nheader; i++) {
		const char *name = h->header[i].name, *value = h->header[i].value;

		if (!*name || name[strspn(name, token)] || strlen(name) > 256)
			return err_set(e, "'%.100s' is no name of a header", name);
		if (is_ours(name))
			return err_set(e, "the header '%s' is not yours to set", name);
		/* Not shown: it may be a secret. */
		if (!is_value(value))
			return err_set(e, "the header '%s' has a control character in it", name);
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
		return err_set(e, "'%.200s' is no http:// or https:// URL", h->url);
	for (const char *s = h->url; *s; s++) {
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return err_set(e, "'%.200s' has a blank or a control character in it", h->url);
	}
	if (n == 0 || n > 20 || method[n] || strcmp(method, "CONNECT") == 0)
		return err_set(e, "'%.40s' is no method of HTTP", method);
	if (h->bearer && !is_value(h->bearer))
		return err_set(e, "the token has a control character in it");
	return check_headers(h, e);
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

