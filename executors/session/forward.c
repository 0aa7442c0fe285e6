/* Connections to a local port, each through a tunnel of the session. */
#include "executors/session/forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "planner/base/limits.h"
#include "planner/base/str.h"

enum {
	INBOUND = 8 << 20,      /* most bytes that wait for a client that does not read */
	READS = 16,             /* of a client in turn, before others get theirs */
};

struct forward_client {
	struct forward *forward;
	struct forward_client *next;
	int fd;
	struct stream *stream;
	struct str inbound;             /* from the node, for the client */
	bool said_all;                  /* the client sends nothing more */
	bool heard_all;                 /* the node sends nothing more */
};

struct forward {
	struct loop *loop;
	struct session *via;
	struct forward_to to;
	int listener;
	struct forward_client *client;
	size_t nclient;
};

static void
forward_drop(struct forward_client *c)
{
	struct forward *f = c->forward;
	struct forward_client **at = &f->client;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	f->nclient--;
	loop_fd(f->loop, c->fd, 0, NULL, NULL);
	close(c->fd);
	if (c->stream)
		session_executor(f->via)->close(c->stream);
	str_release(&c->inbound);
	free(c);
}

static void forward_on_client(void *arg, short revents);

/* Give the client what waits for it. False: it is gone. */
static bool
forward_pump(struct forward_client *c)
{
	while (c->inbound.len) {
		ssize_t n = send(c->fd, c->inbound.buf, c->inbound.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			forward_drop(c);
			return false;
		}
		if (n < 0)
			break;
		str_drop(&c->inbound, (size_t)n);
	}
	/* The tunnel is closed, so nobody would read what else the client sends. */
	if (c->heard_all && !c->inbound.len) {
		forward_drop(c);
		return false;
	}
	loop_fd(c->forward->loop, c->fd, (short)((c->said_all ? 0 : POLLIN) | (c->inbound.len ? POLLOUT : 0)),
		forward_on_client, c);
	return true;
}

static void
forward_on_client(void *arg, short revents)
{
	struct forward_client *c = arg;
	const struct executor *ex = session_executor(c->forward->via);
	char buf[16 * 1024];

	if (revents & (POLLERR | POLLHUP)) {
		forward_drop(c);
		return;
	}
	for (int i = 0; i < READS && !c->said_all && !c->heard_all && revents & POLLIN; i++) {
		ssize_t n = read(c->fd, buf, sizeof buf);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			forward_drop(c);
			return;
		}
		if (n == 0) {
			c->said_all = true;
			ex->eof(c->stream);
		} else {
			ex->write(c->stream, buf, (size_t)n);
		}
	}
	forward_pump(c);
}

static void
forward_fail(struct forward *f, const char *why)
{
	if (f->to.failed)
		f->to.failed(f->to.arg, why);
}

static void
forward_on_data(void *arg, const char *bytes, size_t n, bool is_stderr)
{
	struct forward_client *c = arg;

	if (is_stderr || c->heard_all)
		return;
	str_add(&c->inbound, bytes, n);
	if (c->inbound.len > INBOUND) {
		forward_fail(c->forward, "a client does not read what the node sends: its connection is closed");
		forward_drop(c);
		return;
	}
	forward_pump(c);
}

static void
forward_on_closed(void *arg, const struct err *e)
{
	struct forward_client *c = arg;

	c->heard_all = true;
	if (e)
		forward_fail(c->forward, e->text);
	forward_pump(c);
}

static void
forward_on_dialled(void *arg, short revents)
{
	static const struct stream_events events = {.data = forward_on_data, .closed = forward_on_closed};
	struct forward *f = arg;
	struct forward_client *c;
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (fd < 0)
		return;
	if (f->nclient >= OPEN_CLIENTS) {
		forward_fail(f, "too many connections at a time: one more is closed");
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof *c);
	*c = (struct forward_client){.forward = f, .fd = fd, .next = f->client};
	f->client = c;
	f->nclient++;
	c->stream = session_tunnel(f->via, f->to.host, f->to.port, &events, c);
	if (!c->stream) {
		forward_fail(f, session_executor(f->via)->tunnel ? "the connection to the node is gone"
			: "the node's executor cannot open connections from the node");
		forward_drop(c);
		return;
	}
	loop_fd(f->loop, fd, POLLIN, forward_on_client, c);
}

static bool
forward_listen(int fd, int *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof name;
	int yes = 1;

	/* The port is free although connections of an earlier listener still linger. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, (struct sockaddr *)&name, n) < 0 || listen(fd, OPEN_CLIENTS) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &n) < 0)
		return false;
	*port = ntohs(name.sin_port);
	return true;
}

struct forward *
forward_open(struct loop *loop, struct session *via, const struct forward_to *to, int *port, struct err *e)
{
	struct forward *f;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || !forward_listen(fd, port)) {
		err_sys(e, "listen on 127.0.0.1:%d", *port);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	f = xcalloc(1, sizeof *f);
	*f = (struct forward){.loop = loop, .via = via, .to = *to, .listener = fd};
	loop_fd(loop, fd, POLLIN, forward_on_dialled, f);
	return f;
}

void
forward_close(struct forward *f)
{
	if (!f)
		return;
	while (f->client)
		forward_drop(f->client);
	loop_fd(f->loop, f->listener, 0, NULL, NULL);
	close(f->listener);
	free(f);
}
