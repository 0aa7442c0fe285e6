#include <string.h>

#include "planner/kinds/common.h"

/* The waiting time follows the log; this long without a sign is too long. */
enum { GATE_STALL = 120, SERVE_STALL = 600 };

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_serve;
	struct step *s, *download;

	if (!m->spec->model.at.line || m->backend != BACKEND_RAY)
		return;
	s = graph_add(b, &kind_serve, &m->node[0], false);
	runtime_want(a, s);
	engine_serve_want(a, s);
	engine_api_want(a, s);
	graph_dep_all(b, s, "head", EDGE_INSTANCE, NULL);
	graph_dep_all(b, s, "worker", EDGE_INSTANCE, NULL);
	download = graph_find(b->graph, "download");
	if (download)
		graph_dep(b, s, download, EDGE_CONTENT, "model.commit");
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const struct fact_proc *p = find_proc(s);
	const char *other;

	see_proc(a, s);
	if (s->orphan || s->seen.state == SEEN_UNKNOWN)
		return;
	other = foreign_listener(a, s->node, (int)s->model->spec->serve.port.value,
				 container_name(a, s->model, runtime_there(s) == RUNTIME_NONE
						? "serve" : "head"), p && p->alive);
	if (other)
		see_conflict(a, s, problems, other, "end that process, or choose another serve.port");
}

static void
serve_args(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	const struct model *m = s->model;

	engine_serve_args(a, t, m, inputs, true);
	task_arg(a, t, "--distributed-executor-backend");
	task_arg(a, t, "ray");
	engine_user_args(a, t, &m->spec->engine.args);
}

static void
stop_task(struct arena *a, const struct step *s, struct tasks *tasks, enum runtime runtime,
	  const char *how, const char *what)
{
	struct task *t = tasks_add(a, tasks, s->node, "serve-down", what);

	container_task(a, t, runtime);
	t->changes = true;
	t->timeout_s = 240;
	task_arg(a, t, container_name(a, s->model, "head"));
	task_arg(a, t, s->model->cluster);
	task_arg(a, t, how);
	task_arg(a, t, script_get("ray-status")->text);
}

/* Nodes and GPUs joined and free, or why not. */
static void
gate_task(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	struct task *t = tasks_add(a, tasks, s->node, "ray-gate", "ray status");

	container_task(a, t, m->runtime);
	task_arg(a, t, m->venv ? arena_printf(a, "%s/bin", m->venv) : container_name(a, m, "head"));
	task_argf(a, t, "%zu", m->nlayout);
	task_argf(a, t, "%lld", m->tensor * m->pipeline);
	task_argf(a, t, "%d", GATE_STALL);
	task_arg(a, t, script_get("ray-status")->text);
	for (size_t i = 0; i < m->nlayout; i++) {
		const char *address = node_dial(&m->node[i]);

		task_argf(a, t, "%s=%s", m->node[i].name, address ? address : "?");
	}
}

static void
by_process(struct arena *a, const struct step *s, struct tasks *tasks, struct attrs *inputs)
{
	const struct step *head = step_upstream(s, "head", NULL);
	struct attrs env = head ? step_inputs(a, head) : (struct attrs){0};

	gate_task(a, s, tasks);
	serve_args(a, process_up(a, s, tasks, inputs, &env, "api",
				 arena_printf(a, "vllm serve, in %s", s->model->venv)), s, inputs);
}

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	struct attrs inputs = step_inputs(a, s);
	const char *ray = node_dial_port(a, s->node, RAY_PORT), *bind = m->spec->serve.bind.text;
	bool key = m->spec->serve.api_key.from != SECRET_NONE;
	struct task *t;

	if (m->runtime == RUNTIME_NONE) {
		by_process(a, s, tasks, &inputs);
		return;
	}
	/* What a killed apply left running is ours by the place where it runs. */
	stop_task(a, s, tasks, m->runtime, "leftover", "end a former vllm serve");
	gate_task(a, s, tasks);
	t = tasks_add(a, tasks, s->node, "serve-up",
		      arena_printf(a, "vllm serve, in %s", container_name(a, m, "head")));
	t->script = script_with(a, "serve-log", "serve-up");
	container_task(a, t, m->runtime);
	t->changes = true;
	t->secrets = key ? TASK_API_KEY : TASK_NO_SECRET;
	task_arg(a, t, container_name(a, m, "head"));
	task_arg(a, t, key ? "key" : "no-key");
	task_arg(a, t, ray ? ray : arena_printf(a, "127.0.0.1:%d", RAY_PORT));
	task_arg(a, t, bind ? bind : "0.0.0.0");
	task_argf(a, t, "%lld", m->spec->serve.port.value);
	task_argf(a, t, "%d", SERVE_STALL);
	task_arg(a, t, inputs_write(a, &inputs));
	task_arg(a, t, script_get("cause")->text);
	serve_args(a, t, s, &inputs);
	rdma_report(a, m, s->node, container_name(a, m, "head"), "/tmp/dray/serve.log", tasks);
}

static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	enum runtime there = runtime_there(s);

	if (there == RUNTIME_NONE)
		process_down(a, s, tasks);
	else
		stop_task(a, s, tasks, there, "free", "end vllm serve, wait until its GPUs are free");
}

/* What the engine lives in, by identity. */
static void
guard(struct arena *a, const struct step *s, struct tasks *tasks)
{
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].edge == EDGE_INSTANCE)
			engine_guard(a, s->deps.v[i].on, tasks);
}

static void
blame(struct arena *a, const struct step *s, struct tasks *tasks)
{
	if (s->model->runtime == RUNTIME_NONE)
		engine_blame(a, s, "serve", tasks);
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct step *on = s->deps.v[i].on;

		if (s->deps.v[i].edge == EDGE_INSTANCE)
			engine_blame(a, on, strcmp(on->kind->name, "head") == 0 ? "serve" : "ray",
				     tasks);
	}
}

static const struct field_effect fields[] = {
	{"runtime", EFFECT_RESTART, "docker, podman or none"},
	{"venv", EFFECT_RESTART, "the virtual environment (runtime none)"},
	{"vllm", EFFECT_RESTART, "the version of vLLM in it"},
	{"ray", EFFECT_RESTART, "the version of Ray in it"},
	SERVE_FIELDS,
	{NULL}
};

const struct kind kind_serve = {
	.name = "serve",
	.doc = "vllm serve beside the Ray head, in its container, with exactly these arguments",
	.fields = fields,
	.restarts = true,
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
	.guard = guard,
	.blame = blame,
};
