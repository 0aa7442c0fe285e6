/* All layouts that could be -> the best one, and a line on each of the others. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout_fit.h"

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

/* Below 0: x goes first. Where memory is known: tensor groups inside a node, fewest
 * nodes, inside what NVLink joins, fewest stages, most GPUs to a layer. */
static int
compare(const struct layout_try *x, const struct layout_try *y)
{
	if (x->fit != y->fit)
		return x->fit < y->fit ? -1 : 1;
	if (x->spans != y->spans)
		return x->spans ? 1 : -1;
	/* Nothing says what would be enough: all that is there. */
	if (x->fit == FIT_UNKNOWN && x->tensor * x->pipeline != y->tensor * y->pipeline)
		return x->tensor * x->pipeline > y->tensor * y->pipeline ? -1 : 1;
	/* None has enough: the one that has most. */
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

/* What the best one has that this one has not. */
static const char *
inferior(struct arena *a, const struct layout_try *t, const struct layout_try *best)
{
	if (t->spans && !best->spans)
		return "a tensor group would lie on several nodes";
	if (best->fit == FIT_UNKNOWN && t->tensor * t->pipeline < best->tensor * best->pipeline)
		return arena_printf(a, "uses %lld GPU%s instead of %lld", t->tensor * t->pipeline,
				    t->tensor * t->pipeline == 1 ? "" : "s",
				    best->tensor * best->pipeline);
	if (t->nodes > best->nodes)
		return arena_printf(a, "takes %zu nodes instead of %zu", t->nodes, best->nodes);
	if (t->crosses && !best->crosses)
		return "a tensor group is larger than what NVLink joins";
	if (t->pipeline > best->pipeline)
		return "more stages than needed";
	return "fewer GPUs to each layer";
}

static const char *
gib(struct arena *a, double bytes)
{
	return arena_printf(a, "%.1f", bytes / GIB);
}

/* In one line, why a layout is not taken. */
static const char *
reason(struct arena *a, const struct layout_ask *ask, const struct layout_try *t,
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
			if (layout_too_big(ask, &s))
				break;
		}
		return s.weights > s.memory
			? arena_printf(a, "weights take %s GiB per GPU, it has %s", gib(a, s.weights),
				       gib(a, s.memory))
			: arena_printf(a, "weights take %s GiB per GPU, vLLM may use %s of its %s",
				       gib(a, s.weights), gib(a, s.memory * ask->utilization),
				       gib(a, s.memory));
	case FIT_FULL:
		s = layout_stage(ask, t, t->worst);
		return arena_printf(a, "weights of %s GiB and overhead leave no KV cache in %.2f of %s "
				    "GiB (estimate)", gib(a, s.weights), ask->utilization,
				    gib(a, s.memory));
	case FIT_SHORT:
		return arena_printf(a, "KV cache for %.2f × %lld tokens only (estimate)", t->sequences,
				    ask->context);
	default:
		return inferior(a, t, best);
	}
}

/* ---- the list ---- */

struct search {
	struct arena *arena;
	const struct layout_ask *ask;
	struct layout_result *result;
	struct tries { struct layout_try *v; size_t n, cap; } tries;
	bool auto_fits;         /* sizes of the spec do not, those that auto would take do */
};

static void
add(struct search *s, const struct layout_try *t)
{
	*vec_push(s->arena, &s->tries) = *t;
}

static long long
most_gpus(const struct layout_ask *ask)
{
	long long most = 1;

	for (size_t i = 0; i < ask->nnode; i++)
		if (ask->node[i].gpus > most)
			most = ask->node[i].gpus;
	return most < MAX_TENSOR ? most : MAX_TENSOR;
}

static bool
is_rule_of_tensor(struct search *s, const struct layout_try *t)
{
	return t->fit == FIT_RULE && layout_rule_tensor(s->arena, s->ask, t->tensor);
}

/* Stages from 1 on, until one fits: more of them are never better. */
static void
each_pipeline(struct search *s, long long tensor)
{
	long long from = s->ask->pipeline ? s->ask->pipeline : 1;
	long long to = s->ask->pipeline ? s->ask->pipeline : MAX_PIPELINE;

	for (long long p = from; p <= to; p++) {
		struct layout_try t = layout_try(s->arena, s->ask, tensor, p);

		/* Running out of GPUs is worth a line only when nothing else was said. */
		if (t.fit == FIT_GPUS && p > from)
			break;
		add(s, &t);
		if (t.fit == FIT_OK || t.fit == FIT_GPUS || is_rule_of_tensor(s, &t))
			break;
		if (t.fit == FIT_RULE && layout_rule_pipeline(s->arena, s->ask, p) &&
		    !s->ask->partition)
			break;
	}
}

/* Heads that nobody knows are divided by powers of two, as those of nearly all models. */
static bool
is_likely(const struct layout_ask *ask, long long tensor)
{
	return ask->model->heads || (tensor & (tensor - 1)) == 0;
}

static void
each_tensor(struct search *s)
{
	const struct layout_ask *ask = s->ask;
	long long most = most_gpus(ask), gpus = 0;

	if (ask->tensor) {
		each_pipeline(s, ask->tensor);
		return;
	}
	for (long long t = most; t >= 1; t--)
		if (is_likely(ask, t))
			each_pipeline(s, t);
	/* Groups over several nodes, as many nodes as have the same number of GPUs. */
	for (size_t i = 0; i < ask->nnode && ask->node[i].gpus == ask->node[0].gpus; i++) {
		gpus += ask->node[i].gpus;
		if (i > 0 && gpus <= 1024 && is_likely(ask, gpus))
			each_pipeline(s, gpus);
	}
}

static bool
same_reason(const struct layout_reject *r, const struct layout_try *t, const char *why)
{
	if (r->tensor != t->tensor || r->fit != t->fit || r->to + 1 != t->pipeline)
		return false;
	return strcmp(r->why, why) == 0 || t->fit == FIT_TOO_BIG || t->fit == FIT_FULL ||
	       t->fit == FIT_SHORT;
}

static void
list(struct search *s, const struct layout_try *best)
{
	struct layout_result *r = s->result;

	for (size_t i = 0; i < s->tries.n; i++) {
		const struct layout_try *t = &s->tries.v[i];
		bool first = r->reject.n == 0;
		struct layout_reject *last = first ? NULL : &r->reject.v[r->reject.n - 1];
		const char *why;

		if (t == best && r->usable)
			continue;
		why = reason(s->arena, s->ask, t, best);
		if (!first && same_reason(last, t, why)) {
			/* The last of a run is the one that came nearest. */
			last->to = t->pipeline;
			last->why = why;
			continue;
		}
		*vec_push(s->arena, &r->reject) = (struct layout_reject){.tensor = t->tensor,
			.from = is_rule_of_tensor(s, t) && !s->ask->pipeline ? 0 : t->pipeline,
			.to = t->pipeline, .fit = t->fit, .why = why};
	}
}

static void
look(struct search *s)
{
	static const struct layout_try none = {.fit = FIT_GPUS, .rule = "there are no GPUs"};
	struct layout_result *r = s->result;
	const struct layout_try *best = &none;

	each_tensor(s);
	for (size_t i = 0; i < s->tries.n; i++)
		if (best == &none || compare(&s->tries.v[i], best) < 0)
			best = &s->tries.v[i];
	r->ask = s->ask;
	r->best = *best;
	r->found = best->fit == FIT_OK || best->fit == FIT_UNKNOWN;
	r->usable = best->fit < FIT_TOO_BIG;
	r->fixed = s->ask->tensor && s->ask->pipeline;
	if (best->fit == FIT_SHORT || (best->fit == FIT_OK && s->ask->context_fitted &&
				       s->ask->context && best->sequences < 1))
		r->context_fits = layout_longest(s->ask, best);
	list(s, best);
}

/* ---- what would make it fit ---- */

static const struct layout_try *
would(struct search *s, const struct layout_ask *ask)
{
	struct layout_result r = {0};
	struct search other = {.arena = s->arena, .ask = ask, .result = &r};
	struct layout_try *best = ar_new(s->arena, struct layout_try);

	look(&other);
	*best = r.best;
	return r.found && best->fit == FIT_OK && !ask->context_why ? best : NULL;
}

static void
advise_fp8(struct search *s)
{
	const struct modelfacts *f = s->ask->model;
	const struct layout_try *best;
	struct layout_ask ask = *s->ask;

	if (f->quant != QUANT_NONE || !f->known)
		return;
	ask.model = modelfacts_quantised(s->arena, f, "fp8");
	best = would(s, &ask);
	if (best && (!s->result->found || best->nodes < s->result->best.nodes))
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with %s: %s over "
			"%zu node%s", ask.loads_whole ? "an fp8 checkpoint" : "weights in fp8 (engine.args: "
			"{quantization: fp8}, or an fp8 checkpoint)",
			layout_name(s->arena, &ask, best->tensor, best->pipeline), best->nodes,
			best->nodes == 1 ? "" : "s");
}

/* What fits on so many nodes; `whole`: with no tensor group over several of them. */
static const struct layout_try *
would_over(struct search *s, struct layout_ask *ask, size_t nodes, bool whole)
{
	const struct layout_try *best;

	ask->nnode = nodes;
	best = would(s, ask);
	return best && whole && best->spans ? NULL : best;
}

/* The fewest more nodes: doubled until something fits, then halved back. What fits on some
 * nodes fits on more of them, as a layout takes the first ones. */
static const struct layout_try *
fewest_more(struct search *s, struct layout_ask *ask, bool whole, size_t *more)
{
	const struct layout_try *best, *less;
	size_t have = s->ask->nnode, low = 0, high = 1;

	while (!(best = would_over(s, ask, have + high, whole)) && high < MAX_MORE_NODES) {
		low = high;
		high *= 2;
	}
	while (best && low + 1 < high) {
		size_t middle = low + (high - low) / 2;

		if ((less = would_over(s, ask, have + middle, whole))) {
			best = less;
			high = middle;
		} else {
			low = middle;
		}
	}
	*more = high;
	return best;
}

/* More nodes like the last one; where tensor groups would lie over several of them, also how
 * many it takes without that. */
static void
advise_nodes(struct search *s)
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
		best = fewest_more(s, &ask, whole, &more);
		if (!best && s->result->fixed && !s->auto_fits) {
			ask.tensor = ask.pipeline = 0;
			with = " and 'parallelism: auto'";
			best = fewest_more(s, &ask, whole, &more);
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
advise_context(struct search *s)
{
	const struct layout_result *r = s->result;
	long long most = s->ask->context_why ? s->ask->model->context_most : s->ask->context;
	long long fits = r->best.fit == FIT_SHORT && r->context_fits < most ? r->context_fits : most;

	if (r->usable && r->best.fit != FIT_UNKNOWN && fits < s->ask->context && fits >= 256)
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with a shorter "
			"context: engine.args: {max-model-len: %lld} fits %s", fits,
			layout_name(s->arena, s->ask, r->best.tensor, r->best.pipeline));
}

/* A part of the memory that was made small by hand. */
static void
advise_utilization(struct search *s)
{
	struct layout_ask ask = *s->ask;
	const struct layout_try *best;

	if (s->result->found || ask.utilization >= 0.9)
		return;
	ask.utilization = 0.9;
	best = would(s, &ask);
	if (best)
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with more of the "
			"memory: engine.args: {gpu-memory-utilization: 0.9}: %s over %zu node%s",
			layout_name(s->arena, &ask, best->tensor, best->pipeline), best->nodes,
			best->nodes == 1 ? "" : "s");
}

/* Numbers of the spec that do not work: what would be chosen. */
static void
advise_auto(struct search *s)
{
	struct layout_ask ask = *s->ask;
	const struct layout_try *best;

	if (!s->result->fixed || s->result->found)
		return;
	ask.tensor = ask.pipeline = 0;
	best = would(s, &ask);
	s->auto_fits = best;
	if (best)
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with 'parallelism: "
			"auto': %s over %zu node%s", layout_name(s->arena, &ask, best->tensor,
			best->pipeline), best->nodes, best->nodes == 1 ? "" : "s");
}

static double
memory_of(const struct layout_node *n)
{
	return (double)n->gpus * n->memory;
}

/* A layout takes the first nodes, so that a small one in front of large ones costs dear. */
static void
advise_order(struct search *s)
{
	struct layout_ask ask = *s->ask;
	struct layout_node *node = ar_array(s->arena, struct layout_node, ask.nnode + 1);
	const struct layout_try *best;

	for (size_t i = 0, k; i < ask.nnode; i++) {
		for (k = i; k > 0 && memory_of(&node[k - 1]) < memory_of(&ask.node[i]); k--)
			node[k] = node[k - 1];
		node[k] = ask.node[i];
	}
	if (!ask.nnode || memory_of(&node[0]) <= memory_of(&ask.node[0]))
		return;
	ask.node = node;
	best = would(s, &ask);
	if (best && (!s->result->found || best->nodes < s->result->best.nodes))
		*vec_push(s->arena, &s->result->advice) = arena_printf(s->arena, "with the largest nodes "
			"first ('%s' as the head): %s over %zu node%s", node[0].name,
			layout_name(s->arena, &ask, best->tensor, best->pipeline), best->nodes,
			best->nodes == 1 ? "" : "s");
}

struct layout_result *
layout_search(struct arena *a, const struct layout_ask *ask)
{
	struct layout_result *r = ar_new(a, struct layout_result);
	struct search s = {.arena = a, .ask = ask, .result = r};

	look(&s);
	advise_auto(&s);
	advise_order(&s);
	advise_context(&s);
	advise_utilization(&s);
	advise_fp8(&s);
	advise_nodes(&s);
	return r;
}
