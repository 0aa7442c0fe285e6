#ifndef EXECUTORS_TRANSPORT_H
#define EXECUTORS_TRANSPORT_H

#include <libssh2.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes between one libssh2 session and its carrier: a socket, or a channel of the jump
 * host's session.
 *
 * libssh2 1.10 breaks when a packet is sent only in part: the next packet, from any channel,
 * a keepalive or a key exchange, fails with LIBSSH2_ERROR_BAD_USE. So every packet is
 * accepted whole into a queue, which is sent later.
 */
struct transport {
	int fd;                   /* the socket under the whole chain */
	struct transport *below;  /* the jump host's transport, or NULL */
	LIBSSH2_CHANNEL *via;     /* the jump host's channel, or NULL */
	char *out;
	size_t head, len, cap;    /* the queue is out[head .. head + len) */
	char *in;                 /* read from the carrier before libssh2 asked for it */
	size_t in_head, in_len;
	bool dry;                 /* the socket has nothing more; cleared by the owner */
	bool dead;                /* the connection is over */
	int code;                 /* errno of the failure; 0: the peer closed it */
	unsigned long long received;    /* bytes */
	char first[64];           /* the first received bytes, as text */
	bool greeted;             /* a received line starts with "SSH-" */
	unsigned line, at;        /* lines before that, and bytes of the last one */
	const char *why;          /* why we gave it up, or NULL */
	size_t idle, room;        /* see transport_useful() */
	size_t taken;             /* bytes in this turn of the loop, ... */
	long long since;          /* ... which started at this loop_clock() */
	bool tired;               /* the limit of this turn is reached; there may be more */
	long long heard;          /* loop_now() of the last byte received */
	bool sent;                /* something went out since we last heard */
	unsigned turns;           /* round trips: we sent something, then heard something */
};

/* Stop writing to channels while more than this is queued. A server without channels never
 * sends as much. */
enum { TRANSPORT_HIGH = 64 * 1024 };

/*
 * libssh2 reads until nothing is left, and a peer can send without end. So what it gets
 * between two calls of transport_turn() is limited by bytes and by time; `tired` says that
 * there may be more. There are also limits on the bytes before the line "SSH-..." and on
 * bytes that serve no purpose: see transport_useful().
 */
enum {
	TRANSPORT_TURN = 256 * 1024, TRANSPORT_TURN_MS = 20,
	TRANSPORT_GREETING = 64 * 1024, TRANSPORT_LINES = 1024, /* OpenSSH's 1024 */
	TRANSPORT_IDLE = 1024 * 1024,
};
/* A turn of the loop starts. */
void transport_turn(struct transport *);
/* The received bytes were useful: data for a stream, a step of the login, ... From here on
 * TRANSPORT_IDLE + `room` bytes may be useless: libssh2 keeps a window of bytes for each
 * channel that nobody reads any more. */
void transport_useful(struct transport *, size_t room);

/* Make a non-blocking session that sends and receives through t; NULL: out of memory. */
LIBSSH2_SESSION *transport_session(struct transport *t);
/* Send what can be sent now, down to the socket; false if the connection is gone. */
bool transport_flush(struct transport *t);
/* Read from the carrier while libssh2 has no channel to read for. Without it the socket would
 * stay ready and its end would go unnoticed. False if the connection is gone. */
bool transport_fill(struct transport *t);
/* The events to wait for on t->fd. */
short transport_events(const struct transport *t);
void transport_release(struct transport *t);

#endif
