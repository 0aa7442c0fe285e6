/* Shapes -> bytes: how large a layer, the embedding and a token's KV are. */
#include "planner/modelfacts.h"

static long long
ceil_div(long long x, long long y)
{
	return (x + y - 1) / y;
}

/* Numbers of weights: split over the ranks, and on every rank. */
struct share {
	double split, whole;
};

static struct share
attention(const struct modelfacts *f, long long ranks)
{
	double h = (double)f->hidden, heads = (double)f->heads, dim = (double)f->head_dim;
	double kv = (double)(f->kv_heads < ranks ? ranks : f->kv_heads);

	return (struct share){.split = h * dim * (2 * heads + 2 * kv)};
}

static struct share
latent_attention(const struct modelfacts *f)
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

/* A gated delta net: q, k, v and z in, two gates per value head, and the way out. */
static struct share
linear_attention(const struct modelfacts *f)
{
	double h = (double)f->hidden;
	double key = (double)(f->linear.key_heads * f->linear.key_dim);
	double value = (double)(f->linear.value_heads * f->linear.value_dim);

	return (struct share){.split = h * (2 * key + 3 * value +
					    2 * (double)f->linear.value_heads)};
}

static double
mlp(const struct modelfacts *f, long long intermediate)
{
	return (f->gated ? 3.0 : 2.0) * (double)f->hidden * (double)intermediate;
}

double
weights_layer(const struct modelfacts *f, unsigned kind, long long ranks, long long expert_ranks)
{
	struct share s = kind & LAYER_LINEAR ? linear_attention(f) :
			 f->mla.kv_rank ? latent_attention(f) : attention(f, ranks);
	double linear = f->linear_bits / 8, plain = (double)f->dtype_bits / 8;
	double bytes = 2 * (double)f->hidden * plain;           /* norms */

	if (kind & LAYER_MOE) {
		bytes += (double)f->hidden * (double)f->moe.experts * plain;    /* router */
		bytes += (double)f->moe.experts * mlp(f, f->moe.intermediate) *
			 f->expert_bits / 8 / (double)expert_ranks;
		s.split += mlp(f, f->moe.shared);
	} else {
		s.split += mlp(f, f->intermediate);
	}
	/* Of MXFP4 checkpoints only the experts are quantised. */
	return bytes + (s.split / (double)ranks + s.whole) * linear;
}

double
weights_embedding(const struct modelfacts *f)
{
	return (double)f->vocab * (double)f->hidden * (double)f->dtype_bits / 8;
}

double
weights_ends(const struct modelfacts *f, bool first, bool last, double embedding, double head)
{
	bool all = f->ends_everywhere;

	/* A tied head is the embedding itself, unless they are on different stages. */
	if (f->tied)
		return all || first || last ? embedding : 0;
	return (all || first ? embedding : 0) + (all || last ? head : 0);
}

static double
layers_bytes(const struct modelfacts *f)
{
	double kind[LAYER_KINDS], bytes = 0;

	for (unsigned k = 0; k < LAYER_KINDS; k++)
		kind[k] = weights_layer(f, k, 1, 1);
	for (long long i = 0; i < f->layers; i++)
		bytes += kind[f->layer[i]];
	return bytes;
}

static double
rest_bytes(const struct modelfacts *f)
{
	/* The last norm is one hidden vector. */
	return weights_embedding(f) * (f->tied ? 1 : 2) +
	       (double)f->hidden * (double)f->dtype_bits / 8;
}

double
weights_shapes(const struct modelfacts *f)
{
	return layers_bytes(f) + rest_bytes(f);
}

struct weights_scale
weights_scale(const struct modelfacts *f)
{
	struct weights_scale s = {1, 1, 0};
	double layers = layers_bytes(f), rest = rest_bytes(f), have = f->weight_bytes;

	if (have <= 0 || layers <= 0)
		return s;
	if (f->multimodal && have > layers + rest) {
		s.encoder = have - layers - rest;
	} else if (have > rest) {
		/* Norms, biases and scales that the shapes leave out are in the layers. */
		s.layer = (have - rest) / layers;
	} else {
		s.layer = s.rest = have / (layers + rest);
	}
	return s;
}

double
kv_layer(const struct modelfacts *f, long long ranks, double kv_bits)
{
	/* Every rank keeps the whole latent vector. */
	if (f->mla.kv_rank)
		return (double)(f->mla.kv_rank + f->mla.rope) * kv_bits / 8;
	return 2 * (double)(f->kv_heads < ranks ? 1 : ceil_div(f->kv_heads, ranks)) *
	       (double)f->head_dim * kv_bits / 8;
}
