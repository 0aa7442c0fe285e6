/* Shapes -> bytes: how large a layer, the embedding and a token's KV are. */
#include "planner/layout/checkpoint.h"

/* Numbers of weights: split over the ranks, and whole on every rank. */
struct share {
	double split, whole;
};

static struct share
weights_attention(const struct checkpoint *f, long long ranks)
{
	double h = (double)f->hidden, heads = (double)f->heads, dim = (double)f->head_dim;
	double kv = (double)(f->kv_heads < ranks ? ranks : f->kv_heads);

	return (struct share){.split = h * dim * ((f->output_gate ? 3 : 2) * heads + 2 * kv)};
}

static struct share
weights_latent_attention(const struct checkpoint *f)
{
	double h = (double)f->hidden, heads = (double)f->heads;
	double q = heads * (double)(f->mla.nope + f->mla.rope);
	struct share s = {0};

	if (f->mla.q_rank) {
		s.whole += h * (double)f->mla.q_rank;
		s.split += (double)f->mla.q_rank * q;
	} else {
		s.split += h * q;
	}
	s.whole += h * (double)(f->mla.kv_rank + f->mla.rope);
	s.split += (double)f->mla.kv_rank * heads * (double)(f->mla.nope + f->mla.v);
	s.split += heads * (double)f->mla.v * h;
	return s;
}

/* A gated delta net: q, k, v and z in, two gates per value head, the output projection. */
static double
weights_delta_net(const struct checkpoint *f)
{
	double h = (double)f->hidden;
	double key = (double)(f->linear.key_heads * f->linear.key_dim);
	double value = (double)(f->linear.value_heads * f->linear.value_dim);

	return h * (2 * key + 3 * value + 2 * (double)f->linear.value_heads);
}

/* What keeps a state: its projections and its convolution. */
static struct share
weights_state(const struct checkpoint *f)
{
	double h = (double)f->hidden, inner = (double)f->state.inner, size = (double)f->state.size;
	double mixed = inner + 2 * (double)f->state.groups * size, rank;

	switch (f->state.kind) {
	case STATE_MAMBA2:
		return (struct share){.split = h * (inner + mixed + (double)f->state.heads) +
			inner * h + mixed * (double)f->state.kernel};
	case STATE_MAMBA1:
		rank = (h + 15) / 16;
		return (struct share){.split = 3 * h * inner + inner * (rank + 2 * size) +
			rank * inner + inner * (size + (double)f->state.kernel)};
	case STATE_CONV:
		return (struct share){.split = h * 3 * inner + inner * h +
			inner * (double)f->state.kernel};
	default:
		return (struct share){.split = weights_delta_net(f)};
	}
}

static double
weights_mlp(const struct checkpoint *f, long long intermediate)
{
	return (f->gated ? 3.0 : 2.0) * (double)f->hidden * (double)intermediate;
}

/* Zamba 2: the shared blocks, spread over the layers that use them, and what each of these
 * has of its own. */
static double
weights_shared_blocks(const struct checkpoint *f)
{
	double h = (double)f->hidden, wide = 2 * h, inner = (double)f->intermediate, users = 0;
	double rank = (double)f->shared.rank;
	double block = 3 * wide * wide + wide * h + 3 * h * inner;
	double own = h * h + rank * (h + 2 * inner) + (f->shared.adapts ? 6 * rank * wide : 0);

	for (long long i = 0; i < f->layers; i++)
		users += (f->layer[i] & LAYER_BOTH) != 0;
	return users > 0 ? block * (double)f->shared.blocks / users + own : 0;
}

static struct share
weights_mixer(const struct checkpoint *f, unsigned kind, long long ranks)
{
	struct share none = {0}, s = kind & LAYER_LINEAR ? weights_state(f) : none, other = none;

	if (kind & LAYER_BOTH && f->shared.blocks)
		other.split = weights_shared_blocks(f);
	else if (!(kind & LAYER_NO_ATTENTION) && (!(kind & LAYER_LINEAR) || kind & LAYER_BOTH))
		other = f->mla.kv_rank ? weights_latent_attention(f) : weights_attention(f, ranks);
	return (struct share){s.split + other.split, s.whole + other.whole};
}

double
weights_layer(const struct checkpoint *f, unsigned kind, long long ranks, long long expert_ranks)
{
	struct share s = weights_mixer(f, kind, ranks);
	double linear = f->linear_bits / 8, plain = (double)f->dtype_bits / 8;
	double bytes = 2 * (double)f->hidden * plain;           /* norms */

	if (kind & LAYER_MOE) {
		bytes += (double)f->hidden * (double)f->moe.experts * plain;    /* router */
		bytes += (double)f->moe.experts * weights_mlp(f, f->moe.intermediate) *
			 f->expert_bits / 8 / (double)expert_ranks;
		s.split += weights_mlp(f, f->moe.shared);
	} else if (!(kind & LAYER_NO_MLP) && !f->shared.blocks) {
		s.split += weights_mlp(f, f->intermediate);
	}
	/* In MXFP4 checkpoints only the experts are quantised. */
	return bytes + (s.split / (double)ranks + s.whole) * linear;
}

double
weights_embedding(const struct checkpoint *f)
{
	return (double)f->vocab * (double)f->hidden * (double)f->dtype_bits / 8;
}

double
weights_ends(const struct checkpoint *f, bool first, bool last, double embedding, double head)
{
	bool all = f->ends_everywhere;

	/* A tied head is the embedding itself, unless they are on different stages. */
	if (f->tied)
		return all || first || last ? embedding : 0;
	return (all || first ? embedding : 0) + (all || last ? head : 0);
}

static double
weights_layers_bytes(const struct checkpoint *f)
{
	double kind[LAYER_KINDS], bytes = 0;

	for (unsigned k = 0; k < LAYER_KINDS; k++)
		kind[k] = weights_layer(f, k, 1, 1);
	for (long long i = 0; i < f->layers; i++)
		bytes += kind[f->layer[i]];
	return bytes;
}

static double
weights_rest_bytes(const struct checkpoint *f)
{
	/* Plus the last norm, one hidden vector. */
	return weights_embedding(f) * (f->tied ? 1 : 2) +
	       (double)f->hidden * (double)f->dtype_bits / 8;
}

double
weights_shapes(const struct checkpoint *f)
{
	return weights_layers_bytes(f) + weights_rest_bytes(f);
}

struct weights_scale
weights_scale(const struct checkpoint *f)
{
	struct weights_scale s = {1, 1, 0};
	double layers = weights_layers_bytes(f), rest = weights_rest_bytes(f),
	       have = f->weight_bytes;

	if (have <= 0 || layers <= 0)
		return s;
	if (f->multimodal && have > layers + rest) {
		s.encoder = have - layers - rest;
	} else if (have > rest) {
		/* The shapes leave out norms, biases and scales: these belong to the layers. */
		s.layer = (have - rest) / layers;
	} else {
		s.layer = s.rest = have / (layers + rest);
	}
	return s;
}

double
kv_layer(const struct checkpoint *f, long long ranks, double kv_bits)
{
	/* Every rank stores the whole latent vector. */
	if (f->mla.kv_rank)
		return (double)(f->mla.kv_rank + f->mla.rope) * kv_bits / 8;
	return 2 * (double)(f->kv_heads < ranks ? 1 : (f->kv_heads + ranks - 1) / ranks) *
	       (double)f->head_dim * kv_bits / 8;
}

/* A delta net: the convolution's inputs, and a matrix for each value head. */
static double
weights_delta_state(const struct checkpoint *f, long long ranks, long long drafts)
{
	double key = (double)(f->linear.key_heads * f->linear.key_dim);
	double value = (double)(f->linear.value_heads * f->linear.value_dim);
	double conv = (2 * key + value) *
		      (double)(f->linear.kernel > 1 ? f->linear.kernel - 1 + drafts : 0);

	return (conv * f->dtype_bits +
		value * (double)f->linear.key_dim * (double)f->state.bits) / 8 / (double)ranks;
}

double
state_layer(const struct checkpoint *f, long long ranks, long long drafts)
{
	long long groups = f->state.groups;
	double conv = (double)f->state.inner, state = 0;

	switch (f->state.kind) {
	case STATE_NONE:
		return 0;
	case STATE_DELTA:
		return weights_delta_state(f, ranks, drafts);
	case STATE_MAMBA2:
		/* Groups are repeated if they do not divide among the ranks. */
		groups = groups % ranks ? ranks : groups;
		conv += 2 * (double)groups * (double)f->state.size;
		state = (double)f->state.heads * (double)f->state.dim * (double)f->state.size;
		break;
	case STATE_MAMBA1:
		state = (double)f->state.inner * (double)f->state.size;
		drafts = 0;
		break;
	case STATE_CONV:
		drafts = 0;
		break;
	}
	conv *= (double)(f->state.kernel > 1 ? f->state.kernel - 1 + drafts : 0);
	return (conv * f->dtype_bits + state * (double)f->state.bits) / 8 / (double)ranks;
}
