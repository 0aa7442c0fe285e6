#include "planner/spec/places.h"

#include <string.h>

size_t
layout_by_gpus(const struct places *p, long long wanted)
{
	long long gpus = 0;

	for (size_t i = 0; i < p->n; i++) {
		gpus += p->gpus(p->nodes, i);
		if (gpus >= wanted)
			return i + 1;
	}
	return 0;
}

/* Ranks are numbered node by node. A coordinator fills the head first and then the others in
 * any order, so only the last may have GPUs left over; with three nodes any can be last. */
static struct placed
places_by_head(const struct places *p, long long tensor, long long groups)
{
	bool whole = true;
	size_t n = 0;

	for (long long have = 0; n < p->n && have < groups; n++) {
		have += p->gpus(p->nodes, n) / tensor;
		if (have < groups && n + 1 == p->n)
			whole = false;
	}
	for (size_t i = 0; n > 1 && i < n; i++)
		if ((i == 0 || n > 2) && p->gpus(p->nodes, i) % tensor)
			whole = false;
	if (!whole)
		n = layout_by_gpus(p, tensor * groups);
	return (struct placed){.nodes = n, .spans = !whole && n > 1};
}

/* The fewest nodes that can give the same number of GPUs each, in whole groups if possible.
 * Either a node holds whole copies of the model, or a copy takes whole nodes. */
static struct placed
places_by_ranks(const struct places *p, long long tensor, long long copy, long long data)
{
	struct placed spread = {0};
	long long world = copy * data, least = 0;

	for (size_t n = 1; n <= p->n; n++) {
		long long each = world / (long long)n, has = p->gpus(p->nodes, n - 1);

		least = n == 1 || has < least ? has : least;
		if (world % (long long)n || each > least || (each % copy && copy % each))
			continue;
		if (each % tensor == 0)
			return (struct placed){.nodes = n, .each = each};
		if (tensor % each == 0 && !spread.nodes)
			spread = (struct placed){.nodes = n, .spans = true, .each = each};
	}
	return spread;
}

struct placed
layout_place(const struct places *p, long long tensor, long long pipeline, long long data, bool mp)
{
	return mp ? places_by_ranks(p, tensor, tensor * pipeline, data)
		  : places_by_head(p, tensor, pipeline * data);
}

const char *
layout_spans_why(struct arena *a, long long tensor, long long most)
{
	if (tensor > most)
		return arena_printf(a, "a tensor group of %lld GPUs does not fit into one node: every "
				    "layer will wait for the network", tensor);
	return arena_printf(a, "tensor groups of %lld GPUs do not fill the nodes: one will span "
			    "several, and its layers will wait for the network", tensor);
}

static long long
places_gpus_of_spec(const void *nodes, size_t i)
{
	const struct spec_node *node = nodes;

	return node[i].gpus.value;
}

static bool
places_names(const struct spec *s, enum shape shape)
{
	return engine_shape_is(s->engine.kind, shape, s->engine.backend.text);
}

/* If the shape is not known yet, takes the better one. */
static struct placed
places_of_spec(const struct spec *s)
{
	const struct spec_parallelism *p = &s->parallelism;
	struct places places = {places_gpus_of_spec, s->node, s->nnode};
	bool ranks = places_names(s, SHAPE_RANKS), led = places_names(s, SHAPE_COORDINATOR);
	struct placed by_ranks, by_head;

	by_ranks = layout_place(&places, p->tensor.value, p->pipeline.value, p->data.value, true);
	by_head = layout_place(&places, p->tensor.value, p->pipeline.value, p->data.value, false);
	/* Copies of the model do not use a coordinator. */
	ranks = ranks || (!led && p->data.value > 1);
	if (ranks && !by_ranks.nodes)         /* layout_equal reports it */
		by_ranks.nodes = layout_by_gpus(&places, p->tensor.value * p->pipeline.value *
					     p->data.value);
	if (ranks || (!led && by_ranks.nodes && by_head.spans))
		return by_ranks;
	return by_head;
}

struct layout
layout_of(const struct spec *s)
{
	const struct spec_parallelism *p = &s->parallelism;
	struct layout l = {.known = true, .fits = true,
		.wanted = p->tensor.value * p->pipeline.value * p->data.value};
	struct placed placed;

	/* cluster_decide() knows more, after the nodes were looked at. */
	if (p->is_auto || p->tensor.is_auto || p->pipeline.is_auto)
		return (struct layout){.fits = true, .nodes = s->nnode};
	for (size_t i = 0; i < s->nnode; i++) {
		l.known = l.known && s->node[i].gpus.set;
		l.have += s->node[i].gpus.value;
	}
	if (!l.known) {
		l.nodes = (long long)s->nnode < l.wanted ? s->nnode : (size_t)l.wanted;
		/* Ranks need the same number of GPUs on each node. */
		while (l.nodes > 1 && places_names(s, SHAPE_RANKS) && l.wanted % (long long)l.nodes)
			l.nodes--;
		return l;
	}
	placed = places_of_spec(s);
	l.nodes = placed.nodes;
	l.spans = placed.spans;
	l.fits = l.nodes > 0;
	return l;
}
