/* The step graph: the steps of all kinds, those that only records name, edges, and an order
 * in which everything comes after what it depends on. */
#include "planner/plan/graph.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/cluster/members.h"
#include "planner/plan/owner.h"
#include "planner/plan/order.h"

static size_t
graph_hash_of(const char *addr)
{
	uint64_t h = 14695981039346656037U;

	for (; *addr; addr++)
		h = (h ^ (unsigned char)*addr) * 1099511628211U;
	return (size_t)(h ^ h >> 32);
}

static struct step **
graph_slot_of(const struct graph *g, const char *addr)
{
	size_t i = graph_hash_of(addr) & (g->nslot - 1);

	while (g->slot[i] && strcmp(g->slot[i]->addr, addr) != 0)
		i = (i + 1) & (g->nslot - 1);
	return &g->slot[i];
}

struct step *
graph_find(const struct graph *g, const char *addr)
{
	return g->nslot ? *graph_slot_of(g, addr) : NULL;
}

/* At most half of the slots are used, which keeps searches short. */
static void
graph_remember(struct arena *a, struct graph *g, struct step *step)
{
	struct step **slot;

	if (g->n * 2 > g->nslot) {
		g->nslot = g->nslot ? g->nslot * 4 : 64;
		g->slot = ar_array(a, struct step *, g->nslot);
		for (size_t i = 0; i < g->n; i++)
			if (!*(slot = graph_slot_of(g, g->v[i]->addr)))
				*slot = g->v[i];
	}
	if (!*(slot = graph_slot_of(g, step->addr)))
		*slot = step;
}

static struct step *
graph_add_all(struct arena *a, const struct cluster *c, struct graph *g, const struct kind *kind,
	      struct node *node, const char *addr)
{
	struct step *step = ar_new(a, struct step);

	*step = (struct step){.addr = addr, .kind = kind, .node = node, .cluster = c,
		.index = g->n};
	*vec_push(a, g) = step;
	graph_remember(a, g, step);
	if (!g->range.n || g->range.v[g->range.n - 1].kind != kind)
		*vec_push(a, &g->range) = (struct graph_range){.kind = kind, .first = g->n - 1};
	g->range.v[g->range.n - 1].end = g->n;
	return step;
}

struct step *
graph_add_as(struct graph_builder *b, const struct kind *kind, struct node *node, const char *addr)
{
	return graph_add_all(b->arena, b->cluster, b->graph, kind, node, addr);
}

struct step *
graph_add(struct graph_builder *b, const struct kind *kind, struct node *node, bool label)
{
	const char *addr = label ? arena_printf(b->arena, "%s[%s]", kind->name, node->name)
				 : kind->name;

	return graph_add_all(b->arena, b->cluster, b->graph, kind, node, addr);
}

void
graph_dep(struct graph_builder *b, struct step *step, struct step *on, enum edge edge,
	  const char *input)
{
	if (on)
		*vec_push(b->arena, &step->deps) =
			(struct dep){.on = on, .edge = edge, .input = input};
}

void
graph_dep_by(struct graph_builder *b, struct step *step, struct step *on, enum edge edge,
	     const struct word *why)
{
	*vec_push(b->arena, &step->deps) = (struct dep){.on = on, .edge = edge, .why = why};
}

void
graph_dep_all(struct graph_builder *b, struct step *step, const char *kind, enum edge edge,
	      const char *input)
{
	const struct graph *g = b->graph;

	for (size_t r = 0; r < g->range.n; r++) {
		const struct graph_range *range = &g->range.v[r];

		if (strcmp(range->kind->name, kind) != 0)
			continue;
		/* A step without an up does nothing, so there is nothing to wait for. N nodes that
		 * wait for N looks would be N * N edges. */
		if (edge == EDGE_ORDER && !range->kind->up)
			continue;
		for (size_t i = range->first; i < range->end; i++)
			if (g->v[i] != step)
				graph_dep(b, step, g->v[i], edge, input);
	}
}

void
graph_resolve(struct arena *a, struct step *step)
{
	for (size_t i = 0; i < step->deps.n; i++) {
		const struct dep *dep = &step->deps.v[i];

		if (dep->edge != EDGE_CONTENT || !dep->input || !dep->on->observed.output)
			continue;
		if (!attrs_value(&step->want, dep->input, NULL)) {
			attrs_add(a, &step->want, dep->input, dep->on->observed.output);
			attrs_sort(&step->want);
		}
	}
}

bool
graph_same_group(const struct step *x, const struct step *y)
{
	return x->kind->group && x->kind == y->kind && !x->orphan && !y->orphan;
}

static const struct kind *
graph_find_kind(const struct kind *const *list, const char *addr, const char *name)
{
	size_t n = name && *name ? strlen(name) : strcspn(addr, ".[");

	if (!name || !*name)
		name = addr;
	for (; *list; list++)
		if (strncmp((*list)->name, name, n) == 0 && !(*list)->name[n])
			return *list;
	return NULL;
}

static bool
graph_bound_to_instance(const struct step *step)
{
	for (size_t i = 0; i < step->deps.n; i++)
		if (step->deps.v[i].edge == EDGE_INSTANCE)
			return true;
	return false;
}

/*
 * Is what the node calls addr not a step of the cluster? A step of the same address on another
 * node counts as left over if it names a node or something that runs (serve of a former
 * head). A file in the shared directory (script, download) is the same file seen from another
 * node.
 */
static bool
graph_is_left_over(const struct graph *g, const struct node *node, const char *addr)
{
	const struct step *step = graph_find(g, addr);

	if (!step)
		return true;
	if (step->node == node)
		return false;
	return strchr(addr, '[') || graph_bound_to_instance(step);
}

/* The node's files and labels may have any name: ignore what dray cannot have written. */
static bool
graph_is_address(const char *addr)
{
	const char *s = addr;

	while (*s > 0x20 && *s < 0x7f && *s != '"' && *s != '/')
		s++;
	return *addr && !*s;
}

static void
graph_add_orphan(struct arena *a, const struct cluster *c, struct graph *g,
		 struct diags *problems, struct node *node, const char *addr, struct record *r,
		 const struct kind *const *list)
{
	const struct kind *kind = graph_find_kind(list, addr, r ? r->kind : NULL);

	if (!graph_is_address(addr))
		return;
	/* The orphans of one node are together at the end. */
	for (size_t i = g->n; i-- > 0 && g->v[i]->orphan && g->v[i]->node == node;)
		if (strcmp(g->v[i]->addr, addr) == 0)
			return;
	node->keeps |= !kind;
	if (!kind && r && attrs_value(&r->down, "file", NULL)) {
		const char *file = attrs_value(&r->down, "file", NULL);

		diag_node(problems, DIAG_WARNING, node,
			  arena_printf(a, "to have it removed, put '%s' back under 'kinds'", file),
			  "'%s' is of kind '%s', which no file under 'kinds' defines; it "
			  "is left alone", addr, r->kind);
		return;
	}
	if (!kind) {
		diag_node(problems, DIAG_WARNING, node,
			  "a newer dray made it: use that version",
			  "'%s' is of a kind that this dray does not know; it is left "
			  "alone", addr);
		return;
	}
	graph_add_all(a, c, g, kind, node, addr)->orphan = true;
}

/* Orphans in the order of their kinds, in which they came up. */
static int
graph_by_kind(const void *x, const void *y, void *arg)
{
	const struct step *s = *(struct step *const *)x, *t = *(struct step *const *)y;

	for (const struct kind *const *list = *(const struct kind *const **)arg;
	     s->kind != t->kind; list++) {
		if (*list == s->kind)
			return -1;
		if (*list == t->kind)
			return 1;
	}
	return s->index < t->index ? -1 : s->index > t->index;
}

/* Adds what the node says was put there: records first, then running containers of ours
 * without a record. */
static void
graph_add_orphans(struct arena *a, const struct cluster *cluster, struct graph *g,
		  struct diags *problems, const struct kind *const *list)
{
	size_t first = g->n;

	for (size_t i = 0; i < cluster->nnode; i++) {
		struct node *node = &cluster->node[i];
		const struct facts *f = node->facts;

		if (!f || f->state != FACTS_OK)
			continue;
		for (size_t k = 0; k < f->record.n; k++)
			if (!record_is_stopped(&f->record.v[k]) &&
			    graph_is_left_over(g, node, f->record.v[k].step))
				graph_add_orphan(a, cluster, g, problems, node, f->record.v[k].step,
						 &node->facts->record.v[k], list);
		for (size_t k = 0; k < f->container.n; k++) {
			const struct fact_container *c = &f->container.v[k];

			if (*c->step && container_is_ours(cluster, c) &&
			    graph_is_left_over(g, node, c->step))
				graph_add_orphan(a, cluster, g, problems, node, c->step, NULL,
						 list);
		}
		for (size_t k = 0; k < f->proc.n; k++)
			if (*f->proc.v[k].step && graph_is_left_over(g, node, f->proc.v[k].step))
				graph_add_orphan(a, cluster, g, problems, node, f->proc.v[k].step,
						 NULL, list);
	}
	if (g->n > first)
		qsort_r(g->v + first, g->n - first, sizeof *g->v, graph_by_kind, &list);
}

/* Records of different applies may contradict each other: drops the edges of orphans that are
 * in circles. */
static bool
graph_forget_circles(struct graph *g)
{
	bool any = false;

	for (size_t i = g->nplaced; i < g->n; i++)
		if (g->v[i]->orphan && g->v[i]->deps.n) {
			g->v[i]->deps.n = 0;
			any = true;
		}
	return any;
}

static const char *
graph_silence(struct arena *a, const struct node *node)
{
	const struct facts *f = node->facts;

	if (!f)
		return arena_printf(a, "node %s was not observed", node->name);
	if (f->state == FACTS_UNREACHABLE)
		return arena_printf(a, "node %s is unreachable", node->name);
	return f->complete ? NULL
			   : arena_printf(a, "node %s gave only a partial answer", node->name);
}

/* For a kind without observe(), the record is all there is. */
static void
graph_observe_by_record(struct step *step, const struct record *r)
{
	if (!r)
		return;
	step->observed = (struct observed){
		.state = strcmp(r->phase, "done") == 0 ? STATE_PRESENT : STATE_INTERRUPTED,
		.have = r->inputs, .bound = r->bound, .down = r->down,
		.instance = r->instance, .output = r->output,
	};
}

/* Marks a step that the apply with the lock has begun: it is starting, and not interrupted. */
static void
graph_mark_starting(struct arena *a, struct step *step, const struct record *r)
{
	const struct facts *f = step->node ? step->node->facts : NULL;
	const char *who, *apply;

	if (!r || r->failed || r->end.apply_id || !r->apply_id ||
	    step->observed.state != STATE_INTERRUPTED || !f || !f->lock_state ||
	    strcmp(f->lock_state, "held") != 0)
		return;
	apply = lock_apply(a, f->lock_info, &who);
	if (!apply || strcmp(apply, r->apply_id) != 0)
		return;
	step->observed.starting = true;
	step->observed.why = arena_printf(a, "the apply of %s is starting it, since %.19s", who,
					  r->at ? r->at : "?");
}

static void
graph_look(struct arena *a, struct step *step, struct diags *problems)
{
	const struct record *r = step_record(step);
	const char *why = step->node ? graph_silence(a, step->node) : NULL;
	size_t before = problems->n;

	attrs_sort(&step->want);
	if (why) {
		step->observed = (struct observed){.state = STATE_UNKNOWN, .why = why};
		return;
	}
	step->observed.state = STATE_ABSENT;
	if (r && observe_other_record(a, step, r, problems))
		;
	else if (step->kind->observe)
		step->kind->observe(a, step, problems);
	else
		graph_observe_by_record(step, r);
	graph_mark_starting(a, step, r);
	for (size_t i = before; i < problems->n; i++)
		problems->v[i].step = step;
	if (r && !step->observed.down.n)
		step->observed.down = r->down;
	attrs_sort(&step->observed.have);
	attrs_sort(&step->observed.bound);
	attrs_sort(&step->observed.down);
}

/* Another apply holds the lock: its started steps are not interrupted ones. */
static void
graph_tell_lock(struct arena *a, const struct cluster *c, struct diags *problems)
{
	for (size_t i = 0; i < c->nnode; i++) {
		const struct facts *f = c->node[i].facts;

		if (!f || f->state != FACTS_OK || !f->lock_state ||
		    strcmp(f->lock_state, "held") != 0)
			continue;
		diag_node(problems, DIAG_WARNING, &c->node[i],
			  "plan again after it has ended",
			  "the lock is held by %s: its steps look unfinished here",
			  lock_holder(a, f->lock_info));
		return;
	}
}

/* Reports nodes under `left` with nothing left on them, lists that name too many nodes, and a
 * node with another key. */
static void
graph_tell_nodes(struct arena *a, const struct cluster *c, struct diags *problems)
{
	for (size_t i = c->nspec; i < c->nnode; i++) {
		const struct node *n = &c->node[i];
		const struct facts *f = n->facts;

		if (n->left && f && f->state == FACTS_OK && !f->record.n && !f->container.n &&
		    !f->proc.n && !f->members)
			diag_node(problems, DIAG_WARNING, n,
				  "remove it from 'left' in the spec",
				  "nothing of this cluster is left on it");
	}
	if (c->mac_key_other)
		diag_node(problems, DIAG_WARNING, cluster_node(c, c->mac_key_other),
			  "the next apply gives it their key",
			  "its key for comparing secrets differs from that of most nodes: "
			  "secrets of its steps look changed");
	if (c->ncut)
		diag_node(problems, DIAG_ERROR, NULL,
			  arena_printf(a, "remove fewer nodes from the spec at once; or, if you "
			  "do not trust %s, remove that node", c->cut_by),
			  "members.json of %s%s names more nodes that left the spec than "
			  "dray follows (%d from one list, %d in all)", c->cut_by,
			  c->ncut > 1 ? " (and of others)" : "", MEMBERS_OF_ONE,
			  MEMBERS_IN_ALL);
}

struct graph *
graph_build_of(struct arena *a, const struct cluster *c, struct diags *problems,
	       const struct kind *const *list)
{
	struct graph *g = ar_new(a, struct graph);
	struct graph_builder b = {.arena = a, .cluster = c, .graph = g};

	g->cluster = c;
	g->kinds = list;
	g->problems = problems;
	for (size_t i = 0; list[i]; i++)
		list[i]->plan(a, c, &b);
	for (size_t i = 0; list[i]; i++)
		if (list[i]->link)
			list[i]->link(&b, problems);
	graph_tell_lock(a, c, problems);
	graph_tell_nodes(a, c, problems);
	graph_add_orphans(a, c, g, problems, list);
	for (size_t i = 0; list[i]; i++)
		if (list[i]->link_left)
			list[i]->link_left(&b);
	if (!graph_order(a, g) && !(graph_forget_circles(g) && graph_order(a, g)))
		graph_tell_circles(a, g, problems);
	for (size_t i = 0; i < g->n; i++)
		graph_look(a, g->v[i], problems);
	tell_other_owners(a, c, g, problems);
	return g;
}

struct graph *
graph_build(struct arena *a, const struct cluster *c, struct diags *problems)
{
	return graph_build_of(a, c, problems, c->kinds);
}
