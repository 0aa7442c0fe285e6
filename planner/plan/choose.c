/* -target and -replace: addresses -> steps, and what must come along. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/plan/reconcile.h"

/* Is the word the step's address, its address without the node, or its kind? */
static bool
choose_means(const char *word, const struct step *step)
{
	size_t n = strlen(word);

	return strcmp(step->kind->name, word) == 0 ||
	       (strncmp(step->addr, word, n) == 0 && (!step->addr[n] || step->addr[n] == '['));
}

/* Marks the steps that the word means; returns how many. */
static size_t
choose_mark(const struct graph *g, const char *word, bool *chosen)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (choose_means(word, g->v[i])) {
			chosen[i] = true;
			n++;
		}
	return n;
}

bool *
choose_steps(struct arena *a, const struct graph *g, const char **list, const char *option,
	     struct diags *d)
{
	bool *chosen = list && *list ? ar_array(a, bool, g->n + 1) : NULL;
	const char **names;

	for (; list && *list; list++) {
		const char *near;

		if (choose_mark(g, *list, chosen))
			continue;
		names = ar_array(a, const char *, 2 * g->n + 1);
		for (size_t i = 0; i < g->n; i++) {
			names[2 * i] = g->v[i]->addr;
			names[2 * i + 1] = arena_strndup(a, g->v[i]->addr, strcspn(g->v[i]->addr, "["));
		}
		near = diag_nearest(*list, names, 2 * g->n);
		diag_error(d, (struct loc){0}, "no step '%s' for %s%s%s%s", *list, option,
			   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	return chosen;
}

bool *
choose_server(struct arena *a, const struct graph *g, struct diags *d)
{
	bool *chosen = ar_array(a, bool, g->n + 1), any = false;

	for (size_t i = 0; i < g->n; i++) {
		chosen[i] = g->v[i]->kind->server && !g->v[i]->orphan;
		any |= chosen[i];
	}
	if (!any)
		diag_error(d, (struct loc){0}, "there is no server to restart: the spec has no model");
	return chosen;
}

/* The dependents of each step, in one array: those of step i are at first[i]..first[i+1]. */
struct dependents {
	size_t *first;
	struct { size_t step; enum edge edge; } *v;
};

static struct dependents
choose_dependents_of(struct arena *a, const struct graph *g)
{
	struct dependents d = {.first = ar_array(a, size_t, g->n + 2)};
	size_t *at = ar_array(a, size_t, g->n + 1), edges = 0;

	for (size_t i = 0; i < g->n; i++) {
		edges += g->v[i]->deps.n;
		for (size_t k = 0; k < g->v[i]->deps.n; k++)
			d.first[g->v[i]->deps.v[k].on->index + 1]++;
	}
	for (size_t i = 0; i < g->n; i++) {
		d.first[i + 1] += d.first[i];
		at[i] = d.first[i];
	}
	d.v = arena_calloc(a, edges + 1, sizeof *d.v);
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->v[i]->deps.n; k++) {
			size_t up = g->v[i]->deps.v[k].on->index;

			d.v[at[up]].step = i;
			d.v[at[up]++].edge = g->v[i]->deps.v[k].edge;
		}
	return d;
}

/* Steps still to visit; `in` marks those that were ever added. */
struct pile {
	size_t *v, n;
	bool *in;
};

static void
choose_put(struct pile *p, size_t i)
{
	if (p->in[i])
		return;
	p->in[i] = true;
	p->v[p->n++] = i;
}

/* Only what exists can become stale; what does not waits for its own apply. */
static bool
choose_was_there(const struct op *op)
{
	return op->action != ACT_NONE && op->step->observed.state != STATE_ABSENT;
}

bool
plan_users_only(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->v[i].excluded && !plan->v[i].step->kind->users)
			return false;
	return true;
}

/* Drops problems of user's steps that -target leaves out. If only user's steps are chosen, also
 * drops problems of dray's own steps: one of the chosen may fix them. */
static void
choose_drop_problems(struct arena *a, struct plan *plan)
{
	bool users_only = plan_users_only(plan);
	struct diags kept = {.arena = a};

	for (size_t i = 0; i < plan->problems.n; i++) {
		const struct diag *p = &plan->problems.v[i];
		bool out = p->step && plan->v[p->step->index].excluded;

		if (!out || !(users_only || p->step->kind->users))
			*vec_push(a, &kept) = *p;
	}
	plan->problems = kept;
}

/*
 * A chosen step needs its upstreams up. What it makes stale through an instance edge comes
 * along too: a new head with old workers would be a broken cluster. A group comes as a whole.
 * A destroy, also of what left the spec, first takes down everything that depends on the
 * target.
 */
void
choose_targets(struct arena *a, struct plan *plan, const bool *chosen)
{
	const struct graph *g = plan->graph;
	struct dependents d = choose_dependents_of(a, g);
	struct pile pile = {.v = ar_array(a, size_t, g->n + 1), .in = ar_array(a, bool, g->n + 1)};
	bool destroy = plan->options.destroy;

	for (size_t i = 0; i < g->n; i++)
		if (chosen[i])
			choose_put(&pile, i);
	while (pile.n) {
		size_t i = pile.v[--pile.n];
		bool down = destroy || g->v[i]->orphan;

		for (size_t k = 0; g->v[i]->kind->group && op_acts(&plan->v[i]) && k < g->n; k++)
			if (graph_same_group(g->v[i], g->v[k]))
				choose_put(&pile, k);
		for (size_t k = 0; !down && k < g->v[i]->deps.n; k++)
			choose_put(&pile, g->v[i]->deps.v[k].on->index);
		for (size_t k = d.first[i]; op_acts(&plan->v[i]) && k < d.first[i + 1]; k++)
			if (down || (d.v[k].edge == EDGE_INSTANCE &&
				     choose_was_there(&plan->v[d.v[k].step])))
				choose_put(&pile, d.v[k].step);
	}
	for (size_t i = 0; i < g->n; i++) {
		plan->v[i].excluded = !pile.in[i];
		plan->v[i].pulled = pile.in[i] && !chosen[i];
	}
	choose_drop_problems(a, plan);
}

void
choose_check_replace(const struct graph *g, const bool *replace, struct diags *d)
{
	for (size_t i = 0; replace && i < g->n; i++) {
		const struct step *step = g->v[i];

		if (!replace[i] || (step->kind->up && !step->kind->keep))
			continue;
		diag_error(d, (struct loc){0}, "'%s' cannot be replaced: %s", step->addr,
			   step->kind->up ? "what it fetched is kept, and is fetched again only if it "
			   "is missing or wrong" : "it only looks");
		return;
	}
}
