/*
 * How vLLM lays out the KV cache. Layers with the same needs form groups of the same size; a
 * block has room for one layer of each place in a group, and every group takes blocks of its
 * own. After get_kv_cache_groups() and the classes of kv_cache_interface.py in v0.24.
 */
#include "planner/engines/vllm/vllm.h"
#include "planner/layout/layout_fit.h"

enum kv_kind { KV_FULL, KV_WINDOW, KV_STATE, KV_KINDS };

struct kv_groups {
	long long layers[KV_KINDS];     /* of the whole model */
	long long groups[KV_KINDS];
};

static bool
kv_has(const struct layout_ask *ask, long long i, enum kv_kind kind)
{
	unsigned has = ask->model->layer[i];

	if (kind == KV_STATE)
		return has & LAYER_LINEAR;
	if (has & LAYER_LINEAR && !(has & LAYER_BOTH))
		return false;
	if (has & LAYER_NO_ATTENTION)
		return false;
	return (kind == KV_WINDOW) == (has & LAYER_WINDOW && !ask->windows_full);
}

static long long kv_divided(long long a, long long b) { return (a + b - 1) / b; }

/* The size of a group is the number of layers of the rarest kind, unless the others are only a
 * few more. */
static struct kv_groups
kv_groups_of(const struct layout_ask *ask)
{
	const struct checkpoint *f = ask->model;
	struct kv_groups g = {0};
	long long least = 0, most = 0, size;

	for (long long i = 0; i < (f->alike ? 1 : f->layers); i++)
		for (enum kv_kind k = 0; k < KV_KINDS; k++)
			g.layers[k] += kv_has(ask, i, k) ? f->alike ? f->layers : 1 : 0;
	for (enum kv_kind k = 0; k < KV_KINDS; k++) {
		if (g.layers[k] && (!least || g.layers[k] < least))
			least = g.layers[k];
		most = g.layers[k] > most ? g.layers[k] : most;
	}
	size = 2 * most < 3 * least ? most : least;
	for (enum kv_kind k = 0; k < KV_KINDS && size; k++)
		g.groups[k] = kv_divided(g.layers[k], size);
	return g;
}

/* How many layers of its largest group a part has. Layer j of a kind is in group j modulo the
 * number of groups. */
static long long
kv_places(const struct layout_ask *ask, const struct layout_part *p, const struct kv_groups *g)
{
	long long most = 0, has[1024];

	if (ask->model->alike)
		return g->groups[KV_FULL] + g->groups[KV_WINDOW] + g->groups[KV_STATE] ? p->layers : 0;
	for (enum kv_kind k = 0; k < KV_KINDS; k++) {
		long long j = 0, to = p->from + p->layers;

		for (long long n = 0; n < g->groups[k] && n < 1024; n++)
			has[n] = 0;
		for (long long i = 0; i < to && i < ask->model->layers; i++) {
			if (!kv_has(ask, i, k))
				continue;
			if (i >= p->from && j % g->groups[k] < 1024)
				has[j % g->groups[k]]++;
			j++;
		}
		for (long long n = 0; n < g->groups[k] && n < 1024; n++)
			most = has[n] > most ? has[n] : most;
	}
	return most;
}

/* The least number that both divide. */
static long long
kv_multiple(long long a, long long b)
{
	long long n = a;

	while (n % b)
		n += a;
	return n;
}

/* The tokens of a block: with states, as many as a state takes. */
static long long
kv_block_tokens(const struct layout_ask *ask, double token, double state)
{
	long long least = ask->block_size > 0 ? ask->block_size : 16, tokens;

	if (state > 0 && ask->state_chunk > 0)
		least = kv_multiple(least, ask->state_chunk);
	tokens = least;
	while (state > 0 && token > 0 && (double)tokens * token < state && tokens < 1 << 24)
		tokens += least;
	return tokens;
}

struct layout_kv
vllm_kv(const struct layout_ask *ask, const struct layout_part *p, long long context)
{
	const struct checkpoint *f = ask->model;
	struct kv_groups g = kv_groups_of(ask);
	double token = kv_layer(f, p->tensor, ask->kv_bits), state, page;
	long long held = f->window - !f->chunked + ask->batch_tokens, more = !f->chunked;
	bool attends = g.groups[KV_FULL] || g.groups[KV_WINDOW];
	long long grow = g.groups[KV_FULL];     /* groups that take more with every block of tokens */
	struct layout_kv kv;

	state = g.groups[KV_STATE] ? state_layer(f, p->tensor, ask->drafts) : 0;
	kv = (struct layout_kv){.tokens = kv_block_tokens(ask, token, state)};
	page = attends ? (double)kv.tokens * token : state;
	kv.block = page * (double)kv_places(ask, p, &g);
	if (g.groups[KV_STATE] && ask->state_chunk > 0) {
		grow += g.groups[KV_STATE];
		kv.state = (double)(g.groups[KV_STATE] * ask->drafts);
	} else {
		kv.state = (double)(g.groups[KV_STATE] * ((ask->prefix_states ? 2 : 1) + ask->drafts));
	}
	/* With decode context parallel each rank stores its part of the tokens. */
	kv.blocks = kv.state +
		(double)(grow *
			 kv_divided(ask->dcp > 1 ? kv_divided(context, ask->dcp) : context, kv.tokens)) +
		(double)(g.groups[KV_WINDOW] *
			 (kv_divided(held < context ? held : context, kv.tokens) + more));
	if (attends)
		kv.token = kv.block / (double)kv.tokens *
			   (double)(grow + g.groups[KV_WINDOW]) /
			   (double)(ask->dcp > 1 ? ask->dcp : 1);
	return kv;
}
