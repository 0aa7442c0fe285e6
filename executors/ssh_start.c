/* The start of a connection: waiting for a turn at a door that many want to go through,
 * and the key exchange, tried again when the server turned us away. */
#include "executors/ssh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	STARTING = 8,           /* logins at once at one first hop: MaxStartups is 10 */
	KNOCKS = 5,             /* tries there when it drops us at random all the same */
	KNOCK_MS = 250,         /* before the second one; doubles */
	FREE_TRIES = 100,
};

/* All links of the process; one thread drives them. */
static struct link *links;

void
ssh_link_add(struct link *k)
{
	k->next = links;
	links = k;
}

void
ssh_link_remove(struct link *k)
{
	for (struct link **p = &links; *p; p = &(*p)->next) {
		if (*p == k) {
			*p = k->next;
			return;
		}
	}
}

static bool
same_door(const struct link *a, const struct link *b)
{
	return a->nhop && b->nhop && strcmp(a->hop[0].where, b->hop[0].where) == 0;
}

static bool
logging_in(const struct link *k)
{
	return k->nhop && !k->lost && k->at == 0 && k->hop[0].state > HOP_QUEUE &&
	       k->hop[0].state < HOP_READY;
}

static void
try_again(void *arg)
{
	struct hop *h = arg;

	h->timer = 0;
	ssh_kick(h->link);
}

/* sshd drops connections at random when too many are not logged in yet, which many nodes
 * behind one jump host would be: so only a few at a time knock at one door. */
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
			h->timer = loop_after(h->link->loop, (long)wait, try_again, h);
		return NEXT_WAIT;
	}
	for (struct link *k = links; k; k = k->next)
		n += logging_in(k) && same_door(k, h->link);
	/* Who was turned away waits for more quiet. */
	return n == 0 || n < (unsigned)STARTING >> h->knocks ? NEXT_ADVANCE : NEXT_WAIT;
}

/* Everything a connection attempt has; the hop can start anew. */
void
ssh_hop_release(struct hop *h)
{
	ssh_dial_free(h);
	ssh_login_free(h);
	h->wire.dead = true;
	/* With a dead transport it cannot wait for the server, but it may ask twice. */
	for (int i = 0; h->session && i < FREE_TRIES; i++) {
		if (libssh2_session_free(h->session) != LIBSSH2_ERROR_EAGAIN)
			h->session = NULL;
	}
	if (!h->below && h->wire.fd >= 0)
		close(h->wire.fd);
	known_hosts_release(&h->known);
	transport_release(&h->wire);
}

void
ssh_call_next(const struct link *k)
{
	for (struct link *o = links; o; o = o->next) {
		if (o != k && o->nhop && !o->lost && !o->shut && o->at == 0 &&
		    o->hop[0].state == HOP_QUEUE && same_door(o, k))
			ssh_kick(o);
	}
}

/* Did it introduce itself as an SSH server? libssh2 takes any first line for a banner. */
static bool
greeted(const struct hop *h)
{
	return strncmp(h->wire.first, "SSH-", 4) == 0;
}

static void
no_banner(const struct hop *h, struct err *e)
{
	struct str said = {.max = 80};

	str_safe(&said, h->wire.first, strcspn(h->wire.first, "\r\n"));
	if (said.len)
		err_set(e, "that is no SSH server: it said '%s'", str_text(&said));
	err_hint(e, "is an SSH server at this port? sshd does this too when too many logins are "
		    "under way (MaxStartups)");
	str_release(&said);
}

/* Hung up on before the banner while others of ours are at the same door: that is sshd's
 * MaxStartups, whose parent counts logins for a while after they are done. */
static bool
turned_away(const struct hop *h)
{
	if (h->below || !h->wire.dead || greeted(h) || h->knocks + 1 >= KNOCKS)
		return false;
	for (const struct link *k = links; k; k = k->next) {
		if (k != h->link && !k->lost && same_door(k, h->link))
			return true;
	}
	return false;
}

/* Back to the queue with a fresh connection. */
static void
knock_again(struct hop *h)
{
	struct loop *l = h->link->loop;

	loop_cancel(l, h->timer);
	h->timer = 0;
	loop_fd(l, h->wire.fd, 0, NULL, NULL);
	ssh_hop_release(h);
	h->not_before = loop_now() + ((long long)KNOCK_MS << h->knocks++);
	h->state = HOP_QUEUE;
	ssh_call_next(h->link);
	ssh_kick(h->link);
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
	if (turned_away(h)) {
		knock_again(h);
		return NEXT_WAIT;
	}
	ssh_error(h, e);
	if (rc == LIBSSH2_ERROR_KEX_FAILURE && !h->wire.dead)
		ssh_offer_hint(h, e);
	else if (!greeted(h))
		no_banner(h, e);
	return NEXT_FAIL;
}

