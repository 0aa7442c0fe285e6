/* One layout: where its stages are, and what they take of each GPU. */
#include <math.h>
#include <string.h>

#include "planner/layout/layout_fit.h"
#include "planner/spec/places.h"

/* The largest stage relative to the mean, if shapes are not known. */
static const double SPREAD = 1.03;

long long
layout_layers(const struct layout_ask *ask, long long pipeline, long long k)
{
	return ask->engine->layers_before(ask, pipeline, k + 1) -
	       ask->engine->layers_before(ask, pipeline, k);
}

/* How many layers are in the stages before stage k. */
static long long
layout_try_before(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	long long n = 0;

	if (!t->partition)
		return ask->engine->layers_before(ask, t->pipeline, k);
	for (long long i = 0; i < k; i++)
		n += t->partition[i];
	return n;
}

/* The node of stage k whose GPUs have the least memory. The stages up to *end - 1 are on it, too.
 * NULL: the memory of no node is known. */
static const struct layout_node *
layout_try_stage_node(const struct layout_ask *ask, const struct layout_try *t, long long k,
		      long long *end)
{
	const struct layout_node *least = NULL;
	long long groups = 0;

	*end = t->pipeline;
	if (t->memory > 0)
		return &ask->node[0];
	for (size_t i = 0; i < t->nodes; i++) {
		const struct layout_node *n = &ask->node[i];

		/* Replicas, and groups over several nodes: the smallest of all. */
		if (t->spans || ask->data != 1) {
			if (!least || n->memory < least->memory)
				least = n;
			continue;
		}
		groups += (t->each ? t->each : n->gpus) / t->tensor;
		if (groups > k) {
			*end = groups;
			return n;
		}
	}
	return least;
}

static double layout_try_spread(long long gpus) { return gpus > 1 ? SPREAD : 1; }

static double
layout_try_stage_weights(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	const struct checkpoint *f = ask->model;
	const struct weights_scale scale = f->scale;
	double kind[LAYER_KINDS] = {0}, bytes = 0, ends = weights_embedding(f) * scale.rest;
	long long from = layout_try_before(ask, t, k), n = layout_try_before(ask, t, k + 1) - from;

	if (!f->known)
		return f->weight_bytes / (double)(t->tensor * t->pipeline) *
		       layout_try_spread(t->tensor * t->pipeline);
	if (f->real)
		return weights_real_stage(f, from, n, k == 0, k == t->pipeline - 1, t->tensor,
					  t->tensor * ask->data);
	for (long long i = from; i < from + n && i < f->layers; i++) {
		unsigned has = f->layer[i];

		if (kind[has] <= 0)
			kind[has] = weights_layer(f, has, t->tensor, t->tensor * ask->data) *
				     scale.layer;
		bytes += kind[has];
	}
	bytes += weights_ends(f, k == 0, k == t->pipeline - 1, ends, ends) / (double)t->tensor;
	return bytes + scale.encoder / (double)t->tensor;
}

static struct layout_part
layout_try_part(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	long long from = layout_try_before(ask, t, k);

	return (struct layout_part){.tensor = t->tensor, .from = from,
		.layers = layout_try_before(ask, t, k + 1) - from, .first = k == 0,
		.last = k == t->pipeline - 1, .weights = layout_try_stage_weights(ask, t, k)};
}

/* How many sequences there is room for. The engine counts whole blocks. */
static double
layout_try_sequences(const struct layout_stage *s)
{
	double blocks = s->kv.block > 0 && s->room > 0 ? s->room / s->kv.block : 0;

	return s->kv.blocks > 0 ? (double)(long long)(blocks < 1e15 ? blocks : 1e15) / s->kv.blocks
				: 0;
}

static const double GIB = 1024.0 * 1024 * 1024;

/* An earlier start with the same sizes had more or less room than estimated. The estimate knows the
 * arguments, so the difference does not come from them and also holds for other arguments. */
static void
layout_try_correct(const struct layout_ask *ask, const struct layout_try *t, struct layout_stage *s)
{
	const struct measured *m = ask->measured;

	if (!m || m->tensor != t->tensor || m->pipeline != t->pipeline || ask->kv_given > 0)
		return;
	/* A difference of more than a tenth is not an error of the estimate: another process held
	 * memory, or the number is false. */
	if (m->said_kv > 0 && m->model == ask->engine->memory_model &&
	    fabs(m->kv - m->said_kv) * GIB <= s->memory / 10)
		s->corrected = (m->kv - m->said_kv) * GIB;
	s->room += s->corrected;
	s->sequences = layout_try_sequences(s);
}

struct layout_stage
layout_stage(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	struct layout_stage s = layout_stage_said(ask, t, k);

	layout_try_correct(ask, t, &s);
	return s;
}

struct layout_stage
layout_stage_said(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	long long end;
	const struct layout_node *n = layout_try_stage_node(ask, t, k, &end);
	struct layout_part part = layout_try_part(ask, t, k);
	struct layout_stage s = {.layers = part.layers, .first = part.first, .last = part.last,
		.total = n ? n->memory : 0, .memory = n ? n->memory - n->reserved : 0,
		.over = ask->engine->overhead(ask, &part)};

	s.weights = part.weights > 0 ? part.weights + s.over.loaded - ask->offload : 0;
	if (s.weights < 0)
		s.weights = 0;
	if (ask->model->known)
		s.kv = ask->engine->kv(ask, &part, ask->context);
	s.room = ask->kv_given > 0 ? ask->kv_given
		: s.memory * ask->utilization - s.weights - s.over.context - s.over.graphs -
		  s.over.activations;
	s.sequences = layout_try_sequences(&s);
	return s;
}

long long
layout_longest(const struct layout_ask *ask, const struct layout_try *t)
{
	long long low = 0, high = ask->context / 16;
	struct layout_part part = layout_try_part(ask, t, t->worst);
	struct layout_stage s = layout_stage(ask, t, t->worst);

	while (low < high) {
		long long middle = low + (high - low + 1) / 2;

		s.kv = ask->engine->kv(ask, &part, middle * 16);
		if (layout_try_sequences(&s) >= 1)
			low = middle;
		else
			high = middle - 1;
	}
	return low * 16;
}

/* ---- where it is placed ---- */

static long long
layout_try_gpus_of(const void *nodes, size_t i)
{
	const struct layout_node *node = nodes;

	return node[i].gpus;
}

/* Why mp cannot use the first n nodes, although they have enough GPUs. */
static const char *
layout_try_uneven_rule(struct arena *a, const struct layout_ask *ask, const struct layout_try *t,
		       long long world)
{
	long long each = world / (long long)t->nodes;

	if (world % (long long)t->nodes)
		return arena_printf(a, "world_size=%lld must be divisible by nnodes=%zu", world,
				    t->nodes);
	for (size_t i = 0; i < t->nodes; i++)
		if (each > ask->node[i].gpus)
			return arena_printf(a, "with mp every node must give the same number of GPUs: "
					    "'%s' has %lld of %lld", ask->node[i].name,
					    ask->node[i].gpus, each);
	if (each % t->tensor && t->tensor % each)
		return arena_printf(a, "with mp each of %zu nodes gives %lld GPUs, which is not a whole "
				    "number of tensor groups", t->nodes, each);
	return arena_printf(a, "with mp each of %zu nodes gives %lld GPUs: a node must hold whole "
			    "copies of the model, or a copy must take whole nodes", t->nodes, each);
}

static void
layout_try_place(struct arena *a, const struct layout_ask *ask, struct layout_try *t)
{
	struct places places = {layout_try_gpus_of, ask->node, ask->nnode};
	struct placed placed = layout_place(&places, t->tensor, t->pipeline, ask->data, ask->mp);
	long long world = t->tensor * t->pipeline * ask->data, have = 0;

	for (size_t i = 0; i < ask->nnode; i++)
		have += ask->node[i].gpus;
	t->nodes = placed.nodes;
	t->spans = placed.spans;
	t->each = placed.each;
	if (have < world) {
		t->fit = FIT_GPUS;
		t->rule = arena_printf(a, "World size (%lld) is larger than the number of available "
				       "GPUs (%lld)", world, have);
		return;
	}
	if (!t->nodes) {
		t->nodes = layout_by_gpus(&places, world);
		t->fit = FIT_RULE;
		t->rule = layout_try_uneven_rule(a, ask, t, world);
	}
	t->memory = t->nodes ? ask->node[0].memory : 0;
	for (size_t i = 0; i < t->nodes; i++) {
		const struct layout_node *n = &ask->node[i];

		if (n->memory != t->memory || n->reserved != ask->node[0].reserved)
			t->memory = 0;
		t->uneven = t->uneven || n->gpus != ask->node[0].gpus;
		t->crosses = t->crosses || (n->nvlink_domain > 1 && t->tensor > n->nvlink_domain);
	}
}

bool
layout_too_big(const struct layout_ask *ask, const struct layout_try *t,
	       const struct layout_stage *s)
{
	double spread = ask->model->known ? 1 : layout_try_spread(t->tensor * t->pipeline);
	double most = ask->kv_given > 0 ? s->memory : s->memory * ask->utilization;

	/* If shapes are not known, only the mean is; the largest stage is at least as large. */
	return s->weights / spread > most;
}

/* Does stage k, which is on `node`, take the same memory as the stage before it, on `before`? It does
 * if both are in the middle of the pipeline, on one node, and have the same kinds of layers. */
static bool
layout_try_repeats(const struct layout_ask *ask, const struct layout_try *t, long long k,
		   const struct layout_node *node, const struct layout_node *before)
{
	const struct checkpoint *f = ask->model;
	long long from, n, earlier;

	if (k < 2 || k == t->pipeline - 1 || node != before || f->real)
		return false;
	from = layout_try_before(ask, t, k);
	earlier = layout_try_before(ask, t, k - 1);
	n = layout_try_before(ask, t, k + 1) - from;
	return n == from - earlier && (!f->layer || (from + n <= f->layers &&
		memcmp(f->layer + from, f->layer + earlier, (size_t)n) == 0));
}

static void
layout_try_weigh(const struct layout_ask *ask, struct layout_try *t)
{
	bool memory = true, too_big = false;
	struct layout_stage worst = {0};
	const struct layout_node *node = NULL, *before;
	long long end = 0;

	for (long long k = 0; k < t->pipeline; k++) {
		struct layout_stage s;

		before = node;
		if (k >= end)
			node = layout_try_stage_node(ask, t, k, &end);
		if (layout_try_repeats(ask, t, k, node, before))
			continue;
		s = layout_stage(ask, t, k);
		memory = memory && s.memory > 0;
		too_big = too_big || layout_too_big(ask, t, &s);
		if (s.weights > t->weights)
			t->weights = s.weights;
		if (k == 0) {
			t->sequences = s.sequences;
			worst = s;
			continue;
		}
		if (ask->model->known && s.kv.blocks > 0 ? s.sequences < t->sequences ||
			(s.sequences <= t->sequences && s.room < worst.room)
			: s.room < worst.room) {
			t->worst = k;
			t->sequences = s.sequences;
			worst = s;
		}
	}
	/* cpu-offload-gb may take all weights off the GPUs: 0 then means not known, too. */
	if (!memory || layout_try_stage_weights(ask, t, 0) <= 0)
		t->fit = FIT_UNKNOWN;
	else if (too_big)
		t->fit = FIT_TOO_BIG;
	else if (layout_stage(ask, t, t->worst).room <= 0)
		t->fit = FIT_FULL;
	else if (!ask->model->known || !ask->context)
		t->fit = FIT_OK;
	else
		t->fit = t->sequences >= 1 || ask->context_fitted ? FIT_OK : FIT_SHORT;
}

struct layout_try
layout_try(struct arena *a, const struct layout_ask *ask, long long tensor, long long pipeline)
{
	struct layout_try t = {.tensor = tensor, .pipeline = pipeline};

	layout_try_place(a, ask, &t);
	if (t.fit == FIT_GPUS)
		return t;
	if (t.fit != FIT_RULE) {
		t.rule = ask->engine->rule_tensor(a, ask, tensor);
		if (!t.rule)
			t.rule = ask->engine->rule_pipeline(a, ask, pipeline);
		if (t.rule)
			t.fit = FIT_RULE;
	}
	if (t.fit != FIT_RULE)
		layout_try_weigh(ask, &t);
	if (ask->uneven && t.fit >= FIT_SHORT && t.fit <= FIT_TOO_BIG) {
		struct layout_try other = t;

		other.weights = 0;
		other.worst = 0;
		if (layout_partition(a, ask, &other)) {
			layout_try_weigh(ask, &other);
			t = other.fit < t.fit || (other.fit == FIT_SHORT && other.sequences > t.sequences)
				? other : t;
		}
	}
	return t;
}
