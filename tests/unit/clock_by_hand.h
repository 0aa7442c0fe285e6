/* The loop's clock for tests. It runs like the machine's clock, and a test, or a script of a
 * test, can let more time pass at once. So no test waits for a timer. */
#ifndef CLOCK_BY_HAND_H
#define CLOCK_BY_HAND_H

#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "executors/io/loop.h"

enum {
	CLOCK_HANG_S = 300,     /* guards against a hang: a case that takes longer is killed */
	CLOCK_STEP_MS = 500,    /* a larger step would look like a standstill of this process */
	CLOCK_TICK_MS = 20,
};

static struct {
	long long ahead;        /* of the machine's, ms */
	long due;               /* time that still has to pass, ms */
	unsigned long timer;
	struct loop *loop;
	int pipe, gate, tick;
	int times;              /* how many times as fast as the machine's clock */
	char pipe_path[128], gate_path[128];
} by_hand = {.pipe = -1, .gate = -1, .tick = -1};

static inline long long
clock_by_hand(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000 + by_hand.ahead;
}

static inline void
clock_step(void *arg)
{
	long step = by_hand.due < CLOCK_STEP_MS ? by_hand.due : CLOCK_STEP_MS;

	(void)arg;
	by_hand.timer = 0;
	by_hand.due -= step;
	by_hand.ahead += step;
	loop_now();
	if (by_hand.due)
		by_hand.timer = loop_after(by_hand.loop, 0, clock_step, NULL);
}

/* Let that much time pass in the next turns of the loop, one step in each, so that data that
 * came before is read before a timer fires. */
static inline void
clock_pass(long seconds)
{
	by_hand.due += seconds * 1000;
	if (by_hand.due && !by_hand.timer)
		by_hand.timer = loop_after(by_hand.loop, 0, clock_step, NULL);
}

static inline void
clock_on_line(void *arg, short revents)
{
	char buf[256];
	ssize_t n = read(by_hand.pipe, buf, sizeof buf - 1);

	(void)arg, (void)revents;
	buf[n > 0 ? n : 0] = '\0';
	for (char *s = buf; *s; s += strcspn(s, "\n"), s += *s == '\n')
		clock_pass(atol(s));
}

static inline void
clock_on_tick(void *arg, short revents)
{
	uint64_t unused;

	(void)arg, (void)revents;
	/* Late ticks count once: on a slow machine its programs are slow, too. */
	if (read(by_hand.tick, &unused, sizeof unused) == sizeof unused)
		by_hand.ahead += CLOCK_TICK_MS * (by_hand.times - 1);
}

/* From now on the clock runs that many times as fast, for waits that follow each other. */
static inline void
clock_run(int times)
{
	const struct itimerspec every = {.it_interval.tv_nsec = CLOCK_TICK_MS * 1000000,
					 .it_value.tv_nsec = CLOCK_TICK_MS * 1000000};

	by_hand.times = times;
	if (by_hand.tick >= 0)
		return;
	by_hand.tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	timerfd_settime(by_hand.tick, 0, &every, NULL);
	loop_fd(by_hand.loop, by_hand.tick, POLLIN, clock_on_tick, NULL);
}

static inline int
clock_fifo(char *path, size_t size, const char *name)
{
	int fd;

	snprintf(path, size, "%s/%s", getenv("HOME"), name);
	unlink(path);
	if (mkfifo(path, 0600) != 0 || (fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)) < 0) {
		perror(path);
		abort();
	}
	return fd;
}

/* Make two pipes in $HOME, which is a folder of the test: "clock", where a line with a
 * number lets that many seconds pass, and "gate", where `read` waits for gate_open(). */
static inline void
clock_start(struct loop *l)
{
	alarm(CLOCK_HANG_S);
	loop_clock = clock_by_hand;
	by_hand.loop = l;
	by_hand.pipe = clock_fifo(by_hand.pipe_path, sizeof by_hand.pipe_path, "clock");
	by_hand.gate = clock_fifo(by_hand.gate_path, sizeof by_hand.gate_path, "gate");
	loop_fd(l, by_hand.pipe, POLLIN, clock_on_line, NULL);
}

static inline void
gate_open(void)
{
	if (write(by_hand.gate, "\n", 1) != 1)
		abort();
}

/* Call it before loop_free(). */
static inline void
clock_stop(void)
{
	alarm(0);
	loop_cancel(by_hand.loop, &by_hand.timer);
	by_hand.due = 0;
	loop_fd(by_hand.loop, by_hand.pipe, 0, NULL, NULL);
	loop_fd(by_hand.loop, by_hand.tick, 0, NULL, NULL);
	close(by_hand.pipe);
	close(by_hand.gate);
	if (by_hand.tick >= 0)
		close(by_hand.tick);
	by_hand.tick = -1;
	unlink(by_hand.pipe_path);
	unlink(by_hand.gate_path);
}

#endif
