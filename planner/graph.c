/* The step graph: what kinds ask for, what records on the nodes still name, edges, and
 * an order in which everything comes after what it depends on. */
#include "planner/graph.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/order.h"
#include "planner/user.h"

static size_t
hash_of(const char *addr)
{
	uint64_t h = 14695981039346656037U;

	for (; *addr; addr++)
		h = (h ^ (unsigned char)*addr) * 1099511628211U;
	return (size_t)(h ^ h >> 32);
}

static struct step **
slot_of(const struct graph *g, const char *addr)
{
	size_t i = hash_of(addr) & (g->nslot - 1);

	while (g->slot[i] && strcmp(g->slot[i]->addr, addr) != 0)
		i = (i + 1) & (g->nslot - 1);
	return &g->slot[i];
}

struct step *
graph_find(const struct graph *g, const char *addr)
{
	return g->nslot ? *slot_of(g, addr) : NULL;
}

/* At most half of the slots are in use, so that a search stays short. */
static void
remember(struct arena *a, struct graph *g, struct step *step)
{
	struct step **slot;

	if (g->n * 2 > g->nslot) {
		g->nslot = g->nslot ? g->nslot * 4 : 64;
		g->slot = ar_array(a, struct step *, g->nslot);
		for (size_t i = 0; i < g->n; i++)
			if (!*(slot = slot_of(g, g->v[i]->addr)))
				*slot = g->v[i];
	}
	if (!*(slot = slot_of(g, step->addr)))
		*slot = step;
}

static struct step *
add(struct arena *a, const struct model *model, struct graph *g, const struct kind *kind,
    struct node *node, const char *addr)
{
	struct step *step = ar_new(a, struct step);

	*step = (struct step){.addr = addr, .kind = kind, .node = node, .model = model,
		.index = g->n};
	*vec_push(a, g) = step;
	remember(a, g, step);
	if (!g->range.n || g->range.v[g->range.n - 1].kind != kind)
		*vec_push(a, &g->range) = (struct graph_range){.kind = kind, .first = g->n - 1};
	g->range.v[g->range.n - 1].end = g->n;
	return step;
}

struct step *
graph_add_as(struct graph_builder *b, const struct kind *kind, struct node *node, const char *addr)
{
	return add(b->arena, b->model, b->graph, kind, node, addr);
}

struct step *
graph_add(struct graph_builder *b, const struct kind *kind, struct node *node, bool label)
{
	const char *addr = label ? arena_printf(b->arena, "%s[%s]", kind->name, node->name)
				 : kind->name;

	return add(b->arena, b->model, b->graph, kind, node, addr);
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
graph_dep_all(struct graph_builder *b, struct step *step, const char *kind, enum edge edge,
	      const char *input)
{
	const struct graph *g = b->graph;

	for (size_t r = 0; r < g->range.n; r++) {
		const struct graph_range *range = &g->range.v[r];

		if (strcmp(range->kind->name, kind) != 0)
			continue;
		/* Nothing is ever done in a step without an up: there is nothing to wait
		 * for, and N nodes waiting for N looks would be N * N edges. */
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

		if (dep->edge != EDGE_CONTENT || !dep->input || !dep->on->seen.output)
			continue;
		if (!attrs_value(&step->want, dep->input, NULL)) {
			attrs_add(a, &step->want, dep->input, dep->on->seen.output);
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
find_kind(const struct kind *const *list, const char *addr, const char *name)
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
bound_to_instance(const struct step *step)
{
	for (size_t i = 0; i < step->deps.n; i++)
		if (step->deps.v[i].edge == EDGE_INSTANCE)
			return true;
	return false;
}

/*
 * Does what node knows as addr belong to no step of the model? The same address on
 * another node is left over when it names a node or something that runs (serve of a
 * former head); a file in the shared directory (script, download) is the same thing
 * seen from another node.
 */
static bool
is_left_over(const struct graph *g, const struct node *node, const char *addr)
{
	const struct step *step = graph_find(g, addr);

	if (!step)
		return true;
	if (step->node == node)
		return false;
	return strchr(addr, '[') || bound_to_instance(step);
}

static void
problem(struct arena *a, struct problems *list, enum severity severity,
	const struct node *node, const char *text, const char *hint)
{
	*vec_push(a, list) = (struct problem){.severity = severity, .node = node,
		.text = text, .hint = hint};
}

/* Names of files and labels on a node: what no dray has written is left alone. */
static bool
is_address(const char *addr)
{
	const char *s = addr;

	while (*s > 0x20 && *s < 0x7f && *s != '"' && *s != '/')
		s++;
	return *addr && !*s;
}

static void
add_orphan(struct arena *a, const struct model *m, struct graph *g, struct problems *problems,
	   struct node *node, const char *addr, struct record *r,
	   const struct kind *const *list)
{
	const struct kind *kind = find_kind(list, addr, r ? r->kind : NULL);

	if (!is_address(addr))
		return;
	/* Orphans of one node lie together at the end. */
	for (size_t i = g->n; i-- > 0 && g->v[i]->orphan && g->v[i]->node == node;)
		if (strcmp(g->v[i]->addr, addr) == 0)
			return;
	node->keeps |= !kind;
	if (!kind && r && attrs_value(&r->down, "file", NULL)) {
		const char *file = attrs_value(&r->down, "file", NULL);

		problem(a, problems, DIAG_WARNING, node,
			arena_printf(a, "'%s' is of kind '%s', which no file under 'kinds' defines; it "
				     "is left alone", addr, r->kind),
			arena_printf(a, "put '%s' back under 'kinds', and it is taken away", file));
		return;
	}
	if (!kind) {
		problem(a, problems, DIAG_WARNING, node,
			arena_printf(a, "'%s' is of a kind that this dray does not know; it "
				     "is left alone", addr),
			"a newer dray made it: use that one");
		return;
	}
	add(a, m, g, kind, node, addr)->orphan = true;
}

/* Orphans in the order of their kinds: as they came up, and are listed. */
static int
by_kind(const void *x, const void *y, void *arg)
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

/* A node's own word about what was put there: records first, then live containers of
 * ours whose record is lost. */
static void
add_orphans(struct arena *a, const struct model *m, struct graph *g,
	    struct problems *problems, const struct kind *const *list)
{
	size_t first = g->n;

	for (size_t i = 0; i < m->nnode; i++) {
		struct node *node = &m->node[i];
		const struct facts *f = node->facts;

		if (!f || f->state != FACTS_OK)
			continue;
		for (size_t k = 0; k < f->record.n; k++)
			if (is_left_over(g, node, f->record.v[k].step))
				add_orphan(a, m, g, problems, node, f->record.v[k].step,
					   &node->facts->record.v[k], list);
		for (size_t k = 0; k < f->container.n; k++) {
			const struct fact_container *c = &f->container.v[k];

			if (*c->step && strcmp(c->cluster, m->cluster) == 0 &&
			    is_left_over(g, node, c->step))
				add_orphan(a, m, g, problems, node, c->step, NULL, list);
		}
		for (size_t k = 0; k < f->proc.n; k++)
			if (*f->proc.v[k].step && is_left_over(g, node, f->proc.v[k].step))
				add_orphan(a, m, g, problems, node, f->proc.v[k].step, NULL, list);
	}
	if (g->n > first)
		qsort_r(g->v + first, g->n - first, sizeof *g->v, by_kind, &list);
}

/* Records were written by different applies: what contradicts itself says nothing. */
static bool
forget_circles(struct graph *g)
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
silence(struct arena *a, const struct node *node)
{
	const struct facts *f = node->facts;

	if (!f)
		return arena_printf(a, "node %s was not looked at", node->name);
	if (f->state == FACTS_UNREACHABLE)
		return arena_printf(a, "node %s is unreachable", node->name);
	return f->complete ? NULL
			   : arena_printf(a, "node %s answered only in part", node->name);
}

/* For a kind without a look of its own the record is all there is. */
static void
see_record(struct step *step, const struct record *r)
{
	if (!r)
		return;
	step->seen = (struct seen){
		.state = strcmp(r->phase, "done") == 0 ? SEEN_PRESENT : SEEN_INTERRUPTED,
		.have = r->inputs, .bound = r->bound, .down = r->down,
		.instance = r->instance, .output = r->output,
	};
}

static void
look(struct arena *a, struct step *step, struct problems *problems)
{
	const struct record *r = step_record(step);
	const char *why = step->node ? silence(a, step->node) : NULL;
	size_t before = problems->n;

	attrs_sort(&step->want);
	if (why) {
		step->seen = (struct seen){.state = SEEN_UNKNOWN, .why = why};
		return;
	}
	step->seen.state = SEEN_ABSENT;
	if (step->kind->see)
		step->kind->see(a, step, problems);
	else
		see_record(step, r);
	for (size_t i = before; i < problems->n; i++)
		problems->v[i].step = step;
	if (r && !step->seen.down.n)
		step->seen.down = r->down;
	attrs_sort(&step->seen.have);
	attrs_sort(&step->seen.bound);
	attrs_sort(&step->seen.down);
}

/* Somebody is at work: what he has begun must not pass for what was left undone. */
static void
tell_lock(struct arena *a, const struct model *m, struct problems *problems)
{
	for (size_t i = 0; i < m->nnode; i++) {
		const struct facts *f = m->node[i].facts;

		if (!f || f->state != FACTS_OK || !f->lock_state ||
		    strcmp(f->lock_state, "held") != 0)
			continue;
		problem(a, problems, DIAG_WARNING, &m->node[i],
			arena_printf(a, "the lock is held by %s: what it is at work on looks "
				     "unfinished here", lock_holder(a, f->lock_info)),
			"plan again when it has ended");
		return;
	}
}

struct graph *
graph_build_of(struct arena *a, const struct model *m, struct problems *problems,
	       const struct kind *const *list)
{
	struct graph *g = ar_new(a, struct graph);
	struct graph_builder b = {.arena = a, .model = m, .graph = g};

	g->model = m;
	g->problems = problems;
	for (size_t i = 0; list[i]; i++)
		list[i]->plan(a, m, &b);
	if (m->user.n)
		user_link(&b, problems);
	tell_lock(a, m, problems);
	add_orphans(a, m, g, problems, list);
	user_link_orphans(&b);
	if (!graph_order(a, g) && !(forget_circles(g) && graph_order(a, g))) {
		struct circle circle = graph_circle(a, g);

		problem(a, problems, DIAG_ERROR, NULL, circle_text(a, &circle), NULL);
	}
	for (size_t i = 0; i < g->n; i++)
		look(a, g->v[i], problems);
	return g;
}

struct graph *
graph_build(struct arena *a, const struct model *m, struct problems *problems)
{
	return graph_build_of(a, m, problems, m->kinds ? m->kinds : kinds);
}
