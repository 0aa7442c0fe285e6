/* Transfers through a node: curl connects to our socket, and its bytes go through a tunnel
 * of the node's session. */
#include "executors/http/http_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { INBOUND = 8 << 20 };     /* most bytes that wait for curl, which always reads */

static void
http_tunnel_listener_close(struct http_transfer *t)
{
	if (t->listener < 0)
		return;
	loop_fd(t->loop, t->listener, 0, NULL, NULL);
	close(t->listener);
	t->listener = -1;
}

void
http_tunnel_close(struct http_transfer *t)
{
	http_tunnel_listener_close(t);
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

static void http_tunnel_on_pipe(void *arg, short revents);

static void
http_tunnel_pump_in(struct http_transfer *t)
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
	loop_fd(t->loop, t->pipe, (short)(POLLIN | (t->inbound.len ? POLLOUT : 0)),
		http_tunnel_on_pipe, t);
}

static void
http_tunnel_on_pipe(void *arg, short revents)
{
	struct http_transfer *t = arg;
	char buf[16 * 1024];
	ssize_t n = 1;

	if (revents & POLLOUT)
		http_tunnel_pump_in(t);
	while (t->pipe >= 0 && (n = read(t->pipe, buf, sizeof buf)) > 0) {
		if (!t->stream_closed)
			t->ex->write(t->stream, buf, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		/* curl closed its end: there is nothing more to read. */
		loop_fd(t->loop, t->pipe, 0, NULL, NULL);
		if (!t->stream_closed)
			t->ex->eof(t->stream);
	}
}

static void
http_tunnel_on_stream_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct http_transfer *t = arg;

	if (is_stderr || t->stream_closed)
		return;
	str_add(&t->inbound, bytes, n);
	if (t->inbound.len > INBOUND) {
		err_set(&t->stream_err, "the node sent more data than can be buffered");
		t->stream_closed = true;
		t->ex->close(t->stream);
	}
	http_tunnel_pump_in(t);
}

static void
http_tunnel_on_stream_closed(void *arg, const struct err *e)
{
	struct http_transfer *t = arg;

	t->stream_closed = true;
	if (e)
		t->stream_err = *e;
	http_tunnel_pump_in(t);
}

/* Another process may find the listener's name. Only our own connection is accepted. */
static void
http_tunnel_on_dialled(void *arg, short revents)
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
	http_tunnel_listener_close(t);
	t->pipe = fd;
	http_tunnel_pump_in(t);
}

/* A listener without a name in the file system; curl connects to its address. (A socket pair
 * does not work: curl 7.88 connects even if it is told that the socket is connected.) */
static bool
http_tunnel_listen_for_curl(struct http_transfer *t, struct curl_sockaddr *addr)
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
	loop_fd(t->loop, t->listener, POLLIN, http_tunnel_on_dialled, t);
	return true;
}

curl_socket_t
http_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	static const struct stream_events events = {
		.data = http_tunnel_on_stream_data, .closed = http_tunnel_on_stream_closed};
	struct http_transfer *t = arg;
	char *host = NULL, *port = NULL;
	CURLU *url = curl_url();

	(void)purpose;
	http_tunnel_close(t);
	t->stream_closed = false;
	if (url && curl_url_set(url, CURLUPART_URL, t->url, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		t->stream = session_tunnel(t->http->via, host, (int)strtol(port, NULL, 10), &events, t);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	if (!t->stream) {
		/* Don't connect from here instead: the node's 127.0.0.1 is not ours. */
		err_set(&t->stream_err, t->ex && t->ex->tunnel
			? "the connection to the node is gone"
			: "the node's executor cannot open connections from the node");
		return CURL_SOCKET_BAD;
	}
	if (!http_tunnel_listen_for_curl(t, addr)) {
		http_tunnel_close(t);
		return CURL_SOCKET_BAD;
	}
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}
