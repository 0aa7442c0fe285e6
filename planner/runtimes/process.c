/* Processes of a virtual environment or of apptainer's commands: observed, started and ended. */
#include "planner/runtimes/process.h"

#include <string.h>

#include "planner/base/hash.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/plan/observed.h"
#include "planner/plan/owner.h"

const struct fact_proc *
find_proc(const struct step *s)
{
	if (!node_observed(s->node))
		return NULL;
	for (size_t i = 0; i < s->node->facts->proc.n; i++)
		if (strcmp(s->node->facts->proc.v[i].step, s->addr) == 0)
			return &s->node->facts->proc.v[i];
	return NULL;
}

static const struct script *
process_with(struct arena *a, const struct script *then)
{
	return owner_script(a, script_behind(a, "process", then));
}

const struct script *
process_script(struct arena *a, const char *name)
{
	return process_with(a, script_get(name));
}

/* The status does not tell if it went well: a crashed engine may end with 0. */
static const char *
process_end_words(struct arena *a, const struct fact_proc *p)
{
	if (strcmp(p->status, "-") == 0 || !*p->status)
		return "its process was killed";
	if (strcmp(p->status, "137") == 0)
		return "its process was killed, status 137";
	return strcmp(p->status, "boot") == 0 ? "its host was rebooted" :
	       arena_printf(a, "its process ended, status %s", p->status);
}

void
process_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct fact_proc *p = find_proc(s);
	const struct record *r = step_record(s);
	bool done = r && r->phase && strcmp(r->phase, "done") == 0;
	struct attrs inputs = {0};

	observe_record(a, s);
	if (s->observed.state == STATE_UNKNOWN || observe_silent(a, s, runtime_there(s)))
		return;
	if (!p) {
		if (done) {
			s->observed.state = STATE_GONE;
			s->observed.instance = NULL;
			s->observed.why = "its process is gone";
		}
		if (!s->orphan)
			observe_other_cluster(a, s, problems);
		return;
	}
	if (p->inputs && inputs_read(a, p->inputs, strlen(p->inputs), &inputs) && inputs.n)
		s->observed.have = inputs;
	if (observe_unstopped(s))
		return;
	if (r && !done) {
		if (!inputs.n || !p->alive)
			return;
		s->observed.instance = p->instance;
		observe_coming(a, s);
		return;
	}
	s->observed.instance = p->instance;
	if (!p->alive) {
		s->observed.state = STATE_GONE;
		s->observed.why = process_end_words(a, p);
	} else if (!r) {
		s->observed.state = STATE_PRESENT;
		s->observed.adopted = true;
	} else if (!r->instance || strcmp(r->instance, p->instance) != 0) {
		s->observed.state = STATE_INTERRUPTED;
		s->observed.why = "its process is not the one that was recorded";
	}
}

/* The environment of the start, plus the cache of models that containers mount. */
static void
process_env(struct arena *a, struct task *t, const struct start *start)
{
	const char *home = attrs_value(start->inputs, "hf_home", NULL);
	struct attrs env = {0};

	if (home)
		attrs_add(a, &env, "env.HF_HOME", home);
	for (size_t i = 0; i < start->env->n; i++)
		*vec_push(a, &env) = start->env->v[i];
	env_words(a, t, &env);
}

struct task *
process_up(struct arena *a, const struct start *start, struct tasks *tasks)
{
	static const char *const ready[] = {"joined", "lives", "answers"};
	const struct step *s = start->step;
	const struct cluster *c = s->cluster;
	struct attrs *inputs = start->inputs;
	const char *venv = attrs_value(inputs, "venv", "");
	bool key = attrs_get(inputs, "api_key") != NULL;
	struct task *t = tasks_add(a, tasks, s->node, "process-up",
				   arena_printf(a, "%s, in %s", start->what, venv));

	t->script = process_with(a, engine_script(a, c->engine, script_with(a, "serve-log", "process-up")));
	t->changes = true;
	t->secrets = key ? TASK_API_KEY : TASK_NO_SECRET;
	task_arg(a, t, "cluster", c->name);
	task_arg(a, t, "step", s->addr);
	task_arg(a, t, "venv", venv);
	task_arg(a, t, "ready", ready[start->until]);
	task_arg(a, t, "group", s->kind->group ? "yes" : NULL);
	start_server_args(a, t, start);
	task_arg(a, t, "inputs", inputs_write(a, inputs));
	task_arg(a, t, "alone", c->nlayout < 2 || !s->kind->group ? "yes" : NULL);
	task_arg(a, t, "await", start_awaited(start));
	task_words(a, t);
	process_env(a, t, start);
	task_words(a, t);
	return t;
}

void
process_trial(struct arena *a, struct attrs *inputs, const char *files, struct task *t)
{
	task_word(a, t, "env");
	env_words(a, t, inputs);
	task_wordf(a, t, "DRAY_FILES=%s", files);
	task_wordf(a, t, "DRAY_VENV=%s", attrs_value(inputs, "venv", ""));
	task_word(a, t, "sh");
	task_word(a, t, "-c");
}

/* Without containers a server beside the coordinator is a process like any other. */
struct task *
process_up_beside(struct arena *a, const struct start *start, const struct kind *in,
		  struct tasks *tasks)
{
	(void)in;
	return process_up(a, start, tasks);
}

/* Where an earlier version kept what the engine put into $TMPDIR. */
static const char *
process_old_folder(struct arena *a, const struct step *s, const char *name)
{
	char digest[HASH_HEX];

	hash_sha256(s->cluster->name, strlen(s->cluster->name), digest);
	return arena_printf(a, "/tmp/dray-%.12s%s%s", digest, *name ? "-" : "", name);
}

static void
process_down_of(struct arena *a, const struct step *s, const char *name, const char *coordinator,
		struct tasks *tasks)
{
	struct attrs have = s->observed.have;
	struct task *t = tasks_add(a, tasks, s->node, "process-down",
				   arena_printf(a, "end %s and all its processes", s->addr));

	t->script = engine_script(a, s->cluster->engine,
				  script_behind(a, "gpus", script_behind(a, "keep", script_behind(a, "end-of-file", process_script(a, "process-down")))));
	t->changes = true;
	t->timeout_s = ENGINE_DOWN_LIMIT;
	task_arg(a, t, "cluster", s->cluster->name);
	task_arg(a, t, "step", s->addr);
	task_arg(a, t, "node", s->kind->group ? s->node->name : NULL);
	task_arg(a, t, "former", process_old_folder(a, s, name));
	task_arg(a, t, "head", coordinator);
	task_arg(a, t, "venv", attrs_value(&have, "venv", s->cluster->venv));
	task_arg(a, t, "status_sh", engine_text(s->cluster->engine->status_script));
	diagnose_args(a, t);
}

void
process_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	process_down_of(a, s, s->kind->group ? s->kind->name : "", NULL, tasks);
}

void
process_down_beside(struct arena *a, const struct step *s, const struct kind *in,
		    const char *coordinator, struct tasks *tasks)
{
	(void)in;
	process_down_of(a, s, s->kind->name, coordinator, tasks);
}

static struct task *
process_ask(struct arena *a, const struct step *on, struct tasks *tasks, const char *script,
	    const char *what)
{
	struct task *t = tasks_add(a, tasks, on->node, script, what);

	t->script = process_script(a, script);
	task_arg(a, t, "cluster", on->cluster->name);
	task_arg(a, t, "step", on->addr);
	return t;
}

void
process_guard(struct arena *a, const struct step *on, struct tasks *tasks)
{
	struct task *t = process_ask(a, on, tasks, "process-guard", "look at its process");

	t->timeout_s = GUARD_LIMIT;
	task_arg(a, t, "instance", on->observed.instance);
}

void
process_diagnose(struct arena *a, const struct step *on, bool beside, struct tasks *tasks)
{
	struct task *t = process_ask(a, on, tasks, "process-diagnose", "read its log");

	t->script = script_behind(a, "end-of-file", t->script);
	(void)beside;
	t->timeout_s = DIAGNOSE_LIMIT;
	diagnose_args(a, t);
}

const char *
process_place(struct arena *a, const struct step *s)
{
	struct attrs want = s->want;

	return arena_printf(a, "%s/bin", attrs_value(&want, "venv", ""));
}
