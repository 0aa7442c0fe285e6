#ifndef EXECUTORS_LOCAL_STREAM_H
#define EXECUTORS_LOCAL_STREAM_H

#include "executors/io/child.h"
#include "executors/executor.h"

/*
 * A link whose streams start on this machine: child processes and TCP connections. The
 * executors `local` and `lua` are made of it. Functions below that take a stream or a link
 * have the contract of struct executor.
 */

/* `owner` is the executor's own data; release() frees it together with the link. */
struct link *local_stream_link(struct loop *, const struct link_events *, void *arg, void *owner,
		       void (*release)(void *owner));
void *local_stream_owner(const struct link *);
struct loop *local_stream_loop(const struct link *);
/* In the next turn of the loop call ready(), or failed() if `why` is given. */
void local_stream_tell(struct link *, const struct err *why);

/* Start a program. If it cannot start, closed() says so. */
struct stream *local_stream_start(struct link *, const struct child_how *,
			  const struct stream_events *, void *arg);
/* Dial host:port from here. */
struct stream *local_stream_dial(struct link *, const char *host, int port,
			 const struct stream_events *, void *arg);
/* A stream whose closed() says why it never opened. */
struct stream *local_stream_refuse(struct link *, const struct err *why, const struct stream_events *,
			   void *arg);
/* release() is called with the stream's arg when the stream is freed. */
void local_stream_owns(struct stream *, void (*release)(void *arg));
void *local_stream_arg(const struct stream *);
/* It has neither ended nor been closed. */
bool local_stream_alive(const struct stream *);
/* While held, further writes and an end of file wait. */
void local_stream_hold(struct stream *, bool hold);
/* End it for this reason, as if the program had ended; the program gets SIGHUP. */
void local_stream_fail(struct stream *, const struct err *why);
/* The program's exit status, or minus the signal that ended it; STREAM_RUNS while it runs
 * or if it was not started. */
int local_stream_status(const struct stream *);
enum { STREAM_RUNS = -1000 };

void local_stream_write(struct stream *, const void *, size_t);
void local_stream_eof(struct stream *);
void local_stream_close(struct stream *);
void local_stream_shut(struct link *);

#endif
