/* The ssh executor: links, the states of their hops, and the pump that drives them. */
#include "executors/ssh/ssh.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/io/patience.h"
#include "planner/base/arena.h"

enum { ROUNDS = 32 };   /* over all streams, before other links get their turn */

static void ssh_pump(struct link *);

static const struct state {
	const char *name;
	enum next (*step)(struct hop *, struct err *);
} states[] = {
	[HOP_FIND] = {"find", ssh_find},
	[HOP_QUEUE] = {"wait", ssh_queue},
	[HOP_DIAL] = {"connect", ssh_dial},
	[HOP_TURN] = {"wait", ssh_turn},
	[HOP_HANDSHAKE] = {"exchange keys", ssh_handshake},
	[HOP_HOSTKEY] = {"verify host key", ssh_verify},
	[HOP_AUTH] = {"log in", ssh_login},
	[HOP_READY] = {"ready", NULL},
};

static struct hop *ssh_top(struct link *k) { return &k->hop[k->at]; }

void
ssh_error(const struct hop *h, struct err *e)
{
	char *text = NULL;
	int code = libssh2_session_last_error(h->session, &text, NULL, 0);
	const struct transport *t = &h->wire;

	if (t->dead && t->why)
		err_set(e, "%s", t->why);
	else if (t->dead && t->code)
		err_set(e, "connection lost: %s", strerror(t->code));
	else if (t->dead)
		err_set(e, "the server closed the connection");
	else
		err_set(e, "%s (libssh2 error %d)", text && *text ? text : "no reason given",
			code);
}

/* Add the state and the hop in which it happened. */
static void
ssh_name_error(const struct hop *h, struct err *e)
{
	const char *name = states[h->state].name;
	const struct ssh_names *notes = &h->conf->notes;

	/* The cause may be a part of the configuration that was skipped. */
	if (notes->n && h->state != HOP_READY) {
		struct err plain = *e;

		err_set(e, "%s (%s)", plain.text, notes->v[0]);
	}
	if (h->state == HOP_DIAL || h->state == HOP_FIND)
		err_wrap(e, "connect %s", h->where);
	else if (h->state == HOP_AUTH)
		err_wrap(e, "%s as %s@%s", name, h->conf->user, h->conf->host_name);
	else if (h->state != HOP_READY)
		err_wrap(e, "%s", name);
	if (h < &h->link->hop[h->link->nhop - 1])
		err_wrap(e, "jump host '%s'", h->conf->host);
}

static long
ssh_deadline_ms(const struct hop *h)
{
	if (h->state == HOP_DIAL)
		return ssh_dial_ms(h);
	if (h->state == HOP_AUTH && ssh_timeout_ms(h) < patience.login * 1000L)
		return patience.login * 1000L;
	return ssh_timeout_ms(h);
}

static void
ssh_late(void *arg)
{
	struct hop *h = arg;
	struct link *k = h->link;
	struct err e = {0};

	h->timer = 0;
	ssh_enter(k);
	if (h->state == HOP_DIAL) {
		enum next n = ssh_dial_late(h, &e);

		if (n != NEXT_FAIL) {
			ssh_kick(k);
			goto out;
		}
	} else if (h->state == HOP_FIND) {
		err_set(&e, "find '%s': no answer within %ld s", h->conf->host_name,
			ssh_deadline_ms(h) / 1000);
		err_hint(&e, "does the resolver of this machine answer? try: getent hosts %s",
			 h->conf->host_name);
	} else {
		err_set(&e, "timed out after %ld s", ssh_deadline_ms(h) / 1000);
		if (h->state == HOP_HANDSHAKE && !h->wire.received)
			err_set(&e, "timed out after %ld s: the server accepted the connection "
				    "but sends nothing", ssh_deadline_ms(h) / 1000);
	}
	ssh_name_error(h, &e);
	ssh_lose(k, &e);
out:
	ssh_leave(k);
}

/* Called every 15 s to send keepalives. A server is dead only if it did not answer them; its
 * silence alone proves nothing. */
static void
ssh_keepalive(void *arg)
{
	struct link *k = arg;
	long long now = loop_now();

	k->keepalive = loop_after(k->loop, patience.keepalive * 1000L, ssh_keepalive, k);
	ssh_enter(k);
	for (size_t i = 0; i <= k->at && !k->lost; i++) {
		struct hop *h = &k->hop[i];
		struct err e = {0};

		if (h->state != HOP_READY)
			continue;
		if (h->wire.heard != h->heard) {
			h->heard = h->wire.heard;
			h->asked = 0;
		}
		if (now - h->wire.heard >= patience.dead * 1000LL &&
		    (h->asked + 1) * patience.keepalive >= patience.dead) {
			err_set(&e, "connection lost: nothing heard for %u s", patience.dead);
			ssh_name_error(h, &e);
			ssh_lose(k, &e);
		} else {
			libssh2_keepalive_send(h->session, &(int){0});
			h->asked++;
		}
	}
	/* Answers to keepalives are rare and need not be useful. */
	transport_useful(&k->hop[0].wire, ssh_streams_room(k));
	if (!k->lost)
		ssh_kick(k);
	ssh_leave(k);
}

/* The current hop is logged in: start the next one, or tell the owner. */
static void
ssh_hop_ready(struct hop *h)
{
	struct link *k = h->link;

	ssh_dial_free(h);
	ssh_login_free(h);
	known_hosts_release(&h->known);
	/* We keep the interval; libssh2 must send whenever it is asked. */
	libssh2_keepalive_config(h->session, 1, 2);
	ssh_call_next(k);
	if (!k->keepalive)
		k->keepalive = loop_after(k->loop, patience.keepalive * 1000L, ssh_keepalive, k);
	if (k->at + 1 < k->nhop) {
		k->at++;
		return;
	}
	k->ready = true;
	if (k->events.ready)
		k->events.ready(k->arg);
}

/* One step of the current hop; false: it waits. */
static bool
ssh_hop_step(struct hop *h)
{
	struct link *k = h->link;
	struct err e = {0};

	switch (states[h->state].step(h, &e)) {
	case NEXT_WAIT:
		if (!h->timer && h->state != HOP_QUEUE && h->state != HOP_TURN)
			h->timer = loop_after(k->loop, ssh_deadline_ms(h), ssh_late, h);
		return false;
	case NEXT_FAIL:
		ssh_name_error(h, &e);
		ssh_lose(k, &e);
		return false;
	case NEXT_ADVANCE:
		break;
	}
	loop_cancel(k->loop, &h->timer);
	h->state++;
	if (h->state == HOP_READY)
		ssh_hop_ready(h);
	return true;
}

static void
ssh_on_socket(void *arg, short revents)
{
	struct link *k = arg;

	(void)revents;
	ssh_enter(k);
	ssh_pump(k);
	ssh_leave(k);
}

static void
ssh_on_idle(void *arg)
{
	struct link *k = arg;

	loop_idle(k->loop, NULL, k);
	ssh_enter(k);
	if (k->lost)
		ssh_streams_lost(k, &k->why);   /* for a stream that was opened afterwards */
	ssh_pump(k);
	ssh_leave(k);
}

void
ssh_kick(struct link *k)
{
	if (!k->shut)
		loop_idle(k->loop, ssh_on_idle, k);
}

static void
ssh_again(void *arg)
{
	struct link *k = arg;

	k->kick = 0;
	ssh_on_idle(k);
}

void
ssh_kick_in(struct link *k, long ms)
{
	if (k->shut || (k->kick && k->kick_at <= loop_now() + ms))
		return;
	loop_cancel(k->loop, &k->kick);
	k->kick_at = loop_now() + ms;
	k->kick = loop_after(k->loop, ms, ssh_again, k);
}

static void
ssh_watch(struct link *k)
{
	struct hop *h = ssh_top(k);
	int fd = k->hop[0].wire.fd;
	short events = transport_events(&h->wire);

	if (h->state == HOP_DIAL && !h->below)
		events = POLLOUT;
	if (h->state == HOP_TURN)
		events = 0;             /* what the server says is read when its turn has come */
	if (fd >= 0 && !k->lost && !k->shut)
		loop_fd(k->loop, fd, events, ssh_on_socket, k);
}

/* Drive everything until nothing moves without new bytes. */
static void
ssh_pump(struct link *k)
{
	int rounds = 0;
	bool more;

	if (k->pumping || k->lost || k->shut)
		return;
	k->pumping = true;
	for (size_t i = 0; i < k->nhop; i++)
		transport_turn(&k->hop[i].wire);
	for (;;) {
		bool moved = k->ready ? ssh_streams_pump(k) : ssh_hop_step(ssh_top(k));

		if (k->lost || k->shut)
			break;
		if (moved)
			transport_useful(&k->hop[0].wire, ssh_streams_room(k));
		if (k->ready && !k->nchannel)
			transport_fill(&ssh_top(k)->wire);
		if (!transport_flush(&ssh_top(k)->wire) && k->ready) {
			struct err e = {0};

			ssh_error(ssh_top(k), &e);
			ssh_lose(k, &e);
			break;
		}
		if (!moved || ++rounds == ROUNDS)
			break;
	}
	/* There is more to do than fits into one turn. */
	more = rounds == ROUNDS;
	for (size_t i = 0; i <= k->at; i++)
		more |= k->hop[i].wire.tired;
	if (!k->lost && !k->shut && more)
		ssh_kick_in(k, 0);
	k->pumping = false;
	ssh_watch(k);
}

void
ssh_lose(struct link *k, const struct err *e)
{
	if (k->lost || k->shut)
		return;
	k->lost = true;
	k->why = *e;
	if (k->hop[0].wire.fd >= 0)
		loop_fd(k->loop, k->hop[0].wire.fd, 0, NULL, NULL);
	loop_idle(k->loop, NULL, k);
	loop_cancel(k->loop, &k->keepalive);
	loop_cancel(k->loop, &k->kick);
	for (size_t i = 0; i < k->nhop; i++) {
		loop_cancel(k->loop, &k->hop[i].timer);
		k->hop[i].wire.dead = true;
	}
	if (k->nhop)
		ssh_call_next(k);
	ssh_streams_lost(k, &k->why);
	if (!k->shut && k->events.failed)
		k->events.failed(k->arg, &k->why);
}

void ssh_enter(struct link *k) { k->busy++; }

void
ssh_leave(struct link *k)
{
	if (--k->busy)
		return;
	ssh_streams_sweep(k);
	if (!k->shut)
		return;
	for (size_t i = k->nhop; i-- > 0;)
		ssh_hop_release(&k->hop[i]);
	ssh_link_remove(k);
	arena_release(&k->arena);
	free(k);
	libssh2_exit();
}

static void
ssh_shut(struct link *k)
{
	if (k->shut)
		return;
	ssh_enter(k);
	k->shut = true;
	loop_idle(k->loop, NULL, k);
	loop_cancel(k->loop, &k->keepalive);
	loop_cancel(k->loop, &k->kick);
	for (size_t i = 0; i < k->nhop; i++)
		loop_cancel(k->loop, &k->hop[i].timer);
	if (k->hop[0].wire.fd >= 0)
		loop_fd(k->loop, k->hop[0].wire.fd, 0, NULL, NULL);
	if (k->nhop && !k->lost) {
		/* Say goodbye, as far as that works without waiting. */
		for (size_t i = k->at + 1; i-- > 0;) {
			struct hop *h = &k->hop[i];

			if (h->state == HOP_READY)
				libssh2_session_disconnect(h->session, "done");
		}
		transport_flush(&ssh_top(k)->wire);
		ssh_call_next(k);
	}
	ssh_leave(k);
}

/* In the first turn after open(): report errors, or start to connect. */
static void
ssh_start(void *arg)
{
	struct link *k = arg;
	struct err e = {0};

	k->kick = 0;
	ssh_enter(k);
	if (ssh_resolve(k, &e))
		ssh_pump(k);
	else
		ssh_lose(k, &e);
	ssh_leave(k);
}

static struct link *
ssh_open(struct loop *l, const struct node *node, const struct link_events *events, void *arg)
{
	struct link *k = xcalloc(1, sizeof *k);

	*k = (struct link){.loop = l, .node = node, .events = *events, .arg = arg};
	k->hop[0].wire.fd = -1;
	ssh_link_add(k);
	libssh2_init(0);
	k->kick = loop_after(l, 0, ssh_start, k);
	return k;
}

static unsigned ssh_turns(const struct link *k) { return k->hop[0].wire.turns; }

const struct executor executor_ssh = {
	.name = "ssh",
	.doc = "a host reached by SSH, directly or through jump hosts",
	.port = ssh_port,
	.open = ssh_open,
	.exec = ssh_exec,
	.tunnel = ssh_tunnel,
	.write = ssh_write,
	.eof = ssh_eof,
	.close = ssh_close,
	.shut = ssh_shut,
	.turns = ssh_turns,
};
