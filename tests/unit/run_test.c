/* Carries out a plan on this machine, with real shells, real records in a home of the test,
 * and kinds made for the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/patience.h"
#include "executors/run/run.h"
#include "planner/base/vec.h"
#include "planner/custom/compile.h"
#include "planner/steps/observe.h"
#include "planner/why/evidence.h"
#include "tests/unit/clock_by_hand.h"

static const char *first_up, *second_up, *guard_text, *blame_text[2];
static bool with_token;

static void
add_task(struct arena *a, struct tasks *tasks, const struct step *s, const char *text, bool changes)
{
	struct script *script = ar_new(a, struct script);
	struct step_task *st = vec_push(a, tasks);

	*script = (struct script){.name = "test", .text = text};
	*st = (struct step_task){.task = {.script = script, .changes = changes}, .node = s->node,
			      .what = "the test's script"};
	if (with_token)
		st->task.secrets = TASK_TOKEN;
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	add_task(a, tasks, s, strcmp(s->addr, "first") == 0 ? first_up : second_up, true);
}

static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	add_task(a, tasks, s, "echo down >>\"$HOME/story\"\n", true);
}

static void
guard(struct arena *a, const struct step *s, struct tasks *tasks)
{
	if (guard_text)
		add_task(a, tasks, s, guard_text, false);
}

static void
diagnose(struct arena *a, const struct step *s, struct tasks *tasks)
{
	for (size_t i = 0; i < 2; i++)
		if (blame_text[i])
			add_task(a, tasks, s, blame_text[i], false);
}

/* Like kinds that are known only by their record. */
static void
observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct facts *f = s->node->facts;

	(void)a;
	(void)problems;
	s->observed = (struct observed){.state = STATE_ABSENT};
	for (size_t i = 0; i < f->record.n; i++) {
		const struct record *r = &f->record.v[i];

		if (strcmp(r->step, s->addr) != 0)
			continue;
		s->observed.have = r->inputs;
		s->observed.instance = r->instance;
		s->observed.state = strcmp(r->phase, "done") == 0 ? STATE_PRESENT : STATE_INTERRUPTED;
	}
}

static const struct field_effect no_fields[] = {{NULL}};
static const struct kind test_kind = {.name = "test", .fields = no_fields, .observe = observe, .up = up,
				      .down = down, .guard = guard, .diagnose = diagnose};

struct world {
	char home[64];
	struct arena arena;
	struct loop *loop;
	struct run *run;
	struct cluster *cluster;
	struct graph graph;
	struct plan plan;
	struct str story;               /* what the view got */
	struct failure failure;
	bool failed, lost;
	int lock;                       /* a lock that is held until it is waited for; -1: none */
};

static void
on_failed(void *arg, const struct job *job, const struct failure *f)
{
	struct world *w = arg;

	(void)job;
	if (!w->failed)
		w->failure = *f;
	w->failed = true;
	str_printf(&w->story, "failed %s\n", f->step);
}

static void
on_ended(void *arg, const struct job *job, double seconds)
{
	struct world *w = arg;

	(void)seconds;
	str_printf(&w->story, "ended %s%s\n", job->op->step->addr, job->down ? " down" : "");
}

/* The reason for a wait of a second is told just before; then the second passes at once. */
static void
on_progress(void *arg, const struct job *job, const char *text)
{
	struct world *w = arg;

	(void)job;
	str_printf(&w->story, "progress %s\n", text);
	if (strstr(text, "(the clock runs)"))
		clock_run(4);
	if (strstr(text, "the connection was lost") || strstr(text, "waiting for what was left running"))
		clock_pass(1);
	w->lost |= strstr(text, "the connection was lost") != NULL;
	/* What was left running ends when it is waited for. */
	if (w->lost && strstr(text, "waiting for what was left running")) {
		gate_open();
		w->lost = false;
	}
}

/* Each interrupt comes after the effect of the one before is reported. */
static void
on_note(void *arg, const char *text)
{
	struct world *w = arg;

	str_printf(&w->story, "note %s\n", text);
	if (strncmp(text, "interrupted", 11) == 0)
		gate_open();
	if (strncmp(text, "interrupted again", 17) == 0)
		clock_pass(2);          /* patience.leave of one case */
	if (w->lock >= 0 && strstr(text, "waiting up to")) {
		close(w->lock);
		w->lock = -1;
		clock_pass(1);
	}
}

static void
add_step(struct world *w, const char *addr, struct step *on)
{
	struct step *s = ar_new(&w->arena, struct step);

	*s = (struct step){.addr = addr, .kind = &test_kind, .node = &w->cluster->node[0],
			   .cluster = w->cluster, .index = w->graph.n};
	attrs_add(&w->arena, &s->want, "size", "1");
	if (on)
		*vec_push(&w->arena, &s->deps) = (struct dep){on, EDGE_INSTANCE, NULL};
	*vec_push(&w->arena, &w->graph) = s;
}

static int
setup(void **state)
{
	static const char yaml[] =
		"cluster: unit-%d\n"   /* the lock is shared by the machine */
		"nodes: [{name: here, host: localhost, address: 127.0.0.1, executor: local}]\n"
		"shared_dir: %s/shared\n"
		"model: {repo: a/b, revision: main, token: env:DRAY_TEST_TOKEN, endpoint: "
		"'http://127.0.0.1:9'}\n"
		"parallelism: {tensor: 1, pipeline: 1}\n"
		"engine: {image: 'x:1'}\n"
		"serve: {port: 8000, name: x}\n";
	struct world *w = xcalloc(1, sizeof *w);
	struct diags diags = {.arena = &w->arena};
	struct source *src = ar_new(&w->arena, struct source);
	const struct run_view view = {.failed = on_failed, .ended = on_ended,
				      .progress = on_progress, .note = on_note, .arg = w};
	struct err e;
	const struct spec *spec;

	first_up = "echo set instance one >&3\n";
	second_up = "echo set instance two >&3\n";
	guard_text = blame_text[0] = blame_text[1] = NULL;
	with_token = false;
	strcpy(w->home, "/tmp/dray-run-test.XXXXXX");
	assert_non_null(mkdtemp(w->home));
	setenv("HOME", w->home, 1);
	setenv("DRAY_TEST_TOKEN", "poison-1234", 1);
	unsetenv("XDG_STATE_HOME");
	src->name = "test.yaml";
	src->text = arena_printf(&w->arena, yaml, (int)getpid(), w->home);
	src->len = strlen(src->text);
	mkdir(arena_printf(&w->arena, "%s/shared", w->home), 0755);
	spec = spec_read(&w->arena, src, NULL, &diags);
	diag_print(&diags, stderr, false);
	assert_non_null(spec);
	w->cluster = cluster_compile(&w->arena, spec, &diags);
	assert_non_null(w->cluster);
	w->lock = -1;
	w->loop = loop_new(&e);
	clock_start(w->loop);
	w->run = run_new(w->loop, w->cluster, NULL, &view);
	assert_true(run_observe(w->run, &w->arena, &e));
	w->graph.cluster = w->cluster;
	add_step(w, "first", NULL);
	add_step(w, "second", w->graph.v[0]);
	w->plan = (struct plan){.graph = &w->graph, .n = 2,
				.v = ar_array(&w->arena, struct op, 2)};
	for (size_t i = 0; i < 2; i++)
		w->plan.v[i] = (struct op){.step = w->graph.v[i], .action = ACT_CREATE,
					   .cause = "it does not exist"};
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	char command[256];

	run_free(w->run);
	clock_stop();
	loop_free(w->loop);
	str_release(&w->story);
	arena_release(&w->arena);
	snprintf(command, sizeof command, "rm -rf '%s' /run/lock/dray-unit-%d-* /dev/shm/dray-unit-%d-*",
		 w->home, (int)getpid(), (int)getpid());
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static struct run_tally
apply(struct world *w)
{
	struct err e = {0};
	bool held = false;

	if (!run_lock(w->run, "id1", 0, &held, &e))
		fail_msg("%s", e.text);
	return run_apply(w->run, &w->arena, &w->plan, "id1");
}

/* The output of a shell command in the test's home. */
static const char *
shell(struct world *w, const char *command)
{
	char line[512], buf[4096];
	size_t n;
	FILE *f;

	snprintf(line, sizeof line, "cd '%s' && { %s; } 2>&1", w->home, command);
	f = popen(line, "r");
	n = fread(buf, 1, sizeof buf - 1, f);
	pclose(f);
	return arena_strndup(&w->arena, buf, n);
}

static const char *
record(struct world *w, const char *step)
{
	return shell(w, arena_printf(&w->arena, "cat .local/state/dray/unit-*/*/steps/%s.json", step));
}

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
a_failure_is_told_and_skips_what_hangs_on_it(void **state)
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

/* The loudest one is not the one that failed: the times show it. */
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
without_a_cause_the_nodes_tell(void **state)
{
	struct world *w = *state;

	first_up = "exit 1\n";
	blame_text[0] = "echo 'alive container a: running, exit 0'; echo 'log rank'; echo '|all is well'\n";
	blame_text[1] = "echo 'state container b: exited, exit 137'\n";
	assert_int_equal(apply(w).failed, 1);
	assert_string_equal(w->failure.why, "no log names it; the nodes show: here: container b: exited, exit 137");
	assert_string_equal(w->failure.means, "it was killed from outside");
}

/* A node that does not say it is shown, too; and what the step said itself counts last. */
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
	if (++f->rounds == 4)
		return false;
	clock_run(4);
	return true;
}

/* Each line of two logs comes once: of a file from where it ended, of a container by its times. */
static void
what_is_followed_comes_once(void **state)
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

/* What the guard asks does not end. */
static void
a_guard_that_hears_nothing_stops_the_step(void **state)
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
	clock_run(20);
	assert_false(run_lock(w->run, "id2", 30, &held, &e));
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
three_interrupts_leave_who_does_not_answer(void **state)
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
two_interrupts_wait_for_no_node_for_long(void **state)
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
		T(steps_come_up_in_order_with_records),
		T(a_failure_is_told_and_skips_what_hangs_on_it),
		T(secrets_go_by_stdin_and_come_back_nowhere),
		T(a_missing_secret_is_a_clear_failure),
		T(a_guard_that_fails_twice_stops_the_step),
		T(a_guard_that_fails_once_stops_nothing),
		T(a_guard_that_hears_nothing_stops_the_step),
		T(the_first_failure_is_named),
		T(without_a_cause_the_nodes_tell),
		T(a_report_that_does_not_come),
		T(what_is_followed_comes_once),
		T(a_lost_shell_is_connected_again),
		T(another_apply_in_between_is_the_end),
		T(a_node_that_stays_away_is_not_success),
		T(downs_remove_records), T(stops_keep_records),
		T(a_replace_is_down_and_up),
		T(a_held_lock_says_by_whom),
		T(a_held_lock_is_waited_for),
		T(a_held_lock_is_not_waited_for_too_long),
		T(two_interrupts_stop_what_runs),
		T(three_interrupts_leave_who_does_not_answer),
		T(two_interrupts_wait_for_no_node_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
