/* The executor for the machine dray runs on: streams are children of ours, `sh -c` in
 * a process group of its own, and a tunnel is a plain TCP connection. */
#include "executors/executor.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/child.h"
#include "planner/base/arena.h"
#include "planner/base/str.h"

enum {
	CHUNK = 32 * 1024,
	ROUNDS = 16,            /* reads of one stream before others have their turn */
	DRAIN_MS = 100,         /* a daemon may keep the pipes of a dead shell open */
};

struct link {
	struct loop *loop;
	struct link_events events;
	void *arg;
	unsigned long timer;
	struct stream *stream;
	unsigned busy;          /* callbacks under way: nothing is freed meanwhile */
	bool shut;
};

struct stream {
	struct link *link;
	struct stream *next;
	struct stream_events events;
	void *arg;
	pid_t pid;              /* 0: a tunnel, or reaped */
	int pidfd, in, out, err;        /* a tunnel has its socket in `out` only */
	bool tunnel, connecting;
	bool started;           /* opened() was called: data may flow */
	struct addrinfo *addr, *try;
	struct str queue;
	size_t sent;            /* bytes of queue that are gone */
	bool eof, forgotten, ended;
	unsigned long timer;
	struct err why;         /* text "": nothing wrong so far */
};

static void
drop_fd(struct stream *s, int *fd)
{
	if (*fd < 0)
		return;
	loop_fd(s->link->loop, *fd, 0, NULL, NULL);
	close(*fd);
	*fd = -1;
}

static void
stream_drop(struct stream *s)
{
	drop_fd(s, &s->in);
	drop_fd(s, &s->out);
	drop_fd(s, &s->err);
	loop_cancel(s->link->loop, s->timer);
	s->timer = 0;
	if (s->addr)
		freeaddrinfo(s->addr);
	s->addr = s->try = NULL;
	str_release(&s->queue);
	s->sent = 0;
}

static void enter(struct link *k) { k->busy++; }

/* After the outermost callback: free what was given up meanwhile. */
static void
leave(struct link *k)
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
		drop_fd(s, &s->pidfd);
		stream_drop(s);
		free(s);
	}
	if (k->shut)
		free(k);
}

static void
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
			drop_fd(s, fd);
		else if (!s->forgotten && s->events.data)
			s->events.data(s->arg, buf, (size_t)n, is_stderr);
	}
}

static void on_out(void *, short);

/* Write what can be written; the descriptor is watched while something is left. */
static void
give_data(struct stream *s)
{
	int *fd = s->tunnel ? &s->out : &s->in;

	if (*fd < 0 || !s->started)
		return;
	while (s->sent < s->queue.len) {
		size_t n = s->queue.len - s->sent;
		ssize_t w = s->tunnel ? send(*fd, s->queue.buf + s->sent, n, MSG_NOSIGNAL)
				      : write(*fd, s->queue.buf + s->sent, n);

		if (w > 0) {
			s->sent += (size_t)w;
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			break;
		/* The reader is gone; its exit or the end of its output says the rest. */
		s->sent = s->queue.len;
		s->eof = true;
	}
	if (s->sent == s->queue.len) {
		str_reset(&s->queue);
		s->sent = 0;
	}
	short more = s->queue.len ? POLLOUT : 0;

	if (s->tunnel) {
		if (!more && s->eof)
			shutdown(*fd, SHUT_WR);
		loop_fd(s->link->loop, *fd, (short)(POLLIN | more), on_out, s);
	} else if (!more && s->eof) {
		drop_fd(s, fd);
	} else {
		loop_fd(s->link->loop, *fd, more, on_out, s);
	}
}

static void
drained(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	enter(k);
	stream_end(s);
	leave(k);
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

static void
on_pidfd(void *arg, short revents)
{
	struct stream *s = arg;
	struct link *k = s->link;
	siginfo_t info = {0};

	(void)revents;
	enter(k);
	if (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid) {
		drop_fd(s, &s->pidfd);
		s->pid = 0;
		if (!s->forgotten) {
			take_data(s, &s->out, false);
			take_data(s, &s->err, true);
			check_end(s);
		}
	}
	leave(k);
}

static void try_next(struct stream *);

static void
connected(struct stream *s)
{
	int code = 0;
	socklen_t n = sizeof code;

	getsockopt(s->out, SOL_SOCKET, SO_ERROR, &code, &n);
	if (code) {
		drop_fd(s, &s->out);
		errno = code;
		err_sys(&s->why, "connect");
		try_next(s);
		return;
	}
	s->connecting = false;
	s->started = true;
	s->why.text[0] = '\0';
	if (!s->forgotten && s->events.opened)
		s->events.opened(s->arg);
	give_data(s);
}

/* Any of the stdio descriptors or the socket. */
static void
on_out(void *arg, short revents)
{
	struct stream *s = arg;
	struct link *k = s->link;

	enter(k);
	if (s->connecting) {
		connected(s);
	} else {
		if (revents & (POLLOUT | POLLERR))
			give_data(s);
		take_data(s, &s->out, false);
		take_data(s, &s->err, true);
	}
	if (!s->connecting)
		check_end(s);
	leave(k);
}

static struct stream *
stream_new(struct link *k, const struct stream_events *events, void *arg)
{
	struct stream *s = xcalloc(1, sizeof *s);

	*s = (struct stream){.link = k, .next = k->stream, .arg = arg, .pidfd = -1,
			     .in = -1, .out = -1, .err = -1};
	if (events)
		s->events = *events;
	k->stream = s;
	return s;
}

/* Sets why on failure; the first turn of the loop tells it. */
static void
start_child(struct stream *s, const char *command)
{
	struct child c;

	if (!child_start(&c, command, &s->why))
		return;
	s->pid = c.pid;
	s->pidfd = c.pidfd;
	s->in = c.in;
	s->out = c.out;
	s->err = c.err;
}

/* The first turn of the loop after exec(): tell how the start went. */
static void
started(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	enter(k);
	if (s->why.text[0]) {
		stream_end(s);
	} else {
		loop_fd(k->loop, s->pidfd, POLLIN, on_pidfd, s);
		loop_fd(k->loop, s->out, POLLIN, on_out, s);
		loop_fd(k->loop, s->err, POLLIN, on_out, s);
		s->started = true;
		if (!s->forgotten && s->events.opened)
			s->events.opened(s->arg);
		give_data(s);
	}
	leave(k);
}

static struct stream *
local_exec(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	struct stream *s = stream_new(k, events, arg);

	start_child(s, command);
	s->timer = loop_after(k->loop, 0, started, s);
	return s;
}

/* The next address of the name; ends the stream when there is none left. */
static void
try_next(struct stream *s)
{
	for (; s->try; s->try = s->try->ai_next) {
		struct addrinfo *a = s->try;

		s->out = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (s->out >= 0 && (connect(s->out, a->ai_addr, a->ai_addrlen) == 0 ||
				    errno == EINPROGRESS)) {
			s->try = a->ai_next;
			loop_fd(s->link->loop, s->out, POLLOUT, on_out, s);
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
dial(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	enter(k);
	try_next(s);
	leave(k);
}

static struct stream *
local_tunnel(struct link *k, const char *host, int port, const struct stream_events *events,
	     void *arg)
{
	struct stream *s = stream_new(k, events, arg);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char service[16];
	int code;

	snprintf(service, sizeof service, "%d", port);
	s->tunnel = s->connecting = true;
	/* This blocks on names; what is dialled from here is nearly always 127.0.0.1. */
	code = getaddrinfo(host, service, &hints, &s->addr);
	if (code)
		err_set(&s->why, "find '%s': %s", host, gai_strerror(code));
	s->try = s->addr;
	s->timer = loop_after(k->loop, 0, dial, s);
	return s;
}

static void
local_write(struct stream *s, const void *p, size_t n)
{
	if (s->ended || s->eof || s->forgotten)
		return;
	str_add(&s->queue, p, n);
	give_data(s);
}

static size_t local_queued(const struct stream *s) { return s->queue.len - s->sent; }

static void
local_eof(struct stream *s)
{
	if (s->ended || s->eof || s->forgotten)
		return;
	s->eof = true;
	give_data(s);
}

static void
local_close(struct stream *s)
{
	struct link *k = s->link;

	if (s->forgotten)
		return;
	enter(k);
	s->forgotten = true;
	stream_drop(s);
	if (s->pid) {
		/* What a lost login means to a shell; steps that must live on are detached. */
		kill(-s->pid, SIGHUP);
		loop_fd(k->loop, s->pidfd, POLLIN, on_pidfd, s);
	}
	leave(k);
}

static void
local_shut(struct link *k)
{
	enter(k);
	k->shut = true;
	loop_cancel(k->loop, k->timer);
	for (struct stream *s = k->stream; s; s = s->next) {
		siginfo_t info;

		local_close(s);
		if (s->pid)
			waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | WNOHANG);
	}
	leave(k);
}

static void
ready(void *arg)
{
	struct link *k = arg;

	k->timer = 0;
	enter(k);
	if (k->events.ready)
		k->events.ready(k->arg);
	leave(k);
}

static struct link *
local_open(struct loop *l, const struct node *node, const struct link_events *events,
	   void *arg)
{
	struct link *k = xcalloc(1, sizeof *k);

	(void)node;
	*k = (struct link){.loop = l, .events = *events, .arg = arg};
	k->timer = loop_after(l, 0, ready, k);
	return k;
}

const struct executor executor_local = {
	.name = "local",
	.doc = "the machine dray runs on, through a child process",
	.open = local_open,
	.exec = local_exec,
	.tunnel = local_tunnel,
	.write = local_write,
	.queued = local_queued,
	.eof = local_eof,
	.close = local_close,
	.shut = local_shut,
};
