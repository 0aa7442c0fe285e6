/* TCP connections from this machine. */
#include "executors/near_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

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

void
dial_connected(struct stream *s)
{
	int code = 0;
	socklen_t n = sizeof code;

	getsockopt(s->out, SOL_SOCKET, SO_ERROR, &code, &n);
	if (code) {
		stream_drop_fd(s, &s->out);
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
	stream_give(s);
}

static void
dial(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	near_enter(k);
	try_next(s);
	near_leave(k);
}

struct stream *
near_dial(struct link *k, const char *host, int port, const struct stream_events *events,
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
