#ifndef EXECUTORS_SSH_H
#define EXECUTORS_SSH_H

#include <libssh2.h>
#include <stdbool.h>
#include <stddef.h>

#include "executors/executor.h"
#include "executors/ssh/known_hosts.h"
#include "executors/ssh/ssh_config.h"
#include "executors/ssh/ssh_transport.h"
#include "planner/base/str.h"

/*
 * The inside of the ssh executor; only ssh*.c and their tests include this.
 *
 * A link is a chain of hops: the jump hosts in order, then the node. Each hop has a
 * libssh2 session over its transport and goes through the states below; the next hop
 * starts when the one before it is ready. Streams are channels of the last hop.
 *
 * Nothing is freed while a callback runs: every call from the loop or from the user is
 * between ssh_enter() and ssh_leave(), and the outermost leave frees.
 */
enum hop_state {
	HOP_FIND, HOP_QUEUE, HOP_DIAL, HOP_TURN, HOP_HANDSHAKE, HOP_HOSTKEY, HOP_AUTH, HOP_READY
};

/* The result of a state's step: continue, call again when something happened, or give up. */
enum next { NEXT_ADVANCE, NEXT_WAIT, NEXT_FAIL };

struct login;           /* ssh_login.h */
struct dialling;        /* ssh_dial.c */

struct hop {
	struct link *link;
	struct hop *below;              /* the jump host before this one, or NULL */
	struct ssh_config *conf;
	const char *where;              /* "10.0.0.13:22" */
	enum hop_state state;
	unsigned long timer;            /* this state's deadline, or 0 */
	struct transport wire;
	LIBSSH2_SESSION *session;
	struct known_hosts known;
	struct dialling *dial;
	struct login *login;
	bool turn;                      /* one of the LOGINS is its own */
	unsigned tries;                 /* how often the server closed before its banner */
	long long not_before;           /* loop_now() of the next try */
	long long heard;                /* wire.heard at the last keepalive, ... */
	unsigned asked;                 /* ... and how many were sent since it changed */
};

enum { SSH_HOPS = 4, SSH_CHANNELS = 8 };

struct link {
	struct loop *loop;
	const struct node *node;
	struct link_events events;
	void *arg;
	struct arena arena;
	struct hop hop[SSH_HOPS];
	size_t nhop, at;                /* at: the current hop, in the end the last one */
	struct stream *streams;         /* oldest first */
	struct stream *opening;         /* libssh2 can open one channel at a time */
	unsigned nchannel;
	long long freed;                /* loop_now() when a channel was last freed; 0: never */
	bool ready, shut;
	bool lost;                      /* failed() was called or is about to be */
	bool pumping;
	unsigned busy;
	unsigned long keepalive, kick;
	long long kick_at;              /* loop_now() of the kick */
	struct err why;
	struct link *next;              /* all links, for the queue at a jump host */
};

void ssh_enter(struct link *);
void ssh_leave(struct link *);
/* Pump the link before the loop waits again. */
void ssh_kick(struct link *);
void ssh_kick_in(struct link *, long ms);
/* The connection is over: tell the streams and the link's owner, once. Only between enter
 * and leave. */
void ssh_lose(struct link *, const struct err *);
/* The error of the libssh2 session or of its socket as a sentence. */
void ssh_error(const struct hop *, struct err *);

/* HOP_QUEUE, HOP_TURN and HOP_HANDSHAKE, and the list of all links for them. */
enum next ssh_queue(struct hop *, struct err *);
enum next ssh_turn(struct hop *, struct err *);
enum next ssh_handshake(struct hop *, struct err *);
void ssh_link_add(struct link *);
void ssh_link_remove(struct link *);
/* A hop of this link is no longer logging in: let the waiting links continue. */
void ssh_call_next(struct link *);
/* Free everything of a connection attempt; the hop can start again. */
void ssh_hop_release(struct hop *);

/* HOP_FIND: look up the first hop's name. It comes before HOP_QUEUE, so that many unknown
 * names time out together. */
enum next ssh_find(struct hop *, struct err *);
/* HOP_DIAL: TCP to the first hop, direct-tcpip through the hop before it for the others. */
enum next ssh_dial(struct hop *, struct err *);
/* The deadline of one address has passed; NEXT_WAIT if there is another one. */
enum next ssh_dial_late(struct hop *, struct err *);
void ssh_dial_free(struct hop *);
/* How many milliseconds one address may take. */
long ssh_dial_ms(const struct hop *);

/* HOP_AUTH */
enum next ssh_login(struct hop *, struct err *);
void ssh_login_free(struct hop *);

/* Fill link->hop from the spec and the configuration files. */
bool ssh_resolve(struct link *, struct err *);
/* What spec and files say of the node itself. NULL with e set: they are wrong, or dray cannot do
 * what they say. */
struct ssh_config *ssh_resolve_node(struct arena *, const struct node *, struct err *e);
/* The port of the node's own sshd, behind all hops; 0: the configuration is wrong. */
int ssh_port(const struct node *);
long ssh_timeout_ms(const struct hop *);

/* The smallest RSA key in bits that is accepted, of a host or of the user. */
unsigned ssh_least_bits(const struct ssh_config *);

/* False with e set: the file of RevokedHostKeys has the key, or cannot be read. The second
 * function works on the text of such a file; `place` is where the configuration names it. */
bool ssh_revoked_check(struct ssh_config *, const void *blob, size_t n, struct err *);
bool ssh_revoked_read(const char *place, const char *file, const char *text, size_t len,
		      const void *blob, size_t n, struct err *);

/* HOP_HOSTKEY, and the algorithms to offer before the handshake. */
bool ssh_prefer(struct hop *, struct err *);
enum next ssh_verify(struct hop *, struct err *);
void ssh_offer_hint(struct hop *, struct err *);

/* One round over all streams; true if something moved. */
bool ssh_streams_pump(struct link *);
/* How many bytes the windows of its channels allow the server to send. */
size_t ssh_streams_room(const struct link *);
void ssh_streams_lost(struct link *, const struct err *);
void ssh_streams_sweep(struct link *);
struct stream *ssh_exec(struct link *, const char *, const struct stream_events *, void *);
struct stream *ssh_tunnel(struct link *, const char *, int, const struct stream_events *,
			  void *);
void ssh_write(struct stream *, const void *, size_t);
void ssh_eof(struct stream *);
void ssh_close(struct stream *);

#endif
