/* Links whose streams begin on this machine, and the programs behind them: each in a
 * process group of its own. */
#include "executors/near_private.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
	TERM_MS = 2000,         /* from the hang-up to something clearer */
	REAP_MS = 100,          /* what a shut() waits after each of them */
};

/* False: it still runs. */
static bool
reap(struct stream *s)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)s->pidfd, &info, WEXITED | WNOHANG) != 0 || !info.si_pid)
		return false;
	stream_drop_fd(s, &s->pidfd);
	s->pid = 0;
	s->status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
	return true;
}

static void
on_pidfd(void *arg, short revents)
{
	struct stream *s = arg;
	struct link *k = s->link;

	(void)revents;
	near_enter(k);
	if (reap(s) && !s->forgotten) {
		stream_pump(s);
	} else if (!s->pid) {
		loop_cancel(k->loop, s->timer);
		s->timer = 0;
	}
	near_leave(k);
}

/* The first turn of the loop after near_start(): tell how it went. */
static void
started(void *arg)
{
	struct stream *s = arg;
	struct link *k = s->link;

	s->timer = 0;
	near_enter(k);
	if (s->why.text[0]) {
		stream_end(s);
	} else {
		loop_fd(k->loop, s->pidfd, POLLIN, on_pidfd, s);
		loop_fd(k->loop, s->out, POLLIN, stream_on_fd, s);
		loop_fd(k->loop, s->err, POLLIN, stream_on_fd, s);
		s->started = true;
		if (!s->forgotten && s->events.opened)
			s->events.opened(s->arg);
		stream_give(s);
	}
	near_leave(k);
}

struct stream *
near_start(struct link *k, const struct child_how *how, const struct stream_events *events,
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
	s->timer = loop_after(k->loop, 0, started, s);
	return s;
}

struct stream *
near_refuse(struct link *k, const struct err *why, const struct stream_events *events, void *arg)
{
	struct stream *s = stream_new(k, events, arg);

	s->why = *why;
	s->timer = loop_after(k->loop, 0, started, s);
	return s;
}

int near_status(const struct stream *s) { return s->status; }

static void
hang_up_late(void *arg)
{
	struct stream *s = arg;

	s->timer = 0;
	kill(-s->pid, SIGTERM);
}

void
near_close(struct stream *s)
{
	struct link *k = s->link;

	if (s->forgotten)
		return;
	near_enter(k);
	s->forgotten = true;
	stream_drop(s);
	if (s->pid) {
		/* What a lost login means to a shell; steps that must live on are detached. */
		kill(-s->pid, SIGHUP);
		loop_fd(k->loop, s->pidfd, POLLIN, on_pidfd, s);
		s->timer = loop_after(k->loop, TERM_MS, hang_up_late, s);
	}
	near_leave(k);
}

/* Wait for those that still run, all together; their number. */
static size_t
wait_for_ends(struct link *k)
{
	long long until = loop_now() + REAP_MS;
	size_t left = 0;

	for (struct stream *s = k->stream; s; s = s->next) {
		while (s->pid && !reap(s)) {
			struct pollfd p = {.fd = s->pidfd, .events = POLLIN};
			long long ms = until - loop_now();

			if (poll(&p, 1, ms > 0 ? (int)ms : 0) == 0)
				break;
		}
		left += s->pid != 0;
	}
	return left;
}

/* A program that ends neither by a hang-up nor when it is asked to has work to do, as a
 * shell with a script of ours in it: it is left to it. */
void
near_shut(struct link *k)
{
	near_enter(k);
	k->shut = true;
	loop_cancel(k->loop, k->timer);
	for (struct stream *s = k->stream; s; s = s->next)
		near_close(s);
	if (wait_for_ends(k) > 0) {
		for (struct stream *s = k->stream; s; s = s->next) {
			if (s->pid)
				kill(-s->pid, SIGTERM);
		}
		wait_for_ends(k);
	}
	near_leave(k);
}

static void
tell(void *arg)
{
	struct link *k = arg;

	k->timer = 0;
	near_enter(k);
	if (k->why.text[0] && k->events.failed)
		k->events.failed(k->arg, &k->why);
	else if (!k->why.text[0] && k->events.ready)
		k->events.ready(k->arg);
	near_leave(k);
}

void
near_tell(struct link *k, const struct err *why)
{
	if (why)
		k->why = *why;
	if (!k->timer)
		k->timer = loop_after(k->loop, 0, tell, k);
}

struct link *
near_link(struct loop *l, const struct link_events *events, void *arg, void *owner,
	  void (*release)(void *owner))
{
	struct link *k = xcalloc(1, sizeof *k);

	*k = (struct link){.loop = l, .events = *events, .arg = arg, .owner = owner,
			   .release = release};
	return k;
}

void *near_owner(const struct link *k) { return k->owner; }

struct loop *near_loop(const struct link *k) { return k->loop; }
