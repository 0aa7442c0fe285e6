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
/* Watch fd for events (POLLIN, POLLOUT); 0 forgets it, which has to come before its
 * close(). POLLHUP and POLLERR are always reported. One watcher per fd. */
void loop_fd(struct loop *, int fd, short events, void (*ready)(void *arg, short revents),
	     void *arg);
/* A timer; its number, never 0, is for loop_cancel(). Fires once. */
unsigned long loop_after(struct loop *, long ms, void (*due)(void *arg), void *arg);
void loop_cancel(struct loop *, unsigned long timer);
/* Call before each wait, until `arg` is given again with a NULL function. Links that
 * must pump a library after any call use it. One function per arg; it may forget
 * itself or add others, which are called before the same wait. */
void loop_idle(struct loop *, void (*idle)(void *arg), void *arg);
/* SIGINT and SIGTERM become calls, counted from 1; NULL restores the default. */
void loop_interrupt(struct loop *, void (*hit)(void *arg, int count), void *arg);
/* A transfer; done() gets the handle back, out of the multi handle, and owns it.
 * loop_curl_drop() ends it early, without done(). */
void loop_curl(struct loop *, CURL *, void (*done)(void *arg, CURL *, CURLcode), void *arg);
void loop_curl_drop(struct loop *, CURL *);
/* Milliseconds on the monotonic clock. */
long long loop_now(void);
/* Until *finished is true. */
void loop_run(struct loop *, const bool *finished);

#endif
