/* HTTP requests from this machine, by libcurl. */
#include "executors/http/http_private.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "executors/io/patience.h"
#include "planner/base/arena.h"

enum {
	NEVER_MS = 86400000,
	MAX_BODY = 4 * 1024 * 1024,
	MAX_HOPS = 5,
};

static void http_hop(struct http_transfer *);

static size_t
http_on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t max = t->http->max ? t->http->max : MAX_BODY, first = t->http->first;

	if (t->http->chunk) {
		long status = 0;

		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
		t->too_big = t->taken + size * n > max;
		if (status == 200 && !t->too_big) {
			t->taken += size * n;
			t->http->chunk(t->http, bytes, size * n);
			return size * n;
		}
	}
	if (first && t->http->answer.len + size * n > first) {
		str_add(&t->http->answer, bytes, first - t->http->answer.len);
		t->enough = true;
		return 0;
	}
	if (t->http->answer.len + size * n > max) {
		t->too_big = true;
		return 0;
	}
	str_add(&t->http->answer, bytes, size * n);
	return size * n;
}

static void
http_transfer_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	http_tunnel_close(t);
	str_release(&t->inbound);
	free(t->url);
	free(t);
}

static void
http_no_timers(struct http_transfer *t)
{
	loop_cancel(t->loop, &t->timer);
	loop_cancel(t->loop, &t->late);
	loop_cancel(t->loop, &t->no_connect);
}

static void
http_finish(struct http_transfer *t)
{
	struct http *h = t->http;

	http_no_timers(t);
	h->transfer = NULL;
	http_transfer_free(t);
	h->done(h);
}

static bool
http_redirects(const struct http *h)
{
	const char *method = h->method ? h->method : "GET";

	return h->status >= 300 && h->status <= 399 && h->status != 304 && !h->body &&
	       !h->no_redirects && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

/* May the redirect be followed? https never becomes http, and headers, which may be secrets,
 * go to their origin only. */
static bool
http_may_follow(const struct http_transfer *t, const char *to)
{
	struct http *h = t->http;

	if (t->hops > MAX_HOPS)
		return err_set(&h->err, "'%s': more than %d redirects", h->url, MAX_HOPS);
	if (strncasecmp(t->url, "https:", 6) == 0 && strncasecmp(to, "https:", 6) != 0)
		return err_set(&h->err, "'%s' redirects to '%s', which is not encrypted", h->url, to);
	if (h->nheader && !http_same_origin(t->url, to))
		return err_set(&h->err, "'%s' redirects to '%s', another host: the headers of this "
			       "request are not sent there", h->url, to);
	return true;
}

/* Redirects are followed here and not by curl, so that the token stays with its origin.
 * False: the answer is not a redirect. */
static bool
http_redirect(struct http_transfer *t)
{
	struct http *h = t->http;
	char *to = NULL;

	if (!http_redirects(h))
		return false;
	curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return false;
	h->status = 0;
	t->hops++;
	if (!http_may_follow(t, to))
		return false;
	char *next = xstrdup(to);

	t->same_origin = t->same_origin && http_same_origin(t->url, next);
	free(t->url);
	t->url = next;
	str_reset(&h->answer);
	curl_easy_cleanup(t->curl);
	t->curl = NULL;
	http_hop(t);
	return true;
}

/* We asked for the start and the server sent another part. */
static bool
http_is_elsewhere(const struct http *h)
{
	static const char start[] = "bytes 0-";
	const char *name, *value;

	for (size_t at = 0; h->first && h->status == 206 && http_next_header(h, &at, &name, &value);)
		if (strcmp(name, "content-range") == 0)
			return strncasecmp(value, start, sizeof start - 1) != 0;
	return false;
}

static void
http_on_transfer(void *arg, CURL *curl, CURLcode code)
{
	struct http_transfer *t = arg;
	struct http *h = t->http;

	(void)curl;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &h->status);
	if (t->enough)
		code = CURLE_OK;
	if (code == CURLE_OK && http_is_elsewhere(h)) {
		h->status = 0;
		err_set(&h->err, "'%s': the server sent a part other than the start", t->url);
	} else if (code != CURLE_OK) {
		h->status = 0;
		if (t->too_big)
			err_set(&h->err, "'%s': the answer is larger than %zu bytes", t->url,
				h->max ? h->max : (size_t)MAX_BODY);
		else if (t->stream_err.text[0])
			err_set(&h->err, "'%s': %s", t->url, t->stream_err.text);
		else
			err_set(&h->err, "'%s': %s", t->url,
				t->error[0] ? t->error : curl_easy_strerror(code));
	} else if (http_redirect(t)) {
		return;
	}
	http_finish(t);
}

/* The limits are ours and not curl's, because loop_now() stops while dray is stopped. */
static void
http_give_up(struct http_transfer *t, const char *what, long long ms)
{
	struct http *h = t->http;

	loop_curl_drop(t->loop, t->curl);
	h->status = 0;
	err_set(&h->err, "'%s': %s timed out after %.3g s", t->url, what, (double)ms / 1000);
	http_finish(t);
}

static void
http_on_late(void *arg)
{
	struct http_transfer *t = arg;

	t->late = 0;
	http_give_up(t, "the answer", t->timeout_ms);
}

static void
http_on_no_connect(void *arg)
{
	struct http_transfer *t = arg;
	curl_off_t connected = 0;

	t->no_connect = 0;
	curl_easy_getinfo(t->curl, CURLINFO_PRETRANSFER_TIME_T, &connected);
	if (!connected)
		http_give_up(t, "the connection", patience.http_connect * 1000L);
}

static void
http_header(struct http_transfer *t, const char *line)
{
	t->headers = curl_slist_append(t->headers, line);
}

/* The headers that the signature covers, too. S3 wants the hash of the body, which is empty. */
static void
http_aws_headers(struct http_transfer *t)
{
	const struct http_aws *aws = t->http->aws;
	struct str line = {0};

	if (!aws || !t->same_origin)
		return;
	http_header(t, "x-amz-content-sha256: "
		       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	if (!aws->session_token)
		return;
	str_printf(&line, "x-amz-security-token: %s", aws->session_token);
	http_header(t, line.buf);
	explicit_bzero(line.buf, line.len);
	str_release(&line);
}

static void
http_aws_sign(const struct http_transfer *t)
{
	const struct http_aws *aws = t->http->aws;
	struct str how = {0};

	if (!aws || !t->same_origin)
		return;
	str_printf(&how, "aws:amz:%s:s3", aws->region);
	curl_easy_setopt(t->curl, CURLOPT_AWS_SIGV4, str_text(&how));
	curl_easy_setopt(t->curl, CURLOPT_USERNAME, aws->access_key);
	curl_easy_setopt(t->curl, CURLOPT_PASSWORD, aws->secret_key);
	str_release(&how);
}

static void
http_set_headers(struct http_transfer *t)
{
	const struct http *h = t->http;
	bool typed = !h->body;

	for (size_t i = 0; i < h->nheader; i++) {
		const struct http_header *one = &h->header[i];
		struct str line = {0};

		/* curl wants "Name;" for a header without a value. */
		str_printf(&line, *one->value ? "%s: %s" : "%s;", one->name, one->value);
		http_header(t, line.buf);
		explicit_bzero(line.buf, line.len);
		str_release(&line);
		typed |= strcasecmp(one->name, "content-type") == 0;
	}
	if (!typed)
		http_header(t, "Content-Type: application/json");
	http_aws_headers(t);
	/* Waiting for "100 Continue" would cost a round trip. */
	if (h->body)
		http_header(t, "Expect:");
}

static void
http_set_method(struct http_transfer *t)
{
	const struct http *h = t->http;
	const char *method = h->method ? h->method : h->body ? "POST" : "GET";

	if (h->body || strcmp(method, "POST") == 0) {
		size_t n = h->body ? h->nbody ? h->nbody : strlen(h->body) : 0;

		if (!h->body)
			http_header(t, "Content-Type:");
		curl_easy_setopt(t->curl, CURLOPT_POST, 1L);
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, h->body ? h->body : "");
		if (strcmp(method, "POST") != 0)
			curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, method);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(t->curl, CURLOPT_NOBODY, 1L);
	} else if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, method);
	}
	if (h->cookie && t->same_origin)
		curl_easy_setopt(t->curl, CURLOPT_COOKIE, h->cookie);
	if (h->bearer && t->same_origin) {
		curl_easy_setopt(t->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(t->curl, CURLOPT_XOAUTH2_BEARER, h->bearer);
	}
}

static void
http_hop(struct http_transfer *t)
{
	struct http *h = t->http;
	CURL *c = t->curl = curl_easy_init();
	char range[32];

	if (!c)
		abort();
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	t->error[0] = '\0';
	t->enough = false;
	http_set_headers(t);
	http_set_method(t);
	http_aws_sign(t);
	if (h->first) {
		snprintf(range, sizeof range, "0-%zu", h->first - 1);
		curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dray");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	if (h->ca) {
		struct curl_blob ca = {(void *)(uintptr_t)h->ca, strlen(h->ca), CURL_BLOB_COPY};

		curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
	}
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)NEVER_MS);
	loop_cancel(t->loop, &t->no_connect);
	t->no_connect = loop_after(t->loop, patience.http_connect * 1000L, http_on_no_connect, t);
	/* Without it, giving up waits for the thread that looks up the name. */
	curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, http_on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, http_on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	if (h->via) {
		/* There is no proxy between a node and its own API, and no other transfer
		 * can use the connection. */
		curl_easy_setopt(c, CURLOPT_PROXY, "");
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, h->own_port ? 0L : 1L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, h->own_port ? 0L : 2L);
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, http_open_socket);
		curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
	}
	loop_curl(t->loop, c, http_on_transfer, t);
}

static void
http_refused(void *arg)
{
	struct http_transfer *t = arg;

	t->timer = 0;
	http_finish(t);
}

void
http_start(struct loop *loop, struct http *h)
{
	struct http_transfer *t = xcalloc(1, sizeof *t);

	*t = (struct http_transfer){.loop = loop, .http = h, .pipe = -1, .listener = -1,
		.same_origin = true, .url = xstrdup(h->url)};
	t->timeout_ms = h->timeout_ms ? h->timeout_ms : patience.http * 1000L;
	t->late = loop_after(loop, t->timeout_ms, http_on_late, t);
	h->status = 0;
	h->error_code[0] = '\0';
	str_reset(&h->head);
	h->err = (struct err){0};
	h->transfer = t;
	if (h->via)
		t->ex = session_executor(h->via);
	if (http_check(h, &h->err)) {
		http_hop(t);
		return;
	}
	http_no_timers(t);
	t->timer = loop_after(loop, 0, http_refused, t);
}

void
http_cancel(struct loop *loop, struct http *h)
{
	if (!h->transfer)
		return;
	http_no_timers(h->transfer);
	if (h->transfer->curl)
		loop_curl_drop(loop, h->transfer->curl);
	http_transfer_free(h->transfer);
	h->transfer = NULL;
}

void
http_release(struct http *h)
{
	str_release(&h->answer);
	str_release(&h->head);
}
