/* A plan that is carried out on this machine, with real shells, real records in a home of the
 * test, and kinds made for the test. */
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

/* A kind that is observed only by its record. */
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

/* The reason for a wait of a second is reported just before it; then the second passes at once. */
static void
on_progress(void *arg, const struct job *job, const char *text)
{
	struct world *w = arg;

	(void)job;
	str_printf(&w->story, "progress %s\n", text);
	if (strstr(text, "(the clock runs)"))
		clock_run(12);
	if (strstr(text, "the connection was lost") || strstr(text, "waiting for what was left running"))
		clock_pass(1);
	w->lost |= strstr(text, "the connection was lost") != NULL;
	/* A command that was left running ends when somebody waits for it. */
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

static inline const char *
record(struct world *w, const char *step)
{
	return shell(w, arena_printf(&w->arena, "cat .local/state/dray/unit-*/*/steps/%s.json", step));
}
