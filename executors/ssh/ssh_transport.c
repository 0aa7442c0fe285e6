/* The queue between libssh2 and its socket; ssh_transport.h says why it exists. */
#include "executors/ssh/ssh_transport.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "executors/io/loop.h"
#include "planner/base/arena.h"

static
LIBSSH2_SEND_FUNC(transport_accept_packet)
{
	struct transport *t = *abstract;

	(void)socket, (void)flags;
	if (t->dead)
		return -EPIPE;
	if (t->head + t->len + length > t->cap) {
		if (t->head)
			memmove(t->out, t->out + t->head, t->len);
		t->head = 0;
		if (t->len + length > t->cap) {
			t->cap = (t->len + length) * 2;
			t->out = xrealloc(t->out, t->cap);
		}
	}
	memcpy(t->out + t->head + t->len, buffer, length);
	t->len += length;
	return (ssize_t)length;
}

/* The connection is dead, for this reason. */
static void
transport_give_up(struct transport *t, const char *why)
{
	t->dead = true;
	t->code = EPROTO;
	t->why = why;
}

static void
transport_heard(struct transport *t, const void *p, size_t n)
{
	if (t->received < sizeof t->first - 1) {
		size_t room = sizeof t->first - 1 - t->received;

		memcpy(t->first + t->received, p, n < room ? n : room);
	}
	t->received += n;
	t->taken += n;
	/* A server may send lines before its banner, which is the first that starts with "SSH-". */
	for (size_t i = 0; i < n && !t->greeted; i++) {
		char c = ((const char *)p)[i];

		if (c == '\n') {
			t->line++;
			t->at = 0;
		} else if (t->at < 4) {
			t->at = c == "SSH-"[t->at] ? t->at + 1 : 5;
			t->greeted = t->at == 4;
		}
	}
	if (!t->greeted && (t->line >= TRANSPORT_LINES || t->received >= TRANSPORT_GREETING))
		transport_give_up(t, "it sends data without end, and no line starts with 'SSH-'");
	t->heard = loop_now();
	if (t->sent)
		t->turns++;
	t->sent = false;
}

static ssize_t
transport_receive_socket(struct transport *t, void *buffer, size_t length)
{
	ssize_t n;

	/* libssh2 tries to read in every call on every channel. */
	if (t->dry)
		return -EAGAIN;
	do
		n = recv(t->fd, buffer, length, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		/* sshd's Nagle waits for our delayed ACK, which costs 42 ms a login. The
		 * kernel leaves quick mode by itself, so set it after every receive. */
		setsockopt(t->fd, IPPROTO_TCP, TCP_QUICKACK, &(int){1}, sizeof(int));
		transport_heard(t, buffer, (size_t)n);
		t->idle += (size_t)n;
		if (t->idle > TRANSPORT_IDLE + t->room)
			transport_give_up(t, "it sends data without end that dray did not ask for");
		return n;
	}
	if (n < 0 && errno == EAGAIN) {
		t->dry = true;
		return -EAGAIN;
	}
	t->code = n < 0 ? errno : 0;
	t->dead = true;
	return n < 0 ? -t->code : 0;
}

/* Receive from the carrier: > 0 bytes, -EAGAIN, 0 at its end, or another -errno. */
static ssize_t
transport_receive_below(struct transport *t, void *buffer, size_t length)
{
	ssize_t n;

	if (t->dead)
		return -EPIPE;
	if (t->taken >= TRANSPORT_TURN || loop_clock() - t->since >= TRANSPORT_TURN_MS)
		t->tired = true;
	if (t->tired)
		return -EAGAIN;
	if (!t->via)
		return transport_receive_socket(t, buffer, length);
	n = libssh2_channel_read(t->via, buffer, length);
	if (n == LIBSSH2_ERROR_EAGAIN || (n == 0 && !libssh2_channel_eof(t->via)))
		return -EAGAIN;
	if (n > 0) {
		transport_heard(t, buffer, (size_t)n);
		return n;
	}
	t->dead = true;
	t->code = n < 0 ? t->below->code : 0;
	t->why = t->below->why;
	return n < 0 ? -EIO : 0;
}

static
LIBSSH2_RECV_FUNC(transport_receive)
{
	struct transport *t = *abstract;

	(void)socket, (void)flags;
	if (t->in_len) {
		size_t n = length < t->in_len ? length : t->in_len;

		memcpy(buffer, t->in + t->in_head, n);
		t->in_head += n;
		t->in_len -= n;
		return (ssize_t)n;
	}
	free(t->in);
	t->in = NULL;
	t->in_head = 0;
	return transport_receive_below(t, buffer, length);
}

void
transport_turn(struct transport *t)
{
	t->dry = t->tired = false;
	t->taken = 0;
	t->since = loop_clock();
}

void
transport_useful(struct transport *t, size_t room)
{
	t->idle = 0;
	t->room = room;
}

bool
transport_fill(struct transport *t)
{
	char buf[4096];
	ssize_t n;

	while ((n = transport_receive_below(t, buf, sizeof buf)) > 0) {
		if (t->in_len + (size_t)n > TRANSPORT_HIGH) {
			t->code = EPROTO;
			t->dead = true;
			break;
		}
		t->in = xrealloc(t->in, t->in_head + t->in_len + (size_t)n);
		memcpy(t->in + t->in_head + t->in_len, buf, (size_t)n);
		t->in_len += (size_t)n;
	}
	return !t->dead;
}

/* libssh2 takes functions as void *. ISO C has no such cast, but POSIX allows it. */
typedef void function(void);

static void *
transport_pointer(function *f)
{
	void *p;

	memcpy(&p, &f, sizeof p);
	return p;
}

LIBSSH2_SESSION *
transport_session(struct transport *t)
{
	LIBSSH2_SESSION *s = libssh2_session_init_ex(NULL, NULL, NULL, t);

	if (!s)
		return NULL;
	libssh2_session_set_blocking(s, 0);
	libssh2_session_callback_set(s, LIBSSH2_CALLBACK_SEND,
				     transport_pointer((function *)transport_accept_packet));
	libssh2_session_callback_set(s, LIBSSH2_CALLBACK_RECV,
				     transport_pointer((function *)transport_receive));
	return s;
}

/* One write to the carrier: > 0 bytes sent, 0 not now, < 0 it is gone. */
static ssize_t
transport_send_some(struct transport *t)
{
	ssize_t n;

	if (t->via) {
		/* Without this the whole window of the jump host's channel would be queued. */
		if (t->below->len >= TRANSPORT_HIGH)
			return 0;
		n = libssh2_channel_write(t->via, t->out + t->head, t->len);
		return n == LIBSSH2_ERROR_EAGAIN ? 0 : n;
	}
	n = send(t->fd, t->out + t->head, t->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		t->code = errno;
	return n;
}

bool
transport_flush(struct transport *t)
{
	bool full = false;

	do {
		while (t->len && !t->dead) {
			ssize_t n = transport_send_some(t);

			if (n < 0)
				t->dead = true;
			if (n <= 0)
				break;
			t->head += (size_t)n;
			t->len -= (size_t)n;
			t->sent = true;
		}
		if (!t->below)
			break;
		full = t->below->len >= TRANSPORT_HIGH;
		if (!transport_flush(t->below)) {
			t->dead = true;
			t->code = t->below->code;
			t->why = t->below->why;
		}
		/* Continue if the jump host's queue was full and has room now. */
	} while (!t->dead && t->len && full && t->below->len < TRANSPORT_HIGH);
	if (!t->len)
		t->head = 0;
	return !t->dead;
}

short
transport_events(const struct transport *t)
{
	while (t->below)
		t = t->below;
	return (short)(POLLIN | (t->len ? POLLOUT : 0));
}

void
transport_release(struct transport *t)
{
	free(t->out);
	free(t->in);
	*t = (struct transport){.fd = -1};
}
