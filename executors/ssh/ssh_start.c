/* The start of a connection: it limits how many logins one server gets at a time, and runs
 * the key exchange, again if the server was too busy. */
#include "executors/ssh/ssh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "planner/base/limits.h"

enum {
	STARTING = 8,           /* logins at a time to one first hop: MaxStartups is 10 */
	KNOCKS = 5,             /* tries if it still drops us at random */
	KNOCK_MS = 250,         /* wait before the second try; doubles each time */
	FREE_TRIES = 100,
};

/* All links of the process, the oldest first; one thread drives them. */
static struct link *links;
/* How many hops have their turn. */
static unsigned turns;

void
ssh_link_add(struct link *k)
{
	struct link **p = &links;

	while (*p)
		p = &(*p)->next;
	*p = k;
}

void
ssh_link_remove(struct link *k)
{
	struct link **p = &links;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
}

static bool
start_same_door(const struct link *a, const struct link *b)
{
	return a->nhop && b->nhop && strcmp(a->hop[0].where, b->hop[0].where) == 0;
}

static void
start_try_again(void *arg)
{
	struct hop *h = arg;

	h->timer = 0;
	ssh_kick(h->link);
}

/* sshd drops connections at random when too many have not logged in yet. Many nodes behind
 * one jump host would cause that, so only a few at a time connect to one server. */
enum next
ssh_queue(struct hop *h, struct err *e)
{
	long long wait = h->not_before - loop_now();
	unsigned n = 0;

	(void)e;
	if (h->below)
		return NEXT_ADVANCE;
	if (wait > 0) {
		if (!h->timer)
			h->timer = loop_after(h->link->loop, (long)wait, start_try_again, h);
		return NEXT_WAIT;
	}
	for (struct link *k = links; k; k = k->next)
		n += k->nhop && !k->lost && k->at == 0 && k->hop[0].state > HOP_QUEUE &&
		     k->hop[0].state < HOP_READY && start_same_door(k, h->link);
	/* A link that was dropped waits until fewer others connect. */
	return n == 0 || n < (unsigned)STARTING >> h->tries ? NEXT_ADVANCE : NEXT_WAIT;
}

/* If all key exchanges ran at once, each would take long. With some at a time the first nodes do
 * their work while the others log in. A server that does not answer does not keep a turn from
 * others, because it is dialled before. */
enum next
ssh_turn(struct hop *h, struct err *e)
{
	(void)e;
	if (turns >= LOGINS)
		return NEXT_WAIT;
	turns++;
	h->turn = true;
	return NEXT_ADVANCE;
}

static bool
start_waits(const struct link *k, enum hop_state state)
{
	return k->nhop && !k->lost && !k->shut && k->hop[k->at].state == state;
}

/* Give back the turns that k has no use for, and let the links that waited longest have them. */
static void
start_turns(struct link *k)
{
	size_t left;

	for (size_t i = 0; i < k->nhop; i++) {
		struct hop *h = &k->hop[i];

		if (h->turn && (k->lost || k->shut || h->state < HOP_TURN || h->state == HOP_READY)) {
			h->turn = false;
			turns--;
		}
	}
	left = LOGINS - turns;
	for (struct link *o = links; o && left; o = o->next) {
		if (o != k && start_waits(o, HOP_TURN)) {
			ssh_kick(o);
			left--;
		}
	}
}

void
ssh_hop_release(struct hop *h)
{
	ssh_dial_free(h);
	ssh_login_free(h);
	h->wire.dead = true;
	/* With a dead transport it does not wait for the server, but it may return EAGAIN. */
	for (int i = 0; h->session && i < FREE_TRIES; i++)
		if (libssh2_session_free(h->session) != LIBSSH2_ERROR_EAGAIN)
			h->session = NULL;
	if (!h->below && h->wire.fd >= 0)
		close(h->wire.fd);
	known_hosts_release(&h->known);
	transport_release(&h->wire);
}

void
ssh_call_next(struct link *k)
{
	start_turns(k);
	for (struct link *o = links; o; o = o->next)
		if (o != k && o->at == 0 && start_waits(o, HOP_QUEUE) && start_same_door(o, k))
			ssh_kick(o);
}

static void
start_no_banner(const struct hop *h, struct err *e)
{
	struct str said = {.max = 80};

	str_safe(&said, h->wire.first, strcspn(h->wire.first, "\r\n"));
	if (said.len)
		err_set(e, "this is not an SSH server: it said '%s'%s%s", str_text(&said),
			h->wire.why ? "; " : "", h->wire.why ? h->wire.why : "");
	err_hint(e, "is an SSH server at this port? sshd also does this when too many logins are "
		    "in progress (MaxStartups)");
	str_release(&said);
}

/* The server closed before its banner while other links of ours connect to it: that is sshd's
 * MaxStartups, which counts a login for a while after it is done. */
static bool
start_turned_away(const struct hop *h)
{
	if (h->below || !h->wire.dead || h->wire.why || h->wire.greeted || h->tries + 1 >= KNOCKS)
		return false;
	for (const struct link *k = links; k; k = k->next)
		if (k != h->link && !k->lost && start_same_door(k, h->link))
			return true;
	return false;
}

enum next
ssh_handshake(struct hop *h, struct err *e)
{
	int rc;

	if (!h->session) {
		h->session = transport_session(&h->wire);
		if (!h->session) {
			err_set(e, "out of memory");
			return NEXT_FAIL;
		}
		if (!ssh_prefer(h, e))
			return NEXT_FAIL;
	}
	rc = libssh2_session_handshake(h->session, h->wire.fd);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return NEXT_WAIT;
	if (rc == 0)
		return NEXT_ADVANCE;
	if (start_turned_away(h)) {
		/* Back to the queue, with a new connection. */
		loop_cancel(h->link->loop, &h->timer);
		loop_fd(h->link->loop, h->wire.fd, 0, NULL, NULL);
		ssh_hop_release(h);
		h->not_before = loop_now() + ((long long)KNOCK_MS << h->tries++);
		h->state = HOP_FIND;
		ssh_call_next(h->link);
		ssh_kick(h->link);
		return NEXT_WAIT;
	}
	ssh_error(h, e);
	if (rc == LIBSSH2_ERROR_KEX_FAILURE && !h->wire.dead)
		ssh_offer_hint(h, e);
	else if (!h->wire.greeted)
		start_no_banner(h, e);
	return NEXT_FAIL;
}
