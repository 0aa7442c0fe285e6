/* The order of steps: Kahn's algorithm, with groups kept together; and finding circles. */
#include "planner/plan/order.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

/* Ties keep the steps' first order: a binary heap of indices. */
struct heap {
	size_t *v, n;
};

static void
order_heap_push(struct heap *h, size_t x)
{
	size_t i = h->n++;

	for (; i && h->v[(i - 1) / 2] > x; i = (i - 1) / 2)
		h->v[i] = h->v[(i - 1) / 2];
	h->v[i] = x;
}

static size_t
order_heap_pop(struct heap *h)
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

/* Steps while they are sorted: next[first[i + 1]..first[i + 2]) depend on i. */
struct ordering {
	struct graph *g;
	struct heap heap;
	size_t *left, *first, *next;    /* left: upstreams without a place */
};

/* The dependents of each step, in one array. */
static struct ordering
order_ordering_of(struct arena *a, struct graph *g)
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
order_release(struct ordering *o, size_t i, bool inside)
{
	const struct step *step = o->g->v[i];

	for (size_t k = o->first[i + 1]; k < o->first[i + 2]; k++) {
		size_t then = o->next[k];

		if (graph_same_group(step, o->g->v[then]) == inside && --o->left[then] == 0)
			order_heap_push(&o->heap, then);
	}
}

/* A step has its place. What depends on one step of a group comes after the whole group,
 * because what happens to one decides what happens to all. */
static void
order_placed(struct ordering *o, size_t i, bool *done)
{
	const struct graph *g = o->g;

	done[i] = true;
	order_release(o, i, g->v[i]->kind->group && !g->v[i]->orphan);
	if (!g->v[i]->kind->group || g->v[i]->orphan)
		return;
	for (size_t k = 0; k < g->n; k++)
		if (graph_same_group(g->v[i], g->v[k]) && !done[k])
			return;
	for (size_t k = 0; k < g->n; k++)
		if (graph_same_group(g->v[i], g->v[k]))
			order_release(o, k, false);
}

bool
graph_order(struct arena *a, struct graph *g)
{
	struct ordering o = order_ordering_of(a, g);
	struct step **sorted = ar_array(a, struct step *, g->n + 1);
	bool *done = ar_array(a, bool, g->n + 1), whole;
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (!o.left[i])
			order_heap_push(&o.heap, i);
	while (o.heap.n) {
		size_t i = order_heap_pop(&o.heap);

		sorted[n++] = g->v[i];
		order_placed(&o, i, done);
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

/* An upstream without a place, of the step or of one in its group. */
static const struct step *
order_waits_for(const struct graph *g, const struct step *step)
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

/* Each step waits for the next, and the last equals the first. n 0: no circle. */
struct circle {
	const struct step **v;
	size_t n, cap;
};

static struct circle
order_circle(struct arena *a, const struct graph *g)
{
	const struct step *s = g->nplaced < g->n ? g->v[g->nplaced] : NULL;
	bool *observed = ar_array(a, bool, g->n + 1);
	struct circle c = {0};

	while (s && !observed[s->index]) {
		observed[s->index] = true;
		s = order_waits_for(g, s);
	}
	for (const struct step *t = s; s && (!c.n || t != s); t = order_waits_for(g, t))
		*vec_push(a, &c) = t;
	if (c.n)
		*vec_push(a, &c) = s;
	return c;
}

static const char *
order_circle_text(struct arena *a, const struct circle *c)
{
	const char *s = "steps wait for each other in a circle";

	for (size_t i = 0; i + 1 < c->n; i++)
		s = arena_printf(a, "%s%s %s for %s", s, i ? "," : ":", c->v[i]->addr, c->v[i + 1]->addr);
	return s;
}

/* Removes all edges that the word makes. */
static void
order_forget(struct graph *g, const struct word *why)
{
	for (size_t i = 0; i < g->n; i++) {
		struct step *s = g->v[i];
		size_t n = 0;

		for (size_t k = 0; k < s->deps.n; k++)
			if (s->deps.v[k].why != why)
				s->deps.v[n++] = s->deps.v[k];
		s->deps.n = n;
	}
}

/* Reports one circle; false: no word of the spec makes it. */
static bool
order_tell_circle(struct arena *a, struct graph *g, const struct circle *c, struct diags *to)
{
	struct { const struct word **v; size_t n, cap; } words = {0};

	for (size_t i = 0; i + 1 < c->n; i++)
		for (size_t k = 0; k < c->v[i]->deps.n; k++) {
			const struct dep *dep = &c->v[i]->deps.v[k];

			if (dep->on == c->v[i + 1] && dep->why)
				*vec_push(a, &words) = dep->why;
		}
	diag_error(to, words.n ? words.v[0]->at : (struct loc){0}, "%s", order_circle_text(a, c));
	for (size_t i = 0; i < words.n; i++) {
		if (i)
			diag_note(to, words.v[i]->at, "and because of this");
		order_forget(g, words.v[i]);
	}
	return words.n;
}

void
graph_tell_circles(struct arena *a, struct graph *g, struct diags *to)
{
	bool whole = false;

	while (!whole) {
		struct circle c = order_circle(a, g);

		if (!order_tell_circle(a, g, &c, to))
			return;
		whole = graph_order(a, g);
	}
}
