/* Kind head: the coordinator on the first node, which workers join. */
#include "planner/plan/observed.h"
#include "planner/runtimes/container.h"
#include "planner/steps/coordinator.h"
#include "planner/steps/listener.h"

static void
head_plan(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	extern const struct kind kind_head;

	if (c->shape == SHAPE_COORDINATOR)
		coordinator_plan(a, b, graph_add(b, &kind_head, &c->node[0], true), ENGINE_HEAD);
}

/* Warns about taken ports that the coordinator can start without. */
static void
head_observe_others(struct arena *a, const struct step *s, const char *name, struct diags *problems)
{
	const char *needs = s->cluster->engine->shape[SHAPE_COORDINATOR].needs;
	bool runs = engine_lives(a, s);

	for (const struct engine_port *p = s->cluster->engine->ports; p && p->what; p++) {
		const char *other = p->without ? foreign_listener(a, s->node, p->from, name, runs) : NULL;

		if (other)
			diag_node(problems, DIAG_WARNING, s->node, "end that process if you need it; all else works",
				  "%s starts without %s: %s", needs, p->without, other);
	}
}

static void
head_observe(struct arena *a, struct step *s, struct diags *problems)
{
	const struct engine *e = s->cluster->engine;
	const char *name = container_name(a, s->cluster, s->kind->name), *other;
	int port = coordinator_port(s->cluster);

	coordinator_observe(a, s, problems);
	if (s->orphan || !port || s->observed.state == STATE_CONFLICT)
		return;
	if (s->observed.state != STATE_UNKNOWN)
		head_observe_others(a, s, name, problems);
	other = foreign_listener(a, s->node, port, name, engine_lives(a, s));
	if (other)
		observe_conflict(s, problems, arena_printf(a, "%s's %s", e->shape[SHAPE_COORDINATOR].needs,
					       other),
			     arena_printf(a, "%s end it there; dray does not touch what is not its own. If "
					  "it belongs to a dray cluster with another or an older name, "
					  "destroy that with its own spec", e->ports->who));
}

const struct kind kind_head = {
	.name = "head",
	.doc = "the Ray head: a container (or process) on the first node, which the others join",
	.fields = coordinator_fields,
	.engine = true,
	.plan = head_plan,
	.observe = head_observe,
	.up = coordinator_up,
	.down = coordinator_down,
};
