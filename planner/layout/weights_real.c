/* Tensors of a checkpoint -> bytes of each layer, by how engines split them over ranks. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout/checkpoint.h"
#include "planner/layout/tensors.h"

static bool
weights_real_has_any(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

#define HAS(name, ...) weights_real_has_any((name), (const char *const[]){__VA_ARGS__, NULL})

/* The number after the first "layers." or similar; -1: not in a layer. */
static long long
weights_real_layer_of(const char *name)
{
	static const char *const keys[] = {"layers.", "blocks.", "h."};

	for (size_t i = 0; i < countof(keys); i++) {
		const char *at = name;
		size_t n = strlen(keys[i]);

		for (; (at = strstr(at, keys[i])); at += n)
			if ((at == name || at[-1] == '.') && at[n] >= '0' && at[n] <= '9')
				return strtoll(at + n, NULL, 10);
	}
	return -1;
}

/* Without quantisation, wider numbers are loaded as 16 bits. */
static double
weights_real_loaded(const struct checkpoint *f, const struct tensor *t)
{
	if (f->quant != QUANT_NONE || strstr(t->name, "scale"))
		return t->bytes;
	return strcmp(t->dtype, "F32") == 0 ? t->bytes * f->dtype_bits / 32 :
	       strcmp(t->dtype, "F64") == 0 ? t->bytes * f->dtype_bits / 64 : t->bytes;
}

static void
weights_real_add_to_layer(const struct checkpoint *f, struct layer_bytes *l, const char *name,
			  double bytes)
{
	if (HAS(name, "norm", ".gate.", ".router.", "expert_gate")) {
		l->plain += bytes;
	} else if (HAS(name, ".experts.")) {
		l->experts += bytes;
	} else if (HAS(name, "q_a_proj", "kv_a_proj", ".indexer.")) {
		l->whole += bytes;
	} else if (HAS(name, "qkv_proj", "query_key_value", "c_attn", "Wqkv", "W_pack")) {
		double kv = 2.0 * (double)f->kv_heads / (double)(f->heads + 2 * f->kv_heads);

		l->kv += bytes * kv;
		l->split += bytes * (1 - kv);
	} else if (!f->mla.kv_rank && HAS(name, "k_proj.", "v_proj.")) {
		l->kv += bytes;
	} else {
		l->split += bytes;
	}
}

/* Adds to the list of number types, largest first. */
static void
weights_real_add_kind(struct weights_real *w, const char *dtype, double bytes)
{
	size_t i = 0;

	while (i < w->nkind && strcmp(w->kind[i].dtype, dtype) != 0)
		i++;
	if (i == countof(w->kind))
		return;
	if (i == w->nkind)
		w->kind[w->nkind++].dtype = dtype;
	w->kind[i].bytes += bytes;
	for (; i && w->kind[i].bytes > w->kind[i - 1].bytes; i--) {
		struct weights_kind other = w->kind[i];

		w->kind[i] = w->kind[i - 1];
		w->kind[i - 1] = other;
	}
}

static void
weights_real_add(const struct checkpoint *f, struct weights_real *w, const struct tensor *t,
		 bool tied)
{
	/* An encoder of images or sound, and its projection to the language model. */
	bool encoder = HAS(t->name, "vision", "visual", "audio", "multi_modal", "mm_projector",
			   "image_newline");
	long long i = encoder ? -1 : weights_real_layer_of(t->name);
	double bytes = weights_real_loaded(f, t);

	/* Tensors for speculation are not loaded. */
	if (strncmp(t->name, "mtp.", 4) == 0 || HAS(t->name, ".mtp.", "rotary_emb.inv_freq") ||
	    i >= f->layers)
		return;
	if (i >= 0)
		weights_real_add_to_layer(f, &w->layer[i], t->name, bytes);
	else if (encoder)
		w->encoder += bytes;
	else if (HAS(t->name, "embed_tokens", "wte.", "tok_embeddings", "word_embeddings", "embed_in.", "backbone.embeddings."))
		w->embedding += bytes;
	else if (!HAS(t->name, "lm_head", "embed_out."))
		w->last += bytes;
	else if (tied)
		return;
	else
		w->head += bytes;
	w->bytes += bytes;
	weights_real_add_kind(w, t->dtype, bytes);
}

static double
weights_real_sum(const struct layer_bytes *l)
{
	return l->plain + l->whole + l->split + l->kv + l->experts;
}

const struct weights_real *
weights_real(struct arena *a, const struct checkpoint *f, const struct tensors *t, bool tied)
{
	struct weights_real *w = ar_new(a, struct weights_real);

	if (!f->layers || !f->heads)
		return NULL;
	w->layer = ar_array(a, struct layer_bytes, (size_t)f->layers);
	w->files = t->files;
	for (size_t i = 0; i < t->n; i++)
		weights_real_add(f, w, &t->v[i], tied);
	/* If a layer has nothing, these are not the tensors of that config. */
	for (long long i = 0; i < f->layers; i++)
		if (weights_real_sum(&w->layer[i]) <= 0)
			return NULL;
	return w->embedding > 0 ? w : NULL;
}

double
weights_real_stage(const struct checkpoint *f, long long from, long long n, bool first, bool last,
		   long long ranks, long long expert_ranks)
{
	const struct weights_real *w = f->real;
	/* KV heads are repeated if there are fewer than ranks. */
	long long kv = f->kv_heads > 0 && f->kv_heads < ranks ? f->kv_heads : ranks;
	double bytes = 0;

	for (long long i = from; i < from + n && i < f->layers; i++) {
		const struct layer_bytes *l = &w->layer[i];

		bytes += l->plain + l->whole + l->split / (double)ranks + l->kv / (double)kv +
			 l->experts / (double)expert_ranks;
	}
	bytes += weights_ends(f, first, last, w->embedding, w->head) / (double)ranks;
	return bytes + w->encoder / (double)ranks + (last ? w->last : 0);
}

const struct weights_real *
weights_real_quantised(struct arena *a, const struct checkpoint *f, double bits)
{
	struct weights_real *w = ar_new(a, struct weights_real);
	double part = bits / f->dtype_bits;

	*w = *f->real;
	w->nkind = 0;
	w->layer = ar_array(a, struct layer_bytes, (size_t)f->layers);
	for (long long i = 0; i < f->layers; i++) {
		const struct layer_bytes *l = &f->real->layer[i];

		w->layer[i] = (struct layer_bytes){l->plain, l->whole * part, l->split * part,
			l->kv * part, l->experts * part};
		w->bytes += weights_real_sum(&w->layer[i]) - weights_real_sum(l);
	}
	return w;
}
