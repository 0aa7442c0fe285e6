#include "planner/layout.h"

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

/* vLLM numbers its ranks node by node, and Ray fills the head, then whichever node it likes:
 * only the last one may have GPUs left over, and with three nodes any can be the last. */
static struct placed
place_by_ray(const struct places *p, long long tensor, long long groups)
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

/* The fewest nodes that can give the same number each, in whole groups if there is a way; and
 * whole copies of the model lie in nodes, or each copy on whole nodes. */
static struct placed
place_by_mp(const struct places *p, long long tensor, long long copy, long long data)
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
	return mp ? place_by_mp(p, tensor, tensor * pipeline, data)
		  : place_by_ray(p, tensor, pipeline * data);
}

const char *
layout_spans_why(struct arena *a, long long tensor, long long most)
{
	if (tensor > most)
		return arena_printf(a, "a tensor group of %lld GPUs does not fit into one node: each "
				    "layer will wait for the network", tensor);
	return arena_printf(a, "tensor groups of %lld GPUs do not fill the nodes: one will lie on "
			    "several, and each layer there will wait for the network", tensor);
}

static long long
gpus_of_spec(const void *nodes, size_t i)
{
	const struct spec_node *node = nodes;

	return node[i].gpus.value;
}

static bool
backend_is(const struct spec *s, const char *word)
{
	return s->engine.backend.text && strcmp(s->engine.backend.text, word) == 0;
}

/* Of a backend that is not known yet the better one. */
static struct placed
place_spec(const struct spec *s)
{
	const struct spec_parallelism *p = &s->parallelism;
	struct places places = {gpus_of_spec, s->node, s->nnode};
	bool mp = backend_is(s, "mp"), ray = backend_is(s, "ray");
	struct placed by_mp, by_ray;

	by_mp = layout_place(&places, p->tensor.value, p->pipeline.value, p->data.value, true);
	by_ray = layout_place(&places, p->tensor.value, p->pipeline.value, p->data.value, false);
	/* Copies of the model go without Ray. */
	mp = mp || (!ray && p->data.value > 1);
	if (mp && !by_mp.nodes)         /* said by layout_equal */
		by_mp.nodes = layout_by_gpus(&places, p->tensor.value * p->pipeline.value *
					     p->data.value);
	if (mp || (!ray && by_mp.nodes && by_ray.spans))
		return by_mp;
	return by_ray;
}

struct layout
layout_of(const struct spec *s)
{
	struct layout l = {.known = true, .fits = true,
		.wanted = s->parallelism.tensor.value * s->parallelism.pipeline.value *
			  s->parallelism.data.value};
	const struct spec_parallelism *p = &s->parallelism;
	struct placed placed;

	/* layout_choose() says more when the nodes were looked at. */
	if (p->is_auto || p->tensor.is_auto || p->pipeline.is_auto)
		return (struct layout){.fits = true, .nodes = s->nnode};
	for (size_t i = 0; i < s->nnode; i++) {
		l.known = l.known && s->node[i].gpus.set;
		l.have += s->node[i].gpus.value;
	}
	if (!l.known) {
		l.nodes = (long long)s->nnode < l.wanted ? s->nnode : (size_t)l.wanted;
		/* With mp each gives the same number. */
		while (l.nodes > 1 && backend_is(s, "mp") && l.wanted % (long long)l.nodes)
			l.nodes--;
		return l;
	}
	placed = place_spec(s);
	l.nodes = placed.nodes;
	l.spans = placed.spans;
	l.fits = l.nodes > 0;
	return l;
}
