/* The order of steps: Kahn's way, groups together; and the circles that it finds. */
#include "planner/order.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

/* The steps' first order is the tie-breaker: a binary heap of indices. */
struct heap {
	size_t *v, n;
};

static void
heap_push(struct heap *h, size_t x)
{
	size_t i = h->n++;

	for (; i && h->v[(i - 1) / 2] > x; i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = x;
}

static size_t
heap_pop(struct heap *h)
{
	size_t top = h->v[0], last = h->v[--h->n], i = 0;

	for (size_t c; (c = 2 * i + 1) < h->n; i = c) {
		if (c + 1 < h->n && h->v[c + 1] < h->v[c])
			c++;
		if (h->v[c] >= last)
			break;
		h->v[i] = h->v[c];
	}
	h->v[i] = last;
	return top;
}

/* Steps while they are put in order: next[first[i + 1]..first[i + 2]) depend on i. */
struct ordering {
	struct graph *g;
	struct heap heap;
	size_t *left, *first, *next;    /* left: upstreams that have no place yet */
};

/* Dependents of each step, side by side in one array. */
static struct ordering
ordering_of(struct arena *a, struct graph *g)
{
	struct ordering o = {.g = g, .heap = {.v = ar_array(a, size_t, g->n + 1)},
		.left = ar_array(a, size_t, g->n + 1), .first = ar_array(a, size_t, g->n + 2)};
	size_t edges = 0;

	for (size_t i = 0; i < g->n; i++) {
		g->v[i]->index = i;
		o.left[i] = g->v[i]->deps.n;
		edges += o.left[i];
	}
	o.next = ar_array(a, size_t, edges + 1);
	for (size_t i = 0; i < g->n; i++)
		for (size_t k = 0; k < g->v[i]->deps.n; k++)
			o.first[g->v[i]->deps.v[k].on->index + 1]++;
	for (size_t i = 0; i < g->n; i++)
		o.first[i + 1] += o.first[i];
	for (size_t i = g->n; i-- > 0;)
		for (size_t k = 0; k < g->v[i]->deps.n; k++)
			o.next[--o.first[g->v[i]->deps.v[k].on->index + 1]] = i;
	o.first[g->n + 1] = edges;
	return o;
}

static void
release(struct ordering *o, size_t i, bool inside)
{
	const struct step *step = o->g->v[i];

	for (size_t k = o->first[i + 1]; k < o->first[i + 2]; k++) {
		size_t then = o->next[k];

		if (graph_same_group(step, o->g->v[then]) == inside && --o->left[then] == 0)
			heap_push(&o->heap, then);
	}
}

/* A step has its place. Who stands on one of a group comes after all of the group,
 * because what happens to one decides what happens to all. */
static void
placed(struct ordering *o, size_t i, bool *done)
{
	const struct graph *g = o->g;

	done[i] = true;
	release(o, i, g->v[i]->kind->group && !g->v[i]->orphan);
	if (!g->v[i]->kind->group || g->v[i]->orphan)
		return;
	for (size_t k = 0; k < g->n; k++)
		if (graph_same_group(g->v[i], g->v[k]) && !done[k])
			return;
	for (size_t k = 0; k < g->n; k++)
		if (graph_same_group(g->v[i], g->v[k]))
			release(o, k, false);
}

bool
graph_order(struct arena *a, struct graph *g)
{
	struct ordering o = ordering_of(a, g);
	struct step **sorted = ar_array(a, struct step *, g->n + 1);
	bool *done = ar_array(a, bool, g->n + 1), whole;
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (!o.left[i])
			heap_push(&o.heap, i);
	while (o.heap.n) {
		size_t i = heap_pop(&o.heap);

		sorted[n++] = g->v[i];
		placed(&o, i, done);
	}
	whole = n == g->n;
	g->nplaced = n;
	for (size_t i = 0; i < g->n && !whole; i++)
		if (!done[i])
			sorted[n++] = g->v[i];
	if (g->n)
		memcpy(g->v, sorted, g->n * sizeof *sorted);
	for (size_t i = 0; i < g->n; i++)
		g->v[i]->index = i;
	return whole;
}

/* Of those that found no place: what the step waits for in vain, or one of its group. */
static const struct step *
waits_for(const struct graph *g, const struct step *step)
{
	for (size_t i = 0; i < step->deps.n; i++)
		if (step->deps.v[i].on->index >= g->nplaced)
			return step->deps.v[i].on;
	for (size_t i = g->nplaced; step->kind->group && i < g->n; i++)
		for (size_t k = 0; graph_same_group(step, g->v[i]) && k < g->v[i]->deps.n; k++)
			if (g->v[i]->deps.v[k].on->index >= g->nplaced &&
			    !graph_same_group(step, g->v[i]->deps.v[k].on))
				return g->v[i]->deps.v[k].on;
	return NULL;
}

struct circle
graph_circle(struct arena *a, const struct graph *g)
{
	const struct step *s = g->nplaced < g->n ? g->v[g->nplaced] : NULL;
	bool *seen = ar_array(a, bool, g->n + 1);
	struct circle c = {0};

	while (s && !seen[s->index]) {
		seen[s->index] = true;
		s = waits_for(g, s);
	}
	for (const struct step *t = s; s && (!c.n || t != s); t = waits_for(g, t))
		*vec_push(a, &c) = t;
	if (c.n)
		*vec_push(a, &c) = s;
	return c;
}

const char *
circle_text(struct arena *a, const struct circle *c)
{
	const char *s = "steps wait for each other in a circle";

	for (size_t i = 0; i + 1 < c->n; i++)
		s = arena_printf(a, "%s%s %s for %s", s, i ? "," : ":", c->v[i]->addr, c->v[i + 1]->addr);
	return s;
}
