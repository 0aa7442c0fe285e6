/* How vLLM splits a model into stages, and what it takes of a GPU besides the model. */
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

struct layout_overhead
vllm_overhead(const struct layout_ask *ask, long long tensor)
{
	const struct checkpoint *f = ask->model;
	double dense = 3 * (double)f->intermediate / (double)tensor;
	double experts = (double)f->moe.chosen *
			 (2 * (double)f->moe.intermediate / (double)tensor + (double)f->hidden);
	double wide = dense > experts ? dense : experts;

	return (struct layout_overhead){
		.context = 1.5 * GIB,
		.graphs = ask->eager ? 0 : 0.5 * GIB,
		/* 16-bit numbers of one step; logits of each sequence in 32 bits. */
		.activations = (double)ask->batch_tokens * (4 * (double)f->hidden + wide) * 2 +
			       (double)ask->sequences * (double)f->vocab * 4,
	};
}
