/* How a hop gets its bytes: a TCP connection, or a channel of the jump host before it. */
#include "executors/ssh.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct dialling {
	struct addrinfo *list, *now;    /* now: the address under way */
	unsigned n;
	struct str why;                 /* what became of the addresses so far */
};

static struct dialling *
dial_new(struct hop *h, struct err *e)
{
	struct dialling *d = xcalloc(1, sizeof *d);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char port[16];

	snprintf(port, sizeof port, "%d", h->conf->port);
	/* This blocks for names that only DNS knows. Addresses, /etc/hosts and a caching
	 * resolver answer at once; a thread for the rest is not worth its trouble. */
	int code = getaddrinfo(h->conf->host_name, port, &hints, &d->list);

	if (code) {
		err_set(e, "find '%s': %s", h->conf->host_name, gai_strerror(code));
		free(d);
		return NULL;
	}
	for (const struct addrinfo *a = d->list; a; a = a->ai_next)
		d->n++;
	d->now = d->list;
	d->why.max = 400;
	return d;
}

long
ssh_dial_ms(const struct hop *h)
{
	long ms = ssh_timeout_ms(h);

	if (!h->dial || h->dial->n < 2)
		return ms;
	ms /= (long)h->dial->n;
	return ms < 1000 ? 1000 : ms;
}

static void
drop_socket(struct hop *h)
{
	if (h->wire.fd < 0)
		return;
	loop_fd(h->link->loop, h->wire.fd, 0, NULL, NULL);
	close(h->wire.fd);
	h->wire.fd = -1;
}

/* Note why this address failed and go to the next one; the deadline starts anew. */
static void
next_address(struct hop *h, const char *why)
{
	struct dialling *d = h->dial;
	char text[NI_MAXHOST] = "?";

	getnameinfo(d->now->ai_addr, d->now->ai_addrlen, text, sizeof text, NULL, 0,
		    NI_NUMERICHOST);
	if (d->why.len)
		str_puts(&d->why, "; ");
	if (strcmp(text, h->conf->host_name) != 0)
		str_printf(&d->why, "%s: ", text);
	str_puts(&d->why, why);
	drop_socket(h);
	d->now = d->now->ai_next;
	loop_cancel(h->link->loop, h->timer);
	h->timer = 0;
}

/* Start to connect to the address under way; false: it failed at once. */
static bool
start(struct hop *h)
{
	const struct addrinfo *a = h->dial->now;

	h->wire.fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->wire.fd < 0)
		return false;
	setsockopt(h->wire.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return connect(h->wire.fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS;
}

/* 0: connected; EINPROGRESS: not yet; else why not. */
static int
progress(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int code = 0;
	socklen_t n = sizeof code;

	if (poll(&p, 1, 0) <= 0)
		return EINPROGRESS;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n);
	return code;
}

static enum next
dial_tcp(struct hop *h, struct err *e)
{
	if (!h->dial && !(h->dial = dial_new(h, e)))
		return NEXT_FAIL;
	while (h->dial->now) {
		int code;

		if (h->wire.fd < 0)
			code = start(h) ? progress(h->wire.fd) : errno;
		else
			code = progress(h->wire.fd);
		if (code == EINPROGRESS)
			return NEXT_WAIT;
		if (code == 0) {
			/* The handshake of TCP is the first round trip. */
			h->wire.turns = 1;
			return NEXT_ADVANCE;
		}
		next_address(h, strerror(code));
	}
	err_set(e, "%s", str_text(&h->dial->why));
	return NEXT_FAIL;
}

static enum next
dial_jump(struct hop *h, struct err *e)
{
	struct hop *b = h->below;
	LIBSSH2_CHANNEL *ch;
	int code;

	/* From now on flushing and waiting go down through it. */
	h->wire.below = &b->wire;
	h->wire.fd = b->wire.fd;
	ch = libssh2_channel_direct_tcpip(b->session, h->conf->host_name, h->conf->port);
	code = ch ? 0 : libssh2_session_last_errno(b->session);
	if (code == LIBSSH2_ERROR_EAGAIN)
		return NEXT_WAIT;
	if (!ch) {
		ssh_error(b, e);
		if (code == LIBSSH2_ERROR_CHANNEL_FAILURE)
			err_wrap(e, "the jump host '%s' cannot reach it", b->conf->host);
		return NEXT_FAIL;
	}
	h->wire.via = ch;
	return NEXT_ADVANCE;
}

enum next
ssh_dial(struct hop *h, struct err *e)
{
	return h->below ? dial_jump(h, e) : dial_tcp(h, e);
}

enum next
ssh_dial_late(struct hop *h, struct err *e)
{
	char why[64];

	snprintf(why, sizeof why, "timed out after %ld s", (ssh_dial_ms(h) + 500) / 1000);
	if (h->below || !h->dial) {
		err_set(e, "%s", why);
		return NEXT_FAIL;
	}
	next_address(h, why);
	return dial_tcp(h, e);
}

void
ssh_dial_free(struct hop *h)
{
	if (!h->dial)
		return;
	if (h->dial->list)
		freeaddrinfo(h->dial->list);
	str_release(&h->dial->why);
	free(h->dial);
	h->dial = NULL;
}
