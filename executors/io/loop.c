/* The event loop: an epoll set for our descriptors, a heap of timers, and libcurl's multi
 * handle, which waits on the epoll set as one extra descriptor. */
#include "executors/io/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "executors/io/child.h"
#include "planner/base/arena.h"

struct watch {
	void (*ready)(void *arg, short revents);
	void *arg;
	short events;           /* 0: nobody watches this descriptor */
	uint32_t turn;          /* tells a reused descriptor number from the old one */
};

struct timer {
	long long at;
	unsigned long id;
	void (*due)(void *arg);
	void *arg;
};

struct idle {
	void (*call)(void *arg);        /* NULL: removed, the slot is reused later */
	void *arg;
};

struct transfer {
	CURL *curl;
	void (*done)(void *arg, CURL *, CURLcode);
	void *arg;
};

struct loop {
	int epoll, signals;
	struct watch *watch;            /* indexed by descriptor */
	size_t nwatch, watching;
	uint32_t turn;
	struct timer *timer;            /* a heap, the next one first */
	size_t ntimer, captimer;
	unsigned long id;
	struct idle *idle;
	size_t nidle, capidle;
	CURLM *multi;                   /* made by the first transfer */
	struct transfer *transfer;
	size_t ntransfer, captransfer;
	void (*hit)(void *arg, int count);
	void *hit_arg;
	int hits;
};

enum {
	STILL_MS = 1000,        /* a longer gap between two looks at the clock is a standstill */
	WAIT_MS = 1000,         /* longest wait, so that a standstill is noticed */
	READY = 1024,           /* descriptors served in a turn */
};

static long long
loop_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

long long (*loop_clock)(void) = loop_monotonic;

/* When we last looked at the clock, and the sum of all standstills. */
static long long looked, still;

/* `asked` is how long we wanted to wait. */
static long long
loop_look(long long asked)
{
	long long now = loop_clock();

	if (looked && now - looked > asked + STILL_MS)
		still += now - looked - asked;
	looked = now;
	return now - still;
}

long long loop_now(void) { return loop_look(0); }

struct loop *
loop_new(struct err *e)
{
	struct loop *l = xcalloc(1, sizeof *l);

	l->signals = -1;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0) {
		err_sys(e, "make an event loop");
		free(l);
		return NULL;
	}
	/* Writing to a closed pipe or connection returns an error instead of a signal. */
	signal(SIGPIPE, SIG_IGN);
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	loop_interrupt(l, NULL, NULL);
	for (size_t i = 0; i < l->ntransfer; i++)
		curl_multi_remove_handle(l->multi, l->transfer[i].curl);
	if (l->multi) {
		curl_multi_cleanup(l->multi);
		curl_global_cleanup();
	}
	close(l->epoll);
	free(l->watch);
	free(l->timer);
	free(l->idle);
	free(l->transfer);
	free(l);
}

static uint32_t
loop_epoll_bits(short events)
{
	return (events & POLLIN ? EPOLLIN : 0U) | (events & POLLOUT ? EPOLLOUT : 0U);
}

static short
loop_poll_bits(uint32_t bits)
{
	return (short)((bits & EPOLLIN ? POLLIN : 0) | (bits & EPOLLOUT ? POLLOUT : 0) |
		       (bits & EPOLLHUP ? POLLHUP : 0) | (bits & EPOLLERR ? POLLERR : 0));
}

void
loop_fd(struct loop *l, int fd, short events, void (*ready)(void *, short), void *arg)
{
	size_t i = (size_t)fd;
	struct epoll_event ev = {.events = loop_epoll_bits(events)};

	if (fd < 0)
		return;
	if (i >= l->nwatch) {
		size_t n = i + 32;

		l->watch = xrealloc(l->watch, n * sizeof *l->watch);
		memset(l->watch + l->nwatch, 0, (n - l->nwatch) * sizeof *l->watch);
		l->nwatch = n;
	}
	struct watch *w = &l->watch[i];

	if (!events) {
		if (w->events) {
			epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
			l->watching--;
		}
		*w = (struct watch){0};
		return;
	}
	if (!w->events) {
		w->turn = ++l->turn;
		l->watching++;
	}
	ev.data.u64 = (uint64_t)w->turn << 32 | (uint32_t)fd;
	if (w->events != events)
		epoll_ctl(l->epoll, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	w->events = events;
	w->ready = ready;
	w->arg = arg;
}

/* Timers that are due at the same time fire in the order they were set. */
static bool
loop_before(const struct timer *a, const struct timer *b)
{
	return a->at < b->at || (a->at == b->at && a->id < b->id);
}

static void
loop_sift(struct loop *l, size_t i)
{
	struct timer t = l->timer[i];

	while (i > 0 && loop_before(&t, &l->timer[(i - 1) / 2])) {
		l->timer[i] = l->timer[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	for (size_t child; (child = 2 * i + 1) < l->ntimer; i = child) {
		if (child + 1 < l->ntimer && loop_before(&l->timer[child + 1], &l->timer[child]))
			child++;
		if (!loop_before(&l->timer[child], &t))
			break;
		l->timer[i] = l->timer[child];
	}
	l->timer[i] = t;
}

unsigned long
loop_after(struct loop *l, long ms, void (*due)(void *), void *arg)
{
	if (l->ntimer == l->captimer) {
		l->captimer = l->captimer ? l->captimer * 2 : 16;
		l->timer = xrealloc(l->timer, l->captimer * sizeof *l->timer);
	}
	l->timer[l->ntimer++] = (struct timer){.at = loop_now() + (ms > 0 ? ms : 0),
					       .id = ++l->id, .due = due, .arg = arg};
	loop_sift(l, l->ntimer - 1);
	return l->id;
}

static void
loop_drop_timer(struct loop *l, size_t i)
{
	l->timer[i] = l->timer[--l->ntimer];
	if (i < l->ntimer)
		loop_sift(l, i);
}

void
loop_cancel(struct loop *l, unsigned long *id)
{
	for (size_t i = 0; *id && i < l->ntimer; i++) {
		if (l->timer[i].id == *id) {
			loop_drop_timer(l, i);
			break;
		}
	}
	*id = 0;
}

void
loop_idle(struct loop *l, void (*call)(void *), void *arg)
{
	for (size_t i = 0; i < l->nidle; i++) {
		if (l->idle[i].call && l->idle[i].arg == arg) {
			l->idle[i].call = call;
			return;
		}
	}
	if (!call)
		return;
	if (l->nidle == l->capidle) {
		l->capidle = l->capidle ? l->capidle * 2 : 16;
		l->idle = xrealloc(l->idle, l->capidle * sizeof *l->idle);
	}
	l->idle[l->nidle++] = (struct idle){.call = call, .arg = arg};
}

/* Call each once, including those added meanwhile. */
static void
loop_run_idle(struct loop *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->nidle; i++) {
		if (l->idle[i].call)
			l->idle[i].call(l->idle[i].arg);
	}
	for (size_t i = 0; i < l->nidle; i++) {
		if (l->idle[i].call)
			l->idle[kept++] = l->idle[i];
	}
	l->nidle = kept;
}

static void
loop_interrupted(void *arg, short revents)
{
	struct loop *l = arg;
	struct signalfd_siginfo info;

	(void)revents;
	while (l->signals >= 0 && read(l->signals, &info, sizeof info) == sizeof info) {
		/* A terminal that goes away may say so twice, and after a Ctrl-C it asks for
		 * nothing more. */
		if (info.ssi_signo == SIGHUP && l->hits)
			continue;
		l->hits++;
		if (l->hit)
			l->hit(l->hit_arg, l->hits);
	}
}

void
loop_interrupt(struct loop *l, void (*hit)(void *, int), void *arg)
{
	sigset_t set;

	loop_interrupted(l, 0);
	child_interrupt_signals(&set);
	l->hit = hit;
	l->hit_arg = arg;
	if (hit && l->signals < 0) {
		sigprocmask(SIG_BLOCK, &set, NULL);
		l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
		if (l->signals < 0)
			sigprocmask(SIG_UNBLOCK, &set, NULL);
		else
			loop_fd(l, l->signals, POLLIN, loop_interrupted, l);
	} else if (!hit && l->signals >= 0) {
		loop_fd(l, l->signals, 0, NULL, NULL);
		close(l->signals);
		l->signals = -1;
		l->hits = 0;
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
}

void
loop_curl(struct loop *l, CURL *curl, void (*done)(void *, CURL *, CURLcode), void *arg)
{
	if (!l->multi) {
		curl_global_init(CURL_GLOBAL_DEFAULT);
		l->multi = curl_multi_init();
		if (!l->multi)
			abort();
	}
	if (l->ntransfer == l->captransfer) {
		l->captransfer = l->captransfer ? l->captransfer * 2 : 8;
		l->transfer = xrealloc(l->transfer, l->captransfer * sizeof *l->transfer);
	}
	l->transfer[l->ntransfer++] =
		(struct transfer){.curl = curl, .done = done, .arg = arg};
	curl_multi_add_handle(l->multi, curl);
}

/* Take a transfer out of the list; false when it is not there. */
static bool
loop_take_transfer(struct loop *l, CURL *curl, struct transfer *t)
{
	for (size_t i = 0; i < l->ntransfer; i++) {
		if (l->transfer[i].curl != curl)
			continue;
		*t = l->transfer[i];
		l->transfer[i] = l->transfer[--l->ntransfer];
		curl_multi_remove_handle(l->multi, curl);
		return true;
	}
	return false;
}

void
loop_curl_drop(struct loop *l, CURL *curl)
{
	struct transfer t;

	loop_take_transfer(l, curl, &t);
}

static void
loop_run_transfers(struct loop *l)
{
	int running, left;
	CURLMsg *msg;

	if (!l->ntransfer)
		return;
	curl_multi_perform(l->multi, &running);
	while ((msg = curl_multi_info_read(l->multi, &left))) {
		struct transfer t;
		CURLcode code = msg->data.result;       /* msg dies with its handle */

		if (msg->msg == CURLMSG_DONE && loop_take_transfer(l, msg->easy_handle, &t))
			t.done(t.arg, t.curl, code);
	}
}

static void
loop_run_timers(struct loop *l)
{
	long long now = loop_now();
	unsigned long last = l->id;     /* timers set from here on wait for the next turn */

	while (l->ntimer && l->timer[0].at <= now && l->timer[0].id <= last) {
		struct timer t = l->timer[0];

		loop_drop_timer(l, 0);
		t.due(t.arg);
	}
}

static void
loop_run_ready(struct loop *l, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t fd = (uint32_t)ev[i].data.u64, turn = (uint32_t)(ev[i].data.u64 >> 32);
		struct watch w = l->watch[fd];

		/* An earlier callback may have closed it and reused the number. */
		if (w.events && w.turn == turn)
			w.ready(w.arg, loop_poll_bits(ev[i].events));
	}
}

static int
loop_wait_ms(const struct loop *l)
{
	long long ms = WAIT_MS;

	if (l->ntimer)
		ms = l->timer[0].at - loop_now();
	if (ms > WAIT_MS)
		ms = WAIT_MS;
	return ms > 0 ? (int)ms : 0;
}

void
loop_run(struct loop *l, const bool *finished)
{
	while (!*finished) {
		/* Descriptors are served before timers, so that data that arrived is not late. */
		struct epoll_event ev[READY];
		int n, ms;

		loop_run_idle(l);
		if (*finished)
			break;
		/* Nothing can happen any more. Sleeping for ever would hide the bug. */
		if (!l->watching && !l->ntimer && !l->ntransfer && !l->nidle)
			abort();
		ms = loop_wait_ms(l);
		if (l->ntransfer) {
			struct curl_waitfd set = {.fd = l->epoll, .events = CURL_WAIT_POLLIN};

			curl_multi_poll(l->multi, &set, 1, ms, NULL);
			n = epoll_wait(l->epoll, ev, READY, 0);
		} else {
			n = epoll_wait(l->epoll, ev, READY, ms);
		}
		loop_look(ms);
		loop_run_ready(l, ev, n);
		loop_run_timers(l);
		loop_run_transfers(l);
	}
}
