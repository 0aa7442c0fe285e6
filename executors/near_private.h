#ifndef EXECUTORS_NEAR_PRIVATE_H
#define EXECUTORS_NEAR_PRIVATE_H

#include <netdb.h>

#include "executors/near.h"
#include "planner/base/arena.h"
#include "planner/base/str.h"

/* What the files near*.c share. */

struct link {
	struct loop *loop;
	struct link_events events;
	void *arg;
	void *owner;
	void (*release)(void *owner);
	unsigned long timer;
	struct err why;         /* text "": ready */
	struct stream *stream;
	unsigned busy;          /* callbacks under way: nothing is freed meanwhile */
	bool shut;
};

struct stream {
	struct link *link;
	struct stream *next;
	struct stream_events events;
	void *arg;
	void (*release)(void *arg);     /* or NULL */
	pid_t pid;              /* 0: a tunnel, or reaped */
	int status;             /* see near_status() */
	int pidfd, in, out, err;        /* a tunnel has its socket in `out` only */
	bool tunnel, connecting;
	bool started;           /* opened() was called: data may flow */
	struct addrinfo *addr, *try;
	struct str queue;
	size_t sent;            /* bytes of queue that are gone */
	bool eof, forgotten, ended;
	bool held;              /* only the first `pass` bytes of queue may go */
	size_t pass;
	unsigned long timer;
	struct err why;         /* text "": nothing wrong so far */
};

/* near_stream.c: callbacks are framed by these; leave() frees what was given up. */
void near_enter(struct link *);
void near_leave(struct link *);
struct stream *stream_new(struct link *, const struct stream_events *, void *arg);
/* No descriptor is left open, nothing is queued. */
void stream_drop(struct stream *);
void stream_drop_fd(struct stream *, int *fd);
/* It is over: closed() with what `why` says. */
void stream_end(struct stream *);
/* Read what is there, write what can be written, and end when that was all. */
void stream_pump(struct stream *);
void stream_give(struct stream *);
/* The watcher of its descriptors. */
void stream_on_fd(void *arg, short revents);

/* near_dial.c: the socket that is being connected is ready, or was refused. */
void dial_connected(struct stream *);

#endif
