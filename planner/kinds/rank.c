#include <string.h>

#include "planner/kinds/common.h"

/*
 * One rank of vLLM's own multi-node engine (backend mp): `vllm serve` in a container of
 * its own on each node, with the API on the first. The ranks are one unit: none of them
 * can be had anew without the others. Rank 0 comes up last, because only its API says
 * that all are there.
 */
enum { START_STALL = 600, DATA_RPC_PORT = 29550 };

static bool
is_first(const struct step *s)
{
	return s->node == &s->model->node[0];
}

/* How many whole copies of the model a node holds; 0: a copy takes several nodes. */
static long long
copies_inside(const struct model *m)
{
	return m->data / (long long)m->nlayout;
}

static void
want(struct arena *a, struct step *s)
{
	const struct model *m = s->model;

	attrs_addf(a, &s->want, "rank", "%zu", s->node->rank);
	if (m->nlayout > 1)
		attrs_add(a, &s->want, "master",
			  node_dial_port(a, &m->node[0], m->spec->engine.master_port.value));
	if (m->data > 1)
		attrs_addf(a, &s->want, "data", "%lld", m->data);
	/* A large model takes longer than vLLM's own patience; ours follows the log. What only
	 * the apply finds out when it looks into the image must not make another plan. */
	if (engine_has(m->venv ? model_engine_version(m)
			       : engine_version_of_image(m->spec->engine.image.text),
		       ENGINE_READY_TIMEOUT) != ENGINE_NO)
		attrs_add(a, &s->want, "env.VLLM_ENGINE_READY_TIMEOUT_S", "36000");
	engine_serve_want(a, s);
	if (is_first(s))
		engine_api_want(a, s);
	engine_want(a, s);
}

static void
plan(struct arena *a, const struct model *m, struct graph_builder *b)
{
	extern const struct kind kind_rank;
	struct step *download = graph_find(b->graph, "download"), *first = NULL;

	if (m->backend != BACKEND_MP || !m->spec->model.at.line)
		return;
	for (size_t i = 0; i < m->nlayout; i++) {
		struct step *s = graph_add(b, &kind_rank, &m->node[i], true);

		want(a, s);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
		graph_dep(b, s, graph_find(b->graph, arena_printf(a, "image[%s]", m->node[i].name)),
			  EDGE_CONTENT, "image_id");
		graph_dep(b, s, download, EDGE_CONTENT, "model.commit");
		first = first ? first : s;
		if (s != first)
			graph_dep(b, first, s, EDGE_ORDER, NULL);
	}
}

/* The same number of GPUs from each node, and whole copies or whole nodes. */
static void
check_shape(struct arena *a, const struct step *s, struct problems *problems)
{
	const struct model *m = s->model;
	long long copy = m->tensor * m->pipeline, nodes = (long long)m->nlayout;
	long long each = copy * m->data / nodes;
	const struct node *n = s->node;
	long long has = n->gpus >= 0 ? n->gpus : (long long)n->facts->gpu.n;

	if (each < 1)
		return;
	if (is_first(s) && (copy * m->data % nodes || (copy % each && each % copy)))
		problem_add(a, problems, DIAG_ERROR, NULL,
			    "choose sizes so that each node holds whole copies, or each copy whole nodes",
			    "backend mp cannot spread tensor %lld x pipeline %lld x data %lld over %zu nodes",
			    m->tensor, m->pipeline, m->data, m->nlayout);
	else if (has < each && n->gpus >= 0)
		problem_add(a, problems, DIAG_ERROR, n, "lower parallelism, or take more nodes",
			    "backend mp takes %lld GPUs from each node, here are %lld", each, has);
}

static void
see_ports(struct arena *a, struct step *s, struct problems *problems)
{
	const struct model *m = s->model;
	const char *name = container_name(a, m, "rank"), *other;
	bool runs = engine_lives(a, s);

	other = foreign_listener(a, s->node, (int)m->spec->serve.port.value, name, runs);
	if (!other && m->nlayout > 1)
		other = foreign_listener(a, s->node, (int)m->spec->engine.master_port.value, name, runs);
	if (other)
		see_conflict(a, s, problems, other,
			     "end that process, or choose another serve.port or engine.master_port");
}

static void
see(struct arena *a, struct step *s, struct problems *problems)
{
	const struct fact_container *c;
	const struct record *r = step_record(s);

	see_engine(a, s, problems);
	if (s->seen.state == SEEN_UNKNOWN || s->orphan)
		return;
	check_shape(a, s, problems);
	c = find_container(s->node, container_name(a, s->model, "rank"));
	/* Its id outlives a restart, its place among the ranks does not. */
	if (s->seen.state == SEEN_PRESENT && r && r->output && c && c->started &&
	    strcmp(r->output, c->started) != 0) {
		s->seen.state = SEEN_GONE;
		s->seen.why = "its container was restarted outside dray";
	} else if (s->seen.adopted && c) {
		s->seen.output = c->started;
	}
	if (s->seen.state != SEEN_CONFLICT && is_first(s))
		see_ports(a, s, problems);
}

/* Whole copies of the model inside nodes are engines that meet at the head's port; a copy
 * over several nodes is one engine over ranks, and which copy a rank is of follows. */
static void
spread_args(struct arena *a, struct task *t, const struct step *s)
{
	const struct model *m = s->model;
	const char *head = node_dial(&m->node[0]);
	long long inside = copies_inside(m), rank = (long long)s->node->rank;

	if (m->data > 1)
		number_arg(a, t, "--data-parallel-size", m->data);
	if (m->nlayout > 1 && m->data > 1)
		number_arg(a, t, "--data-parallel-rpc-port", DATA_RPC_PORT);
	if (m->nlayout > 1 && m->data > 1 && inside > 0) {
		number_arg(a, t, "--data-parallel-size-local", inside);
		task_arg(a, t, "--data-parallel-address");
		task_arg(a, t, head);
		if (rank > 0)
			number_arg(a, t, "--data-parallel-start-rank", rank * inside);
	} else if (m->nlayout > 1) {
		number_arg(a, t, "--nnodes", (long long)m->nlayout);
		number_arg(a, t, "--node-rank", rank);
		task_arg(a, t, "--master-addr");
		task_arg(a, t, head);
		number_arg(a, t, "--master-port", m->spec->engine.master_port.value);
	}
	if (rank > 0)
		task_arg(a, t, "--headless");
}

static void
serve_args(struct arena *a, struct task *t, const struct step *s, struct attrs *inputs)
{
	const struct model *m = s->model;
	long long each = m->tensor * m->pipeline * m->data / (long long)m->nlayout;

	engine_serve_args(a, t, m, inputs, is_first(s));
	if (m->tensor * m->pipeline > 1) {
		task_arg(a, t, "--distributed-executor-backend");
		task_arg(a, t, "mp");
	}
	spread_args(a, t, s);
	/* Over the network vLLM's own all-reduce deadlocks (0.26 and later try it). */
	if (m->tensor > each)
		task_arg(a, t, "--disable-custom-all-reduce");
	engine_user_args(a, t, &m->spec->engine.args);
}

/* Runs in the container before vLLM. The key comes through a pipe that has a name only
 * until it was read: no inspect, no command line and no disk ever has it. */
static const char with_key[] =
	"umask 077; mkfifo /tmp/dray.key && IFS= read -r VLLM_API_KEY </tmp/dray.key && "
	"rm /tmp/dray.key && export VLLM_API_KEY && exec \"$@\"";
static const char without_key[] = "exec \"$@\"";

static void
up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct model *m = s->model;
	struct attrs inputs = step_inputs(a, s);
	const struct step *image = step_upstream(s, "image", s->node);
	const char *name = container_name(a, m, "rank"), *bind = m->spec->serve.bind.text;
	bool key = is_first(s) && m->spec->serve.api_key.from != SECRET_NONE;
	struct task *t;

	if (m->runtime == RUNTIME_NONE) {
		serve_args(a, process_up(a, s, tasks, &inputs, &inputs, is_first(s) ? "api" : "rank",
			arena_printf(a, "vllm serve, rank %zu of %zu, in %s", s->node->rank,
				     m->nlayout, m->venv)), s, &inputs);
		return;
	}
	t = tasks_add(a, tasks, s->node, "rank-up",
		arena_printf(a, "%s run %s: vllm serve, rank %zu of %zu", runtime_word(m->runtime),
			     name, s->node->rank, m->nlayout));
	t->script = script_with(a, "serve-log", "rank-up");
	container_task(a, t, m->runtime);
	t->changes = true;
	t->secrets = key ? TASK_API_KEY : TASK_NO_SECRET;
	task_arg(a, t, is_first(s) ? "first" : "further");
	task_arg(a, t, name);
	task_arg(a, t, m->cluster);
	task_arg(a, t, m->image);
	task_arg(a, t, attrs_value(&inputs, "image_id",
				   image && image->seen.output ? image->seen.output : "-"));
	task_arg(a, t, m->hf_home ? m->hf_home : "-");
	task_arg(a, t, key ? "key" : "no-key");
	task_arg(a, t, bind ? bind : "0.0.0.0");
	task_argf(a, t, "%lld", m->spec->serve.port.value);
	task_argf(a, t, "%d", START_STALL);
	task_arg(a, t, container_text(a, m->runtime, "image-id"));
	task_arg(a, t, script_get("cause")->text);
	engine_run(a, t, s, &inputs);
	task_arg(a, t, "-c");
	task_arg(a, t, key ? with_key : without_key);
	task_arg(a, t, "dray-rank");
	serve_args(a, t, s, &inputs);
	if (is_first(s))
		rdma_report(a, m, s->node, name, "-", tasks);
}

/* The ports that it had, as far as its inputs say. */
static const char *
ports_of(struct arena *a, const struct step *s)
{
	struct attrs have = s->seen.have;
	const char *port = attrs_value(&have, "port", NULL);
	const char *master = attrs_value(&have, "master", NULL);
	const char *colon = master ? strrchr(master, ':') : NULL;

	if (!port)      /* a rank without the API listens at no port of ours */
		return "-";
	return colon ? arena_printf(a, "%s %s", port, colon + 1) : port;
}

static void
down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const char *name = container_name(a, s->model, "rank");
	enum runtime there = runtime_there(s);
	struct task *t;

	if (there == RUNTIME_NONE) {
		process_down(a, s, tasks);
		return;
	}
	t = tasks_add(a, tasks, s->node, "rank-down",
		arena_printf(a, "keep the log of %s, %s rm -f, wait until its GPUs are free", name,
			     runtime_word(there)));
	t->script = script_with(a, "state", "rank-down");
	container_task(a, t, there);
	t->changes = true;
	t->timeout_s = 240;
	task_arg(a, t, name);
	task_arg(a, t, s->model->cluster);
	task_arg(a, t, s->node->name);
	task_arg(a, t, ports_of(a, s));
	task_arg(a, t, container_text(a, there, "container-down"));
	task_arg(a, t, container_text(a, there, "blame"));
	task_arg(a, t, script_get("cause")->text);
}

/* While the API comes up: every other rank, which nobody else watches. */
static void
guard(struct arena *a, const struct step *s, struct tasks *tasks)
{
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].on->kind == s->kind)
			engine_guard(a, s->deps.v[i].on, tasks);
}

/* Rank 0 asks all, because the one that talks loudest is often not the one that failed. */
static void
blame(struct arena *a, const struct step *s, struct tasks *tasks)
{
	engine_blame(a, s, "rank", tasks);
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].on->kind == s->kind)
			engine_blame(a, s->deps.v[i].on, "rank", tasks);
}

static const struct field_effect fields[] = {
	{"rank", EFFECT_RESTART, "its place among the ranks; 0 has the API"},
	{"master", EFFECT_RESTART, "the address and port where the ranks meet"},
	{"data", EFFECT_RESTART, "data parallel size"},
	{"address", EFFECT_RESTART, "the address that vLLM announces for this node"},
	SERVE_FIELDS,
	{"runtime", EFFECT_RESTART, "docker, podman or none"},
	{"venv", EFFECT_RESTART, "the virtual environment (runtime none)"},
	{"vllm", EFFECT_RESTART, "the version of vLLM in it"},
	{"image", EFFECT_RESTART, "the image as written in the spec"},
	{"image_id", EFFECT_RESTART, "fingerprint of the image's layers and settings"},
	{"hf_home", EFFECT_RESTART, "the directory that is mounted as the model cache"},
	{"model_path", EFFECT_RESTART, "model.path, mounted at the same place, read-only"},
	{"docker_args", EFFECT_RESTART, "engine.docker_args"},
	{"env.", EFFECT_RESTART, "the environment of the container"},
	{"rdma.", EFFECT_RESTART, "what RDMA needs of Docker, where all nodes have active ports"},
	{NULL}
};

const struct kind kind_rank = {
	.name = "rank",
	.doc = "one rank of vLLM on each node (backend mp), one unit, the API on the first",
	.fields = fields,
	.restarts = true,
	.group = true,
	.plan = plan,
	.see = see,
	.up = up,
	.down = down,
	.guard = guard,
	.blame = blame,
};
