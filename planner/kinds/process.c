#include <stdlib.h>
#include <string.h>

#include "planner/base/hash.h"
#include "planner/kinds/common.h"

/*
 * What runs the engine: containers by docker or podman, or processes of a virtual
 * environment (runtime none). It is an attribute of the steps that run something, so that
 * what is there is looked at and taken down by the means it was put up with.
 */
/* The waiting time follows the log; so many seconds without a sign are too long. */
enum { RAY_PATIENCE = 90, SERVE_PATIENCE = 600 };

const char *
runtime_word(enum runtime runtime)
{
	static const char *const word[] = {"docker", "podman", "none"};

	return word[runtime];
}

void
runtime_want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;
	const struct facts *f = s->node->facts;

	if (m->runtime != RUNTIME_DOCKER)       /* that is what records say by silence */
		attrs_add(a, &s->want, "runtime", runtime_word(m->runtime));
	if (m->runtime != RUNTIME_NONE)
		return;
	attrs_add(a, &s->want, "venv", m->venv);
	if (node_seen(s->node) && f->venv_vllm)
		attrs_add(a, &s->want, "vllm", f->venv_vllm);
	if (node_seen(s->node) && f->venv_ray && m->backend == BACKEND_RAY)
		attrs_add(a, &s->want, "ray", f->venv_ray);
}

static enum runtime
runtime_read(struct attrs inputs)
{
	const char *word = attrs_value(&inputs, "runtime", "docker");

	return strcmp(word, "podman") == 0 ? RUNTIME_PODMAN :
	       strcmp(word, "none") == 0 ? RUNTIME_NONE : RUNTIME_DOCKER;
}

const struct fact_proc *
find_proc(const struct step *s)
{
	if (!node_seen(s->node))
		return NULL;
	for (size_t i = 0; i < s->node->facts->proc.n; i++)
		if (strcmp(s->node->facts->proc.v[i].step, s->addr) == 0)
			return &s->node->facts->proc.v[i];
	return NULL;
}

enum runtime
runtime_there(const struct step *s)
{
	const struct record *r = step_record(s);

	if (s->seen.have.n)
		return runtime_read(s->seen.have);
	if (r && r->inputs.n)
		return runtime_read(r->inputs);
	/* Nothing is written anywhere: what lives says what it is. */
	return s->model->runtime;
}

void
container_task(struct arena *a, struct task *t, enum runtime runtime)
{
	if (runtime == RUNTIME_PODMAN)
		t->script = script_behind(a, "podman", t->script);
}

static const struct script *
with_process(struct arena *a, const struct script *then)
{
	return script_behind(a, "state", script_behind(a, "process", then));
}

const struct script *
process_script(struct arena *a, const char *name)
{
	return with_process(a, script_get(name));
}

const char *
container_text(struct arena *a, enum runtime runtime, const char *name)
{
	return runtime == RUNTIME_PODMAN ? script_with(a, "podman", name)->text
					 : script_get(name)->text;
}

void
see_proc(struct arena *a, struct step *s)
{
	const struct fact_proc *p = find_proc(s);
	const struct record *r = step_record(s);
	bool done = r && r->phase && strcmp(r->phase, "done") == 0;
	struct attrs inputs = {0};

	see_record(a, s);
	if (s->seen.state == SEEN_UNKNOWN || see_silent(a, s, runtime_there(s)))
		return;
	if (!p) {
		if (done) {
			s->seen.state = SEEN_GONE;
			s->seen.instance = NULL;
			s->seen.why = "its process is gone";
		}
		return;
	}
	if (p->inputs && inputs_read(a, p->inputs, strlen(p->inputs), &inputs) && inputs.n)
		s->seen.have = inputs;
	if (r && !done)
		return;
	s->seen.instance = p->instance;
	if (!p->alive) {
		/* The status cannot say whether it went well: a crashed engine ends with 0. */
		s->seen.state = SEEN_GONE;
		s->seen.why = strcmp(p->status, "-") == 0 || !*p->status ? "its process was killed" :
			      strcmp(p->status, "137") == 0 ? "its process was killed, status 137" :
			      strcmp(p->status, "boot") == 0 ? "its host was rebooted" :
			      arena_printf(a, "its process ended, status %s", p->status);
	} else if (!r) {
		s->seen.state = SEEN_PRESENT;
		s->seen.adopted = true;
	} else if (!r->instance || strcmp(r->instance, p->instance) != 0) {
		s->seen.state = SEEN_INTERRUPTED;
		s->seen.why = "its process is not the one that was recorded";
	}
}

void
see_engine(struct arena *a, struct step *s, struct problems *problems)
{
	const struct record *r = step_record(s);
	const struct fact_container *c = find_container(s->node,
		container_name(a, s->model, s->kind->name));
	enum runtime there = r ? runtime_read(r->inputs) : find_proc(s) ? RUNTIME_NONE :
			     c ? RUNTIME_DOCKER : s->model->runtime;

	if (there == RUNTIME_NONE)
		see_proc(a, s);
	else
		see_container(a, s, problems);
	engine_keep_common(a, s);
}

bool
engine_lives(struct arena *a, const struct step *s)
{
	const struct fact_proc *p = find_proc(s);

	return (p && p->alive) ||
	       container_runs(find_container(s->node, container_name(a, s->model, s->kind->name)));
}

/* Short, because Ray has sockets deep in it; the workers' is where the head's is. */
const char *
ray_folder(struct arena *a, const struct model *m)
{
	char digest[HASH_HEX];

	hash_sha256(m->cluster, strlen(m->cluster), digest);
	return arena_printf(a, "/tmp/dray-%.12s", digest);
}

static bool
is_ray_node(const struct step *s)
{
	return strcmp(s->kind->name, "head") == 0 || strcmp(s->kind->name, "worker") == 0;
}

/* What a container would take away with it: the sockets that vLLM leaves in $TMPDIR. */
static const char *
temp_folder(struct arena *a, const struct step *s)
{
	const char *folder = ray_folder(a, s->model);

	return is_ray_node(s) ? folder : arena_printf(a, "%s-%s", folder, s->kind->name);
}

struct task *
process_up(struct arena *a, const struct step *s, struct tasks *tasks, struct attrs *inputs,
	   struct attrs *env, const char *wait, const char *what)
{
	const struct model *m = s->model;
	const char *bind = m->spec->serve.bind.text;
	bool api = strcmp(wait, "api") == 0, key = api && m->spec->serve.api_key.from != SECRET_NONE;
	struct task *t = tasks_add(a, tasks, s->node, "process-up", what);
	size_t count;

	t->script = with_process(a, script_with(a, "serve-log", "process-up"));
	t->changes = true;
	t->secrets = key ? TASK_API_KEY : TASK_NO_SECRET;
	task_arg(a, t, m->cluster);
	task_arg(a, t, s->addr);
	task_arg(a, t, m->venv);
	task_arg(a, t, wait);
	task_arg(a, t, key ? "key" : "no-key");
	task_arg(a, t, temp_folder(a, s));
	task_arg(a, t, bind ? bind : "0.0.0.0");
	task_argf(a, t, "%lld", m->spec->serve.port.value);
	task_argf(a, t, "%d", is_ray_node(s) ? RAY_PATIENCE : SERVE_PATIENCE);
	task_arg(a, t, inputs_write(a, inputs));
	task_arg(a, t, script_get("cause")->text);
	/* How many words are its environment; the rest is its command. */
	count = t->argc;
	task_arg(a, t, "0");
	if (m->hf_home)
		task_argf(a, t, "HF_HOME=%s", m->hf_home);
	attrs_sort(env);
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i].name, "env.", 4) == 0 && env->v[i].value)
			task_argf(a, t, "%s=%s", env->v[i].name + 4, env->v[i].value);
	if (m->backend == BACKEND_RAY && api) {
		/* A large model takes longer than vLLM's own patience; ours follows the log. */
		task_arg(a, t, "VLLM_ENGINE_READY_TIMEOUT_S=36000");
		task_argf(a, t, "RAY_ADDRESS=%s", node_dial_port(a, &m->node[0], RAY_PORT));
	}
	t->argv[count] = arena_printf(a, "%zu", t->argc - count - 1);
	return t;
}

void
process_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->seen.have;
	const char *ray = node_dial_port(a, &s->model->node[0], RAY_PORT);
	bool serve = strcmp(s->kind->name, "serve") == 0;
	struct task *t = tasks_add(a, tasks, s->node, "process-down",
		arena_printf(a, "end %s and all that came from it", s->addr));

	t->script = process_script(a, "process-down");
	t->changes = true;
	t->timeout_s = 240;
	task_arg(a, t, s->model->cluster);
	task_arg(a, t, s->addr);
	task_arg(a, t, s->kind->group ? s->node->name : "-");
	task_arg(a, t, temp_folder(a, s));
	task_arg(a, t, serve && ray ? ray : "-");
	task_arg(a, t, attrs_value(&have, "venv", s->model->venv ? s->model->venv : "-"));
	task_arg(a, t, script_get("ray-status")->text);
	task_arg(a, t, script_get("cause")->text);
}

static struct task *
ask_process(struct arena *a, const struct step *on, struct tasks *tasks, const char *script,
	    const char *what)
{
	struct task *t = tasks_add(a, tasks, on->node, script, what);

	t->script = process_script(a, script);
	task_arg(a, t, on->model->cluster);
	task_arg(a, t, on->addr);
	return t;
}

static struct task *
ask_container(struct arena *a, const struct step *on, struct tasks *tasks, const char *script,
	      const char *what)
{
	enum runtime runtime = on->model->runtime;
	struct task *t = tasks_add(a, tasks, on->node, script,
				   arena_printf(a, "%s %s", runtime_word(runtime), what));

	container_task(a, t, runtime);
	task_arg(a, t, container_name(a, on->model, on->kind->name));
	return t;
}

void
engine_guard(struct arena *a, const struct step *on, struct tasks *tasks)
{
	struct task *t = on->model->runtime == RUNTIME_NONE
		? ask_process(a, on, tasks, "process-guard", "look at its process")
		: ask_container(a, on, tasks, "serve-guard", "inspect");

	t->timeout_s = 20;
	task_arg(a, t, on->seen.instance ? on->seen.instance : "-");
}

void
engine_blame(struct arena *a, const struct step *on, const char *what, struct tasks *tasks)
{
	bool contained = on->model->runtime != RUNTIME_NONE;
	struct task *t = contained ? ask_container(a, on, tasks, "blame", "logs")
				   : ask_process(a, on, tasks, "process-blame", "read its log");

	t->timeout_s = 30;
	if (contained)
		task_arg(a, t, what);
	task_arg(a, t, script_get("cause")->text);
}
