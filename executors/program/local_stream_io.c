/* Moves the bytes of streams that start on this machine between callbacks and descriptors,
 * and makes TCP connections. */
#include "executors/program/local_stream_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CHUNK = 32 * 1024,
	ROUNDS = 16,            /* reads of one stream before the others get their turn */
	DRAIN_MS = 100,         /* wait for output after the end: a daemon may hold the pipes */
};

struct stream *
stream_new(struct link *k, const struct stream_events *events, void *arg)
{
	struct stream *s = xcalloc(1, sizeof *s);

	*s = (struct stream){.link = k, .next = k->stream, .arg = arg, .pidfd = -1,
			     .in = -1, .out = -1, .err = -1, .status = STREAM_RUNS};
	if (events)
		s->events = *events;
	k->stream = s;
	return s;
}

void
stream_drop_fd(struct stream *s, int *fd)
{
	if (*fd < 0)
		return;
	loop_fd(s->link->loop, *fd, 0, NULL, NULL);
	close(*fd);
	*fd = -1;
}

void
stream_drop(struct stream *s)
{
	stream_drop_fd(s, &s->in);
	stream_drop_fd(s, &s->out);
	stream_drop_fd(s, &s->err);
	loop_cancel(s->link->loop, &s->timer);
	name_release(&s->name);
	free(s->host);
	s->host = NULL;
	str_release(&s->queue);
	s->sent = 0;
}

void local_stream_enter(struct link *k) { k->busy++; }

/* After the outermost callback, free what was closed meanwhile. */
void
local_stream_leave(struct link *k)
{
	if (--k->busy)
		return;
	for (struct stream **p = &k->stream; *p;) {
		struct stream *s = *p;

		/* A child that has not ended yet is kept, to be reaped. */
		if (!s->forgotten || (s->pid && !k->shut)) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		stream_drop_fd(s, &s->pidfd);
		stream_drop(s);
		if (s->release)
			s->release(s->arg);
		free(s);
	}
	if (!k->shut)
		return;
	if (k->release)
		k->release(k->owner);
	free(k);
}

void
stream_end(struct stream *s)
{
	const struct err *why = s->why.text[0] ? &s->why : NULL;

	if (s->ended)
		return;
	s->ended = true;
	stream_drop(s);
	if (!s->forgotten && s->events.closed)
		s->events.closed(s->arg, why);
}

/* Read a descriptor until it is empty, ROUNDS times at most; close it at its end. */
static void
local_stream_io_take_data(struct stream *s, int *fd, bool is_stderr)
{
	char buf[CHUNK];

	for (int i = 0; i < ROUNDS && *fd >= 0; i++) {
		ssize_t n = read(*fd, buf, sizeof buf);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0 && s->tunnel)
			err_sys(&s->why, "read from the tunnel");
		if (n <= 0)
			stream_drop_fd(s, fd);
		else if (!s->forgotten && s->events.data)
			s->events.data(s->arg, buf, (size_t)n, is_stderr);
	}
}

static size_t
local_stream_io_sendable(const struct stream *s)
{
	return s->held ? s->pass : s->queue.len;
}

/* Write as much as possible; watch the descriptor while something is left. */
void
stream_give(struct stream *s)
{
	int *fd = s->tunnel ? &s->out : &s->in;

	if (*fd < 0 || !s->started)
		return;
	while (s->sent < local_stream_io_sendable(s)) {
		size_t n = local_stream_io_sendable(s) - s->sent;
		ssize_t w = s->tunnel ? send(*fd, s->queue.buf + s->sent, n, MSG_NOSIGNAL)
				      : write(*fd, s->queue.buf + s->sent, n);

		if (w > 0) {
			s->sent += (size_t)w;
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			break;
		/* The reader is gone. Its exit or the end of its output is reported later. */
		s->held = false;
		s->sent = s->queue.len;
		s->eof = true;
	}
	if (!s->held && s->sent == s->queue.len) {
		str_reset(&s->queue);
		s->sent = 0;
	}
	short more = s->sent < local_stream_io_sendable(s) ? POLLOUT : 0;

	if (s->tunnel) {
		if (!more && s->eof && !s->held)
			shutdown(*fd, SHUT_WR);
		loop_fd(s->link->loop, *fd, (short)(POLLIN | more), stream_on_fd, s);
	} else if (!more && s->eof && !s->held) {
		stream_drop_fd(s, fd);
	} else {
		loop_fd(s->link->loop, *fd, more, stream_on_fd, s);
	}
}

static void
local_stream_io_drained(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	local_stream_enter(k);
	stream_end(s);
	local_stream_leave(k);
}

void
stream_pump(struct stream *s)
{
	local_stream_io_take_data(s, &s->out, false);
	local_stream_io_take_data(s, &s->err, true);
	if (s->ended)
		return;
	if (s->tunnel ? s->out < 0 : !s->pid && s->out < 0 && s->err < 0)
		stream_end(s);
	else if (!s->tunnel && !s->pid && !s->timer)
		s->timer = loop_after(s->link->loop, DRAIN_MS, local_stream_io_drained, s);
}

/* Try the next address of the name; end the stream when none is left. */
static void
local_stream_io_try_next(struct stream *s)
{
	while (s->try < s->name.n) {
		const struct name_addr *a = &s->name.v[s->try++];

		s->out = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (s->out >= 0 && (connect(s->out, (const struct sockaddr *)&a->sa, a->len) == 0 ||
				    errno == EINPROGRESS)) {
			loop_fd(s->link->loop, s->out, POLLOUT, stream_on_fd, s);
			return;
		}
		err_sys(&s->why, "connect");
		if (s->out >= 0)
			close(s->out);
		s->out = -1;
	}
	s->connecting = false;
	stream_end(s);
}

static void
local_stream_io_connected(struct stream *s)
{
	int code = 0;
	socklen_t n = sizeof code;

	getsockopt(s->out, SOL_SOCKET, SO_ERROR, &code, &n);
	if (code) {
		stream_drop_fd(s, &s->out);
		errno = code;
		err_sys(&s->why, "connect");
		local_stream_io_try_next(s);
		return;
	}
	s->connecting = false;
	s->started = true;
	s->why.text[0] = '\0';
	if (!s->forgotten && s->events.opened)
		s->events.opened(s->arg);
	stream_give(s);
}

/* Called in the first turn of the loop, and again when the name is found. */
static void
local_stream_io_dial(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	local_stream_enter(k);
	if (name_find(&s->name, k->loop, s->host, s->port, local_stream_io_dial, s, &s->why) !=
	    NAME_WAITS)
		local_stream_io_try_next(s);
	local_stream_leave(k);
}

struct stream *
local_stream_dial(struct link *k, const char *host, int port, const struct stream_events *events,
	  void *arg)
{
	struct stream *s = stream_new(k, events, arg);

	s->tunnel = s->connecting = true;
	s->host = xstrdup(host);
	s->port = port;
	s->timer = loop_after(k->loop, 0, local_stream_io_dial, s);
	return s;
}

/* Any of the stdio descriptors or the socket. */
void
stream_on_fd(void *arg, short revents)
{
	struct stream *s = arg;
	struct link *k = s->link;

	local_stream_enter(k);
	if (s->connecting) {
		local_stream_io_connected(s);
	} else {
		if (revents & (POLLOUT | POLLERR))
			stream_give(s);
		if (!s->ended)
			stream_pump(s);
	}
	local_stream_leave(k);
}

void
local_stream_write(struct stream *s, const void *p, size_t n)
{
	if (s->ended || s->eof || s->forgotten)
		return;
	str_add(&s->queue, p, n);
	stream_give(s);
}

void local_stream_owns(struct stream *s, void (*release)(void *arg)) { s->release = release; }

void *local_stream_arg(const struct stream *s) { return s->arg; }

bool local_stream_alive(const struct stream *s) { return !s->ended && !s->forgotten; }

void
local_stream_eof(struct stream *s)
{
	if (s->ended || s->eof || s->forgotten)
		return;
	s->eof = true;
	stream_give(s);
}

void
local_stream_hold(struct stream *s, bool hold)
{
	if (s->ended || s->forgotten || s->held == hold)
		return;
	s->held = hold;
	s->pass = s->queue.len;
	stream_give(s);
}

void
local_stream_fail(struct stream *s, const struct err *why)
{
	struct link *k = s->link;

	local_stream_enter(k);
	s->why = *why;
	stream_end(s);
	local_stream_leave(k);
}
