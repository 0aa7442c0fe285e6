/* The loop: timers, descriptors, signals, transfers, and time during which the process stood still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "executors/io/loop.h"

/* What the callbacks did, as letters in order. */
static struct {
	struct loop *loop;
	char log[64];
	bool finished;
	int pipe[2], other[2];
	unsigned long timer;
	int idles;
} t;

static char dot[] = ".";

static void
say(const char *what)
{
	strncat(t.log, what, sizeof t.log - strlen(t.log) - 1);
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	memset(&t, 0, sizeof t);
	t.loop = loop_new(&e);
	return t.loop && pipe(t.pipe) == 0 && pipe(t.other) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	loop_free(t.loop);
	for (int i = 0; i < 2; i++) {
		close(t.pipe[i]);
		close(t.other[i]);
	}
	return 0;
}

static void log_it(void *arg) { say(arg); }

static void
finish(void *arg)
{
	say(arg);
	t.finished = true;
}

static void
timers_fire_in_order_of_time_then_of_setting(void **state)
{
	(void)state;
	loop_after(t.loop, 30, finish, (char[]){"d"});
	loop_after(t.loop, 10, log_it, (char[]){"b"});
	t.timer = loop_after(t.loop, 15, log_it, (char[]){"x"});
	loop_after(t.loop, 10, log_it, (char[]){"c"});
	loop_after(t.loop, 0, log_it, (char[]){"a"});
	loop_cancel(t.loop, &t.timer);
	loop_cancel(t.loop, &(unsigned long){0});
	loop_cancel(t.loop, &(unsigned long){12345});
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "abcd");
}

static void
many_timers_stay_sorted(void **state)
{
	unsigned long id[200];
	char letter[] = "a";

	(void)state;
	for (int i = 0; i < 200; i++)
		id[i] = loop_after(t.loop, (i * 37) % 100 < 50 ? 5000 + i : 6000 - i, log_it, letter);
	for (int i = 199; i >= 0; i--)
		loop_cancel(t.loop, &id[(i * 71) % 200]);
	loop_after(t.loop, 1, finish, (char[]){"z"});
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "z");
}

static void
set_again(void *arg)
{
	say("t");
	if (++t.idles < 3)
		loop_after(t.loop, 0, set_again, arg);
	else
		t.finished = true;
}

static void
a_timer_of_no_time_waits_for_the_next_turn(void **state)
{
	(void)state;
	loop_after(t.loop, 0, set_again, NULL);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "ttt");
}

static void
readable(void *arg, short revents)
{
	char c;

	(void)arg;
	if (read(t.pipe[0], &c, 1) == 1) {
		assert_true(revents & POLLIN);
		say("r");
		close(t.pipe[1]);
		t.pipe[1] = -1;
		return;
	}
	assert_true(revents & (POLLIN | POLLHUP));
	say("h");
	loop_fd(t.loop, t.pipe[0], 0, NULL, NULL);
	t.finished = true;
}

static void
data_and_hang_up_of_a_pipe(void **state)
{
	(void)state;
	loop_fd(t.loop, t.pipe[0], POLLIN, readable, NULL);
	assert_int_equal(write(t.pipe[1], "x", 1), 1);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "rh");
}

static void
must_not(void *arg, short revents)
{
	(void)arg, (void)revents;
	fail_msg("called after it was forgotten");
}

/* The first of two ready descriptors closes the other one and takes its number. */
static void
steal(void *arg, short revents)
{
	int fd = arg == &t.pipe ? t.other[0] : t.pipe[0];

	(void)revents;
	say("s");
	loop_fd(t.loop, fd, 0, NULL, NULL);
	close(fd);
	assert_int_equal(dup2(t.pipe[1], fd), fd);
	loop_fd(t.loop, fd, POLLIN, must_not, NULL);
	loop_fd(t.loop, arg == &t.pipe ? t.pipe[0] : t.other[0], 0, NULL, NULL);
	loop_after(t.loop, 20, finish, dot);
}

static void
a_reused_descriptor_is_not_the_old_one(void **state)
{
	(void)state;
	loop_fd(t.loop, t.pipe[0], POLLIN, steal, &t.pipe);
	loop_fd(t.loop, t.other[0], POLLIN, steal, &t.other);
	assert_int_equal(write(t.pipe[1], "x", 1), 1);
	assert_int_equal(write(t.other[1], "x", 1), 1);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "s.");
}

static void
writable(void *arg, short revents)
{
	(void)arg;
	assert_true(revents & POLLOUT);
	say("w");
	loop_fd(t.loop, t.pipe[1], 0, NULL, NULL);
	t.finished = true;
}

static void
events_can_change(void **state)
{
	(void)state;
	loop_fd(t.loop, t.pipe[1], POLLIN, must_not, NULL);
	loop_fd(t.loop, t.pipe[1], POLLOUT, writable, NULL);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "w");
}

static void
second_idle(void *arg)
{
	say("2");
	loop_idle(t.loop, NULL, arg);
}

static void
first_idle(void *arg)
{
	say("1");
	if (++t.idles == 1)
		loop_idle(t.loop, second_idle, &t.other);
	if (t.idles == 2) {
		loop_idle(t.loop, NULL, arg);
		loop_after(t.loop, 5, finish, dot);
	}
}

static void
idle_before_each_wait_until_forgotten(void **state)
{
	(void)state;
	loop_idle(t.loop, NULL, &t.other);
	loop_idle(t.loop, first_idle, &t.pipe);
	loop_idle(t.loop, first_idle, &t.pipe);
	loop_after(t.loop, 1, log_it, (char[]){"-"});
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "12-1.");
}

static void
hit(void *arg, int count)
{
	(void)arg;
	say(count == 1 ? "i" : "I");
	if (count == 1)
		kill(getpid(), SIGTERM);
	else
		t.finished = true;
}

static void
interrupts_are_counted(void **state)
{
	sigset_t set;

	(void)state;
	loop_interrupt(t.loop, hit, NULL);
	kill(getpid(), SIGINT);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "iI");
	loop_interrupt(t.loop, NULL, NULL);
	sigprocmask(SIG_SETMASK, NULL, &set);
	assert_false(sigismember(&set, SIGINT));
}

static void
a_hangup_counts_as_one_interrupt(void **state)
{
	(void)state;
	loop_interrupt(t.loop, hit, NULL);
	kill(getpid(), SIGHUP);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "iI");
	t.finished = false;
	kill(getpid(), SIGHUP);
	loop_after(t.loop, 0, finish, (char[]){"f"});
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "iIf");
	loop_interrupt(t.loop, NULL, NULL);
}

/* SIGHUP ignored, as under nohup. */
static void
an_ignored_hangup_is_not_an_interrupt(void **state)
{
	(void)state;
	signal(SIGHUP, SIG_IGN);
	loop_interrupt(t.loop, hit, NULL);
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGINT);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "iI");
	loop_interrupt(t.loop, NULL, NULL);
	signal(SIGHUP, SIG_DFL);
}

static void
transferred(void *arg, CURL *curl, CURLcode code)
{
	(void)arg;
	assert_int_equal(code, CURLE_COULDNT_CONNECT);
	say("c");
	curl_easy_cleanup(curl);
	t.finished = true;
}

static void
dropped(void *arg, CURL *curl, CURLcode code)
{
	(void)arg, (void)curl, (void)code;
	fail_msg("called after it was dropped");
}

static void
transfers_come_back_and_can_be_dropped(void **state)
{
	CURL *a = curl_easy_init(), *b = curl_easy_init();

	(void)state;
	curl_easy_setopt(a, CURLOPT_URL, "http://127.0.0.1:1/");
	curl_easy_setopt(b, CURLOPT_URL, "http://127.0.0.1:1/");
	loop_curl(t.loop, a, transferred, NULL);
	loop_curl(t.loop, b, dropped, NULL);
	loop_curl_drop(t.loop, b);
	curl_easy_cleanup(b);
	loop_after(t.loop, 10000, finish, (char[]){"late"});
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "c");
}

/* The clock of a process that is stopped and continued, that waits for its user, ... */
static long long jumped;
static long long (*real_clock)(void);
static long long jumping(void) { return real_clock() + jumped; }

static void
jump(int signal)
{
	(void)signal;
	jumped += 50000;
}

static int
jump_setup(void **state)
{
	jumped = 0;
	real_clock = loop_clock;
	loop_clock = jumping;
	return setup(state);
}

static int
jump_teardown(void **state)
{
	loop_clock = real_clock;
	return teardown(state);
}

static void jump_now(void *arg) { say(arg); jump(0); }

static void
a_standstill_between_two_runs_does_not_count(void **state)
{
	(void)state;
	long long before = loop_now();

	loop_after(t.loop, 40000, log_it, (char[]){"x"});
	loop_after(t.loop, 20, finish, (char[]){"a"});
	jump(0);
	assert_true(loop_now() - before < 20000);
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "a");
	/* What was not late before is not late now. */
	assert_true(loop_now() >= before);
	assert_true(loop_now() - before < 20000);
}

static void
a_standstill_in_a_callback_does_not_count(void **state)
{
	(void)state;
	loop_after(t.loop, 10, jump_now, (char[]){"j"});
	loop_after(t.loop, 40000, log_it, (char[]){"x"});
	loop_after(t.loop, 30, finish, (char[]){"a"});
	loop_run(t.loop, &t.finished);
	assert_string_equal(t.log, "ja");
}

static void
a_standstill_in_a_wait_does_not_count(void **state)
{
	struct sigaction act = {.sa_handler = jump}, old;

	(void)state;
	sigaction(SIGALRM, &act, &old);
	loop_after(t.loop, 40000, log_it, (char[]){"x"});
	loop_after(t.loop, 300, finish, (char[]){"a"});
	ualarm(50000, 0);
	loop_run(t.loop, &t.finished);
	sigaction(SIGALRM, &old, NULL);
	assert_int_equal(jumped, 50000);
	assert_string_equal(t.log, "a");
}

static long long
in_steps(void)
{
	return jumped += 900;
}

static void
time_that_is_looked_at_passes(void **state)
{
	(void)state;
	loop_clock = in_steps;
	loop_now();
	long long before = loop_now();

	for (int i = 0; i < 50; i++)
		loop_now();
	assert_int_equal(loop_now() - before, 51 * 900);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_in_order_of_time_then_of_setting),
		TEST(many_timers_stay_sorted),
		TEST(a_timer_of_no_time_waits_for_the_next_turn),
		TEST(data_and_hang_up_of_a_pipe),
		TEST(a_reused_descriptor_is_not_the_old_one),
		TEST(events_can_change),
		TEST(idle_before_each_wait_until_forgotten),
		TEST(interrupts_are_counted),
		TEST(a_hangup_counts_as_one_interrupt),
		TEST(an_ignored_hangup_is_not_an_interrupt),
		TEST(transfers_come_back_and_can_be_dropped),
#define JUMP(f) cmocka_unit_test_setup_teardown(f, jump_setup, jump_teardown)
		JUMP(a_standstill_between_two_runs_does_not_count),
		JUMP(a_standstill_in_a_callback_does_not_count),
		JUMP(a_standstill_in_a_wait_does_not_count),
		JUMP(time_that_is_looked_at_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
