#ifndef EXECUTORS_LOOP_H
#define EXECUTORS_LOOP_H

#include <stdbool.h>
#include <curl/curl.h>

#include "planner/base/err.h"

/* One thread, one loop: descriptors, timers, children, transfers, Ctrl-C. All callbacks
 * come from loop_run(), none from the call that asked for it. SIGPIPE is ignored from
 * loop_new() on. loop_run() aborts when nothing is left that could ever call. */
struct loop;

struct loop *loop_new(struct err *);
void loop_free(struct loop *);
/* Watch fd for events (POLLIN, POLLOUT). 0 forgets it and must come before close().
 * POLLHUP and POLLERR are always reported. One watcher per fd. */
void loop_fd(struct loop *, int fd, short events, void (*ready)(void *arg, short revents),
	     void *arg);
/* A timer that fires once. Its number is never 0; loop_cancel() takes it and sets it to 0. */
unsigned long loop_after(struct loop *, long ms, void (*due)(void *arg), void *arg);
void loop_cancel(struct loop *, unsigned long *timer);
/* Call a function before each wait, until `arg` is given again with NULL. It is for links
 * that must pump a library after any call. One function per arg. A function may remove
 * itself or add others, which are called before the same wait. */
void loop_idle(struct loop *, void (*idle)(void *arg), void *arg);
/* Turn SIGINT, SIGTERM and SIGHUP into calls, counted from 1. Those that already came go to the
 * function given before. A SIGHUP after another one of them does not count. NULL: they are
 * signals again. */
void loop_interrupt(struct loop *, void (*hit)(void *arg, int count), void *arg);
/* Run a transfer. done() owns the handle, which is out of the multi handle by then.
 * loop_curl_drop() ends a transfer early, without done(). */
void loop_curl(struct loop *, CURL *, void (*done)(void *arg, CURL *, CURLcode), void *arg);
void loop_curl_drop(struct loop *, CURL *);
/* The clock for all deadlines, in milliseconds. It is monotonic, but it stops while this
 * process does (stopped by a signal, swapped out, asking the user), because peers cannot be
 * heard then. Between two looks it advances at most a second more than the loop asked to
 * wait. */
long long loop_now(void);
/* The plain monotonic clock, for limits on our own work and for durations that are shown.
 * Tests replace it. */
extern long long (*loop_clock)(void);
/* Run until *finished is true. */
void loop_run(struct loop *, const bool *finished);

#endif
