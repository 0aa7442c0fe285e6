/* Transfers of the controller over libcurl; through a node's connection curl dials a
 * socket of ours instead, which is pumped into a tunnel of the node's session. */
#include "executors/http.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "planner/base/arena.h"

enum {
	CONNECT_MS = 10000,
	TIMEOUT_MS = 30000,
	MAX_BODY = 4 * 1024 * 1024,
	MAX_HOPS = 5,
};

struct http_transfer {
	struct loop *loop;
	struct http *http;
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char *url;              /* of this hop */
	bool same_origin;       /* the token may be sent to it */
	bool too_big;
	bool enough;            /* the first bytes are here, more came and was not read */
	bool elsewhere;         /* it sent some other part than the start */
	int hops;
	long long deadline;
	/* through a node */
	struct stream *stream;
	const struct executor *ex;
	int listener;           /* until curl has dialled it, or -1 */
	int pipe;               /* our end of curl's connection, or -1 */
	struct str inbound;     /* from the node, for curl */
	bool stream_closed;
	struct err stream_err;
};

static bool hop(struct http_transfer *);

/* ---- the pump between curl's socket and the node's stream ---- */

static void
listener_close(struct http_transfer *t)
{
	if (t->listener < 0)
		return;
	loop_fd(t->loop, t->listener, 0, NULL, NULL);
	close(t->listener);
	t->listener = -1;
}

static void
pump_close(struct http_transfer *t)
{
	listener_close(t);
	if (t->pipe >= 0) {
		loop_fd(t->loop, t->pipe, 0, NULL, NULL);
		close(t->pipe);
		t->pipe = -1;
	}
	if (t->stream && !t->stream_closed)
		t->ex->close(t->stream);
	t->stream = NULL;
	str_reset(&t->inbound);
}

static void on_pipe(void *arg, short revents);

static void
pump_in(struct http_transfer *t)
{
	while (t->pipe >= 0 && t->inbound.len) {
		ssize_t n = send(t->pipe, t->inbound.buf, t->inbound.len, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		str_drop(&t->inbound, (size_t)n);
	}
	if (t->pipe < 0)
		return;
	if (t->stream_closed && !t->inbound.len)
		shutdown(t->pipe, SHUT_WR);
	loop_fd(t->loop, t->pipe, (short)(POLLIN | (t->inbound.len ? POLLOUT : 0)), on_pipe, t);
}

static void
on_pipe(void *arg, short revents)
{
	struct http_transfer *t = arg;
	char buf[16 * 1024];
	ssize_t n = 1;

	if (revents & POLLOUT)
		pump_in(t);
	while (t->pipe >= 0 && (n = read(t->pipe, buf, sizeof buf)) > 0) {
		if (!t->stream_closed)
			t->ex->write(t->stream, buf, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* curl is done with its end; nothing more is to be read here. */
		loop_fd(t->loop, t->pipe, 0, NULL, NULL);
		if (!t->stream_closed)
			t->ex->eof(t->stream);
	}
}

static void
on_stream_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct http_transfer *t = arg;

	if (is_stderr)
		return;
	str_add(&t->inbound, bytes, n);
	pump_in(t);
}

static void
on_stream_closed(void *arg, const struct err *e)
{
	struct http_transfer *t = arg;

	t->stream_closed = true;
	if (e)
		t->stream_err = *e;
	pump_in(t);
}

/* Whoever may find the listener's name: only we ourselves get in. */
static void
on_dialled(void *arg, short revents)
{
	struct http_transfer *t = arg;
	struct ucred peer = {0};
	socklen_t n = sizeof peer;
	int fd = accept4(t->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.pid != getpid()) {
		close(fd);
		return;
	}
	listener_close(t);
	t->pipe = fd;
	pump_in(t);
}

/* A listener without a name in the file system; its address goes where curl will dial.
 * (curl 7.88 dials even when it is told that a socket is connected, so no socket pair.) */
static bool
listen_for_curl(struct http_transfer *t, struct curl_sockaddr *addr)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t n = sizeof name;

	t->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->listener < 0)
		return false;
	if (bind(t->listener, (struct sockaddr *)&name, sizeof name.sun_family) < 0 ||
	    listen(t->listener, 8) < 0 ||
	    getsockname(t->listener, (struct sockaddr *)&name, &n) < 0 || n > sizeof addr->addr) {
		close(t->listener);
		t->listener = -1;
		return false;
	}
	memcpy(&addr->addr, &name, n);
	addr->addrlen = n;
	addr->family = AF_UNIX;
	loop_fd(t->loop, t->listener, POLLIN, on_dialled, t);
	return true;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	static const struct stream_events events = {
		.data = on_stream_data, .closed = on_stream_closed};
	struct http_transfer *t = arg;
	char *host = NULL, *port = NULL;
	CURLU *url = curl_url();

	(void)purpose;
	pump_close(t);
	t->stream_closed = false;
	if (url && curl_url_set(url, CURLUPART_URL, t->url, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		t->stream = session_tunnel(t->http->via, host, (int)strtol(port, NULL, 10), &events, t);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	if (!t->stream)
		return CURL_SOCKET_BAD;
	if (!listen_for_curl(t, addr)) {
		pump_close(t);
		return CURL_SOCKET_BAD;
	}
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* ---- the transfer ---- */

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t max = t->http->max ? t->http->max : MAX_BODY, first = t->http->first;

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

/* The value of a header when the line is that one, else NULL; it ends before `end`. */
static const char *
value_of(const char *line, const char *end, const char *name)
{
	size_t n = strlen(name);

	if ((size_t)(end - line) <= n || strncasecmp(line, name, n) != 0)
		return NULL;
	for (line += n; line < end && *line == ' ';)
		line++;
	return line;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
	static const char start[] = "bytes 0-";
	struct http_transfer *t = arg;
	size_t len = size * n, room = sizeof t->http->error_code - 1;
	const char *end = line + len, *value;

	if (len > 5 && strncmp(line, "HTTP/", 5) == 0)
		t->http->error_code[0] = '\0';
	value = value_of(line, end, "content-range:");
	if (value && ((size_t)(end - value) < sizeof start - 1 ||
		      strncasecmp(value, start, sizeof start - 1) != 0))
		t->elsewhere = true;
	value = value_of(line, end, "x-error-code:");
	for (size_t i = 0; value && i < room && value < end && *value > ' '; i++, value++) {
		t->http->error_code[i] = *value;
		t->http->error_code[i + 1] = '\0';
	}
	return len;
}

static void
transfer_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	pump_close(t);
	str_release(&t->inbound);
	free(t->url);
	free(t);
}

static void
finish(struct http_transfer *t)
{
	struct http *h = t->http;

	h->transfer = NULL;
	transfer_free(t);
	h->done(h);
}

/* scheme://host:port of both are the same. */
static bool
same_origin(const char *a, const char *b)
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

/* A redirect is followed by hand, so that the token stays with its origin and https
 * never becomes http. False: there is none to follow. */
static bool
redirect(struct http_transfer *t)
{
	struct http *h = t->http;
	char *to = NULL;

	if (h->status < 300 || h->status > 399 || h->status == 304 || h->body ||
	    h->no_redirects)
		return false;
	curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &to);
	if (!to)
		return false;
	h->status = 0;
	if (++t->hops > MAX_HOPS) {
		err_set(&h->err, "'%s': more than %d redirects", h->url, MAX_HOPS);
		return false;
	}
	if (strncasecmp(t->url, "https:", 6) == 0 && strncasecmp(to, "https:", 6) != 0) {
		err_set(&h->err, "'%s' redirects to '%s', which is not encrypted", h->url, to);
		return false;
	}
	char *next = xstrdup(to);

	t->same_origin = t->same_origin && same_origin(t->url, next);
	free(t->url);
	t->url = next;
	str_reset(&h->answer);
	curl_easy_cleanup(t->curl);
	t->curl = NULL;
	return hop(t);
}

static void
on_transfer(void *arg, CURL *curl, CURLcode code)
{
	struct http_transfer *t = arg;
	struct http *h = t->http;

	(void)curl;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &h->status);
	if (t->enough)
		code = CURLE_OK;
	if (code == CURLE_OK && h->first && h->status == 206 && t->elsewhere) {
		h->status = 0;
		err_set(&h->err, "'%s': the server sent another part than the start", t->url);
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
	} else if (redirect(t)) {
		return;
	}
	finish(t);
}

static void
header(struct http_transfer *t, const char *line)
{
	t->headers = curl_slist_append(t->headers, line);
}

static void
set_method(struct http_transfer *t)
{
	struct http *h = t->http;
	const char *method = h->method ? h->method : "GET";

	if (h->body) {
		header(t, "Content-Type: application/json");
		/* A pause for "100 Continue" would be a round trip for nothing. */
		header(t, "Expect:");
		curl_easy_setopt(t->curl, CURLOPT_POST, 1L);
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(h->body));
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, h->body);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(t->curl, CURLOPT_NOBODY, 1L);
	} else if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, method);
	}
	if (h->bearer && t->same_origin) {
		curl_easy_setopt(t->curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(t->curl, CURLOPT_XOAUTH2_BEARER, h->bearer);
	}
}

static bool
hop(struct http_transfer *t)
{
	struct http *h = t->http;
	long long left = t->deadline - loop_now();
	CURL *c = t->curl = curl_easy_init();
	char range[32];

	if (!c)
		abort();
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	t->error[0] = '\0';
	t->enough = t->elsewhere = false;
	set_method(t);
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
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, left > 1 ? (long)left : 1L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	if (h->via) {
		/* No proxy lies between a node and its own API, and its connection is
		 * of no use to anything else. */
		curl_easy_setopt(c, CURLOPT_PROXY, "");
		curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
		curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, t);
	}
	loop_curl(t->loop, c, on_transfer, t);
	return true;
}

void
http_start(struct loop *loop, struct http *h)
{
	struct http_transfer *t = xcalloc(1, sizeof *t);

	*t = (struct http_transfer){.loop = loop, .http = h, .pipe = -1, .listener = -1,
		.same_origin = true, .url = xstrdup(h->url)};
	t->deadline = loop_now() + (h->timeout_ms ? h->timeout_ms : TIMEOUT_MS);
	h->status = 0;
	h->error_code[0] = '\0';
	h->err = (struct err){0};
	h->transfer = t;
	if (h->via) {
		t->ex = session_executor(h->via);
		/* Without a tunnel of its own the executor's node is dialled directly. */
		if (!t->ex->tunnel)
			h->via = NULL;
	}
	hop(t);
}

void
http_cancel(struct loop *loop, struct http *h)
{
	if (!h->transfer)
		return;
	loop_curl_drop(loop, h->transfer->curl);
	transfer_free(h->transfer);
	h->transfer = NULL;
}

void
http_release(struct http *h)
{
	str_release(&h->answer);
}
