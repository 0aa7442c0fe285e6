#ifndef EXECUTORS_EXECUTOR_H
#define EXECUTORS_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "executors/loop.h"
#include "planner/model.h"

/*
 * An executor is a way to get a byte stream to a POSIX shell on a node. One file,
 * one line in executors.def. Everything above it (session.h) is the same for all.
 *
 * Errors carry the state they happened in: "verify host key: the key changed (...)".
 * They do not name the node, which the caller knows.
 *
 * No event comes from inside a call; all come from the loop. A callback may call
 * anything, shut() included. When a link is lost, its streams get closed(err) first, then
 * the link gets failed(err); it is to be shut() all the same. After closed() a stream does
 * nothing more; close() frees it, and so does shut().
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
	/* Starts to connect; events come later, from the loop. */
	struct link *(*open)(struct loop *, const struct node *, const struct link_events *,
			     void *arg);
	/* Run `command` (one line for the user's login shell) with a stream on its stdio. */
	struct stream *(*exec)(struct link *, const char *command,
			       const struct stream_events *, void *arg);
	/* A TCP connection to host:port as seen from the node; NULL: cannot. */
	struct stream *(*tunnel)(struct link *, const char *host, int port,
				 const struct stream_events *, void *arg);
	/* Queue bytes; all are taken. */
	void (*write)(struct stream *, const void *, size_t);
	void (*eof)(struct stream *);                   /* no more writes */
	void (*close)(struct stream *);                 /* forget it: no more events */
	void (*shut)(struct link *);                    /* close and free; no more events */
	/* Socket round trips so far, for the bench; NULL where it makes no sense. */
	unsigned (*turns)(const struct link *);
};

extern const struct executor *const executors[];        /* ends with NULL */
/* By its name; a name that ends in ".lua" is a file for the executor `lua`. */
const struct executor *executor_find(const char *name);

#endif
