#ifndef EXECUTORS_LOCAL_STREAM_PRIVATE_H
#define EXECUTORS_LOCAL_STREAM_PRIVATE_H

#include "executors/io/names.h"
#include "executors/program/local_stream.h"
#include "planner/base/arena.h"
#include "planner/base/str.h"

/* What the files local_stream*.c share. */

struct link {
	struct loop *loop;
	struct link_events events;
	void *arg;
	void *owner;
	void (*release)(void *owner);
	unsigned long timer;
	struct err why;         /* text "": ready */
	struct stream *stream;
	unsigned busy;          /* callbacks that run; nothing is freed meanwhile */
	bool shut;
};

struct stream {
	struct link *link;
	struct stream *next;
	struct stream_events events;
	void *arg;
	void (*release)(void *arg);     /* or NULL */
	pid_t pid;              /* 0: a tunnel, or reaped */
	int status;             /* see local_stream_status() */
	int pidfd, in, out, err;        /* a tunnel has its socket in `out` only */
	bool tunnel, connecting;
	bool started;           /* opened() was called: data may flow */
	char *host;             /* of a tunnel */
	int port;
	struct name_ask name;
	size_t try;             /* the next of its addresses */
	struct str queue;
	size_t sent;            /* bytes of queue that are gone */
	bool eof, forgotten, ended;
	bool held;              /* only the first `pass` bytes of queue may be written */
	size_t pass;
	unsigned long timer;
	struct err why;         /* text "": nothing wrong so far */
};

/* local_stream_io.c: every callback is between these two; leave() frees closed streams. */
void local_stream_enter(struct link *);
void local_stream_leave(struct link *);
struct stream *stream_new(struct link *, const struct stream_events *, void *arg);
/* Close all descriptors and drop the queue. */
void stream_drop(struct stream *);
void stream_drop_fd(struct stream *, int *fd);
/* End the stream: closed() gets `why`. */
void stream_end(struct stream *);
/* Read what is there and end the stream when that was all. */
void stream_pump(struct stream *);
void stream_give(struct stream *);
/* The watcher of its descriptors. */
void stream_on_fd(void *arg, short revents);

#endif
