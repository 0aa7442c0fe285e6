#ifndef EXECUTORS_TRANSPORT_H
#define EXECUTORS_TRANSPORT_H

#include <libssh2.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes between one libssh2 session and whatever carries them: a socket,
 * or a channel of the jump host's session.
 *
 * libssh2 1.10 breaks when a packet is sent in part: the next packet, from any
 * channel, a keepalive or a key exchange, fails with LIBSSH2_ERROR_BAD_USE.
 * So every packet is accepted whole into a queue and the queue is sent later.
 */
struct transport {
	int fd;                   /* the socket under the whole chain */
	struct transport *below;  /* the jump host's transport, or NULL */
	LIBSSH2_CHANNEL *via;     /* the jump host's channel, or NULL */
	char *out;
	size_t head, len, cap;    /* the queue is out[head .. head + len) */
	char *in;                 /* taken from the carrier before libssh2 asked */
	size_t in_head, in_len;
	bool dry;                 /* the socket has nothing more; cleared by the owner */
	bool dead;                /* nothing comes or goes any more */
	int code;                 /* errno of the failure; 0: the peer closed */
	unsigned long long received;    /* bytes */
	char first[64];           /* the first of them, as text */
	long long heard;          /* loop_now() of the last byte received */
	bool sent;                /* something went out since we last heard */
	unsigned turns;           /* times we heard something after sending something */
};

/* Stop writing to channels while more than this is queued; without channels, no server
 * has as much to say. */
enum { TRANSPORT_HIGH = 64 * 1024 };

/* Make a session, not blocking, that sends and receives through t; NULL: no memory. */
LIBSSH2_SESSION *transport_session(struct transport *t);
/* Send what can be sent now, down to the socket; false if the connection is gone. */
bool transport_flush(struct transport *t);
/* Take in what has come, for a time when libssh2 has no channel to read for: else the
 * socket would stay ready, and its end unseen. False if the connection is gone. */
bool transport_fill(struct transport *t);
/* What to wait for on t->fd. */
short transport_events(const struct transport *t);
void transport_release(struct transport *t);

#endif
