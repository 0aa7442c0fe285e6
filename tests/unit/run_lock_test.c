/* A lock that somebody else holds, and interrupts while a plan is carried out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/run_bed.h"

static void
a_held_lock_says_by_whom(void **state)
{
	struct world *w = *state;
	struct err e = {0};
	bool held = false;
	const char *path;
	int fd;

	apply(w);
	run_free(w->run);
	w->run = run_new(w->loop, w->cluster, NULL, NULL);
	path = shell(w, "printf %s \"$PWD\"/.local/state/dray/unit-*/*/lock");
	fd = open(path, O_RDWR | O_CLOEXEC);
	/* The shell that held it is on its way out. */
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_false(run_lock(w->run, "id2", 0, &held, &e));
	assert_true(held);
	assert_non_null(strstr(e.text, "the lock on 'here' is held by"));
	assert_non_null(strstr(e.text, "(apply id1)"));
	close(fd);
	assert_true(run_lock(w->run, "id2", 0, &held, &e));
	assert_false(held);
}

static void
a_held_lock_is_waited_for(void **state)
{
	struct world *w = *state;
	const struct run_view view = {.note = on_note, .arg = w};
	struct err e = {0};
	bool held = false;
	const char *path;

	apply(w);
	run_free(w->run);
	w->run = run_new(w->loop, w->cluster, NULL, &view);
	str_reset(&w->story);
	path = shell(w, "printf %s \"$PWD\"/.local/state/dray/unit-*/*/lock");
	w->lock = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(w->lock, LOCK_EX), 0);
	assert_true(run_lock(w->run, "id2", 5, &held, &e));
	assert_false(held);
	assert_non_null(strstr(str_text(&w->story), "note the lock on 'here' is held by"));
	assert_non_null(strstr(str_text(&w->story), "(apply id1); waiting up to 5 s"));
	assert_null(strstr(strstr(str_text(&w->story), "waiting") + 1, "waiting"));
}

static void
a_held_lock_is_not_waited_for_too_long(void **state)
{
	struct world *w = *state;
	struct err e = {0};
	bool held = false;
	int fd;

	apply(w);
	run_free(w->run);
	w->run = run_new(w->loop, w->cluster, NULL, NULL);
	fd = open(shell(w, "printf %s \"$PWD\"/.local/state/dray/unit-*/*/lock"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_false(run_lock(w->run, "id2", 1, &held, &e));
	assert_true(held);
	assert_non_null(strstr(e.text, "(apply id1)"));
	close(fd);
}

static void
two_interrupts_stop_what_runs(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	/* PPID is the subshell, its parent the loop, its parent this program. */
	first_up = "me=$(ps -o ppid= -p $(ps -o ppid= -p $PPID)); echo $$ >\"$HOME/pid\"\n"
		   "kill -INT $me; read -r _ <\"$HOME/gate\"; kill -INT $me; sleep 600\n";
	t = apply(w);
	assert_true(t.interrupted);
	assert_int_equal(t.ok, 0);
	assert_int_equal(t.cancelled + t.skipped, 2);
	assert_string_equal(shell(w, "grep -s State /proc/$(cat pid)/status | grep -v Z"), "");
}

/* The shell itself is stopped, so it reports no end. */
static void
three_interrupts_leave_a_node_that_does_not_answer(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	first_up = "loop=$(ps -o ppid= -p $PPID); me=$(ps -o ppid= -p $loop); kill -STOP $loop\n"
		   "setsid sh -c 'for i in 1 2 3; do kill -INT '$((me))'; read -r _ <\"$HOME/gate\"; done' "
		   "</dev/null >/dev/null 2>&1 3>&- 9>&- &\nsleep 100\n";
	patience.leave = 600;
	t = apply(w);
	patience.leave = 20;
	assert_true(t.interrupted);
	assert_int_equal(t.ok, 0);
	assert_non_null(strstr(str_text(&w->story), "note interrupted once more: leaving"));
}

/* After two interrupts it is stopped, which needs an answer; so would everything after it. */
static void
two_interrupts_do_not_wait_long_for_a_node(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	first_up = "loop=$(ps -o ppid= -p $PPID); me=$(ps -o ppid= -p $loop); kill -STOP $loop\n"
		   "setsid sh -c 'for i in 1 2; do kill -INT '$((me))'; read -r _ <\"$HOME/gate\"; done' "
		   "</dev/null >/dev/null 2>&1 3>&- 9>&- &\nsleep 100\n";
	patience.leave = 2;
	t = apply(w);
	patience.leave = 20;
	assert_true(t.interrupted);
	assert_int_equal(t.ok, 0);
	assert_non_null(strstr(str_text(&w->story), "note a node did not answer within 2 s: leaving"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(a_held_lock_says_by_whom),
		T(a_held_lock_is_waited_for),
		T(a_held_lock_is_not_waited_for_too_long),
		T(two_interrupts_stop_what_runs),
		T(three_interrupts_leave_a_node_that_does_not_answer),
		T(two_interrupts_do_not_wait_long_for_a_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
