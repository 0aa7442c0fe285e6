/* Cases for a session with any executor, and the list of all cases. */
#include "executors/io/patience.h"
#include "tests/unit/session_bed.h"
#include "tests/unit/session_order_cases.h"

static void
both_streams_and_status(void **state)
{
	struct request q;

	one(*state, &q, "echo out; printf 'no newline' >&2; exit 7\n");
	assert_true(q.result.ran);
	assert_int_equal(q.result.status, 7);
	assert_string_equal(str_text(&q.result.out), "out\n");
	assert_string_equal(str_text(&q.result.err), "no newline");
	result_release(&q.result);
}

static void
killed_by_a_signal_is_a_status(void **state)
{
	struct request q;

	one(*state, &q, "kill -9 $$\n");
	assert_true(q.result.ran);
	assert_int_equal(q.result.status, 137);
	result_release(&q.result);
}

static void
arguments_are_data(void **state)
{
	struct bed *b = *state;
	const char *argv[] = {"", " a  b ", "it's \"$HOME\" `id` \\n", "two\nlines\n", "-n", "\xc3\xbc\x81\xff",
			      "=%s", "%"};
	struct script script;
	struct request q;
	struct str want = {0};

	request_init(b, &q, &script, "printf '%s|' \"$0\" \"$@\"\n");
	q.task.argv = argv;
	q.task.argc = sizeof argv / sizeof *argv;
	session_send(b->session, &q);
	run(b);
	str_puts(&want, "test|");
	for (size_t i = 0; i < q.task.argc; i++)
		str_printf(&want, "%s|", argv[i]);
	assert_string_equal(str_text(&q.result.out), want.buf);
	str_release(&want);
	result_release(&q.result);
}

static void
output_with_nul_bytes(void **state)
{
	struct request q;

	one(*state, &q, "printf 'a\\0b\\n\\0'; printf '\\0' >&2\n");
	assert_int_equal(q.result.out.len, 5);
	assert_memory_equal(q.result.out.buf, "a\0b\n\0", 5);
	assert_int_equal(q.result.err.len, 1);
	result_release(&q.result);
}

static void
large_output_is_whole_and_larger_is_cut(void **state)
{
	struct request q;

	one(*state, &q, "head -c 8388608 /dev/zero | tr '\\0' x; head -c 9000000 /dev/zero >&2\n");
	assert_true(q.result.ran);
	assert_int_equal(q.result.out.len, REQUEST_MAX_OUTPUT);
	assert_int_equal(q.result.out.buf[REQUEST_MAX_OUTPUT - 1], 'x');
	assert_false(q.result.out.cut);
	assert_int_equal(q.result.err.len, REQUEST_MAX_OUTPUT);
	assert_true(q.result.err.cut);
	result_release(&q.result);
	/* Nothing of the rest may stay in the stream: the progress line is not glued to it. */
	one(*state, &q, "echo progress seen >&3; echo next\n");
	assert_string_equal(str_text(&q.result.out), "next\n");
	assert_string_equal(str_text(&((struct bed *)*state)->said), "seen\n");
	result_release(&q.result);
}

enum { BIG = 5 * 1000 * 1000 };

static void
stdin_is_exactly_its_bytes(void **state)
{
	struct bed *b = *state;
	char *big = xmalloc(BIG);
	static const char *const texts[] = {
		"wc -c\n",              /* reads all */
		"head -c 3\n",          /* reads some */
		"exit 0\n",             /* reads nothing */
		"read -r a; read -r b; echo \"$a,$b\"; wc -c\n",
	};
	struct script script[4];
	struct request q[4];

	memset(big, 'x', BIG);
	for (int i = 0; i < 4; i++) {
		request_init(b, &q[i], &script[i], texts[i]);
		q[i].task.input = big;
		q[i].task.ninput = BIG;
	}
	q[3].secret = "poison\nother\n";
	q[3].nsecret = strlen(q[3].secret);
	for (int i = 0; i < 4; i++)
		session_send(b->session, &q[i]);
	run(b);
	assert_int_equal(atol(str_text(&q[0].result.out)), BIG);
	assert_string_equal(str_text(&q[1].result.out), "xxx");
	assert_string_equal(str_text(&q[2].result.out), "");
	assert_string_equal(str_text(&q[3].result.out), "poison,other\n5000000\n");
	for (int i = 0; i < 4; i++) {
		assert_true(q[i].result.ran);
		assert_int_equal(q[i].result.status, 0);
		result_release(&q[i].result);
	}
	free(big);
}

static void
without_input_stdin_is_empty(void **state)
{
	struct request q;

	one(*state, &q, "cat; echo end\n");
	assert_string_equal(str_text(&q.result.out), "end\n");
	result_release(&q.result);
}

static void
a_daemon_left_behind_does_not_delay_the_next(void **state)
{
	struct bed *b = *state;
	long pid[2];
	struct request q;

	/* Both outlive the case unless they are ended. */
	one(b, &q, "sleep 600 & echo $!\n");
	assert_true(q.result.ran);
	pid[0] = atol(str_text(&q.result.out));
	result_release(&q.result);
	one(b, &q, "sleep 600 >&3 2>&3 & echo $!\n");
	assert_true(q.result.ran);
	pid[1] = atol(str_text(&q.result.out));
	result_release(&q.result);
	for (int i = 0; i < 2; i++) {
		assert_true(pid[i] > 1);
		assert_int_equal(kill((pid_t)pid[i], SIGKILL), 0);      /* it still ran */
	}
}

static void
progress_and_facts(void **state)
{
	struct bed *b = *state;
	struct arena a = {0};
	struct request q;

	one(b, &q, "echo 'progress one' >&3; echo 'set instance abc' >&3; echo rubbish >&3\n"
		   "echo 'set instance a b  c' >&3; echo 'progress two' >&3; echo 'set x' >&3\n"
		   "printf 'progress three' >&3\n");
	assert_string_equal(str_text(&b->said), "one\ntwo\nthree\n");
	assert_string_equal(result_fact(&a, &q.result, "instance"), "a b  c");
	assert_null(result_fact(&a, &q.result, "x"));
	arena_release(&a);
	result_release(&q.result);
}

static void
rubbish_on_fd_3_is_harmless(void **state)
{
	struct request q;

	one(*state, &q, "head -c 200000 /dev/urandom >&3; printf 'x 1 end 0 0 0 0 0' >&3; exit 3\n");
	assert_true(q.result.ran);
	assert_int_equal(q.result.status, 3);
	result_release(&q.result);
	one(*state, &q, "exec 3>&-; echo ok\n");
	assert_string_equal(str_text(&q.result.out), "ok\n");
	result_release(&q.result);
}

/* A zombie that nobody reaps does not count. */
static bool
lives(long pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d %*s %c", &state) != 1)
			state = 'X';
		fclose(f);
	}
	return state != 'X' && state != 'Z';
}

static void
a_timeout_kills_the_group(void **state)
{
	struct bed *b = *state;
	struct script script;
	struct request q;

	request_init(b, &q, &script, "echo before; sleep 300 & echo $!\n"
		     "echo 'progress sleeping (pass 1)' >&3; wait\n");
	q.task.timeout_s = 1;
	q.task.changes = true;
	session_send(b->session, &q);
	run(b);
	assert_false(q.result.ran);
	assert_string_equal(q.result.why.text, "timed out after 1 s while: sleeping (pass 1)");
	long child = atol(str_text(&q.result.out) + strlen("before\n"));

	assert_true(child > 1);
	for (int i = 0; i < 3000 && lives(child); i++)  /* guards against a hang */
		usleep(20000);
	assert_false(lives(child));
	result_release(&q.result);
	one(b, &q, "echo alive\n");
	assert_string_equal(str_text(&q.result.out), "alive\n");
	assert_false(b->failed);
	result_release(&q.result);
}

static void
the_lock_stays_in_the_shell(void **state)
{
	struct bed *b = *state;
	char file[] = "/tmp/dray-lock-test.XXXXXX";
	const char *argv[] = {file};
	struct script script;
	struct request q;

	close(mkstemp(file));
	for (int i = 0; i < 3; i++) {
		static const char *const texts[] = {
			"command exec 9>>\"$1\" || return 1\nflock -n 9 || return 75\necho mine\n",
			"flock -n \"$1\" true; echo $?\n",      /* another open file */
			"flock -n 9; echo $?\n",                /* ours, inherited */
		};
		request_init(b, &q, &script, texts[i]);
		script.name = i == 0 ? "lock" : "test";
		q.task.argv = argv;
		q.task.argc = 1;
		session_send(b->session, &q);
		run(b);
		assert_true(q.result.ran);
		assert_string_equal(str_text(&q.result.out), i == 0 ? "mine\n" : i == 1 ? "1\n" : "0\n");
		result_release(&q.result);
	}
	unlink(file);
}

static void
a_lock_that_hangs_ends_the_session(void **state)
{
	struct bed *b = *state;
	struct script script;
	struct request q;

	request_init(b, &q, &script, "echo 1 >\"$HOME/clock\"; sleep 4\n");
	script.name = "lock";
	q.task.timeout_s = 1;
	session_send(b->session, &q);
	run(b);
	assert_false(q.result.ran);
	assert_string_equal(q.result.why.text, "timed out after 1 s");
	assert_true(session_lost(b->session));
}

static void
a_dead_shell_is_not_success(void **state)
{
	struct bed *b = *state;
	struct request q;

	/* The loop itself: the parent of the subshell that is the parent of the script. */
	one(b, &q, "read -r _ _ _ p _ </proc/$PPID/stat; kill -9 $p; sleep 1\n");
	assert_false(q.result.ran);
	assert_true(strlen(q.result.why.text) > 0);
	one(b, &q, "echo again\n");
	assert_false(q.result.ran);
	assert_true(b->failed);
}

static void
a_shell_that_does_not_start_the_script_is_given_up(void **state)
{
	struct bed *b = *state;
	struct script script;
	struct request q;

	one(b, &q, "read -r _ _ _ p _ </proc/$PPID/stat; kill -STOP $p\n"
			"(sleep 6; kill -CONT $p) >/dev/null 2>&1 3>&- &\n");
	assert_true(q.result.ran);
	result_release(&q.result);
	request_init(b, &q, &script, "echo never\n");
	session_send(b->session, &q);
	clock_pass(patience.start);
	run(b);
	assert_false(q.result.ran);
	assert_non_null(strstr(q.result.why.text, "did not start the script within 120 s"));
	result_release(&q.result);
}

static void
without_HOME_it_is_that_of_the_user(void **state)
{
	struct bed *b = *state;
	char *home = getenv("HOME") ? xstrdup(getenv("HOME")) : NULL;
	const struct passwd *pw = getpwuid(geteuid());
	struct request q;

	if (!pw || !home)
		skip();
	unsetenv("HOME");
	session_close(b->session);
	b->session = session_open(b->loop, &b->node, on_failed, b);
	one(b, &q, "printf %s \"$HOME\"\n");
	setenv("HOME", home, 1);
	free(home);
	assert_string_equal(str_text(&q.result.out), pw->pw_dir);
	result_release(&q.result);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define SESSION_CASES \
	T(both_streams_and_status), \
	T(killed_by_a_signal_is_a_status), \
	T(arguments_are_data), \
	T(output_with_nul_bytes), \
	T(large_output_is_whole_and_larger_is_cut), \
	T(stdin_is_exactly_its_bytes), \
	T(without_input_stdin_is_empty), \
	T(pipelined_requests_answer_in_order), \
	T(a_daemon_left_behind_does_not_delay_the_next), \
	T(progress_and_facts), \
	T(rubbish_on_fd_3_is_harmless), \
	T(a_timeout_kills_the_group), \
	T(cancel_before_and_while_it_runs), \
	T(a_look_does_not_wait_for_a_change), T(a_change_does_not_wait_for_what_runs_aside), \
	T(nothing_waits_for_what_runs_aside), \
	T(the_lock_stays_in_the_shell), \
	T(a_lock_that_hangs_ends_the_session), \
	T(a_dead_shell_is_not_success), \
	T(a_shell_that_does_not_start_the_script_is_given_up), \
	T(without_HOME_it_is_that_of_the_user)
