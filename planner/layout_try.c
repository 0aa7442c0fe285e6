/* One layout: where its stages lie, and what they take of each GPU. */
#include <string.h>

#include "planner/layout.h"
#include "planner/layout_fit.h"

static const double GIB = 1024.0 * 1024 * 1024;
/* How far the largest stage is above the mean, where shapes are not known. */
static const double SPREAD = 1.03;

long long
layout_layers(const struct layout_ask *ask, long long pipeline, long long k)
{
	long long layers = ask->model->layers, rest = layers % pipeline;

	if (ask->partition)
		return (size_t)k < ask->npartition ? ask->partition[k] : 0;
	/* What is left over goes to the stages before the last one, from behind. */
	return layers / pipeline + (k <= pipeline - 2 && k > pipeline - 2 - rest ? 1 : 0);
}

static long long
first_layer(const struct layout_ask *ask, long long pipeline, long long k)
{
	long long n = 0;

	for (long long i = 0; i < k; i++)
		n += layout_layers(ask, pipeline, i);
	return n;
}

struct layout_overhead
layout_overhead(const struct layout_ask *ask, long long tensor)
{
	const struct modelfacts *f = ask->model;
	double dense = 3 * (double)f->intermediate / (double)tensor;
	double experts = (double)f->moe.chosen *
			 (2 * (double)f->moe.intermediate / (double)tensor + (double)f->hidden);
	double wide = dense > experts ? dense : experts;

	return (struct layout_overhead){
		.context = 1.5 * GIB,
		.graphs = ask->eager ? 0 : 0.5 * GIB,
		/* 16-bit numbers of one step; logits of each sequence in 32 bits. */
		.activations = (double)ask->batch_tokens * (4 * (double)f->hidden + wide) * 2 +
			       (double)ask->sequences * (double)f->vocab * 4,
	};
}

/* The memory of the GPUs that stage k lies on. */
static double
stage_memory(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	double least = 0;
	long long groups = 0;

	for (size_t i = 0; i < t->nodes; i++) {
		const struct layout_node *n = &ask->node[i];

		groups += (t->each ? t->each : n->gpus) / t->tensor;
		/* Replicas and groups over several nodes: the smallest of all. */
		if (!t->spans && ask->data == 1 && groups <= k)
			continue;
		if (i == 0 || least <= 0 || n->memory < least)
			least = n->memory;
		if (!t->spans && ask->data == 1)
			break;
	}
	return least;
}

static double
stage_weights(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	const struct modelfacts *f = ask->model;
	const struct weights_scale scale = f->scale;
	double kind[LAYER_KINDS], bytes = 0, ends = weights_embedding(f) * scale.rest;
	long long from, n = layout_layers(ask, t->pipeline, k);

	if (!f->known)
		return f->weight_bytes / (double)(t->tensor * t->pipeline) * SPREAD;
	from = first_layer(ask, t->pipeline, k);
	if (f->real)
		return weights_real_stage(f, from, n, k == 0, k == t->pipeline - 1, t->tensor,
					  t->tensor * ask->data);
	for (unsigned i = 0; i < LAYER_KINDS; i++)
		kind[i] = weights_layer(f, i, t->tensor, t->tensor * ask->data) * scale.layer;
	for (long long i = from; i < from + n && i < f->layers; i++)
		bytes += kind[f->layer[i]];
	bytes += weights_ends(f, k == 0, k == t->pipeline - 1, ends, ends) / (double)t->tensor;
	return bytes + scale.encoder / (double)t->tensor;
}

static void
stage_kv(const struct layout_ask *ask, const struct layout_try *t, long long k, long long context,
	 struct layout_stage *s)
{
	const struct modelfacts *f = ask->model;
	long long from = first_layer(ask, t->pipeline, k);
	double token = kv_layer(f, t->tensor, ask->kv_bits), windowed = (double)context;

	/* With decode context parallel each rank keeps its part of the tokens. */
	if (ask->dcp > 1)
		token /= (double)ask->dcp;
	/* Tokens of the step under way come on top of the window. */
	if (f->window && f->window + ask->batch_tokens < context)
		windowed = (double)(f->window + ask->batch_tokens);
	for (long long i = from; i < from + s->layers && i < f->layers; i++) {
		if (f->layer[i] & LAYER_LINEAR)
			continue;
		s->kv_token += token;
		s->kv_sequence += token * (f->layer[i] & LAYER_WINDOW ? windowed : (double)context);
	}
}

struct layout_stage
layout_stage(const struct layout_ask *ask, const struct layout_try *t, long long k)
{
	struct layout_overhead o = layout_overhead(ask, t->tensor);
	struct layout_stage s = {.layers = layout_layers(ask, t->pipeline, k), .first = k == 0,
		.last = k == t->pipeline - 1, .memory = stage_memory(ask, t, k)};

	s.weights = stage_weights(ask, t, k) - ask->offload;
	if (s.weights < 0)
		s.weights = 0;
	if (ask->model->known)
		stage_kv(ask, t, k, ask->context, &s);
	s.room = ask->kv_given > 0 ? ask->kv_given
		: s.memory * ask->utilization - s.weights - o.context - o.graphs - o.activations;
	if (s.kv_sequence > 0)
		s.sequences = s.room > 0 ? s.room / s.kv_sequence : 0;
	return s;
}

long long
layout_longest(const struct layout_ask *ask, const struct layout_try *t)
{
	long long low = 0, high = ask->context / 16;

	while (low < high) {
		long long middle = low + (high - low + 1) / 2;
		struct layout_stage s = layout_stage(ask, t, t->worst);

		s.kv_sequence = s.kv_token = 0;
		stage_kv(ask, t, t->worst, middle * 16, &s);
		if (s.kv_sequence <= s.room)
			low = middle;
		else
			high = middle - 1;
	}
	return low * 16;
}

/* ---- where it lies ---- */

static long long
gpus_of(const void *nodes, size_t i)
{
	const struct layout_node *node = nodes;

	return node[i].gpus;
}

/* Why mp cannot spread over the first n nodes, which have the GPUs. */
static const char *
uneven_rule(struct arena *a, const struct layout_ask *ask, const struct layout_try *t,
	    long long world)
{
	long long each = world / (long long)t->nodes;

	if (world % (long long)t->nodes)
		return arena_printf(a, "world_size=%lld must be divisible by nnodes=%zu", world,
				    t->nodes);
	for (size_t i = 0; i < t->nodes; i++)
		if (each > ask->node[i].gpus)
			return arena_printf(a, "with mp every node gives the same number of GPUs: "
					    "'%s' has %lld of %lld", ask->node[i].name,
					    ask->node[i].gpus, each);
	if (each % t->tensor && t->tensor % each)
		return arena_printf(a, "with mp each of %zu nodes gives %lld GPUs, which is no whole "
				    "number of tensor groups", t->nodes, each);
	return arena_printf(a, "with mp each of %zu nodes gives %lld GPUs, which are no whole copies "
			    "of the model, nor are they a part of one", t->nodes, each);
}

static void
place(struct arena *a, const struct layout_ask *ask, struct layout_try *t)
{
	struct places places = {gpus_of, ask->node, ask->nnode};
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
		t->rule = uneven_rule(a, ask, t, world);
	}
	for (size_t i = 0; i < t->nodes; i++) {
		const struct layout_node *n = &ask->node[i];

		t->uneven = t->uneven || n->gpus != ask->node[0].gpus;
		t->crosses = t->crosses || (n->island > 1 && t->tensor > n->island);
	}
}

bool
layout_too_big(const struct layout_ask *ask, const struct layout_stage *s)
{
	double most = ask->kv_given > 0 ? s->memory : s->memory * ask->utilization;

	/* Of shapes that are not known the mean is known, and the largest is no smaller. */
	return (ask->model->known ? s->weights : s->weights / SPREAD) > most;
}

static void
weigh(const struct layout_ask *ask, struct layout_try *t)
{
	bool memory = true, too_big = false;

	t->worst = 0;
	for (long long k = 0; k < t->pipeline; k++) {
		struct layout_stage s = layout_stage(ask, t, k), worst;

		memory = memory && s.memory > 0;
		too_big = too_big || layout_too_big(ask, &s);
		if (s.weights > t->weights)
			t->weights = s.weights;
		if (k == 0) {
			t->sequences = s.sequences;
			continue;
		}
		worst = layout_stage(ask, t, t->worst);
		if (ask->model->known && s.kv_sequence > 0 ? s.sequences < t->sequences ||
			(s.sequences <= t->sequences && s.room < worst.room)
			: s.room < worst.room) {
			t->worst = k;
			t->sequences = s.sequences;
		}
	}
	/* All of them may be off the GPUs, by cpu-offload-gb: that is known, too. */
	if (!memory || stage_weights(ask, t, 0) <= 0)
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

	place(a, ask, &t);
	if (t.fit == FIT_GPUS)
		return t;
	if (t.fit != FIT_RULE) {
		t.rule = layout_rule_tensor(a, ask, tensor);
		if (!t.rule)
			t.rule = layout_rule_pipeline(a, ask, pipeline);
		if (t.rule)
			t.fit = FIT_RULE;
	}
	if (t.fit != FIT_RULE)
		weigh(ask, &t);
	return t;
}
