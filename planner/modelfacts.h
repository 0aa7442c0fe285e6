#ifndef PLANNER_MODELFACTS_H
#define PLANNER_MODELFACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"

/*
 * What decides how a model can be spread and how much memory it takes: the numbers of
 * its config.json, and the size of its checkpoint. Pure; the texts come from the Hub,
 * from a node or from a file, so nothing about them is believed.
 */

/* The texts; NULL where there is none. */
struct modeltexts {
	const char *config, *index, *hub;       /* config.json, *.index.json, the Hub's answer */
	size_t nconfig, nindex, nhub;
	const char *where;                      /* "the Hub", "/srv/model on gpu-1", "config.json" */
	const char *why;                        /* why there is no config */
	double file_bytes;                      /* all weight files together; 0: not known */
	const struct tensors *tensors;          /* of its safetensors headers, or NULL */
	const char *tensors_why;                /* why there are none */
};

/* What a layer has; none of these: full attention and a dense MLP. */
enum {
	LAYER_WINDOW = 1 << 0,          /* attention sees `window` tokens only */
	LAYER_LINEAR = 1 << 1,          /* no KV cache: a state of fixed size */
	LAYER_MOE = 1 << 2,
	LAYER_KINDS = 1 << 3,
};

enum quant {
	QUANT_NONE, QUANT_FP8, QUANT_GPTQ, QUANT_AWQ, QUANT_MXFP4,
	QUANT_OTHER,                    /* bits are known, its rules are not */
};

/* How the shapes are brought in line with the checkpoint. */
struct weights_scale {
	double layer;           /* times this, each layer */
	double rest;            /* times this, embedding and lm_head */
	double encoder;         /* bytes more on every stage, split: an encoder of images */
};

/* What a layer has, by how it is spread over the ranks of a tensor group. */
struct layer_bytes {
	double plain;           /* norms, routers: on every rank, never quantised */
	double whole;           /* matrices that every rank has */
	double split;           /* split over the ranks */
	double kv;              /* split over as many ranks as there are KV heads */
	double experts;         /* split over the ranks of experts */
};

/* The same as the shapes make, out of the real tensors. */
struct weights_real {
	struct layer_bytes *layer;      /* of modelfacts.layers */
	double embedding, head;
	double encoder;                 /* of images or sound: on every stage, split */
	double last;                    /* on the last stage, every rank: the last norm */
	double bytes;                   /* all that vLLM loads */
	struct weights_kind { const char *dtype; double bytes; } kind[6];       /* most first */
	size_t nkind, files;
};

struct modelfacts {
	const char *why;                /* there is no config.json to read: why; else NULL */
	const char *architecture;       /* "LlamaForCausalLM", "" */
	const char *type;               /* model_type, "" */
	bool known;                     /* an architecture whose shapes are known here */
	bool no_pipeline;               /* vLLM's model has no SupportsPP */
	bool gated;                     /* the MLP has gate, up and down; else up and down */
	bool tied;                      /* lm_head is the embedding */
	bool ends_everywhere;           /* both are on every pipeline stage */
	bool multimodal;
	long long hidden, layers, heads, kv_heads, head_dim, intermediate, vocab;
	long long context;              /* max_position_embeddings; 0: not known */
	long long context_most;         /* vLLM refuses more */
	long long context_unasked;      /* what newer ones take by themselves: longrope's own */
	long long window;               /* tokens */
	unsigned char *layer;           /* LAYER_ bits of each */
	struct {
		long long experts, chosen;      /* chosen per token */
		long long intermediate;         /* of one expert */
		long long shared;               /* of all shared experts together */
	} moe;
	struct {
		long long kv_rank;              /* 0: no MLA */
		long long q_rank, rope, nope, v;
	} mla;
	struct {
		long long key_heads, value_heads, key_dim, value_dim;
	} linear;
	const char *dtype;              /* what vLLM computes in: "bfloat16" */
	int dtype_bits;
	enum quant quant;
	const char *quant_name;         /* "fp8", "gptq", ...; "" */
	double linear_bits;             /* per weight of attention and dense MLP, with scales */
	double expert_bits;
	long long block_n, block_k;     /* fp8 blocks; 0: none */
	bool partly;                    /* some matrices of the layers are not quantised */
	long long group;                /* gptq and awq: weights that share a scale; -1: a row */
	double weight_bytes;            /* of what vLLM loads; 0: not known */
	const char *weight_from;        /* "model.safetensors.index.json", ... */
	struct weights_scale scale;
	const struct weights_real *real;        /* NULL: spread by the shapes, an estimate */
	const char *real_why;                   /* why */
};

/* Never NULL: what cannot be read is 0, with `why` when nothing could. Bounded: a
 * config of 1 MiB, an index of 32 MiB, 1024 layers. */
struct modelfacts *modelfacts_read(struct arena *, const struct modeltexts *);
/* The same model with its 16-bit weights made smaller while they are loaded, as
 * `--quantization NAME` does it, or why that is not estimated. */
struct modelfacts *modelfacts_quantised(struct arena *, const struct modelfacts *,
					const char *name);

/*
 * Weights in bytes. `ranks` share a tensor's heads and MLP, `expert_ranks` share each
 * expert; KV heads that are fewer than ranks are repeated, what MLA cannot split is on
 * every rank. As the shapes have it: `scale` is not in it.
 */
double weights_layer(const struct modelfacts *, unsigned kind, long long ranks,
		     long long expert_ranks);
double weights_embedding(const struct modelfacts *);    /* whole; lm_head is as large */
/* What of these two a stage has. */
double weights_ends(const struct modelfacts *, bool first, bool last, double embedding,
		    double head);
/* All of it. */
double weights_shapes(const struct modelfacts *);
struct weights_scale weights_scale(const struct modelfacts *);
/* NULL: the tensors are not those of that config. `tied`: the config says so. */
struct tensors;
const struct weights_real *weights_real(struct arena *, const struct modelfacts *,
					const struct tensors *, bool tied);
/* A rank's part of n layers from `from` on, by f->real; with what the first and the last
 * stage have besides. */
double weights_real_stage(const struct modelfacts *, long long from, long long n, bool first,
			  bool last, long long ranks, long long expert_ranks);
/* With linear weights of so many bits. */
const struct weights_real *weights_real_quantised(struct arena *, const struct modelfacts *,
						  double bits);
/* Bytes of KV cache per token and layer on one rank. */
double kv_layer(const struct modelfacts *, long long ranks, double kv_bits);

#endif
