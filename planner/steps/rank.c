#include <string.h>

#include "planner/plan/graph.h"
#include "planner/plan/observed.h"
#include "planner/runtimes/container.h"
#include "planner/steps/download.h"
#include "planner/steps/engine_inputs.h"
#include "planner/steps/inputs.h"
#include "planner/steps/listener.h"
#include "planner/steps/parts.h"
#include "planner/steps/rdma_flags.h"

/*
 * One of a group of equal ranks: the engine's server in a container or process on each node,
 * with the API on the first. The ranks are one unit: none can be replaced without the others.
 * Rank 0 comes up last, because its API shows that all are there.
 */

static bool
rank_is_first(const struct step *s)
{
	return s->node == &s->cluster->node[0];
}

static void
rank_want(struct arena *a, struct step *s)
{
	const struct cluster *c = s->cluster;

	attrs_addf(a, &s->want, "rank", "%zu", s->node->rank);
	if (c->nlayout > 1)
		attrs_add(a, &s->want, "master",
			  node_dial_port(a, &c->node[0], c->spec->engine.master_port.value));
	if (c->data > 1)
		attrs_addf(a, &s->want, "data", "%lld", c->data);
	engine_serve_want(a, s);
	if (rank_is_first(s))
		engine_api_want(a, s);
	engine_want(a, s, ENGINE_RANK);
}

static void
rank_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_rank;
	struct step *first = NULL;

	if (c->shape != SHAPE_RANKS || !c->spec->model.at.line)
		return;
	for (size_t i = 0; i < c->nlayout; i++) {
		struct step *s = graph_add(b, &kind_rank, &c->node[i], true);

		rank_want(a, s);
		graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
		graph_dep(b, s, graph_find(b->graph, arena_printf(a, "image[%s]", c->node[i].name)),
			  EDGE_CONTENT, "image_id");
		graph_dep(b, s, graph_find(b->graph, arena_printf(a, "sif[%s]", c->node[i].name)),
			  EDGE_CONTENT, "image_id");
		download_dep(b, s);
		first = first ? first : s;
		if (s != first)
			graph_dep(b, first, s, EDGE_ORDER, NULL);
	}
}

/* Each node must give the same number of GPUs, for whole copies or as a whole node. */
static void
rank_check_shape(const struct step *s, struct diags *problems)
{
	const struct cluster *c = s->cluster;
	long long copy = c->tensor * c->pipeline, nodes = (long long)c->nlayout;
	long long each = copy * c->data / nodes;
	const struct node *n = s->node;
	long long has = n->gpus >= 0 ? n->gpus : (long long)n->facts->gpu.n;

	if (each < 1)
		return;
	if (rank_is_first(s) && (copy * c->data % nodes || (copy % each && each % copy)))
		diag_node(problems, DIAG_ERROR, NULL,
			  "choose sizes so that a node holds whole copies, or a copy takes whole nodes",
			  "backend mp cannot split tensor %lld x pipeline %lld x data %lld over %zu nodes",
			  c->tensor, c->pipeline, c->data, c->nlayout);
	else if (has < each && n->gpus >= 0)
		diag_node(problems, DIAG_ERROR, n, "lower parallelism, or take more nodes",
			  "backend mp takes %lld GPUs from each node, but this one has %lld", each, has);
}

static void
rank_observe_ports(struct arena *a, struct step *s, struct diags *problems)
{
	const struct cluster *c = s->cluster;
	const char *name = container_name(a, c, s->kind->name), *other;
	bool runs = engine_lives(a, s);

	other = foreign_listener(a, s->node, (int)c->spec->serve.port.value, name, runs);
	if (!other && c->nlayout > 1)
		other = foreign_listener(a, s->node, (int)c->spec->engine.master_port.value, name, runs);
	if (!other && c->nlayout > 1 && c->data > 1 && c->engine->data_port &&
	    (other = foreign_listener(a, s->node, c->engine->data_port, name, runs)))
		observe_conflict(s, problems, other, "end that process: copies of the model meet there");
	else if (other)
		observe_conflict(s, problems, other,
			     "end that process, or choose another serve.port or engine.master_port");
}

static void
rank_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct fact_container *c;
	const struct record *r = step_record(s);

	observe_engine(a, s, problems);
	engine_keep_common(a, s);
	if (s->observed.state == STATE_UNKNOWN || s->orphan)
		return;
	rank_check_shape(s, problems);
	c = find_container(s->node, container_name(a, s->cluster, s->kind->name));
	/* A restart keeps the container's id but not its place among the ranks. */
	if (s->observed.state == STATE_PRESENT && r && r->output && c && c->started &&
	    strcmp(r->output, c->started) != 0) {
		s->observed.state = STATE_GONE;
		s->observed.why = "its container was restarted outside dray";
	} else if (s->observed.adopted && c) {
		s->observed.output = c->started;
	}
	observe_parts(a, s);
	if (s->observed.state != STATE_CONFLICT && rank_is_first(s))
		rank_observe_ports(a, s, problems);
}

static void
rank_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct attrs inputs = step_inputs(a, s);
	bool first = attrs_get(&inputs, "port") != NULL;
	struct start start = {.step = s, .inputs = &inputs, .env = &inputs,
		.until = first ? START_ANSWERS : START_LIVES,
		.what = arena_printf(a, "%s, rank %s of %s", c->engine->server,
				     attrs_value(&inputs, "rank", "0"),
				     attrs_value(&inputs, "nodes", "1"))};
	struct task *t = c->runtime->up(a, &start, tasks);

	engine_argv(a, c->engine, ENGINE_RANK, &inputs, t);
	if (first)
		rdma_report(a, s, container_name(a, c, s->kind->name), NULL, tasks);
}

static void
rank_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	runtime_there(s)->down(a, s, tasks);
}

/* While the API comes up, watches every other rank, which no other step does. */
static void
rank_guard(struct arena *a, const struct step *s, struct tasks *tasks)
{
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].on->kind == s->kind)
			s->cluster->runtime->guard(a, s->deps.v[i].on, tasks);
}

/* Rank 0 asks all ranks, because the one with the most output may not be the one that failed. */
static void
rank_diagnose(struct arena *a, const struct step *s, struct tasks *tasks)
{
	s->cluster->runtime->diagnose(a, s, false, tasks);
	for (size_t i = 0; i < s->deps.n; i++)
		if (s->deps.v[i].on->kind == s->kind)
			s->cluster->runtime->diagnose(a, s->deps.v[i].on, false, tasks);
}

static const struct field_effect fields[] = {
	{"rank", EFFECT_REPLACE, "its number among the ranks; rank 0 has the API"},
	{"master", EFFECT_REPLACE, "the address and port where the ranks meet"},
	{"data", EFFECT_REPLACE, "data parallel size"},
	{"address", EFFECT_REPLACE, "the address that vLLM announces for this node"},
	SERVE_FIELDS,
	ENGINE_FIELDS(EFFECT_REPLACE),
	{NULL}
};

const struct kind kind_rank = {
	.name = "rank",
	.doc = "one rank of vLLM on each node (backend mp); all are one unit, the first has the API",
	.fields = fields,
	.restarts = true,
	.engine = true,
	.server = true,
	.group = true,
	.plan = rank_plan,
	.observe = rank_observe,
	.up = rank_up,
	.down = rank_down,
	.guard = rank_guard,
	.diagnose = rank_diagnose,
};
