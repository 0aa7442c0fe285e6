/* Tensors of a checkpoint -> bytes of each layer, by how vLLM spreads them over ranks. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/modelfacts.h"
#include "planner/tensors.h"

static bool
has_any(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

#define HAS(name, ...) has_any((name), (const char *const[]){__VA_ARGS__, NULL})

/* The number behind the first "layers." and its like; -1: it is in no layer. */
static long long
layer_of(const char *name)
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

/* An encoder of images or sound, and what leads from it to the language model. */
static bool
is_encoder(const char *name)
{
	return HAS(name, "vision", "visual", "audio", "multi_modal", "mm_projector", "image_newline");
}

/* Speculation: vLLM leaves that on the disk. */
static bool
is_spare(const char *name)
{
	return strncmp(name, "mtp.", 4) == 0 || HAS(name, ".mtp.", "rotary_emb.inv_freq");
}

/* Without quantisation whatever is wider is loaded as numbers of 16 bits. */
static double
loaded(const struct modelfacts *f, const struct tensor *t)
{
	if (f->quant != QUANT_NONE || strstr(t->name, "scale"))
		return t->bytes;
	return strcmp(t->dtype, "F32") == 0 ? t->bytes * f->dtype_bits / 32 :
	       strcmp(t->dtype, "F64") == 0 ? t->bytes * f->dtype_bits / 64 : t->bytes;
}

static void
add_to_layer(const struct modelfacts *f, struct layer_bytes *l, const char *name, double bytes)
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

/* By kinds of numbers, the most first. */
static void
add_kind(struct weights_real *w, const char *dtype, double bytes)
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
add(const struct modelfacts *f, struct weights_real *w, const struct tensor *t, bool tied)
{
	long long i = is_encoder(t->name) ? -1 : layer_of(t->name);
	double bytes = loaded(f, t);

	if (is_spare(t->name) || i >= f->layers)
		return;
	if (i >= 0)
		add_to_layer(f, &w->layer[i], t->name, bytes);
	else if (is_encoder(t->name))
		w->encoder += bytes;
	else if (HAS(t->name, "embed_tokens", "wte.", "tok_embeddings", "word_embeddings", "embed_in."))
		w->embedding += bytes;
	else if (!HAS(t->name, "lm_head", "embed_out."))
		w->last += bytes;
	else if (tied)
		return;
	else
		w->head += bytes;
	w->bytes += bytes;
	add_kind(w, t->dtype, bytes);
}

static double
sum(const struct layer_bytes *l)
{
	return l->plain + l->whole + l->split + l->kv + l->experts;
}

const struct weights_real *
weights_real(struct arena *a, const struct modelfacts *f, const struct tensors *t, bool tied)
{
	struct weights_real *w = ar_new(a, struct weights_real);

	if (!f->layers || !f->heads)
		return NULL;
	w->layer = ar_array(a, struct layer_bytes, (size_t)f->layers);
	w->files = t->files;
	for (size_t i = 0; i < t->n; i++)
		add(f, w, &t->v[i], tied);
	/* Every layer has something, or these are not the tensors of that config. */
	for (long long i = 0; i < f->layers; i++)
		if (sum(&w->layer[i]) <= 0)
			return NULL;
	return w->embedding > 0 ? w : NULL;
}

/* Fewer KV heads than ranks are repeated. */
static double
on_rank(const struct modelfacts *f, const struct layer_bytes *l, long long ranks,
	long long expert_ranks)
{
	long long kv = f->kv_heads > 0 && f->kv_heads < ranks ? f->kv_heads : ranks;

	return l->plain + l->whole + l->split / (double)ranks + l->kv / (double)kv +
	       l->experts / (double)expert_ranks;
}

double
weights_real_stage(const struct modelfacts *f, long long from, long long n, bool first, bool last,
		   long long ranks, long long expert_ranks)
{
	const struct weights_real *w = f->real;
	double bytes = 0;

	for (long long i = from; i < from + n && i < f->layers; i++)
		bytes += on_rank(f, &w->layer[i], ranks, expert_ranks);
	bytes += weights_ends(f, first, last, w->embedding, w->head) / (double)ranks;
	return bytes + w->encoder / (double)ranks + (last ? w->last : 0);
}

const struct weights_real *
weights_real_quantised(struct arena *a, const struct modelfacts *f, double bits)
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
		w->bytes += sum(&w->layer[i]) - sum(l);
	}
	return w;
}
