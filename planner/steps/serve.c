/* Kind serve: the server with the API, on top of the coordinator's nodes. */
#include <stdlib.h>

#include "planner/base/limits.h"
#include "planner/plan/graph.h"
#include "planner/plan/observed.h"
#include "planner/runtimes/carried.h"
#include "planner/runtimes/container.h"
#include "planner/runtimes/process.h"
#include "planner/steps/download.h"
#include "planner/steps/coordinator.h"
#include "planner/steps/engine_inputs.h"
#include "planner/steps/inputs.h"
#include "planner/steps/listener.h"
#include "planner/steps/parts.h"
#include "planner/steps/rdma_flags.h"

/* With containers, the server runs in the head's. */
static void
serve_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_serve;
	struct step *s;

	if (!c->spec->model.at.line || c->shape != SHAPE_COORDINATOR)
		return;
	s = graph_add(b, &kind_serve, &c->node[0], false);
	runtime_want(a, s);
	if (!c->runtime->contained && c->hf_home)
		attrs_add(a, &s->want, "hf_home", c->hf_home);
	engine_serve_want(a, s);
	engine_api_want(a, s);
	c->engine->want(a, s, ENGINE_SERVER, &s->want);
	carried_want(a, c, s->node, false, &s->want);
	graph_dep_all(b, s, kind_head.name, EDGE_INSTANCE, NULL);
	graph_dep_all(b, s, kind_worker.name, EDGE_INSTANCE, NULL);
	download_dep(b, s);
}

static void
serve_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct fact_proc *p = find_proc(s);
	const struct kind *in = runtime_there(s)->contained ? &kind_head : s->kind;
	const char *other;

	process_observe(a, s, problems);
	if (s->orphan || s->observed.state == STATE_UNKNOWN || s->observed.state == STATE_CONFLICT)
		return;
	other = foreign_listener(a, s->node, (int)s->cluster->spec->serve.port.value,
				 container_name(a, s->cluster, in->name), p && p->alive);
	if (other)
		observe_conflict(s, problems, other, "end that process, or choose another serve.port");
	observe_parts(a, s);
}

/* Waits until all nodes and GPUs joined and are free, or says why not. */
static void
serve_wait_for_nodes(struct arena *a, const struct step *s, struct attrs *inputs,
		     const struct step *head, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct task *t;

	if (!c->engine->joined_script || !head)
		return;
	t = tasks_add(a, tasks, s->node, c->engine->joined_script,
		      arena_printf(a, "%s status", c->engine->shape[SHAPE_COORDINATOR].package));
	container_task(a, t, c->runtime);
	task_arg(a, t, "place", c->runtime->place(a, head));
	task_arg(a, t, "nodes", attrs_value(inputs, "nodes", "1"));
	task_arg_int(a, t, "gpus", strtoll(attrs_value(inputs, "tensor", "1"), NULL, 10) *
		     strtoll(attrs_value(inputs, "pipeline", "1"), NULL, 10));
	task_arg_int(a, t, "port", coordinator_port(c));
	task_arg_int(a, t, "stall", READY_STALL);
	task_arg(a, t, "status_sh", engine_text(c->engine->status_script));
	task_words(a, t);
	for (size_t i = 0; i < s->deps.n; i++) {
		struct attrs on = s->deps.v[i].on->want;

		if (s->deps.v[i].edge == EDGE_INSTANCE)
			task_wordf(a, t, "%s=%s", s->deps.v[i].on->node->name,
				  attrs_value(&on, "address", "?"));
	}
}

static void
serve_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct attrs inputs = step_inputs(a, s);
	const struct step *head = step_upstream(s, kind_head.name, NULL);
	struct attrs env = head ? step_inputs(a, head) : (struct attrs){0};
	struct start start = {.step = s, .inputs = &inputs, .env = &env, .until = START_ANSWERS,
		.what = c->engine->server};
	struct task *t;

	for (size_t i = 0; i < inputs.n; i++)
		attrs_add(a, &env, inputs.v[i].name, inputs.v[i].value);
	if (!s->observed.coming) {
		/* After a down, or where the look found none, there is none to end. */
		if (c->runtime->clear_beside && s->observed.state != STATE_ABSENT)
			c->runtime->clear_beside(a, s, &kind_head, tasks);
		serve_wait_for_nodes(a, s, &inputs, head, tasks);
	}
	t = c->runtime->up_beside(a, &start, &kind_head, tasks);
	engine_argv(a, c->engine, ENGINE_SERVER, &inputs, t);
	rdma_report(a, s, container_name(a, c, kind_head.name), "/tmp/dray/serve.log", tasks);
}

static void
serve_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	struct attrs have = s->observed.have;
	const char *joins = node_dial_port(a, &s->cluster->node[0],
					   coordinator_port(s->cluster));

	runtime_there(s)->down_beside(a, s, &kind_head, attrs_value(&have, "env.RAY_ADDRESS", joins),
				      tasks);
}

/* Checks that what the engine runs in is still the same instance. */
static void
serve_guard(struct arena *a, const struct step *s, struct tasks *tasks)
{
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].edge == EDGE_INSTANCE)
			s->cluster->runtime->guard(a, s->deps.v[i].on, tasks);
}

static void
serve_diagnose(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct runtime *runtime = s->cluster->runtime;

	/* In a container its log is read with the head's. */
	if (!runtime->contained)
		runtime->diagnose(a, s, false, tasks);
	for (size_t i = 0; i < s->deps.n; i++) {
		const struct step *on = s->deps.v[i].on;

		if (s->deps.v[i].edge == EDGE_INSTANCE)
			runtime->diagnose(a, on, on->kind == &kind_head, tasks);
	}
}

static const struct field_effect fields[] = {
	{"runtime", EFFECT_REPLACE, "docker, podman, apptainer, singularity or none"},
	{"venv", EFFECT_REPLACE, "the virtual environment (runtime none)"},
	{"vllm", EFFECT_REPLACE, "the version of vLLM in it"},
	{"ray", EFFECT_REPLACE, "the version of Ray in it"},
	{"hf_home", EFFECT_REPLACE, "the model cache (runtime none)", .later = true},
	SERVE_FIELDS,
	{"files.", EFFECT_REPLACE, "the content of a file under 'files' that it uses"},
	{"files_dir", EFFECT_REPLACE, "where the files under 'files' are (runtime none)"},
	{"env.", EFFECT_REPLACE, "its environment in addition to that of the head", .later = true},
	{NULL}
};

const struct kind kind_serve = {
	.name = "serve",
	.doc = "vllm serve in the container of the Ray head, with exactly these arguments",
	.fields = fields,
	.restarts = true,
	.engine = true,
	.server = true,
	.plan = serve_plan,
	.observe = serve_observe,
	.up = serve_up,
	.down = serve_down,
	.guard = serve_guard,
	.diagnose = serve_diagnose,
};
