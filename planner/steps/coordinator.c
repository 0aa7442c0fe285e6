/* What the kinds head and worker share. */
#include "planner/steps/coordinator.h"

#include "planner/runtimes/runtime.h"
#include "planner/steps/engine_inputs.h"
#include "planner/steps/inputs.h"

const struct field_effect coordinator_fields[] = {
	{"address", EFFECT_REPLACE, "the address that the engine announces for this node"},
	{"head", EFFECT_REPLACE, "the head's address and port that a worker joins"},
	{"port", EFFECT_REPLACE, "the port on the head that workers join"},
	ENGINE_FIELDS(EFFECT_REPLACE),
	{"script", EFFECT_REPLACE, "sha256 of run_cluster.sh (launcher: script)"},
	{NULL}
};

int
coordinator_port(const struct cluster *c)
{
	return c->engine->ports ? (int)c->spec->engine.ray_port.value : 0;
}

void
coordinator_plan(struct arena *a, struct graph_builder *b, struct step *s, enum engine_role role)
{
	const struct cluster *c = s->cluster;

	if (role == ENGINE_HEAD)
		attrs_addf(a, &s->want, "port", "%d", coordinator_port(c));
	else
		attrs_add(a, &s->want, "head",
			  node_dial_port(a, &c->node[0], coordinator_port(c)));
	if (c->launcher_script)
		attrs_add(a, &s->want, "script", c->spec->engine.script.sha256.text);
	engine_want(a, s, role);
	graph_dep_all(b, s, "preflight", EDGE_ORDER, NULL);
	graph_dep(b, s, graph_find(b->graph, arena_printf(a, "image[%s]", s->node->name)),
		  EDGE_CONTENT, "image_id");
	graph_dep(b, s, graph_find(b->graph, arena_printf(a, "sif[%s]", s->node->name)),
		  EDGE_CONTENT, "image_id");
	if (c->launcher_script)
		graph_dep_all(b, s, "script", EDGE_CONTENT, "script");
}

void
coordinator_observe(struct arena *a, struct step *s, struct diags *problems)
{
	observe_engine(a, s, problems);
	engine_keep_common(a, s);
}

void
coordinator_up(struct arena *a, const struct step *s, struct tasks *tasks)
{
	const struct cluster *c = s->cluster;
	struct attrs inputs = step_inputs(a, s);
	const struct step *script = step_upstream(s, "script", NULL);
	struct attrs from = script ? script->want : (struct attrs){0};
	struct start start = {.step = s, .inputs = &inputs, .env = &inputs, .until = START_JOINED,
		.what = arena_printf(a, "%s start", c->engine->shape[c->shape].package),
		.launcher = attrs_value(&from, "path", NULL)};
	struct task *t = c->runtime->up(a, &start, tasks);

	if (!start.launcher)
		c->engine->argv(a, attrs_get(&inputs, "head") ? ENGINE_WORKER : ENGINE_HEAD, &inputs,
				NULL, t);
}

void
coordinator_down(struct arena *a, const struct step *s, struct tasks *tasks)
{
	runtime_there(s)->down(a, s, tasks);
}
