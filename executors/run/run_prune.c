/* Asks all nodes of the spec what can go, and lets them remove it. */
#include <string.h>

#include "executors/run/run_private.h"
#include "planner/base/str.h"
#include "planner/cluster/cluster.h"
#include "planner/steps/prune.h"

struct pruning {
	struct arena *arena;
	struct prune *to;
	enum prune_act act;
	size_t left;
	bool finished;
	struct err why;                 /* of the first node that failed */
};

static void
prune_on_answer(struct ask *ask)
{
	struct pruning *p = ask->owner;
	const struct result *r = &ask->request.result;

	if (!r->ran)
		err_set(&p->why, "%s: %s", ask->host->name, r->why.text);
	else if (r->status != 0 || (!prune_read(p->arena, p->to, host_node(ask->host), str_text(&r->out), r->out.len) &&
				    p->act != PRUNE_NAMES))
		err_set(&p->why, "%s: %s", ask->host->name, r->err.len ? last_lines(p->arena, str_text(&r->err), 1)
			: "its answer is not whole");
	p->finished = --p->left == 0;
}

/* Ask all nodes at the same time. */
static bool
prune_ask(struct run *r, struct pruning *p, enum prune_act act, struct err *e)
{
	const struct cluster *c = r->cluster;

	p->act = act;
	p->left = c->nspec;
	p->finished = false;
	for (size_t i = 0; i < c->nspec; i++) {
		struct task task = {0};

		prune_task(p->arena, c, &c->node[i], act, p->to, &task);
		run_ask(r, run_host(r, &c->node[i]), &task, prune_on_answer, p);
	}
	loop_run(r->loop, &p->finished);
	*e = p->why;
	return !p->why.text[0];
}

/* Sort by the order of the nodes in the spec. */
static void
prune_sort(struct prune *p)
{
	for (size_t i = 1; i < p->item.n; i++) {
		struct prune_item item = p->item.v[i];
		size_t k = i;

		for (; k > 0 && p->item.v[k - 1].node->rank > item.node->rank; k--)
			p->item.v[k] = p->item.v[k - 1];
		p->item.v[k] = item;
	}
}

bool
run_prune(struct run *r, struct arena *a, struct prune *to, bool remove, struct err *e)
{
	struct pruning p = {.arena = a, .to = to};

	to->named.n = 0;
	to->closed = NULL;
	if (!prune_ask(r, &p, PRUNE_NAMES, e) || !prune_ask(r, &p, remove ? PRUNE_REMOVE : PRUNE_LIST, e))
		return false;
	prune_sort(to);
	return true;
}
