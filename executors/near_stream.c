/* The bytes of streams that begin on this machine, between callbacks and descriptors. */
#include "executors/near_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CHUNK = 32 * 1024,
	ROUNDS = 16,            /* reads of one stream before others have their turn */
	DRAIN_MS = 100,         /* a daemon may keep the pipes of a dead shell open */
};

struct stream *
stream_new(struct link *k, const struct stream_events *events, void *arg)
{
	struct stream *s = xcalloc(1, sizeof *s);

	*s = (struct stream){.link = k, .next = k->stream, .arg = arg, .pidfd = -1,
			     .in = -1, .out = -1, .err = -1, .status = NEAR_RUNS};
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
	loop_cancel(s->link->loop, s->timer);
	s->timer = 0;
	if (s->addr)
		freeaddrinfo(s->addr);
	s->addr = s->try = NULL;
	str_release(&s->queue);
	s->sent = 0;
}

void near_enter(struct link *k) { k->busy++; }

/* After the outermost callback: free what was given up meanwhile. */
void
near_leave(struct link *k)
{
	if (--k->busy)
		return;
	for (struct stream **p = &k->stream; *p;) {
		struct stream *s = *p;

		/* A forgotten child that still dies is kept, to be reaped. */
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

/* Read one descriptor dry, or as long as it is fair; closes it at its end. */
static void
take_data(struct stream *s, int *fd, bool is_stderr)
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
sendable(const struct stream *s)
{
	return s->held ? s->pass : s->queue.len;
}

/* Write what can be written; the descriptor is watched while something is left. */
void
stream_give(struct stream *s)
{
	int *fd = s->tunnel ? &s->out : &s->in;

	if (*fd < 0 || !s->started)
		return;
	while (s->sent < sendable(s)) {
		size_t n = sendable(s) - s->sent;
		ssize_t w = s->tunnel ? send(*fd, s->queue.buf + s->sent, n, MSG_NOSIGNAL)
				      : write(*fd, s->queue.buf + s->sent, n);

		if (w > 0) {
			s->sent += (size_t)w;
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			break;
		/* The reader is gone; its exit or the end of its output says the rest. */
		s->held = false;
		s->sent = s->queue.len;
		s->eof = true;
	}
	if (!s->held && s->sent == s->queue.len) {
		str_reset(&s->queue);
		s->sent = 0;
	}
	short more = s->sent < sendable(s) ? POLLOUT : 0;

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
drained(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	near_enter(k);
	stream_end(s);
	near_leave(k);
}

static void
check_end(struct stream *s)
{
	if (s->ended)
		return;
	if (s->tunnel ? s->out < 0 : !s->pid && s->out < 0 && s->err < 0)
		stream_end(s);
	else if (!s->tunnel && !s->pid && !s->timer)
		s->timer = loop_after(s->link->loop, DRAIN_MS, drained, s);
}

void
stream_pump(struct stream *s)
{
	take_data(s, &s->out, false);
	take_data(s, &s->err, true);
	check_end(s);
}

/* Any of the stdio descriptors or the socket. */
void
stream_on_fd(void *arg, short revents)
{
	struct stream *s = arg;
	struct link *k = s->link;

	near_enter(k);
	if (s->connecting) {
		dial_connected(s);
	} else {
		if (revents & (POLLOUT | POLLERR))
			stream_give(s);
		if (!s->ended)
			stream_pump(s);
	}
	near_leave(k);
}

void
near_write(struct stream *s, const void *p, size_t n)
{
	if (s->ended || s->eof || s->forgotten)
		return;
	str_add(&s->queue, p, n);
	stream_give(s);
}

void near_owns(struct stream *s, void (*release)(void *arg)) { s->release = release; }

void *near_arg(const struct stream *s) { return s->arg; }

bool near_alive(const struct stream *s) { return !s->ended && !s->forgotten; }

void
near_eof(struct stream *s)
{
	if (s->ended || s->eof || s->forgotten)
		return;
	s->eof = true;
	stream_give(s);
}

void
near_hold(struct stream *s, bool hold)
{
	if (s->ended || s->forgotten || s->held == hold)
		return;
	s->held = hold;
	s->pass = s->queue.len;
	stream_give(s);
}

void
near_fail(struct stream *s, const struct err *why)
{
	struct link *k = s->link;

	near_enter(k);
	s->why = *why;
	stream_end(s);
	near_leave(k);
}
