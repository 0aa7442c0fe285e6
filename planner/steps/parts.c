/* Finds out that a part of an engine died although its first process runs. */
#include "planner/steps/parts.h"

#include <stdlib.h>
#include <string.h>

#include "planner/plan/graph.h"
#include "planner/steps/coordinator.h"
#include "planner/steps/inputs.h"

/* How the step's inputs spread the model; 1 where they do not say. */
struct parts_layout {
	long long copy, copies, nodes;  /* GPUs of a copy, copies, nodes */
};

static long long
parts_number(const struct step *s, const char *name)
{
	struct attrs have = s->observed.have;
	long long n = strtoll(attrs_value(&have, name, "1"), NULL, 10);

	return n > 0 && n < 100000 ? n : 1;
}

static struct parts_layout
parts_layout(const struct step *s)
{
	return (struct parts_layout){
		.copy = parts_number(s, "tensor") * parts_number(s, "pipeline"),
		.copies = parts_number(s, "data"), .nodes = parts_number(s, "nodes")};
}

static bool
parts_has_env(const struct step *s, const char *name)
{
	struct attrs have = s->observed.have;
	char full[128] = "env.";

	strncat(full, name, sizeof full - sizeof "env.");
	return attrs_get(&have, full) != NULL;
}

/* For the server on top of a coordinator: how the coordinator has less than the layout needs. */
static const char *
parts_of_coordinator(struct arena *a, const struct step *s)
{
	const struct engine *e = s->cluster->engine;
	const struct facts *f = s->node->facts;
	const struct step *head = step_upstream(s, kind_head.name, NULL);
	struct parts_layout l = parts_layout(s);
	const char *name = e->shape[SHAPE_COORDINATOR].needs;

	if (f->coordinator_nodes < 0 || f->coordinator_used < 0 || !name)
		return NULL;
	if (f->coordinator_nodes < l.nodes)
		return arena_printf(a, "%s has %lld of its %lld nodes", name, f->coordinator_nodes, l.nodes);
	if (e->share_env && (parts_has_env(s, e->share_env) || (head && parts_has_env(head, e->share_env))))
		return NULL;
	/* Where it does not count GPUs there is nothing to compare. */
	if (f->coordinator_gpus < l.copy || f->coordinator_used >= l.copy)
		return NULL;
	return arena_printf(a, "a worker process died: %s has %lld of %lld GPUs in use", name,
			    f->coordinator_used, l.copy);
}

static const struct fact_tree *
parts_tree(const struct step *s)
{
	const struct facts *f = s->node->facts;

	for (size_t i = 0; i < f->tree.n; i++)
		if (strcmp(f->tree.v[i].step, s->addr) == 0)
			return &f->tree.v[i];
	return NULL;
}

static bool
parts_has_mig(const struct facts *f)
{
	for (size_t i = 0; i < f->gpu.n; i++)
		if (f->gpu.v[i].mig && *f->gpu.v[i].mig)
			return true;
	return false;
}

/* An older engine has no titles for its workers, so none with a title shows nothing unless there
 * are fewer processes than it needs. */
static const char *
parts_of_tree(struct arena *a, const struct fact_tree *t, long long workers, long long cores)
{
	if (t->all == 0)
		return "all its worker processes died";
	if (workers > 0 && t->workers < workers && (t->workers > 0 || (t->cores > 0 && t->all < t->cores + workers)))
		return arena_printf(a, "a worker process died: %lld of %lld run", t->workers < 0 ? 0 : t->workers, workers);
	if (t->cores > 0 && t->cores < cores)
		return arena_printf(a, "an engine process died: %lld of %lld run", t->cores, cores);
	return NULL;
}

/* Of a rank: processes and GPUs in use on its node. */
static const char *
parts_of_rank(struct arena *a, const struct step *s)
{
	const struct facts *f = s->node->facts;
	const struct fact_tree *t = parts_tree(s);
	struct parts_layout l = parts_layout(s);
	long long each = l.copy * l.copies / l.nodes;
	const char *why = NULL;

	if (t)
		why = parts_of_tree(a, t, l.copy > 1 ? each : 0, l.copies % l.nodes ? 0 : l.copies / l.nodes);
	if (!why && f->gpus_ours > 0 && f->gpus_ours < each && !parts_has_mig(f))
		why = arena_printf(a, "a worker process died: %lld of %lld GPUs are in use", f->gpus_ours, each);
	return why;
}

void
observe_parts(struct arena *a, struct step *s)
{
	const struct fact_tree *t;
	const char *why;

	if (s->orphan || s->observed.state != STATE_PRESENT || s->observed.adopted || !node_observed(s->node))
		return;
	if (s->kind->group) {
		why = parts_of_rank(a, s);
	} else {
		t = parts_tree(s);
		why = parts_of_coordinator(a, s);
		why = why ? why : t ? parts_of_tree(a, t, 0, 0) : NULL;
	}
	if (why) {
		s->observed.state = STATE_GONE;
		s->observed.why = why;
	}
}
