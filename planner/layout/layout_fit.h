#ifndef PLANNER_LAYOUT_FIT_H
#define PLANNER_LAYOUT_FIT_H

#include "planner/engines/engine.h"
#include "planner/facts/measured.h"
#include "planner/layout/checkpoint.h"

/*
 * tensor x pipeline (x data) over real nodes: what the engine refuses, what it takes of each
 * GPU, and which layout is best. Pure and deterministic; sizes in bytes.
 *
 * A pipeline stage is a tensor group of GPUs. Groups are placed on the nodes in order, so a
 * layout always takes the first nodes. Rules are facts and carry the engine's own words; what
 * is left for the KV cache is an estimate, based on the assumptions below.
 */
struct layout_node {
	const char *name, *gpu;         /* gpu: "NVIDIA H100 80GB HBM3", or NULL */
	long long gpus;
	double memory;                  /* of the smallest GPU; 0: not known */
	long long nvlink_domain;        /* GPUs joined by NVLink; 0: all, or not known */
	double reserved;                /* the part of the memory that the driver keeps */
};

struct layout_ask {
	const struct engine *engine;
	const struct checkpoint *model;
	const struct layout_node *node;
	size_t nnode;
	long long tensor, pipeline;     /* 0: choose it */
	long long data;                 /* replicas; at least 1 */
	bool mp;                        /* every node must give the same number of GPUs */
	long long context;              /* tokens of the longest sequence; 0: not known */
	bool context_fitted;            /* the engine takes as much as there is room for */
	const char *context_why;        /* why the engine refuses it in any layout, or NULL */
	double utilization;             /* gpu_memory_utilization */
	const char *utilization_from;   /* its source, in words */
	double kv_bits;                 /* of one number in the KV cache */
	double kv_given;                /* --kv-cache-memory-bytes, or 0 */
	double offload;                 /* --cpu-offload-gb in bytes, or 0 */
	bool expert_parallel, eager;
	bool eplb;                      /* --enable-eplb */
	bool more_experts;              /* --eplb-config may add experts */
	bool other_kernels;             /* --quantization is given: Marlin's rules do not apply */
	bool loads_whole;               /* the engine loads all in 16 bits before it quantises */
	bool refines;                   /* the engine splits the fp8 blocks of experts */
	long long dcp;                  /* decode context parallel size; 0 or 1: none */
	long long batch_tokens, sequences;      /* of one step */
	long long block_size;           /* tokens of a block of the KV cache; 0: the default */
	bool windows_full;              /* also layers with a window keep all tokens */
	bool prefix_states;             /* states are also kept for prefixes, ... */
	long long state_chunk;          /* ... for each block of the KV cache, a multiple of these tokens */
	long long drafts;               /* tokens that are guessed at a time; each has a state of its own */
	struct engine_version version;
	int runner;                     /* of the model, as the engine numbers them */
	bool runner_known;              /* `runner` follows from the version or the user's arguments */
	const struct measured *measured;        /* by an earlier start of this model; or NULL */
	const long long *partition;     /* layers of each stage as the user gave them, or NULL */
	size_t npartition;
	bool uneven;                    /* dray may choose the layers of each stage */
};

/* The part of a model that a GPU has. */
struct layout_part {
	long long tensor;               /* ranks that share each layer */
	long long from, layers;
	bool first, last;               /* stage of the pipeline */
	double weights;                 /* as they are stored */
};

/* The assumptions, in bytes per GPU. */
struct layout_overhead {
	double loaded;          /* weights: what loading adds to those of the checkpoint */
	double context;         /* what is not the model's: libraries, NCCL */
	double graphs;          /* CUDA graphs, as far as the engine leaves room for them */
	double graphs_beyond;   /* CUDA graphs that the engine leaves no room for */
	double activations;     /* one step of batch_tokens, with its logits */
	const char *runner;     /* which way of running the model this is, in words; or NULL */
};

/* The KV cache of a part, in blocks that all layers share. */
struct layout_kv {
	double block;           /* bytes of a block on this GPU; 0: the part has no cache */
	double blocks;          /* of one sequence of the context */
	double token;           /* bytes of one more token, if no window is full yet */
	double state;           /* the part of `blocks` that does not grow with the context */
	long long tokens;       /* of a block */
};

struct layout_stage {
	long long layers;
	bool first, last;
	double weights;
	double total;           /* memory of its GPUs */
	double memory;          /* what programs can have of it */
	double room;            /* for the KV cache; may be negative */
	double corrected;       /* part of `room` that an earlier start shows; may be negative */
	struct layout_overhead over;
	struct layout_kv kv;
	double sequences;       /* of `context` tokens, that fit in `room` */
};

enum fit {
	FIT_OK,
	FIT_UNKNOWN,            /* no memory or no sizes: not estimated */
	FIT_SHORT,              /* too little for the context asked for (estimate) */
	FIT_FULL,               /* no room for a KV cache at all (estimate) */
	FIT_TOO_BIG,            /* the weights alone exceed what the engine may use */
	FIT_RULE,               /* the engine refuses it */
	FIT_GPUS,               /* more GPUs than there are */
};

struct layout_try {
	long long tensor, pipeline;
	size_t nodes;           /* the first ones; 0 with FIT_GPUS */
	long long each;         /* GPUs of every node with mp; else 0 */
	bool spans;             /* a tensor group is on several nodes */
	bool uneven;            /* nodes give different numbers of GPUs */
	double memory;          /* of each of its GPUs, if all have the same; else 0 */
	bool crosses;           /* a tensor group is larger than an NVLink domain */
	enum fit fit;
	const char *rule;       /* FIT_RULE and FIT_GPUS: in words */
	const long long *partition;     /* layers of each stage as dray chose them, or NULL */
	long long worst;        /* the stage with the least room, from 0 */
	double weights;         /* of the fullest GPU */
	double sequences;       /* of the worst stage */
};

/* How many layers stage k of `pipeline` has, if dray does not choose them. */
long long layout_layers(const struct layout_ask *, long long pipeline, long long k);
/* Chooses the layers of each stage of a layout whose GPUs have different memory. */
bool layout_partition(struct arena *, const struct layout_ask *, struct layout_try *);
/* "36,14,14", or NULL: dray did not choose them. */
const char *layout_partition_text(struct arena *, const struct layout_try *);
/* Weights and memory in GiB of the fullest GPU of each size: "40.5 of 48.0 and 20.5 of 24.0". */
const char *layout_weights_text(struct arena *, const struct layout_ask *, const struct layout_try *);
/* Stage k of a layout that has nodes. Sizes are 0 if they are not known. */
struct layout_stage layout_stage(const struct layout_ask *, const struct layout_try *, long long k);
/* The same without the correction by an earlier start. */
struct layout_stage layout_stage_said(const struct layout_ask *, const struct layout_try *,
				      long long k);
/* Do the weights alone exceed what the engine may use? */
bool layout_too_big(const struct layout_ask *, const struct layout_try *,
		    const struct layout_stage *);
struct layout_try layout_try(struct arena *, const struct layout_ask *, long long tensor,
			     long long pipeline);

/* Layouts that were not chosen; similar ones are one entry. */
struct layout_reject {
	long long tensor, from, to;     /* pipeline from..to; 0: any */
	enum fit fit;
	const char *why;
};

struct layout_result {
	const struct layout_ask *ask;
	struct layout_try best;
	bool found;             /* best can serve the model (FIT_OK or FIT_UNKNOWN) */
	bool usable;            /* best is not refused (also FIT_SHORT, FIT_FULL) */
	bool fixed;             /* the spec gives both sizes */
	struct { struct layout_reject *v; size_t n, cap; } reject;
	struct { const char **v; size_t n, cap; } advice;       /* what would make it fit */
	long long context_fits; /* the longest that fits, if the one asked for does not; or 0 */
};

/* Can it serve the model, as far as is known? */
bool layout_works(const struct layout_result *);
struct layout_result *layout_search(struct arena *, const struct layout_ask *);
/* "TP 8 × PP 4", with " × DP 2" if there are replicas. */
const char *layout_name(struct arena *, const struct layout_ask *, long long tensor,
			long long pipeline);
/* The same for rejected layouts: "TP 4", "TP 4 × PP 1 to 3". */
const char *layout_reject_name(struct arena *, const struct layout_ask *,
			       const struct layout_reject *);
/* The longest context with which one sequence fits, in steps of 16. */
long long layout_longest(const struct layout_ask *, const struct layout_try *);

#endif
