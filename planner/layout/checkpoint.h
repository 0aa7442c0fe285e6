#ifndef PLANNER_CHECKPOINT_H
#define PLANNER_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/engines/checkpoint_format.h"

/*
 * The facts that decide how a model can be split and how much memory it takes: the numbers
 * of its config.json and the size of its checkpoint. Pure. The input comes from the Hub, a
 * node or a file and is not trusted.
 */

/* The input; NULL if there is none. */
struct checkpoint_texts {
	enum checkpoint_format format;
	const char *config, *index, *hub;       /* config.json, *.index.json, the Hub's answer */
	size_t nconfig, nindex, nhub;
	const char *where;                      /* "the Hub", "/srv/model on gpu-1", "config.json" */
	const char *why;                        /* why there is no config */
	double file_bytes;                      /* all weight files together; 0: not known */
	const struct tensors *tensors;          /* from its safetensors headers, or NULL */
	const char *tensors_why;                /* why there are none */
};

/* What a layer has; 0: full attention and a dense MLP. */
enum {
	LAYER_WINDOW = 1 << 0,          /* attention sees only `window` tokens */
	LAYER_LINEAR = 1 << 1,          /* a state of fixed size instead of a KV cache */
	LAYER_MOE = 1 << 2,
	LAYER_BOTH = 1 << 3,            /* LAYER_LINEAR, and attention beside it */
	LAYER_NO_ATTENTION = 1 << 4,    /* only the MLP */
	LAYER_NO_MLP = 1 << 5,
	LAYER_KINDS = 1 << 6,
};

enum quant {
	QUANT_NONE, QUANT_FP8, QUANT_GPTQ, QUANT_AWQ, QUANT_MXFP4,
	QUANT_OTHER,                    /* bits are known, rules are not */
};

/* How a layer with LAYER_LINEAR keeps what it saw. */
enum state_kind {
	STATE_NONE,
	STATE_DELTA,                    /* a gated delta net: `linear` */
	STATE_MAMBA2, STATE_MAMBA1,
	STATE_CONV,                     /* a short convolution alone */
};

/* Factors that scale the computed sizes to the size of the checkpoint. */
struct weights_scale {
	double layer;           /* factor for each layer */
	double rest;            /* factor for embedding and lm_head */
	double encoder;         /* bytes added to every stage, split: an image encoder */
};

/* The bytes of a layer, by how they are spread over the ranks of a tensor group. */
struct layer_bytes {
	double plain;           /* norms, routers: on every rank, never quantised */
	double whole;           /* matrices that every rank has whole */
	double split;           /* split over the ranks */
	double kv;              /* split over as many ranks as there are KV heads */
	double experts;         /* split over the expert ranks */
};

/* The same sizes, but from the real tensors instead of the shapes. */
struct weights_real {
	struct layer_bytes *layer;      /* checkpoint.layers of them */
	double embedding, head;
	double encoder;                 /* for images or sound: on every stage, split */
	double last;                    /* on every rank of the last stage: the last norm */
	double bytes;                   /* everything that is loaded */
	struct weights_kind { const char *dtype; double bytes; } kind[6];       /* largest first */
	size_t nkind, files;
};

struct checkpoint {
	enum checkpoint_format format;
	const char *why;                /* why there is no config.json, or NULL */
	const char *architecture;       /* "LlamaForCausalLM", "" */
	const char *type;               /* model_type, "" */
	bool known;                     /* the shapes of the architecture are known */
	bool gated;                     /* the MLP has gate, up and down; otherwise up and down */
	bool tied;                      /* lm_head is the embedding */
	bool ends_everywhere;           /* embedding and lm_head are on every pipeline stage */
	bool multimodal;
	long long hidden, layers, heads, kv_heads, head_dim, intermediate, vocab;
	long long context;              /* max_position_embeddings; 0: not known */
	long long context_most;         /* more is refused */
	long long context_unasked;      /* what newer engines choose themselves: longrope's */
	long long window;               /* tokens */
	bool chunked;                   /* the windows are fixed pieces of the context */
	unsigned char *layer;           /* LAYER_ bits of each layer */
	bool alike;                     /* all attend and keep a state in the same way */
	struct {
		long long experts, chosen;      /* chosen per token */
		long long intermediate;         /* of one expert */
		long long shared;               /* all shared experts together */
	} moe;
	struct {
		long long kv_rank;              /* 0: no MLA */
		long long q_rank, rope, nope, v;
	} mla;
	struct {
		long long key_heads, value_heads, key_dim, value_dim;
		long long kernel;
	} linear;
	struct {
		enum state_kind kind;
		long long inner;                /* width */
		long long heads, dim, groups, size, kernel;
		long long bits;                 /* of a number of the state */
		long long chunk;                /* tokens that a kernel takes at a time */
	} state;
	struct {
		long long blocks;               /* of attention and MLP; 0: layers share none */
		long long rank;                 /* of what each layer adds to a shared matrix */
		bool adapts;                    /* layers add to the matrices of attention, too */
	} shared;
	bool own_code;                  /* it brings code of its own (auto_map), ... */
	bool code_needed;               /* ... and dray does not know its architecture */
	const char *code_repo;          /* another repository that has some of the code, or NULL */
	bool output_gate;               /* attention has a gate as wide as its queries */
	const char *dtype;              /* type of the computation: "bfloat16" */
	int dtype_bits;
	enum quant quant;
	const char *quant_name;         /* "fp8", "gptq", ...; "" */
	double linear_bits;             /* per weight of attention and dense MLP, with scales */
	double expert_bits;
	long long block_n, block_k;     /* fp8 blocks; 0: none */
	bool partly;                    /* some matrices of the layers are not quantised */
	long long group;                /* gptq and awq: weights that share a scale; -1: a row */
	double weight_bytes;            /* of all that is loaded; 0: not known */
	const char *weight_from;        /* "model.safetensors.index.json", ... */
	double tables;                  /* of the rotary embedding, bytes on every rank */
	struct weights_scale scale;
	const struct weights_real *real;        /* NULL: use the shapes, an estimate */
	const char *real_why;                   /* why `real` is NULL */
};

/* Never NULL. What cannot be read is 0; `why` is set if nothing could be read. Bounded: a
 * config of 1 MiB, an index of 32 MiB, 1024 layers. */
struct checkpoint *checkpoint_read(struct arena *, const struct checkpoint_texts *);
/* The same model with its 16-bit weights quantised while they are loaded, as
 * `--quantization NAME` does, or with the reason why that is not estimated in `why`. */
/* The same, with states of numbers of so many bits. */
struct checkpoint *checkpoint_with_states(struct arena *, const struct checkpoint *, long long bits);
struct checkpoint *checkpoint_quantised(struct arena *, const struct checkpoint *,
					const char *name);

/*
 * Weights in bytes, computed from the shapes without `scale`. `ranks` share the heads and the
 * MLP, `expert_ranks` share each expert. KV heads are repeated if there are fewer than ranks;
 * what MLA cannot split is on every rank.
 */
double weights_layer(const struct checkpoint *, unsigned kind, long long ranks,
		     long long expert_ranks);
double weights_embedding(const struct checkpoint *);    /* unsplit; lm_head has the same size */
/* The part of embedding and head that a stage has. */
double weights_ends(const struct checkpoint *, bool first, bool last, double embedding,
		    double head);
/* The whole model. */
double weights_shapes(const struct checkpoint *);
struct weights_scale weights_scale(const struct checkpoint *);
/* NULL: the tensors do not fit that config. `tied`: what the config says. */
struct tensors;
const struct weights_real *weights_real(struct arena *, const struct checkpoint *,
					const struct tensors *, bool tied);
/* A rank's part of n layers beginning at `from`, plus what the first and the last stage have
 * in addition. Uses `real`. */
double weights_real_stage(const struct checkpoint *, long long from, long long n, bool first,
			  bool last, long long ranks, long long expert_ranks);
/* The same model with linear weights of that many bits. */
const struct weights_real *weights_real_quantised(struct arena *, const struct checkpoint *,
						  double bits);
/* Bytes of KV cache per token and layer on one rank. */
double kv_layer(const struct checkpoint *, long long ranks, double kv_bits);
/* Bytes of the state of a sequence in a layer with LAYER_LINEAR, on one rank. */
double state_layer(const struct checkpoint *, long long ranks, long long drafts);

#endif
