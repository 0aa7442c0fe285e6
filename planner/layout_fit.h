#ifndef PLANNER_LAYOUT_FIT_H
#define PLANNER_LAYOUT_FIT_H

#include "planner/modelfacts.h"

/*
 * tensor x pipeline (x data) over real nodes: what vLLM refuses, what it takes of each
 * GPU, and which layout is best. Pure and deterministic; sizes in bytes.
 *
 * A pipeline stage is a tensor group of GPUs; groups lie on the nodes in order, so a
 * layout always takes the first nodes. Rules are provable and carry vLLM's own words;
 * what is left for the KV cache is an estimate, made of the assumptions below.
 */
struct layout_node {
	const char *name, *gpu;         /* gpu: "NVIDIA H100 80GB HBM3", or NULL */
	long long gpus;
	double memory;                  /* of the smallest GPU; 0: not known */
	long long island;               /* GPUs that NVLink joins; 0: all, or not known */
};

struct layout_ask {
	const struct modelfacts *model;
	const struct layout_node *node;
	size_t nnode;
	long long tensor, pipeline;     /* 0: to be chosen */
	long long data;                 /* replicas; at least 1 */
	bool mp;                        /* every node must take the same number of GPUs */
	long long context;              /* tokens that one sequence may have; 0: not known */
	bool context_fitted;            /* max-model-len auto: vLLM takes what there is room for */
	const char *context_why;        /* vLLM refuses the context whatever the layout, or NULL */
	double utilization;             /* gpu_memory_utilization */
	const char *utilization_from;   /* "the default of vLLM v0.17.1" */
	double kv_bits;                 /* of one number in the KV cache */
	double kv_given;                /* --kv-cache-memory-bytes, or 0 */
	double offload;                 /* --cpu-offload-gb in bytes, or 0 */
	bool expert_parallel, eager;
	bool eplb;                      /* --enable-eplb */
	bool more_experts;              /* its --eplb-config may add some */
	bool other_kernels;             /* --quantization is given: Marlin's rules are off */
	bool loads_whole;               /* --quantization of this vLLM has 16 bits of all at first */
	bool refines;                   /* this vLLM cuts the fp8 blocks of experts smaller */
	long long dcp;                  /* decode context parallel size; 0 or 1: none */
	long long batch_tokens, sequences;      /* of one step */
	const long long *partition;     /* VLLM_PP_LAYER_PARTITION, or NULL */
	size_t npartition;
};

/* The assumptions, by name; bytes per GPU. */
struct layout_overhead {
	double context;         /* CUDA context, NCCL, allocator */
	double graphs;          /* CUDA graphs; none when eager */
	double activations;     /* of one step of batch_tokens, with its logits */
};

struct layout_stage {
	long long layers;
	bool first, last;
	double weights;
	double memory;          /* of the GPUs it lies on */
	double room;            /* for the KV cache; may be negative */
	double kv_token;        /* of one more token, windows not yet full */
	double kv_sequence;     /* of one sequence of `context` tokens */
	double sequences;       /* room / kv_sequence */
};

enum fit {
	FIT_OK,
	FIT_UNKNOWN,            /* no memory or no sizes: not estimated */
	FIT_SHORT,              /* starts, but not with the context asked for (estimate) */
	FIT_FULL,               /* no room for a KV cache at all (estimate) */
	FIT_TOO_BIG,            /* weights alone are more than vLLM may use of the memory */
	FIT_RULE,               /* vLLM refuses it */
	FIT_GPUS,               /* more GPUs than there are */
};

struct layout_try {
	long long tensor, pipeline;
	size_t nodes;           /* the first ones; 0 with FIT_GPUS */
	long long each;         /* GPUs of every node with mp; else 0 */
	bool spans;             /* a tensor group lies on several nodes */
	bool uneven;            /* nodes give different numbers of GPUs */
	bool crosses;           /* a tensor group is larger than what NVLink joins */
	enum fit fit;
	const char *rule;       /* FIT_RULE and FIT_GPUS: in words */
	long long worst;        /* the stage with the least room, from 0 */
	double weights;         /* of the fullest GPU */
	double sequences;       /* of the worst stage */
};

/* What vLLM says against that size, or NULL. */
const char *layout_rule_tensor(struct arena *, const struct layout_ask *, long long tensor);
const char *layout_rule_pipeline(struct arena *, const struct layout_ask *, long long pipeline);

/* How many layers stage k of n gets: vLLM's get_pp_indices(). */
long long layout_layers(const struct layout_ask *, long long pipeline, long long k);
struct layout_overhead layout_overhead(const struct layout_ask *, long long tensor);
/* Stage k of a try that has nodes; sizes are 0 where they are not known. */
struct layout_stage layout_stage(const struct layout_ask *, const struct layout_try *,
				 long long k);
/* Do the weights alone take more than vLLM may use? */
bool layout_too_big(const struct layout_ask *, const struct layout_stage *);
struct layout_try layout_try(struct arena *, const struct layout_ask *, long long tensor,
			     long long pipeline);

/* Layouts that were looked at and not taken, alike ones in one line. */
struct layout_reject {
	long long tensor, from, to;     /* pipeline from..to; 0: whatever it is */
	enum fit fit;
	const char *why;
};

struct layout_result {
	const struct layout_ask *ask;
	struct layout_try best;
	bool found;             /* best can be served with (FIT_OK, or FIT_UNKNOWN) */
	bool usable;            /* best is at least not refused: FIT_SHORT, FIT_FULL too */
	bool fixed;             /* nothing was left to choose */
	struct { struct layout_reject *v; size_t n, cap; } reject;
	struct { const char **v; size_t n, cap; } advice;       /* what would make it fit */
	long long context_fits; /* the longest that does, where the one asked for does not; else 0 */
};

struct layout_result *layout_search(struct arena *, const struct layout_ask *);
/* "TP 8 × PP 4", with " × DP 2" when there is more than one replica. */
const char *layout_name(struct arena *, const struct layout_ask *, long long tensor,
			long long pipeline);
/* The same of what was rejected: "TP 4", "TP 4 × PP 1 to 3". */
const char *layout_reject_name(struct arena *, const struct layout_ask *,
			       const struct layout_reject *);
/* The longest context of which one sequence fits into the try, in steps of 16. */
long long layout_longest(const struct layout_ask *, const struct layout_try *);

#endif
