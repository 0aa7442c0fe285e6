#ifndef EXECUTORS_EXECUTOR_H
#define EXECUTORS_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "executors/io/loop.h"
#include "planner/cluster/cluster.h"

/*
 * An executor is a way to get a byte stream to a POSIX shell on a node. It is one file and
 * one line in executors.def. Everything above it (session.h) is the same for all.
 *
 * Errors name the stage they happened in: "verify host key: the key changed (...)". They do
 * not name the node, which the caller knows.
 *
 * All events come from the loop, none from inside a call. A callback may call anything,
 * shut() included. When a link is lost, its streams get closed(err) first, then the link gets
 * failed(err); it must still be shut(). After closed() a stream does nothing more; close()
 * or shut() frees it.
 */
struct link;            /* one connection to one node; owned by the executor */
struct stream;          /* one byte stream over it; owned by the link */

struct link_events {
	void (*ready)(void *arg);                       /* streams may be opened */
	void (*failed)(void *arg, const struct err *);  /* never got ready, or was lost */
};

struct stream_events {
	void (*opened)(void *arg);
	void (*data)(void *arg, const char *, size_t, bool is_stderr);
	/* The peer is done; err is NULL for a clean end. Called once, last. */
	void (*closed)(void *arg, const struct err *);
};

struct executor {
	const char *name, *doc;
	bool unwatched;                 /* it does not notice a connection that hangs */
	/* It has no connections of its own: the executor that takes the node, and in `why` the
	 * reason if that is not the first choice. `refused`: how the first choice failed, or NULL;
	 * NULL: there is no other. */
	const struct executor *(*choose)(const struct node *, const struct err *refused, struct err *why);
	/* The port of the node's sshd, as the executor is configured; 0: not known. It may read
	 * files, and connects to nobody. NULL: it has nothing to do with ssh. */
	int (*port)(const struct node *);
	/* Start to connect; events come later, from the loop. */
	struct link *(*open)(struct loop *, const struct node *, const struct link_events *,
			     void *arg);
	/* Run `command`, one line for the user's login shell; the stream is its stdio. */
	struct stream *(*exec)(struct link *, const char *command,
			       const struct stream_events *, void *arg);
	/* Open a TCP connection to host:port from the node; NULL: the executor cannot. */
	struct stream *(*tunnel)(struct link *, const char *host, int port,
				 const struct stream_events *, void *arg);
	/* Queue bytes; all are taken. */
	void (*write)(struct stream *, const void *, size_t);
	void (*eof)(struct stream *);                   /* no more writes */
	void (*close)(struct stream *);                 /* no more events */
	void (*shut)(struct link *);                    /* close and free; no more events */
	/* Socket round trips so far, for the bench; or NULL. */
	unsigned (*turns)(const struct link *);
};

extern const struct executor *const executors[];        /* ends with NULL */
/* Find an executor by name. A name that ends in ".lua" is a file for the executor `lua`. */
const struct executor *executor_find(const char *name);
/* The executor that takes the node, after its choice if it has one; NULL: there is none of that
 * name. `why` as in choose(). */
const struct executor *executor_for(const struct node *, struct err *why);

#endif
