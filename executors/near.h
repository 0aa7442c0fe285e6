#ifndef EXECUTORS_NEAR_H
#define EXECUTORS_NEAR_H

#include "executors/child.h"
#include "executors/executor.h"

/*
 * A link whose streams begin on this machine: programs that we start, and TCP connections.
 * It is all of the executor `local`, and what `lua` is made of. The functions below that
 * take a stream or a link are those of struct executor.
 */

/* `owner` is what an executor has beside it; release() frees it with the link. */
struct link *near_link(struct loop *, const struct link_events *, void *arg, void *owner,
		       void (*release)(void *owner));
void *near_owner(const struct link *);
struct loop *near_loop(const struct link *);
/* In the next turn of the loop: ready, or failed where `why` is given. */
void near_tell(struct link *, const struct err *why);

/* Start a program. What can't be started is told by closed(). */
struct stream *near_start(struct link *, const struct child_how *,
			  const struct stream_events *, void *arg);
/* Dial host:port from here. */
struct stream *near_dial(struct link *, const char *host, int port,
			 const struct stream_events *, void *arg);
/* A stream whose closed() says why it never opened. */
struct stream *near_refuse(struct link *, const struct err *why, const struct stream_events *,
			   void *arg);
/* The arg of a stream goes with it: release() is called when the stream is freed. */
void near_owns(struct stream *, void (*release)(void *arg));
void *near_arg(const struct stream *);
/* Neither ended nor closed. */
bool near_alive(const struct stream *);
/* From now on what is written waits, and so does an end of file; until `false`. */
void near_hold(struct stream *, bool hold);
/* End it as if the program had, for this reason; the program gets a hang-up. */
void near_fail(struct stream *, const struct err *why);
/* As waitid() has it, once the program has ended: its status, or minus the signal; -1000
 * while it runs or when it was not started. */
int near_status(const struct stream *);
enum { NEAR_RUNS = -1000 };

void near_write(struct stream *, const void *, size_t);
void near_eof(struct stream *);
void near_close(struct stream *);
void near_shut(struct link *);

#endif
