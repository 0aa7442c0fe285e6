#ifndef EXECUTORS_LOOP_H
#define EXECUTORS_LOOP_H

#include <stdbool.h>
#include <curl/curl.h>

#include "planner/base/err.h"

/* One thread, one loop: descriptors, timers, children, transfers, Ctrl-C. It is
 * curl_multi_poll() with extra descriptors. All callbacks come from loop_run(). */
struct loop;

struct loop *loop_new(struct err *);
void loop_free(struct loop *);
/* Watch fd for events (POLLIN, POLLOUT); 0 forgets it. One watcher per fd. */
void loop_fd(struct loop *, int fd, short events, void (*ready)(void *arg, short revents),
	     void *arg);
/* A timer; its number is for loop_cancel(). Fires once. */
unsigned long loop_after(struct loop *, long ms, void (*due)(void *arg), void *arg);
void loop_cancel(struct loop *, unsigned long timer);
/* Call before each wait, until `arg` is given again with a NULL function. Links that
 * must pump a library after any call use it. */
void loop_idle(struct loop *, void (*idle)(void *arg), void *arg);
/* SIGINT and SIGTERM become calls; NULL restores the default. */
void loop_interrupt(struct loop *, void (*hit)(void *arg, int count), void *arg);
/* A transfer; done() gets the handle back and owns it. */
void loop_curl(struct loop *, CURL *, void (*done)(void *arg, CURL *, CURLcode), void *arg);
void loop_curl_drop(struct loop *, CURL *);
/* Milliseconds on the monotonic clock. */
long long loop_now(void);
/* Until *finished is true. */
void loop_run(struct loop *, const bool *finished);

#endif
