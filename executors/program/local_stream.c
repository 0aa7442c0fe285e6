/* Links whose streams start on this machine, and their programs, each in its own process
 * group. */
#include "executors/program/local_stream_private.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
	TERM_MS = 2000,         /* from SIGHUP to SIGTERM */
	REAP_MS = 1000,         /* how long a shut() waits after each signal */
};

/* False: the program still runs. */
static bool
local_stream_reap(struct stream *s)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | WNOHANG) != 0 || !info.si_pid)
		return false;
	stream_drop_fd(s, &s->pidfd);
	child_reaped(-s->pid);
	s->pid = 0;
	s->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	return true;
}

static void
local_stream_on_pidfd(void *arg, short revents)
{
	struct stream *s = arg;
	struct link *k = s->link;

	(void)revents;
	local_stream_enter(k);
	if (local_stream_reap(s) && !s->forgotten) {
		stream_pump(s);
	} else if (!s->pid) {
		loop_cancel(k->loop, &s->timer);
	}
	local_stream_leave(k);
}

/* In the first turn of the loop after local_stream_start(): report how it went. */
static void
local_stream_started(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	local_stream_enter(k);
	if (s->why.text[0]) {
		stream_end(s);
	} else {
		loop_fd(k->loop, s->pidfd, POLLIN, local_stream_on_pidfd, s);
		loop_fd(k->loop, s->out, POLLIN, stream_on_fd, s);
		loop_fd(k->loop, s->err, POLLIN, stream_on_fd, s);
		s->started = true;
		if (!s->forgotten && s->events.opened)
			s->events.opened(s->arg);
		stream_give(s);
	}
	local_stream_leave(k);
}

struct stream *
local_stream_start(struct link *k, const struct child_how *how, const struct stream_events *events,
	   void *arg)
{
	struct stream *s = stream_new(k, events, arg);
	struct child c;

	if (child_start(&c, how, &s->why)) {
		s->pid = c.pid;
		s->pidfd = c.pidfd;
		s->in = c.in;
		s->out = c.out;
		s->err = c.err;
	}
	s->timer = loop_after(k->loop, 0, local_stream_started, s);
	return s;
}

struct stream *
local_stream_refuse(struct link *k, const struct err *why, const struct stream_events *events, void *arg)
{
	struct stream *s = stream_new(k, events, arg);

	s->why = *why;
	s->timer = loop_after(k->loop, 0, local_stream_started, s);
	return s;
}

int local_stream_status(const struct stream *s) { return s->status; }

static void
local_stream_hang_up_late(void *arg)
{
	struct stream *s = arg;

	s->timer = 0;
	kill(-s->pid, SIGTERM);
}

void
local_stream_close(struct stream *s)
{
	struct link *k = s->link;

	if (s->forgotten)
		return;
	local_stream_enter(k);
	s->forgotten = true;
	if (s->pid) {
		/* A lost login sends SIGHUP, too; what must survive that is detached. The signal
		 * comes before the end of stdin, so that a shell that is ending is not disturbed. */
		kill(-s->pid, SIGHUP);
		kill(-s->pid, SIGCONT);         /* a stopped process would not act on it */
	}
	stream_drop(s);
	if (s->pid) {
		loop_fd(k->loop, s->pidfd, POLLIN, local_stream_on_pidfd, s);
		s->timer = loop_after(k->loop, TERM_MS, local_stream_hang_up_late, s);
	}
	local_stream_leave(k);
}

/* Wait for all programs that still run; returns how many are left. */
static size_t
local_stream_wait_for_ends(struct link *k)
{
	long long until = loop_now() + REAP_MS;
	size_t left = 0;

	for (struct stream *s = k->stream; s; s = s->next) {
		while (s->pid && !local_stream_reap(s)) {
			struct pollfd p = {.fd = s->pidfd, .events = POLLIN};
			long long ms = until - loop_now();

			if (poll(&p, 1, ms > 0 ? (int)ms : 0) == 0)
				break;
		}
		left += s->pid != 0;
	}
	return left;
}

/* A program that ignores both SIGHUP and SIGTERM is left running: it may be a shell in the
 * middle of one of our scripts. */
void
local_stream_shut(struct link *k)
{
	local_stream_enter(k);
	k->shut = true;
	loop_cancel(k->loop, &k->timer);
	for (struct stream *s = k->stream; s; s = s->next)
		local_stream_close(s);
	if (local_stream_wait_for_ends(k) > 0) {
		for (struct stream *s = k->stream; s; s = s->next)
			if (s->pid)
				kill(-s->pid, SIGTERM);
		local_stream_wait_for_ends(k);
	}
	local_stream_leave(k);
}

static void
local_stream_tell_all(void *arg)
{
	struct link *k = arg;

	k->timer = 0;
	local_stream_enter(k);
	if (k->why.text[0] && k->events.failed)
		k->events.failed(k->arg, &k->why);
	else if (!k->why.text[0] && k->events.ready)
		k->events.ready(k->arg);
	local_stream_leave(k);
}

void
local_stream_tell(struct link *k, const struct err *why)
{
	if (why)
		k->why = *why;
	if (!k->timer)
		k->timer = loop_after(k->loop, 0, local_stream_tell_all, k);
}

struct link *
local_stream_link(struct loop *l, const struct link_events *events, void *arg, void *owner,
	  void (*release)(void *owner))
{
	struct link *k = xcalloc(1, sizeof *k);

	*k = (struct link){.loop = l, .events = *events, .arg = arg, .owner = owner,
			   .release = release};
	return k;
}

void *local_stream_owner(const struct link *k) { return k->owner; }

struct loop *local_stream_loop(const struct link *k) { return k->loop; }
