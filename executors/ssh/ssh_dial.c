/* Connects a hop: by TCP, or through a channel of the jump host before it. */
#include "executors/ssh/ssh.h"

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

#include "executors/io/names.h"

struct dialling {
	struct name_ask name;
	size_t now;                     /* the address that is tried */
	struct str why;                 /* why the addresses so far failed */
};

static void
dial_on_found(void *arg)
{
	struct hop *h = arg;

	ssh_kick(h->link);
}

/* A name behind a jump host is looked up by that host. */
enum next
ssh_find(struct hop *h, struct err *e)
{
	struct ssh_config *c = h->conf;
	struct name_ask *a;
	size_t kept = 0;

	if (h->below)
		return NEXT_ADVANCE;
	if (!h->dial) {
		h->dial = xcalloc(1, sizeof *h->dial);
		h->dial->why.max = 400;
	}
	a = &h->dial->name;
	switch (name_find(a, h->link->loop, c->host_name, c->port, dial_on_found, h, e)) {
	case NAME_WAITS: return NEXT_WAIT;
	case NAME_FAILED: return NEXT_FAIL;
	case NAME_KNOWN: break;
	}
	/* AddressFamily: drop the addresses of the other family. */
	for (size_t i = 0; i < a->n; i++)
		if (!c->address_family || a->v[i].sa.ss_family == c->address_family)
			a->v[kept++] = a->v[i];
	a->n = kept;
	if (!kept)
		err_set(e, "'%s' has no address of the AddressFamily that %s wants", c->host_name,
			ssh_config_place(c, WORD_AddressFamily));
	return kept ? NEXT_ADVANCE : NEXT_FAIL;
}

long
ssh_dial_ms(const struct hop *h)
{
	long ms = ssh_timeout_ms(h);

	if (!h->dial || h->dial->name.n < 2)
		return ms;
	ms /= (long)h->dial->name.n;
	return ms < 1000 ? 1000 : ms;
}

/* Note why this address failed and take the next one, with a new deadline. */
static void
dial_next_address(struct hop *h, const char *why)
{
	struct dialling *d = h->dial;
	const struct name_addr *a = &d->name.v[d->now];
	char text[NI_MAXHOST] = "?";

	getnameinfo((const struct sockaddr *)&a->sa, a->len, text, sizeof text, NULL, 0,
		    NI_NUMERICHOST);
	if (d->why.len)
		str_puts(&d->why, "; ");
	if (strcmp(text, h->conf->host_name) != 0)
		str_printf(&d->why, "%s: ", text);
	str_puts(&d->why, why);
	if (h->wire.fd >= 0) {
		loop_fd(h->link->loop, h->wire.fd, 0, NULL, NULL);
		close(h->wire.fd);
		h->wire.fd = -1;
	}
	d->now++;
	loop_cancel(h->link->loop, &h->timer);
}

/* Start to connect to the current address; false: it failed at once. */
static bool
dial_start(struct hop *h)
{
	const struct name_addr *a = &h->dial->name.v[h->dial->now];

	h->wire.fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->wire.fd < 0)
		return false;
	setsockopt(h->wire.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	return connect(h->wire.fd, (const struct sockaddr *)&a->sa, a->len) == 0 ||
	       errno == EINPROGRESS;
}

/* 0: connected; EINPROGRESS: not yet; else the errno. */
static int
dial_progress(int fd)
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
	while (h->dial->now < h->dial->name.n) {
		int code;

		if (h->wire.fd < 0)
			code = dial_start(h) ? dial_progress(h->wire.fd) : errno;
		else
			code = dial_progress(h->wire.fd);
		if (code == EINPROGRESS)
			return NEXT_WAIT;
		if (code == 0) {
			/* The TCP handshake is the first round trip. */
			h->wire.turns = 1;
			return NEXT_ADVANCE;
		}
		dial_next_address(h, strerror(code));
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

	/* From now on flushing and waiting use the transport below. */
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
	dial_next_address(h, why);
	return dial_tcp(h, e);
}

void
ssh_dial_free(struct hop *h)
{
	if (!h->dial)
		return;
	name_release(&h->dial->name);
	str_release(&h->dial->why);
	free(h->dial);
	h->dial = NULL;
}
