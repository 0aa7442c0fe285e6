#include <string.h>

#include "planner/kinds/common.h"

/*
 * The container of a Ray node, as run_cluster.sh makes it: head and worker differ in
 * the command alone. Both launchers get the same arguments and give the same result.
 */
const struct field_effect ray_fields[] = {
	{"address", EFFECT_REPLACE, "the address that Ray and vLLM announce for this node"},
	{"head", EFFECT_REPLACE, "the head's address and port that a worker joins"},
	{"port", EFFECT_REPLACE, "the port of Ray on the head"},
	{"runtime", EFFECT_REPLACE, "docker, podman or none"},
	{"venv", EFFECT_REPLACE, "the virtual environment (runtime none)"},
	{"vllm", EFFECT_REPLACE, "the version of vLLM in it"},
	{"ray", EFFECT_REPLACE, "the version of Ray in it"},
	{"image", EFFECT_REPLACE, "the image as written in the spec"},
	{"image_id", EFFECT_REPLACE, "fingerprint of the image's layers and settings"},
	{"hf_home", EFFECT_REPLACE, "the directory that is mounted as the model cache"},
	{"model_path", EFFECT_REPLACE, "model.path, mounted at the same place, read-only"},
	{"docker_args", EFFECT_REPLACE, "engine.docker_args"},
	{"script", EFFECT_REPLACE, "sha256 of run_cluster.sh (launcher: script)"},
	{"env.", EFFECT_REPLACE, "the environment of the container"},
	{"rdma.", EFFECT_REPLACE, "what RDMA needs of Docker, where all nodes have active ports"},
	{NULL}
};

static bool
is_head(const struct step *s)
{
	return strcmp(s->kind->name, "head") == 0;
}

static void
want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;

	if (is_head(s))
		attrs_addf(a, &s->want, "port", "%d", RAY_PORT);
	else
		attrs_add(a, &s->want, "head", node_dial_port(a, &m->node[0], RAY_PORT));
	if (m->launcher_script)
		attrs_add(a, &s->want, "script", m->spec->engine.script.sha256.text);
	engine_want(a, s);
}

void
ray_plan(struct arena *a, struct graph_builder *b, struct step *s)
{
	want(a, s);
	graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
	graph_dep(b, s, graph_find(b->graph, arena_printf(a, "image[%s]", s->node->name)),
		  EDGE_CONTENT, "image_id");
	if (s->model->launcher_script)
		graph_dep_all(b, s, "script", EDGE_CONTENT, "script");
}

static void
by_docker(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	engine_run(a, t, s, inputs);
	task_arg(a, t, "-c");
	if (is_head(s))
		task_argf(a, t, "exec ray start --block --head --node-ip-address=%s --port=%d",
			  node_dial(s->node), RAY_PORT);
	else
		task_argf(a, t, "exec ray start --block --address=%s --node-ip-address=%s",
			  node_dial_port(a, &s->model->node[0], RAY_PORT), node_dial(s->node));
}

static void
by_script(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	const char *head = node_dial(&s->model->node[0]);

	task_arg(a, t, "bash");
	task_arg(a, t, s->model->script_path);
	task_arg(a, t, s->model->image);
	/* A worker's has the port put behind it. */
	task_arg(a, t, !is_head(s) && strchr(head, ':') ? arena_printf(a, "[%s]", head) : head);
	task_arg(a, t, is_head(s) ? "--head" : "--worker");
	task_arg(a, t, s->model->hf_home);
	engine_extra_args(a, t, s, inputs);
}

static void
by_process(struct arena *a, const struct step *s, struct tasks *tasks, struct attrs *inputs)
{
	const struct model *m = s->model;
	struct task *t = process_up(a, s, tasks, inputs, inputs, "ray",
				    arena_printf(a, "ray start, in %s", m->venv));

	task_arg(a, t, "ray");
	task_arg(a, t, "start");
	task_arg(a, t, "--block");
	if (is_head(s)) {
		task_arg(a, t, "--head");
		task_argf(a, t, "--port=%d", RAY_PORT);
		task_argf(a, t, "--temp-dir=%s", ray_folder(a, m));
	} else {
		task_argf(a, t, "--address=%s", node_dial_port(a, &m->node[0], RAY_PORT));
	}
	task_argf(a, t, "--node-ip-address=%s", node_dial(s->node));
}

void
ray_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	struct attrs inputs = step_inputs(a, s);
	/* Every node must run what the head runs, whatever a tag means there by now. */
	const struct step *image = step_upstream(s, "image", s->node);
	const char *name = container_name(a, m, s->kind->name);
	struct task *t;

	if (m->runtime == RUNTIME_NONE) {
		by_process(a, s, tasks, &inputs);
		return;
	}
	t = tasks_add(a, tasks, s->node, "ray-up",
		arena_printf(a, "%s%s %s", m->launcher_script ? "run_cluster.sh" : runtime_word(m->runtime),
			     m->launcher_script ? "" : " run", name));
	t->script = script_with(a, "state", "ray-up");
	container_task(a, t, m->runtime);
	t->changes = true;
	task_arg(a, t, s->kind->name);
	task_arg(a, t, name);
	task_arg(a, t, m->cluster);
	task_arg(a, t, m->launcher_script ? "script" : "container");
	task_arg(a, t, m->image);
	task_arg(a, t, attrs_value(&inputs, "image_id",
				   image && image->seen.output ? image->seen.output : "-"));
	task_arg(a, t, m->hf_home ? m->hf_home : "-");
	task_arg(a, t, container_text(a, m->runtime, "image-id"));
	if (m->launcher_script)
		by_script(a, t, s, &inputs);
	else
		by_docker(a, t, s, &inputs);
}

void
ray_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const char *name = container_name(a, s->model, s->kind->name);
	enum runtime there = runtime_there(s);
	struct task *t;

	if (there == RUNTIME_NONE) {
		process_down(a, s, tasks);
		return;
	}
	t = tasks_add(a, tasks, s->node, "container-down",
		      arena_printf(a, "%s rm -f %s", runtime_word(there), name));
	container_task(a, t, there);
	t->changes = true;
	t->timeout_s = 180;
	task_arg(a, t, name);
	task_arg(a, t, s->model->cluster);
}
