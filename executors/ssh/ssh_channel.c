/* The streams of the ssh executor: channels of the last hop's session. They are opened one at
 * a time and pumped together, because any libssh2 call may read data for all of them. */
#include "executors/ssh/ssh.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/arena.h"

enum {
	CHUNK = 32 * 1024,
	READS = 8,              /* of one stream before the others get their turn */
	WINDOW = 2 * 1024 * 1024,
	COMPACT = 1024 * 1024,  /* move the queue once so many bytes were sent */
	RETRY_MS = 200,         /* after the server refused a channel */
	LINGER_MS = 5000,       /* how long it may count a channel that is gone */
};

struct stream {
	struct link *link;
	struct stream *next;
	struct stream_events events;
	void *arg;
	LIBSSH2_CHANNEL *channel;
	enum { S_WAIT, S_OPEN, S_EXEC, S_PUMP, S_CLOSE, S_DONE } state;
	char *command;          /* NULL: a tunnel */
	char *host;
	int port;
	struct str queue;
	size_t sent;            /* bytes of queue that were sent */
	bool eof, eof_sent;
	bool told;              /* closed() was called */
	bool forgotten;         /* no more events */
	long long retry;        /* don't open it before this loop_now() */
};

static struct hop *channel_top(struct link *k) { return &k->hop[k->at]; }

static void
channel_tell_closed(struct stream *s, const struct err *e)
{
	if (s->told)
		return;
	s->told = true;
	if (!s->forgotten && s->events.closed)
		s->events.closed(s->arg, e);
}

/* The server refused a channel. It may accept a session channel later, once one of ours is
 * gone (MaxSessions); sshd counts a session until it has seen the end of its process. The
 * refusal of a tunnel is about its target. */
static void
channel_refused(struct stream *s)
{
	struct link *k = s->link;
	struct err e = {0};
	bool room_to_come = --k->nchannel > 0 || (k->freed && loop_now() - k->freed < LINGER_MS);

	if (s->command && room_to_come) {
		s->state = S_WAIT;
		s->retry = loop_now() + RETRY_MS;
		ssh_kick_in(k, RETRY_MS + 1);
		return;
	}
	s->state = S_DONE;
	ssh_error(channel_top(k), &e);
	if (s->command)
		err_wrap(&e, "open a session");
	else
		err_wrap(&e, "reach %s:%d from the node", s->host, s->port);
	channel_tell_closed(s, &e);
}

static bool
channel_open_step(struct stream *s)
{
	struct link *k = s->link;
	LIBSSH2_SESSION *session = channel_top(k)->session;

	if (s->command)
		s->channel = libssh2_channel_open_ex(session, "session", 7, WINDOW,
						     LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0);
	else
		s->channel = libssh2_channel_direct_tcpip(session, s->host, s->port);
	if (!s->channel && libssh2_session_last_errno(session) == LIBSSH2_ERROR_EAGAIN)
		return false;
	k->opening = NULL;
	if (s->channel) {
		s->state = s->command ? S_EXEC : S_PUMP;
		if (!s->command && !s->forgotten && s->events.opened)
			s->events.opened(s->arg);
	} else if (libssh2_session_last_errno(session) == LIBSSH2_ERROR_CHANNEL_FAILURE) {
		channel_refused(s);
	} else {
		struct err e = {0};

		k->nchannel--;
		s->state = S_DONE;
		ssh_error(channel_top(k), &e);
		ssh_lose(k, &e);
	}
	return true;
}

/* Nothing can be written before the answer, with which sshd opens its window. */
static bool
channel_exec_step(struct stream *s)
{
	struct link *k = s->link;
	int rc = libssh2_channel_exec(s->channel, s->command);
	struct err e = {0};

	if (rc == LIBSSH2_ERROR_EAGAIN)
		return false;
	if (rc == 0) {
		s->state = S_PUMP;
		if (!s->forgotten && s->events.opened)
			s->events.opened(s->arg);
		return true;
	}
	ssh_error(channel_top(k), &e);
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
		err_wrap(&e, "run a command");
		s->state = S_CLOSE;
		channel_tell_closed(s, &e);
	} else {
		ssh_lose(k, &e);
	}
	return true;
}

static bool
channel_write_step(struct stream *s)
{
	struct link *k = s->link;
	bool moved = false;

	while (s->sent < s->queue.len && channel_top(k)->wire.len < TRANSPORT_HIGH) {
		ssize_t n = libssh2_channel_write(s->channel, s->queue.buf + s->sent,
						  s->queue.len - s->sent);

		if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
			break;
		if (n < 0) {
			/* The peer closed the channel; reading will report it. */
			s->sent = s->queue.len;
			s->eof = s->eof_sent = true;
			break;
		}
		s->sent += (size_t)n;
		moved = true;
	}
	if (s->sent == s->queue.len) {
		str_reset(&s->queue);
		s->sent = 0;
	}
	if (s->eof && !s->eof_sent && !s->queue.len &&
	    libssh2_channel_send_eof(s->channel) != LIBSSH2_ERROR_EAGAIN)
		s->eof_sent = moved = true;
	return moved;
}

/* Read one stream of the channel until it is empty, READS times at most. */
static bool
channel_read_step(struct stream *s, int id)
{
	char buf[CHUNK];
	bool moved = false;

	for (int i = 0; i < READS && s->state == S_PUMP && !s->forgotten; i++) {
		ssize_t n = libssh2_channel_read_ex(s->channel, id, buf, sizeof buf);

		if (n == 0 || n == LIBSSH2_ERROR_EAGAIN)
			break;
		if (n < 0) {
			struct err e = {0};

			ssh_error(channel_top(s->link), &e);
			ssh_lose(s->link, &e);
			break;
		}
		moved = true;
		if (s->events.data)
			s->events.data(s->arg, buf, (size_t)n, id != 0);
	}
	return moved;
}

static bool
channel_pump_step(struct stream *s)
{
	bool moved;

	if (s->forgotten) {
		s->state = S_CLOSE;
		return true;
	}
	moved = channel_write_step(s);
	moved |= channel_read_step(s, 0);
	moved |= channel_read_step(s, SSH_EXTENDED_DATA_STDERR);
	/* eof stays 0 while data waits, so both streams have been read to the end. */
	if (s->state == S_PUMP && !s->forgotten && !s->link->lost &&
	    libssh2_channel_eof(s->channel) == 1) {
		s->state = S_CLOSE;
		channel_tell_closed(s, NULL);
		return true;
	}
	return moved;
}

static bool
channel_close_step(struct stream *s)
{
	struct link *k = s->link;

	/* This waits until the server has closed its side, which it does when our process there
	 * has ended. Until then the channel counts for the server's limit. */
	if (libssh2_channel_close(s->channel) == LIBSSH2_ERROR_EAGAIN ||
	    libssh2_channel_free(s->channel) == LIBSSH2_ERROR_EAGAIN)
		return false;
	k->nchannel--;
	k->freed = loop_now();
	s->channel = NULL;
	s->state = S_DONE;
	for (struct stream *o = k->streams; o; o = o->next)
		o->retry = 0;
	return true;
}

static bool
channel_wait_step(struct stream *s)
{
	struct link *k = s->link;

	if (s->forgotten) {
		s->state = S_DONE;
		return false;
	}
	if (k->opening || k->nchannel >= SSH_CHANNELS || (s->retry && s->retry > loop_now()))
		return false;
	k->opening = s;
	k->nchannel++;
	s->state = S_OPEN;
	return true;
}

static bool
channel_step(struct stream *s)
{
	switch (s->state) {
	case S_WAIT: return channel_wait_step(s);
	case S_OPEN: return channel_open_step(s);
	case S_EXEC: return channel_exec_step(s);
	case S_PUMP: return channel_pump_step(s);
	case S_CLOSE: return channel_close_step(s);
	case S_DONE: break;
	}
	return false;
}

bool
ssh_streams_pump(struct link *k)
{
	bool moved = false;

	for (struct stream *s = k->streams; s && !k->lost && !k->shut; s = s->next)
		moved |= channel_step(s);
	return moved;
}

size_t ssh_streams_room(const struct link *k) { return (size_t)k->nchannel * WINDOW; }

void
ssh_streams_lost(struct link *k, const struct err *e)
{
	/* A callback may add streams; the loop reaches them, too. */
	for (struct stream *s = k->streams; s; s = s->next)
		channel_tell_closed(s, e);
}

/* Free closed streams without a channel; all streams once the link is shut, because the
 * session owns the channels that are left. */
void
ssh_streams_sweep(struct link *k)
{
	for (struct stream **p = &k->streams; *p;) {
		struct stream *s = *p;

		if (k->shut || (s->forgotten && s->state == S_DONE)) {
			*p = s->next;
			str_release(&s->queue);
			free(s->command);
			free(s->host);
			free(s);
		} else {
			p = &s->next;
		}
	}
}

static struct stream *
channel_stream_new(struct link *k, const struct stream_events *events, void *arg)
{
	struct stream *s = xcalloc(1, sizeof *s), **p = &k->streams;

	s->link = k;
	s->arg = arg;
	if (events)
		s->events = *events;
	while (*p)
		p = &(*p)->next;
	*p = s;
	ssh_kick(k);
	return s;
}

struct stream *
ssh_exec(struct link *k, const char *command, const struct stream_events *events, void *arg)
{
	struct stream *s = channel_stream_new(k, events, arg);

	s->command = xstrdup(command);
	return s;
}

struct stream *
ssh_tunnel(struct link *k, const char *host, int port, const struct stream_events *events,
	   void *arg)
{
	struct stream *s = channel_stream_new(k, events, arg);

	s->host = xstrdup(host);
	s->port = port;
	return s;
}

void
ssh_write(struct stream *s, const void *p, size_t n)
{
	if (s->eof || s->told || s->forgotten)
		return;
	if (s->sent > COMPACT && s->sent > s->queue.len / 2) {
		str_drop(&s->queue, s->sent);
		s->sent = 0;
	}
	str_add(&s->queue, p, n);
	ssh_kick(s->link);
}

void
ssh_eof(struct stream *s)
{
	s->eof = true;
	ssh_kick(s->link);
}

void
ssh_close(struct stream *s)
{
	s->forgotten = true;
	ssh_enter(s->link);
	ssh_kick(s->link);
	ssh_leave(s->link);
}
