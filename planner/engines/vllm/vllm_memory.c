/* How vLLM splits a model into stages, and what it takes of a GPU besides the model. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/layout/layout_fit.h"

static const double GIB = 1024.0 * 1024 * 1024;

/* get_pp_indices(): remaining layers go to the stages before the last one, from the back. */
long long
vllm_layers_before(const struct layout_ask *ask, long long pipeline, long long k)
{
	long long rest = ask->model->layers % pipeline, n = ask->model->layers / pipeline * k;
	long long more = (k < pipeline - 1 ? k : pipeline - 1) - (pipeline - 1 - rest);

	if (!ask->partition)
		return n + (more > 0 ? more : 0);
	n = 0;
	for (size_t i = 0; i < (size_t)k && i < ask->npartition; i++)
		n += ask->partition[i];
	return n;
}

/* ---- which runner runs the model ---- */

/*
 * The first release that runs an architecture with the V2 runner (vllm/config/vllm.py,
 * DEFAULT_V2_MODEL_RUNNER_ARCHITECTURES). v0.23 and v0.24 have such a list; v0.30 dropped it and
 * runs all with V2. For the releases in between, v0.24's list counts: the lists only grew, and the
 * V1 runner, which takes more memory, is the safe guess.
 */
static const struct {
	int minor;
	const char *architecture;       /* NULL: all */
} memory_runner2[] = {
	{23, "LlamaForCausalLM"}, {23, "MistralForCausalLM"}, {23, "Qwen3ForCausalLM"},
	{23, "DeepseekV2ForCausalLM"}, {23, "Qwen2MoeForCausalLM"}, {24, "GraniteMoeForCausalLM"},
	{30, NULL},
};

int
vllm_runner(struct engine_version v, const struct checkpoint *f, bool *known)
{
	*known = engine_version_known(v) &&
		 (engine_version_before(v, 0, 25, 0) || !engine_version_before(v, 0, 30, 0));
	for (size_t i = 0; engine_version_known(v) && i < countof(memory_runner2); i++)
		if (!engine_version_before(v, 0, memory_runner2[i].minor, 0) &&
		    (!memory_runner2[i].architecture ||
		     strcmp(memory_runner2[i].architecture, f->architecture) == 0))
			return 2;
	return 1;
}

/* ---- what it takes ---- */

static double
memory_rounded_up(long long n, long long to)
{
	return (double)((n + to - 1) / to * to);
}

/* Tables of the rotary embedding on every rank, and what the kernels' own order of the weights
 * adds. Measured with vLLM 0.24 on an H200; Gemma 3's two tables explain 0.28 of 0.43 GiB. */
static double
memory_loaded(const struct layout_ask *ask, const struct layout_part *p)
{
	const struct checkpoint *f = ask->model;
	double more = f->tables, experts = 0;
	long long width = f->moe.intermediate / p->tensor;

	if (!f->known)
		return 0;
	for (long long i = p->from; f->quant == QUANT_MXFP4 && i < p->from + p->layers &&
	     i < f->layers; i++)
		experts += f->layer[i] & LAYER_MOE ? (double)f->moe.experts : 0;
	/* Triton's kernels of MXFP4 want the summed side of a matrix as a multiple of 256. */
	if (f->quant == QUANT_MXFP4 && width > 0)
		more += experts / (double)ask->data * f->expert_bits / 8 *
			(2 * (double)width * (memory_rounded_up(f->hidden, 256) - (double)f->hidden) +
			 (double)f->hidden * (memory_rounded_up(width, 256) - (double)width));
	/* Marlin's: 0.83 GiB of an AWQ checkpoint's 39. */
	if ((f->quant == QUANT_AWQ || f->quant == QUANT_GPTQ) && !ask->other_kernels)
		more += 0.022 * p->weights;
	return more;
}

/* One step of the forward pass, in 16-bit numbers. Models of experts have a workspace in
 * addition, which stays. */
static double
memory_forward(const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	double wide = f->moe.experts ? 0 : 3 * (double)f->intermediate / (double)tensor;

	return (double)ask->batch_tokens * (4 * (double)f->hidden + wide) * 2;
}

/* workspace_shapes() of the kernels: for each chosen expert, what comes in and what goes out. */
static double
memory_experts(const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	double width = (double)f->moe.intermediate / (double)(ask->expert_parallel ? 1 : tensor);
	double h = (double)f->hidden, wide = f->gated ? 2 * width : width, out = width > h ? width : h;
	double tokens = (double)ask->batch_tokens, chosen = (double)f->moe.chosen;

	if (!f->moe.experts)
		return 0;
	wide = wide > h ? wide : h;
	if (f->quant == QUANT_MXFP4)
		return tokens * chosen * (wide + width) * 2;
	/* In 8 bits, the inputs of both matrices are there again. */
	return tokens * chosen * (wide + out) * 2 +
	       (f->quant == QUANT_FP8 ? tokens * (h + chosen * width) : 0);
}

/* Logits in 16 and 32 bits; the V1 runner sorts and copies them, too, and holds two copies of
 * the hidden states. */
static double
memory_sampler(const struct layout_ask *ask)
{
	const struct checkpoint *f = ask->model;
	long long n = ask->sequences < ask->batch_tokens ? ask->sequences : ask->batch_tokens;
	double logits = (double)n * (double)f->vocab;

	return ask->runner == 2 ? 6 * logits
		: 14 * logits + 2 * (double)ask->batch_tokens * (double)f->hidden;
}

/*
 * vLLM 0.24 on an H200 with torch 2.11, measured: 0.22 to 0.28 GiB that are not torch's in all models at
 * TP 1 and PP 2 (0.42 more for a Llama 8B at TP 2 over NVLink, none at TP 2 over sockets). The
 * context of CUDA is not among it: the free memory is read when it is there (gpu_worker.py).
 * Until v0.11 it was read before NCCL was. CUDA graphs of the V1 runner are estimated by a trial
 * and taken off since v0.21 (0.50 to 0.52 GiB; 0.57 to 0.67 were used); the V2 runner takes off
 * nothing, and used 1.87 GiB with 64 layers and 1.57 with 32.
 */
struct layout_overhead
vllm_overhead(const struct layout_ask *ask, const struct layout_part *p)
{
	struct engine_version v = ask->version;
	double forward = memory_forward(ask, p->tensor), sampler = p->last ? memory_sampler(ask) : 0;
	struct layout_overhead o = {.context = 0.26 * GIB, .loaded = memory_loaded(ask, p)};

	if (engine_version_known(v) && engine_version_before(v, 0, 11, 0) &&
	    !(p->first && p->last && p->tensor == 1))
		o.context += 0.5 * GIB;
	o.activations = (forward > sampler ? forward : sampler) + memory_experts(ask, p->tensor) +
			(ask->runner == 2 ? 0 : 0.13 * GIB);
	o.runner = ask->runner == 2 ? "V2 runner" : "V1 runner";
	if (ask->eager)
		return o;
	if (ask->runner == 2)
		o.graphs_beyond = (1.27 + 0.0094 * (double)p->layers) * GIB;
	else if (engine_version_known(v) && engine_version_before(v, 0, 21, 0))
		o.graphs_beyond = 0.6 * GIB;
	else
		o.graphs = 0.5 * GIB;
	return o;
}
