/* Carries out plans: the order, records, failures, guards, lost nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/run_bed.h"

static void
steps_come_up_in_order_with_records(void **state)
{
	struct world *w = *state;
	struct run_tally t = apply(w);

	assert_int_equal(t.ok, 2);
	assert_int_equal(t.failed + t.skipped + t.cancelled, 0);
	assert_true(t.changed);
	assert_string_equal(str_text(&w->story), "ended first\nended second\n");
	assert_non_null(strstr(record(w, "first"), "\"phase\":\"done\""));
	assert_non_null(strstr(record(w, "first"), "\"instance\":\"one\""));
	assert_non_null(strstr(record(w, "second"), "\"bound\":{\"first\":\"one\"}"));
	assert_non_null(strstr(shell(w, "cat .local/state/dray/unit-*/*/members.json"), "\"here\""));
	assert_string_equal(w->graph.v[1]->observed.instance, "two");
}

static void
a_failure_is_reported_and_skips_its_dependents(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	first_up = "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo \"line $i\" >&2; done; exit 9\n";
	t = apply(w);
	assert_int_equal(t.failed, 1);
	assert_int_equal(t.skipped, 1);
	assert_true(t.changed);
	assert_true(w->failure.ran);
	assert_int_equal(w->failure.status, 9);
	assert_string_equal(w->failure.step, "first");
	assert_string_equal(w->failure.node, "here");
	assert_string_equal(w->failure.what, "the test's script");
	assert_int_equal(strncmp(w->failure.tail, "line 11\n", 8), 0);
	assert_non_null(w->failure.next);
	assert_non_null(strstr(record(w, "first"), "\"phase\":\"intent\""));
	assert_non_null(strstr(record(w, "second"), "No such file"));
}

static void
secrets_go_by_stdin_and_come_back_nowhere(void **state)
{
	struct world *w = *state;

	with_token = true;
	first_up = "read -r token; echo \"progress got $token\" >&3; echo \"set instance $token\" >&3\n"
		   "[ \"$token\" = poison-1234 ] && echo \"token is $token\" >&2; exit 1\n";
	apply(w);
	assert_string_equal(w->failure.tail, "token is (secret)");
	assert_non_null(strstr(str_text(&w->story), "progress got (secret)\n"));
	assert_null(strstr(str_text(&w->story), "poison"));
	assert_string_equal(shell(w, "grep -rl poison . ; echo done"), "done\n");
}

static void
a_missing_secret_is_a_clear_failure(void **state)
{
	struct world *w = *state;

	/* The run read it already when it asked the Hub. */
	struct secret_ref ref = {.from = SECRET_ENV, .what = "DRAY_TEST_NOT_SET"};
	struct err e = {0};

	assert_null(run_secret(w->run, &ref, &e));
	assert_string_equal(e.text,
			    "read the secret 'env:DRAY_TEST_NOT_SET': the variable is not set");
}

static void
a_guard_that_fails_twice_stops_the_step(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	first_up = "echo 'progress (the clock runs)' >&3; sleep 600\n";
	guard_text = "echo 'the container is gone' >&2; exit 1\n";
	t = apply(w);
	assert_int_equal(t.failed, 1);
	assert_string_equal(w->failure.why, "here: the container is gone");
}

/* The rank with the most errors is not the one that failed first: the times show it. */
static void
the_first_failure_is_named(void **state)
{
	struct world *w = *state;

	first_up = "echo 'it ended' >&2; exit 1\n";
	blame_text[0] = "echo 'alive container a: running, exit 0'; echo 'log rank'\n"
			"echo '|2026-11-22T20:00:05.500000000Z RuntimeError: odd thing'\n";
	blame_text[1] = "echo 'state 2026-11-22T20:00:06.1Z container b: exited, exit 1'; echo 'log rank'\n"
			"echo '|2026-11-22T20:00:04.000000000Z torch.OutOfMemoryError: CUDA out of memory'\n";
	assert_int_equal(apply(w).failed, 1);
	assert_string_equal(w->failure.why, "rank[here]: torch.OutOfMemoryError: CUDA out of memory");
	assert_string_equal(w->failure.means, "a GPU has too little free memory");
	assert_non_null(strstr(w->failure.advice, "max-model-len"));
	assert_non_null(strstr(record(w, "first"), "\"failed\":\"rank[here]: torch.OutOfMemoryError"));
}

static void
without_a_cause_the_nodes_are_shown(void **state)
{
	struct world *w = *state;

	first_up = "exit 1\n";
	blame_text[0] = "echo 'alive container a: running, exit 0'; echo 'log rank'; echo '|all is well'\n";
	blame_text[1] = "echo 'state container b: exited, exit 137'\n";
	assert_int_equal(apply(w).failed, 1);
	assert_string_equal(w->failure.why, "no log names it; the nodes show: here: container b: exited, exit 137");
	assert_string_equal(w->failure.means, "it was killed from outside");
}

/* A node that does not name a cause is shown, too. What the step itself said counts last. */
static void
a_report_that_does_not_come(void **state)
{
	struct world *w = *state;

	first_up = "echo 'docker: could not select device driver' >&2; exit 1\n";
	blame_text[0] = "echo no docker >&2; exit 1\n";
	assert_int_equal(apply(w).failed, 1);
	assert_string_equal(w->failure.why, "first: docker: could not select device driver");
}

struct followed {
	struct world *w;
	struct str lines;
	int rounds;
};

static bool
on_news(void *arg, struct arena *a, const struct evidence *e)
{
	struct followed *f = arg;

	(void)a;
	for (size_t i = 0; i < e->states.n; i++)
		str_printf(&f->lines, "(%s)", e->states.v[i].text);
	for (size_t i = 0; i < e->logs.n; i++)
		str_printf(&f->lines, "%s: %.*s", e->logs.v[i].name, (int)e->logs.v[i].n, e->logs.v[i].text);
	str_puts(&f->lines, "--\n");
	clock_pass(1);
	return ++f->rounds < 4;
}

/* Each line of two logs comes once: of a file from the last offset, of a container by its times. */
static void
followed_lines_come_once(void **state)
{
	static const char text[] =
		"from=- since=-\n"
		"for w; do case $w in from=*) from=${w#*=} ;; since=*) since=${w#*=} ;; esac; done\n"
		"echo 'alive x'; echo 'log serve'\n"
		"case $from in\n"
		"-) printf 'end 6\\n|one\\n|tw\\n\\ncut\\n' ;;\n"
		"4) printf 'end 14\\n|two\\n|three\\n' ;;\n"
		"*) echo \"end $from\"; echo 'state y' ;;\n"
		"esac\n"
		"echo 'log head'; echo '|2026-11-22T20:00:01.1Z a'\n"
		"case $since in\n"
		"-) ;;\n"
		"*:01.1Z) echo '|2026-11-22T20:00:02.2Z b'; echo '|no time' ;;\n"
		"*:02.2Z) echo '|2026-11-22T20:00:02.2Z b' ;;\n"
		"esac\n";
	struct world *w = *state;
	struct followed f = {.w = w};
	struct tasks tasks = {0};

	add_task(&w->arena, &tasks, w->graph.v[0], text, false);
	run_follow(w->run, &tasks, &(struct logs_depth){100, 1000}, on_news, &f);
	assert_string_equal(str_text(&f.lines),
			    "(x)serve: one\nhead[here]: 2026-11-22T20:00:01.1Z a\n--\n"
			    "serve: two\nthree\nhead[here]: 2026-11-22T20:00:02.2Z b\nno time\n--\n"
			    "(x)(y)--\n"
			    "--\n");
	str_release(&f.lines);
}

static void
a_guard_that_fails_once_stops_nothing(void **state)
{
	struct world *w = *state;

	/* It ends after the guard was fine two more times. */
	first_up = "echo 'progress (the clock runs)' >&3; read -r _ <\"$HOME/gate\"; read -r _ <\"$HOME/gate\"\n";
	guard_text = "[ -e \"$HOME/once\" ] && echo >\"$HOME/gate\" && exit 0; : >\"$HOME/once\"; exit 1\n";
	assert_int_equal(apply(w).ok, 2);
}

/* The script of the guard hangs. */
static void
a_guard_without_an_answer_stops_the_step(void **state)
{
	struct world *w = *state;
	unsigned unheard = patience.unheard;

	patience.unheard = 9;
	first_up = "echo 'progress (the clock runs)' >&3; sleep 600\n";
	guard_text = "read -r _ <\"$HOME/gate\"\n";
	assert_int_equal(apply(w).failed, 1);
	patience.unheard = unheard;
	assert_string_equal(w->failure.why, "here: no answer for 9 s while first waited for this node");
	assert_string_equal(w->failure.next, "dray apply, when 'here' is back; without it: remove it "
			    "from 'nodes', then dray apply -forget here");
}

static void
a_lost_shell_is_connected_again(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	/* The first time, the loop shell dies while the script runs. */
	first_up = "echo up >>\"$HOME/story\"\n"
		   "if [ ! -e \"$HOME/once\" ]; then : >\"$HOME/once\"\n"
		   "kill -9 $(ps -o ppid= -p $PPID); read -r _ <\"$HOME/gate\"; fi; echo set instance one >&3\n";
	t = apply(w);
	assert_int_equal(t.ok, 2);
	assert_int_equal(t.failed, 0);
	/* The orphan released the lock; then what it had started was removed. */
	assert_string_equal(shell(w, "cat story"), "up\ndown\nup\n");
	assert_non_null(strstr(str_text(&w->story), "progress the connection was lost"));
	assert_non_null(strstr(str_text(&w->story), "waiting for what was left running"));
	assert_non_null(strstr(record(w, "first"), "\"phase\":\"done\""));
}

static void
another_apply_in_between_is_the_end(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	/* The connection is lost, the lock free, and another apply runs. */
	first_up = "echo up >>\"$HOME/story\"\n"
		   "kill -9 $(ps -o ppid= -p $PPID)\n"
		   "sed -i 's/\"apply_id\":\"id1\"/\"apply_id\":\"id2\"/' "
		   "\"$HOME\"/.local/state/dray/unit-*/*/members.json; exit 0\n";
	t = apply(w);
	assert_int_equal(t.ok, 0);
	assert_int_equal(t.failed, 1);
	assert_string_equal(shell(w, "cat story"), "up\n");
	assert_non_null(strstr(w->failure.why, "another apply has run on the node meanwhile"));
	/* What it wrote down stays. */
	assert_non_null(strstr(record(w, "first"), "\"phase\":\"intent\""));
}

static void
a_node_that_stays_away_is_not_success(void **state)
{
	struct world *w = *state;
	struct run_tally t;

	/* The second time it is lost again. */
	first_up = "kill -9 $(ps -o ppid= -p $PPID)\nread -r _ <\"$HOME/gate\"; exit 0\n";
	t = apply(w);
	assert_int_equal(t.failed, 1);
	assert_false(w->failure.ran);
	assert_non_null(strstr(w->failure.why, "is not known"));
}

static void
downs_remove_records(void **state)
{
	struct world *w = *state;

	apply(w);
	for (size_t i = 0; i < 2; i++)
		w->plan.v[i].action = ACT_DESTROY;
	w->plan.options.destroy = true;
	str_reset(&w->story);
	assert_int_equal(run_apply(w->run, &w->arena, &w->plan, "id2").ok, 2);
	assert_string_equal(str_text(&w->story), "ended second down\nended first down\n");
	assert_string_equal(shell(w, "cat story"), "down\ndown\n");
	assert_string_equal(shell(w, "ls -A .local/state"), "");
}

/* A stop takes down like a destroy, and leaves records that say so, with what ran. */
static void
stops_keep_records(void **state)
{
	struct world *w = *state;

	apply(w);
	for (size_t i = 0; i < 2; i++)
		w->plan.v[i].action = ACT_DESTROY;
	w->plan.options.destroy = w->plan.options.stop = true;
	attrs_add(&w->arena, &w->plan.v[0].step->observed.have, "was", "running");
	str_reset(&w->story);
	assert_int_equal(run_apply(w->run, &w->arena, &w->plan, "id2").ok, 2);
	assert_string_equal(str_text(&w->story), "ended second down\nended first down\n");
	assert_string_equal(shell(w, "cat story"), "down\ndown\n");
	assert_non_null(strstr(record(w, "first"), "\"phase\":\"stopped\""));
	assert_non_null(strstr(record(w, "first"), "\"was\":\"running\""));
	assert_non_null(strstr(record(w, "first"), "\"apply_id\":\"id2\""));
	assert_non_null(strstr(record(w, "second"), "\"phase\":\"stopped\""));
}

static void
a_replace_is_down_and_up(void **state)
{
	struct world *w = *state;

	apply(w);
	w->plan.v[1].action = ACT_REPLACE;
	w->plan.v[0].action = ACT_NONE;
	str_reset(&w->story);
	assert_int_equal(run_apply(w->run, &w->arena, &w->plan, "id2").ok, 2);
	assert_string_equal(str_text(&w->story), "ended second down\nended second\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(steps_come_up_in_order_with_records),
		T(a_failure_is_reported_and_skips_its_dependents),
		T(secrets_go_by_stdin_and_come_back_nowhere),
		T(a_missing_secret_is_a_clear_failure),
		T(a_guard_that_fails_twice_stops_the_step),
		T(a_guard_that_fails_once_stops_nothing),
		T(a_guard_without_an_answer_stops_the_step),
		T(the_first_failure_is_named),
		T(without_a_cause_the_nodes_are_shown),
		T(a_report_that_does_not_come),
		T(followed_lines_come_once),
		T(a_lost_shell_is_connected_again),
		T(another_apply_in_between_is_the_end),
		T(a_node_that_stays_away_is_not_success),
		T(downs_remove_records), T(stops_keep_records),
		T(a_replace_is_down_and_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
