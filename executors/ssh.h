#ifndef EXECUTORS_SSH_H
#define EXECUTORS_SSH_H

#include <libssh2.h>
#include <stdbool.h>
#include <stddef.h>

#include "executors/executor.h"
#include "executors/known_hosts.h"
#include "executors/ssh_config.h"
#include "executors/transport.h"
#include "planner/base/str.h"

/*
 * Inside of the ssh executor; only ssh*.c and their tests include this.
 *
 * A link is a chain of hops: the jump hosts in order, then the node. Each hop has a
 * libssh2 session over its transport and goes through the states below; the next hop
 * starts when the one before it is ready. Streams are channels of the last hop.
 *
 * Nothing is freed while a callback runs: every entry from the loop or from the caller
 * is between ssh_enter() and ssh_leave(), and the outermost leave sweeps.
 */
enum hop_state { HOP_QUEUE, HOP_DIAL, HOP_HANDSHAKE, HOP_HOSTKEY, HOP_AUTH, HOP_READY };

/* What a state's step says: go on, call again when something happened, or give up. */
enum next { NEXT_ADVANCE, NEXT_WAIT, NEXT_FAIL };

struct login;           /* ssh_auth.c */
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
	unsigned knocks;                /* times the server hung up without a word */
	long long not_before;           /* loop_now() of the next try */
};

enum { SSH_HOPS = 4, SSH_CHANNELS = 8 };

struct link {
	struct loop *loop;
	const struct node *node;
	struct link_events events;
	void *arg;
	struct arena arena;
	struct hop hop[SSH_HOPS];
	size_t nhop, at;                /* the hop that is being brought up, or the last */
	struct stream *streams;         /* oldest first */
	struct stream *opening;         /* libssh2 can open one channel at a time */
	unsigned nchannel;
	long long freed;                /* loop_now() when a channel was last freed; 0: never */
	bool ready, shut;
	bool lost;                      /* failed() is said or about to be */
	bool pumping;
	unsigned busy;
	unsigned long keepalive, kick;
	struct err why;
	struct link *next;              /* all links, for the queue at a jump host */
};

void ssh_enter(struct link *);
void ssh_leave(struct link *);
/* Have the link pumped before the loop waits. */
void ssh_kick(struct link *);
void ssh_kick_in(struct link *, long ms);
/* The connection is over: streams and the link's owner hear of it, once. Only between
 * enter and leave. */
void ssh_lose(struct link *, const struct err *);
/* The libssh2 error of the session as a sentence, with what the socket said. */
void ssh_error(const struct hop *, struct err *);

/* HOP_QUEUE and HOP_HANDSHAKE, and the list of all links they look at. */
enum next ssh_queue(struct hop *, struct err *);
enum next ssh_handshake(struct hop *, struct err *);
void ssh_link_add(struct link *);
void ssh_link_remove(struct link *);
/* This link no longer stands at its door: others may. */
void ssh_call_next(const struct link *);
/* Everything a connection attempt has; the hop can start anew. */
void ssh_hop_release(struct hop *);

/* HOP_DIAL: TCP to the first hop, direct-tcpip from the one below for others. */
enum next ssh_dial(struct hop *, struct err *);
/* The deadline of one address has passed: NEXT_WAIT when there is another. */
enum next ssh_dial_late(struct hop *, struct err *);
void ssh_dial_free(struct hop *);
/* Milliseconds the next dial attempt may take. */
long ssh_dial_ms(const struct hop *);

/* HOP_AUTH */
enum next ssh_login(struct hop *, struct err *);
void ssh_login_free(struct hop *);

/* Where the spec and the configuration files lead: fills link->hop. */
bool ssh_resolve(struct link *, struct err *);
long ssh_timeout_ms(const struct hop *);

/* HOP_HOSTKEY, and the preferences before the handshake. */
bool ssh_prefer(struct hop *, struct err *);
enum next ssh_verify(struct hop *, struct err *);
void ssh_offer_hint(struct hop *, struct err *);

/* Streams: one round over all; true when something moved. */
bool ssh_streams_pump(struct link *);
void ssh_streams_lost(struct link *, const struct err *);
void ssh_streams_sweep(struct link *);
struct stream *ssh_exec(struct link *, const char *, const struct stream_events *, void *);
struct stream *ssh_tunnel(struct link *, const char *, int, const struct stream_events *,
			  void *);
void ssh_write(struct stream *, const void *, size_t);
void ssh_eof(struct stream *);
void ssh_close(struct stream *);

/* Seconds between keepalives, of silence after which a connection is dead, and that a
 * login may take at least (a hand may have to confirm it); tests shorten them. */
extern unsigned ssh_keepalive_s, ssh_dead_s, ssh_login_s;

#endif
