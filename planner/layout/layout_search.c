/* Finds the best of all possible layouts, and a reason against each of the others. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout/layout_fit.h"

static const double GIB = 1024.0 * 1024 * 1024;

enum { MAX_TENSOR = 64, MAX_PIPELINE = 1024, MAX_MORE_NODES = 64 };

const char *
layout_name(struct arena *a, const struct layout_ask *ask, long long tensor, long long pipeline)
{
	return ask->data > 1 ? arena_printf(a, "TP %lld × PP %lld × DP %lld", tensor, pipeline,
					    ask->data)
			     : arena_printf(a, "TP %lld × PP %lld", tensor, pipeline);
}

const char *
layout_reject_name(struct arena *a, const struct layout_ask *ask, const struct layout_reject *x)
{
	if (x->from == 0)
		return arena_printf(a, "TP %lld", x->tensor);
	if (x->from == x->to)
		return layout_name(a, ask, x->tensor, x->from);
	return arena_printf(a, "TP %lld × PP %lld to %lld%s", x->tensor, x->from, x->to,
			    ask->data > 1 ? arena_printf(a, " × DP %lld", ask->data) : "");
}

/* ---- which is better ---- */

/* Below 0: x is better. If memory is known, the order is: tensor groups inside a node, fewest
 * nodes, groups inside an NVLink domain, fewest stages, most GPUs per layer. */
static int
layout_search_compare(const struct layout_try *x, const struct layout_try *y)
{
	if (x->fit != y->fit)
		return x->fit < y->fit ? -1 : 1;
	if (x->spans != y->spans)
		return x->spans ? 1 : -1;
	/* Nothing says how much is enough: take all GPUs. */
	if (x->fit == FIT_UNKNOWN && x->tensor * x->pipeline != y->tensor * y->pipeline)
		return x->tensor * x->pipeline > y->tensor * y->pipeline ? -1 : 1;
	/* None has enough: take the one that has most. */
	if (x->fit == FIT_SHORT && x->sequences != y->sequences)
		return x->sequences > y->sequences ? -1 : 1;
	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? -1 : 1;
	if (x->crosses != y->crosses)
		return x->crosses ? 1 : -1;
	if (x->pipeline != y->pipeline)
		return x->pipeline < y->pipeline ? -1 : 1;
	return x->tensor > y->tensor ? -1 : x->tensor < y->tensor;
}

/* Why the best layout is better than this one. */
static const char *
layout_search_inferior(struct arena *a, const struct layout_try *t, const struct layout_try *best)
{
	if (t->spans && !best->spans)
		return "a tensor group would span several nodes";
	if (best->fit == FIT_UNKNOWN && t->tensor * t->pipeline < best->tensor * best->pipeline)
		return arena_printf(a, "uses %lld GPU%s instead of %lld", t->tensor * t->pipeline,
				    t->tensor * t->pipeline == 1 ? "" : "s",
				    best->tensor * best->pipeline);
	if (t->nodes > best->nodes)
		return arena_printf(a, "takes %zu nodes instead of %zu", t->nodes, best->nodes);
	if (t->crosses && !best->crosses)
		return "a tensor group would be larger than an NVLink domain";
	if (t->pipeline > best->pipeline)
		return "more stages than needed";
	return "fewer GPUs for each layer";
}

static const char *
layout_search_gib(struct arena *a, double bytes)
{
	return arena_printf(a, "%.1f", bytes / GIB);
}

/* Why a layout is not chosen, in one line. */
static const char *
layout_search_reason(struct arena *a, const struct layout_ask *ask, const struct layout_try *t,
		     const struct layout_try *best)
{
	struct layout_stage s = {0};

	switch (t->fit) {
	case FIT_RULE:
	case FIT_GPUS:
		return t->rule;
	case FIT_TOO_BIG:
		for (long long k = 0; k < t->pipeline; k++) {
			s = layout_stage(ask, t, k);
			if (layout_too_big(ask, t, &s))
				break;
		}
		if (s.weights > s.memory)
			return arena_printf(a, "weights take %s GiB per GPU; it has %s",
					    layout_search_gib(a, s.weights),
					    layout_search_gib(a, s.memory));
		return arena_printf(a, "weights take %s GiB per GPU; %s may use %s of its %s",
				    layout_search_gib(a, s.weights), ask->engine->title,
				    layout_search_gib(a, s.memory * ask->utilization),
				    layout_search_gib(a, s.memory));
	case FIT_FULL:
		s = layout_stage(ask, t, t->worst);
		return arena_printf(a, "weights of %s GiB and overhead leave no room for a KV cache in "
				    "%.2f of %s GiB (estimate)", layout_search_gib(a, s.weights), ask->utilization,
				    layout_search_gib(a, s.memory));
	case FIT_SHORT:
		return arena_printf(a, "KV cache for only %.2f × %lld tokens (estimate)", t->sequences,
				    ask->context);
	default:
		return layout_search_inferior(a, t, best);
	}
}

/* ---- the list ---- */

struct search {
	struct arena *arena;
	const struct layout_ask *ask;
	struct layout_result *result;
	struct tries { struct layout_try *v; size_t n, cap; } tries;
	bool auto_fits;         /* the sizes of the spec do not fit, those of auto do */
};

static bool
layout_search_is_rule_of_tensor(struct search *s, const struct layout_try *t)
{
	return t->fit == FIT_RULE && s->ask->engine->rule_tensor(s->arena, s->ask, t->tensor);
}

/* From 1 stage on, until it fits: more stages are never better. */
static void
layout_search_each_pipeline(struct search *s, long long tensor)
{
	long long from = s->ask->pipeline ? s->ask->pipeline : 1;
	long long to = s->ask->pipeline ? s->ask->pipeline : MAX_PIPELINE;

	for (long long p = from; p <= to; p++) {
		struct layout_try t = layout_try(s->arena, s->ask, tensor, p);

		/* Running out of GPUs is worth a line only if there is no other reason. */
		if (t.fit == FIT_GPUS && p > from)
			break;
		*vec_push(s->arena, &s->tries) = t;
		if (t.fit == FIT_OK || t.fit == FIT_GPUS || layout_search_is_rule_of_tensor(s, &t))
			break;
		if (t.fit == FIT_RULE && s->ask->engine->rule_pipeline(s->arena, s->ask, p) &&
		    !s->ask->partition)
			break;
	}
}

/* If the number of heads is not known, assume that powers of two divide it. */
static bool
layout_search_is_likely(const struct layout_ask *ask, long long tensor)
{
	return ask->model->heads || (tensor & (tensor - 1)) == 0;
}

static void
layout_search_each_tensor(struct search *s)
{
	const struct layout_ask *ask = s->ask;
	long long most = 1, gpus = 0;

	if (ask->tensor) {
		layout_search_each_pipeline(s, ask->tensor);
		return;
	}
	for (size_t i = 0; i < ask->nnode; i++)
		most = ask->node[i].gpus > most ? ask->node[i].gpus : most;
	most = most < MAX_TENSOR ? most : MAX_TENSOR;
	for (long long t = most; t >= 1; t--)
		if (layout_search_is_likely(ask, t))
			layout_search_each_pipeline(s, t);
	/* Groups over several nodes, for as many nodes as have the same number of GPUs. */
	for (size_t i = 0; i < ask->nnode && ask->node[i].gpus == ask->node[0].gpus; i++) {
		gpus += ask->node[i].gpus;
		if (i > 0 && gpus <= 1024 && layout_search_is_likely(ask, gpus))
			layout_search_each_pipeline(s, gpus);
	}
}

static void
layout_search_list(struct search *s, const struct layout_try *best)
{
	struct layout_result *r = s->result;

	for (size_t i = 0; i < s->tries.n; i++) {
		const struct layout_try *t = &s->tries.v[i];
		struct layout_reject *last = r->reject.n ? &r->reject.v[r->reject.n - 1] : NULL;
		const char *why;

		if (t == best && r->usable)
			continue;
		why = layout_search_reason(s->arena, s->ask, t, best);
		if (last && last->tensor == t->tensor && last->fit == t->fit &&
		    last->to + 1 == t->pipeline &&
		    (strcmp(last->why, why) == 0 || t->fit == FIT_TOO_BIG || t->fit == FIT_FULL ||
		     t->fit == FIT_SHORT)) {
			/* The last of a run came nearest. */
			last->to = t->pipeline;
			last->why = why;
			continue;
		}
		*vec_push(s->arena, &r->reject) = (struct layout_reject){
			.tensor = t->tensor, .to = t->pipeline, .fit = t->fit, .why = why,
			.from = layout_search_is_rule_of_tensor(s, t) && !s->ask->pipeline
				? 0 : t->pipeline};
	}
}

static void
layout_search_look(struct search *s)
{
	static const struct layout_try none = {.fit = FIT_GPUS, .rule = "there are no GPUs"};
	struct layout_result *r = s->result;
	const struct layout_try *best = &none;

	layout_search_each_tensor(s);
	for (size_t i = 0; i < s->tries.n; i++)
		if (best == &none || layout_search_compare(&s->tries.v[i], best) < 0)
			best = &s->tries.v[i];
	r->ask = s->ask;
	r->best = *best;
	r->found = best->fit == FIT_OK || best->fit == FIT_UNKNOWN;
	r->usable = best->fit < FIT_TOO_BIG;
	r->fixed = s->ask->tensor && s->ask->pipeline;
	if (best->fit == FIT_SHORT || (best->fit == FIT_OK && s->ask->context_fitted &&
				       s->ask->context && best->sequences < 1))
		r->context_fits = layout_longest(s->ask, best);
	layout_search_list(s, best);
}

/* Nothing fits with stages of equal length: GPUs with more memory may take more layers. */
static void
layout_search_uneven(struct search *s)
{
	struct layout_ask *ask = ar_new(s->arena, struct layout_ask);
	struct layout_result r = {0};
	struct search other = {.arena = s->arena, .ask = ask, .result = &r};

	*ask = *s->ask;
	ask->uneven = true;
	if (s->result->found)
		return;
	layout_search_look(&other);
	if (!r.best.partition)
		return;
	r.ask = s->ask;
	*s->result = r;
}

/* ---- what would make it fit ---- */

static const struct layout_try *
layout_search_would(struct search *s, const struct layout_ask *ask)
{
	struct layout_result r = {0};
	struct search other = {.arena = s->arena, .ask = ask, .result = &r};
	struct layout_try *best = ar_new(s->arena, struct layout_try);

	layout_search_look(&other);
	layout_search_uneven(&other);
	*best = r.best;
	return r.found && best->fit == FIT_OK && !ask->context_why ? best : NULL;
}

static void
layout_search_advise(struct search *s, const struct layout_ask *ask, const struct layout_try *best,
		     const char *with)
{
	*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with %s: %s over %zu node%s",
		with, layout_name(s->arena, ask, best->tensor, best->pipeline), best->nodes,
		best->nodes == 1 ? "" : "s");
}

static void
layout_search_advise_fp8(struct search *s)
{
	const struct checkpoint *f = s->ask->model;
	const struct layout_try *best;
	struct layout_ask ask = *s->ask;

	if (f->quant != QUANT_NONE || !f->known)
		return;
	ask.model = checkpoint_quantised(s->arena, f, "fp8");
	best = layout_search_would(s, &ask);
	if (best && (!s->result->found || best->nodes < s->result->best.nodes))
		layout_search_advise(s, &ask, best, ask.loads_whole ? "an fp8 checkpoint" :
			"weights in fp8 (engine.args: {quantization: fp8}, or an fp8 checkpoint)");
}

/* What fits on that many nodes; `whole`: without a tensor group over several nodes. */
static const struct layout_try *
layout_search_would_over(struct search *s, struct layout_ask *ask, size_t nodes, bool whole)
{
	const struct layout_try *best;

	ask->nnode = nodes;
	best = layout_search_would(s, ask);
	return best && whole && best->spans ? NULL : best;
}

/* The fewest additional nodes: doubled until something fits, then bisected. A layout takes the
 * first nodes, so what fits on some nodes fits on more. */
static const struct layout_try *
layout_search_fewest_more(struct search *s, struct layout_ask *ask, bool whole, size_t *more)
{
	const struct layout_try *best, *less;
	size_t have = s->ask->nnode, low = 0, high = 1;

	while (!(best = layout_search_would_over(s, ask, have + high, whole)) &&
	       high < MAX_MORE_NODES) {
		low = high;
		high *= 2;
	}
	while (best && low + 1 < high) {
		size_t middle = low + (high - low) / 2;

		if ((less = layout_search_would_over(s, ask, have + middle, whole))) {
			best = less;
			high = middle;
		} else {
			low = middle;
		}
	}
	*more = high;
	return best;
}

/* More nodes like the last one. If tensor groups would span nodes, also how many it takes
 * without that. */
static void
layout_search_advise_nodes(struct search *s)
{
	struct layout_ask ask = *s->ask;
	size_t have = ask.nnode, more;
	struct layout_node *node;
	const struct layout_node *like = &ask.node[have - 1];
	const struct layout_try *best;
	const char *with = "";

	if (s->result->found || like->gpus < 1 || like->memory <= 0)
		return;
	node = ar_array(s->arena, struct layout_node, have + MAX_MORE_NODES);
	for (size_t i = 0; i < have + MAX_MORE_NODES; i++)
		node[i] = i < have ? ask.node[i] : *like;
	ask.node = node;
	for (int whole = 0; whole < 2; whole++) {
		best = layout_search_fewest_more(s, &ask, whole, &more);
		if (!best && s->result->fixed && !s->auto_fits) {
			ask.tensor = ask.pipeline = 0;
			with = " and 'parallelism: auto'";
			best = layout_search_fewest_more(s, &ask, whole, &more);
		}
		if (!best)
			return;
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with %zu more node%s "
			"like '%s'%s: %s over %zu%s", more, more == 1 ? "" : "s", like->name, with,
			layout_name(s->arena, &ask, best->tensor, best->pipeline), best->nodes,
			best->spans ? ", each layer over the network" : "");
		if (!best->spans)
			return;
	}
}

static void
layout_search_advise_context(struct search *s)
{
	const struct layout_result *r = s->result;
	long long most = s->ask->context_why ? s->ask->model->context_most : s->ask->context;
	long long fits = r->best.fit == FIT_SHORT && r->context_fits < most ? r->context_fits : most;

	if (s->ask->engine->arg.context && r->usable && r->best.fit != FIT_UNKNOWN &&
	    fits < s->ask->context && fits >= 256)
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with a shorter "
			"context (engine.args: {%s: %lld}): %s", s->ask->engine->arg.context, fits,
			layout_name(s->arena, s->ask, r->best.tensor, r->best.pipeline));
}

/* The user lowered the part of the memory that the engine may use. */
static void
layout_search_advise_utilization(struct search *s)
{
	struct layout_ask ask = *s->ask;
	const struct layout_try *best;

	if (s->result->found || !ask.engine->arg.memory || ask.utilization >= 0.9)
		return;
	ask.utilization = 0.9;
	best = layout_search_would(s, &ask);
	if (best)
		layout_search_advise(s, &ask, best, arena_printf(s->arena, "more of the memory "
			"(engine.args: {%s: 0.9})", ask.engine->arg.memory));
}

/* The sizes of the spec do not work: what auto would choose. */
static void
layout_search_advise_auto(struct search *s)
{
	struct layout_ask ask = *s->ask;
	const struct layout_try *best;

	if (!s->result->fixed || s->result->found)
		return;
	ask.tensor = ask.pipeline = 0;
	best = layout_search_would(s, &ask);
	s->auto_fits = best;
	if (best)
		layout_search_advise(s, &ask, best, "'parallelism: auto'");
}

static double
layout_search_memory_of(const struct layout_node *n)
{
	return (double)n->gpus * n->memory;
}

/* A layout takes the first nodes, so small nodes in front of large ones are costly. */
static void
layout_search_advise_order(struct search *s)
{
	struct layout_ask ask = *s->ask;
	struct layout_node *node = ar_array(s->arena, struct layout_node, ask.nnode + 1);
	const struct layout_try *best;

	for (size_t i = 0, k; i < ask.nnode; i++) {
		for (k = i; k > 0 && layout_search_memory_of(&node[k - 1]) <
					     layout_search_memory_of(&ask.node[i]);
		     k--)
			node[k] = node[k - 1];
		node[k] = ask.node[i];
	}
	if (!ask.nnode ||
	    layout_search_memory_of(&node[0]) <= layout_search_memory_of(&ask.node[0]))
		return;
	ask.node = node;
	best = layout_search_would(s, &ask);
	if (best && (!s->result->found || best->nodes < s->result->best.nodes))
		layout_search_advise(s, &ask, best, arena_printf(s->arena, "the largest nodes first "
			"('%s' as the head)", node[0].name));
}

struct layout_result *
layout_search(struct arena *a, const struct layout_ask *ask)
{
	struct layout_result *r = ar_new(a, struct layout_result);
	struct search s = {.arena = a, .ask = ask, .result = r};

	layout_search_look(&s);
	layout_search_uneven(&s);
	layout_search_advise_auto(&s);
	layout_search_advise_order(&s);
	layout_search_advise_context(&s);
	layout_search_advise_utilization(&s);
	layout_search_advise_fp8(&s);
	layout_search_advise_nodes(&s);
	return r;
}

bool layout_works(const struct layout_result *r) { return r->found && !r->ask->context_why; }
