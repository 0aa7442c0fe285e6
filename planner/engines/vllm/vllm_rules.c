/* What vLLM refuses at its start, in its own words, known beforehand. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/layout/layout_fit.h"

/* divide() of vLLM, which every worker asserts. */
static const char *
rules_undivided(struct arena *a, const char *what, long long x, long long y)
{
	return arena_printf(a, "%s: %lld is not divisible by %lld", what, x, y);
}

static bool
rules_has_kind(const struct checkpoint *f, unsigned bits, unsigned want)
{
	for (long long i = 0; i < f->layers; i++)
		if ((f->layer[i] & bits) == want)
			return true;
	return false;
}

/* GPUs that share the matrices of each expert. */
static long long
rules_expert_ranks(const struct layout_ask *ask, long long tensor)
{
	return ask->expert_parallel ? 1 : tensor * ask->data;
}

static const char *
rules_kv_heads(struct arena *a, const struct checkpoint *f, long long tensor)
{
	if (f->mla.kv_rank || !f->kv_heads)
		return NULL;
	if (f->kv_heads >= tensor)
		return f->kv_heads % tensor
			       ? rules_undivided(a, "KV heads", f->kv_heads, tensor)
			       : NULL;
	return tensor % f->kv_heads
		       ? rules_undivided(a, "ranks per KV head", tensor, f->kv_heads)
		       : NULL;
}

/* Embedding and head are padded to 64 rows and then split, in every vLLM from v0.5 to v0.32
 * that was checked. */
static const char *
rules_vocabulary(struct arena *a, const struct checkpoint *f, long long tensor)
{
	long long padded = (f->vocab + 63) / 64 * 64;

	return padded % tensor ? rules_undivided(a, "padded vocab_size", padded, tensor)
			       : NULL;
}

static const char *
rules_widths(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	long long experts = rules_expert_ranks(ask, tensor);

	if (rules_has_kind(f, LAYER_MOE, 0) && f->intermediate % tensor)
		return rules_undivided(a, "intermediate_size", f->intermediate, tensor);
	if (rules_has_kind(f, LAYER_MOE, LAYER_MOE)) {
		if (f->moe.intermediate % experts)
			return rules_undivided(a, "moe_intermediate_size",
						      f->moe.intermediate, experts);
		if (f->moe.shared % tensor)
			return rules_undivided(a, "width of the shared experts",
						      f->moe.shared, tensor);
	}
	if (rules_has_kind(f, LAYER_LINEAR, LAYER_LINEAR) && f->linear.key_heads) {
		if (f->linear.key_heads % tensor)
			return rules_undivided(a, "linear_num_key_heads",
						      f->linear.key_heads, tensor);
		if (f->linear.value_heads % tensor)
			return rules_undivided(a, "linear_num_value_heads",
						      f->linear.value_heads, tensor);
	}
	return NULL;
}

/* ---- quantised matrices ---- */

/* The matrices of one rank. `row`: split by input, otherwise by output. */
struct matrix {
	bool row;
	long long size, whole;  /* the side that is split: of one rank, and of all */
};

enum { MAX_MATRICES = 12 };

static size_t
rules_matrices(const struct checkpoint *f, long long tensor, struct matrix *m)
{
	long long heads = f->heads / tensor;
	long long kv = f->kv_heads < tensor ? 1 : f->kv_heads / tensor;
	size_t n = 0;

	if (f->mla.kv_rank) {
		m[n++] = (struct matrix){.size = heads * (f->mla.nope + f->mla.rope),
			.whole = f->heads * (f->mla.nope + f->mla.rope)};
		m[n++] = (struct matrix){.size = heads * (f->mla.nope + f->mla.v),
			.whole = f->heads * (f->mla.nope + f->mla.v)};
		m[n++] = (struct matrix){.row = true, .size = heads * f->mla.v,
			.whole = f->heads * f->mla.v};
	} else {
		m[n++] = (struct matrix){.size = heads * f->head_dim, .whole = f->heads * f->head_dim};
		m[n++] = (struct matrix){.size = kv * f->head_dim, .whole = f->kv_heads * f->head_dim};
		m[n++] = (struct matrix){.row = true, .size = heads * f->head_dim,
			.whole = f->heads * f->head_dim};
	}
	if (rules_has_kind(f, LAYER_MOE, 0)) {
		m[n++] = (struct matrix){.size = f->intermediate / tensor, .whole = f->intermediate};
		m[n++] = (struct matrix){.row = true, .size = f->intermediate / tensor,
			.whole = f->intermediate};
	}
	if (f->moe.shared && rules_has_kind(f, LAYER_MOE, LAYER_MOE)) {
		m[n++] = (struct matrix){.size = f->moe.shared / tensor, .whole = f->moe.shared};
		m[n++] = (struct matrix){.row = true, .size = f->moe.shared / tensor,
			.whole = f->moe.shared};
	}
	return n;
}

static long long
rules_divisor(long long x, long long y)
{
	while (y) {
		long long rest = x % y;

		x = y;
		y = rest;
	}
	return x;
}

/* The blocks of experts. Some versions split them, down to 32. */
static const char *
rules_fp8_experts(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	long long size = f->moe.intermediate / rules_expert_ranks(ask, tensor);

	if (!rules_has_kind(f, LAYER_MOE, LAYER_MOE))
		return NULL;
	if (ask->refines && rules_divisor(rules_divisor(f->block_n, f->block_k),
						 rules_divisor(size, f->hidden)) >= 32)
		return NULL;
	if (size % f->block_n)
		return arena_printf(a, "The output_size of gate's and up's weight = %lld is not "
				    "divisible by weight quantization block_n = %lld", size, f->block_n);
	if (tensor > 1 && size % f->block_k)
		return arena_printf(a, "The input_size of down's weight = %lld is not divisible by "
				    "weight quantization block_k = %lld", size, f->block_k);
	return NULL;
}

static const char *
rules_fp8_blocks(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	struct matrix m[MAX_MATRICES];
	size_t n = rules_matrices(f, tensor, m);

	for (size_t i = 0; i < n && tensor > 1; i++) {
		if (m[i].row && m[i].size % f->block_k)
			return arena_printf(a, "Weight input_size_per_partition = %lld is not divisible "
					    "by weight quantization block_k = %lld", m[i].size,
					    f->block_k);
		if (!m[i].row && m[i].size % f->block_n)
			return arena_printf(a, "Weight output_partition_size = %lld is not divisible by "
					    "weight quantization block_n = %lld", m[i].size, f->block_n);
	}
	return rules_fp8_experts(a, ask, tensor);
}

/* Marlin needs 64 x 128. For AWQ, vLLM can fall back to a slower kernel, which still needs whole
 * groups. */
static const char *
rules_packed(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	static const char advice[] = "Consider reducing tensor_parallel_size or running with "
		"--quantization gptq";
	const struct checkpoint *f = ask->model;
	struct matrix m[MAX_MATRICES];
	size_t n = rules_matrices(f, tensor, m);
	bool marlin = f->quant == QUANT_GPTQ && !ask->other_kernels;

	for (size_t i = 0; i < n; i++) {
		if (marlin && !m[i].row && m[i].size % 64)
			return arena_printf(a, "Weight output_size_per_partition = %lld is not divisible "
					    "by min_thread_n = 64. %s", m[i].size, advice);
		if (marlin && m[i].row && m[i].size % 128)
			return arena_printf(a, "Weight input_size_per_partition = %lld is not divisible "
					    "by min_thread_k = 128. %s", m[i].size, advice);
		if (m[i].row && f->group > 0 && f->group < m[i].whole && m[i].size % f->group)
			return arena_printf(a, "The input size is not aligned with the quantized weight "
					    "shape. This can be caused by too large tensor parallel size "
					    "(%lld is not divisible by group_size = %lld)", m[i].size,
					    f->group);
	}
	return NULL;
}

static const char *
rules_quantised(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;

	if (f->partly)
		return NULL;
	if (f->quant == QUANT_FP8 && f->block_n > 0 && f->block_k > 0)
		return rules_fp8_blocks(a, ask, tensor);
	if (f->quant == QUANT_GPTQ || f->quant == QUANT_AWQ)
		return rules_packed(a, ask, tensor);
	return NULL;
}

/* Ranks with the same KV heads share their tokens: there must be enough such ranks. */
static const char *
rules_decode_context(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;

	if (ask->dcp < 2 || f->mla.kv_rank || !f->kv_heads)
		return NULL;
	if (tensor <= f->kv_heads)
		return arena_printf(a, "decode context parallel needs more ranks than KV heads: "
				    "%lld ranks for %lld", tensor, f->kv_heads);
	if (ask->dcp > tensor / f->kv_heads)
		return arena_printf(a, "--decode-context-parallel-size (%lld) exceeds the maximum "
				    "supported value (%lld) for %lld ranks and %lld KV heads", ask->dcp,
				    tensor / f->kv_heads, tensor, f->kv_heads);
	if (f->heads / f->kv_heads % ask->dcp)
		return arena_printf(a, "query heads per KV head (%lld) must be divisible by "
				    "--decode-context-parallel-size (%lld)", f->heads / f->kv_heads,
				    ask->dcp);
	return NULL;
}

const char *
vllm_rule_tensor(struct arena *a, const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	const char *why;

	/* vLLM requires this of every architecture. */
	if (f->heads && f->heads % tensor)
		return arena_printf(a, "Total number of attention heads (%lld) must be divisible by "
				    "tensor parallel size (%lld)", f->heads, tensor);
	if (ask->eplb && !ask->expert_parallel)
		return "enable_expert_parallel must be True to use EPLB";
	if (ask->eplb && tensor * ask->data < 2)
		return "EPLB needs more than one rank of experts (tensor × data)";
	if (ask->dcp > 1 && tensor % ask->dcp)
		return arena_printf(a, "tp_size=%lld must be divisible by dcp_size=%lld", tensor,
				    ask->dcp);
	if (!f->known)
		return NULL;
	why = rules_decode_context(a, ask, tensor);
	if (why)
		return why;
	if (ask->eplb && !ask->more_experts && f->moe.experts % (tensor * ask->data))
		return arena_printf(a, "EPLB currently only supports even distribution of experts across "
				    "ranks. Got %lld experts and %lld EP ranks", f->moe.experts,
				    tensor * ask->data);
	if (ask->expert_parallel && !f->moe.experts)
		return "Number of experts in the model must be greater than 0 when expert "
		       "parallelism is enabled";
	why = rules_kv_heads(a, f, tensor);
	if (!why)
		why = rules_widths(a, ask, tensor);
	if (!why)
		why = rules_vocabulary(a, f, tensor);
	return why ? why : rules_quantised(a, ask, tensor);
}

/* vLLM's models without SupportsPP. */
static bool
rules_has_stages(const struct checkpoint *f)
{
	static const char *const none[] = {"Gemma3nForCausalLM", "Gemma3nForConditionalGeneration",
		"WhisperForConditionalGeneration", "Zamba2ForCausalLM"};

	for (size_t i = 0; i < countof(none); i++)
		if (strcmp(none[i], f->architecture) == 0)
			return false;
	return true;
}

const char *
vllm_rule_pipeline(struct arena *a, const struct layout_ask *ask, long long pipeline)
{
	const struct checkpoint *f = ask->model;
	long long sum = 0;

	if (pipeline > 1 && !rules_has_stages(f))
		return "Pipeline parallelism is not supported for this model. Supported models "
		       "implement the `SupportsPP` interface";
	if (f->layers && pipeline > f->layers)
		return arena_printf(a, "%lld stages for %lld layers: a stage would have none", pipeline,
				    f->layers);
	if (!ask->partition)
		return NULL;
	if ((long long)ask->npartition != pipeline)
		return arena_printf(a, "VLLM_PP_LAYER_PARTITION: len(partitions)=%zu does not match "
				    "pp_size=%lld", ask->npartition, pipeline);
	for (size_t i = 0; i < ask->npartition; i++)
		sum += ask->partition[i];
	if (f->layers && sum != f->layers)
		return arena_printf(a, "VLLM_PP_LAYER_PARTITION: sum(partitions)=%lld does not match "
				    "num_hidden_layers=%lld", sum, f->layers);
	return NULL;
}
