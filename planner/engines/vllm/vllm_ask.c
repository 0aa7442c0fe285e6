/* What the user's arguments and the version mean for a layout, with vLLM's defaults. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"
#include "planner/base/vec.h"
#include "planner/cluster/cluster.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/layout/layout_fit.h"

static const double GIB = 1024.0 * 1024 * 1024;

static void
ask_utilization(struct arena *a, const struct cluster *c, struct layout_ask *ask)
{
	struct engine_version v = cluster_engine_version(c);
	double given = spec_arg_number(c->spec, engine_vllm.arg.memory);

	if (given > 0 && given <= 1) {
		ask->utilization = given;
		ask->utilization_from = "engine.args";
	} else if (engine_version_known(v)) {
		ask->utilization = engine_version_before(v, 0, 20, 0) ? 0.90 : 0.92;
		ask->utilization_from = arena_printf(a, "the default of vLLM v%d.%d.%d", v.major,
						     v.minor, v.patch);
	} else {
		ask->utilization = 0.90;
		ask->utilization_from = "the default of vLLM before v0.20.0; which it is, is not known";
	}
}

static void
ask_partition(struct arena *a, const struct cluster *c, struct layout_ask *ask)
{
	const char *text = c->nnode ? env_value(c, &c->node[0], "VLLM_PP_LAYER_PARTITION") : NULL;
	struct { long long *v; size_t n, cap; } list = {0};
	char *end;

	while (text && *text && list.n < 1024) {
		long long n = strtoll(text, &end, 10);

		if (end == text || n < 0 || n > 100000)
			return;
		*vec_push(a, &list) = n;
		text = *end == ',' ? end + 1 : end;
	}
	ask->partition = list.v;
	ask->npartition = list.n;
}

/* Seen in v0.32.0, not in v0.21.0. Between them, and if the version is not known, assume it for
 * sizes that the spec gives, but not for sizes that dray chooses. */
static bool
ask_refines(struct engine_version v, bool given)
{
	if (!engine_version_known(v) || (!engine_version_before(v, 0, 22, 0) &&
					 engine_version_before(v, 0, 32, 0)))
		return given;
	return !engine_version_before(v, 0, 32, 0);
}

/* The length of a sequence. vLLM refuses more than the config allows, unless something that
 * is not read here makes it longer. */
static void
ask_context(struct arena *a, const struct cluster *c, struct layout_ask *ask)
{
	static const char *const longer[] = {"hf-overrides", "rope-scaling", "rope-theta",
		"config-format", "hf-config-path"};
	const struct checkpoint *f = ask->model;
	const char *given = spec_arg_value(c->spec, engine_vllm.arg.context);
	double context = spec_arg_number(c->spec, engine_vllm.arg.context);
	bool other = c->nnode && env_value(c, &c->node[0], "VLLM_ALLOW_LONG_MAX_MODEL_LEN");

	for (size_t i = 0; i < countof(longer); i++)
		other = other || spec_arg_value(c->spec, longer[i]);
	ask->context_fitted = given && (strcmp(given, "auto") == 0 || strcmp(given, "-1") == 0);
	if (context > 0 && context < 1e9)
		ask->context = (long long)context;
	else
		ask->context = engine_version_before(cluster_engine_version(c), 0, 14, 0)
			? f->context : f->context_unasked;
	if (!other && f->context_most > 0 && ask->context > f->context_most)
		ask->context_why = arena_printf(a, "User-specified max_model_len (%lld) is greater than "
						"the derived max_model_len (%lld)", ask->context,
						f->context_most);
}

/* The size of a step: vLLM's defaults depend on the GPU of the head. */
static void
ask_step(const struct cluster *c, struct layout_ask *ask)
{
	const struct layout_node *head = &ask->node[0];
	bool large = ask->nnode && head->memory >= 70 * GIB && !(head->gpu && strstr(head->gpu, "A100"));
	/* (Seen in v0.28.0, not in v0.17.1.) */
	bool larger = large && head->memory >= 160 * GIB &&
		      !engine_version_before(cluster_engine_version(c), 0, 28, 0);
	double tokens = spec_arg_number(c->spec, "max-num-batched-tokens");
	double sequences = spec_arg_number(c->spec, "max-num-seqs");

	ask->batch_tokens = tokens > 0 && tokens < 1e7 ? (long long)tokens :
			    larger ? 16384 : large ? 8192 : 2048;
	ask->sequences = sequences > 0 && sequences < 1e6 ? (long long)sequences :
			 large ? 1024 : 256;
}

/* Does vLLM keep states for prefixes, too? By itself it did not in v0.24.0, and does in
 * v0.32.0. */
static bool
ask_prefix_states(const struct cluster *c)
{
	struct engine_version v = cluster_engine_version(c);

	if (spec_arg_flag(c->spec, "no-enable-prefix-caching"))
		return false;
	return spec_arg_flag(c->spec, "enable-prefix-caching") ||
	       (engine_version_known(v) && !engine_version_before(v, 0, 32, 0));
}

/* How many tokens a draft guesses at a time. A draft that is part of the model guesses one unless it
 * is told otherwise. */
static long long
ask_drafts(const struct spec *s)
{
	const char *text = spec_arg_value(s, "speculative-config");
	json_t *json = text ? json_read_object(text, strlen(text)) : NULL;
	json_t *number = json_object_get(json, "num_speculative_tokens");
	double n = json_is_integer(number) ? (double)json_integer_value(number)
					   : spec_arg_number(s, "speculative-config.num_speculative_tokens");

	json_decref(json);
	if (!text && !spec_arg_value(s, "speculative-config.method") && n <= 0)
		return 0;
	return n >= 1 && n < 1000 ? (long long)n : 1;
}

/* Layers with a state. For prefixes vLLM v0.24 keeps one for each block of Mamba's; v0.32 does not,
 * nor does any for others or with "align". */
static void
ask_states(struct arena *a, const struct cluster *c, struct layout_ask *ask)
{
	const char *mode = spec_arg_value(c->spec, "mamba-cache-mode"),
		   *type = spec_arg_value(c->spec, "mamba-ssm-cache-dtype");
	enum state_kind kind = ask->model->state.kind;

	ask->drafts = ask_drafts(c->spec);
	ask->prefix_states = ask_prefix_states(c);
	if (ask->prefix_states && (kind == STATE_MAMBA1 || kind == STATE_MAMBA2) &&
	    engine_version_before(cluster_engine_version(c), 0, 32, 0) &&
	    !(mode && strcmp(mode, "align") == 0))
		ask->state_chunk = ask->model->state.chunk;
	if (type && strcmp(type, "auto") != 0)
		ask->model = checkpoint_with_states(a, ask->model, strcmp(type, "float32") == 0 ? 32 : 16);
}

/* The user's choice counts before the version's. */
static void
ask_runner(const struct cluster *c, struct layout_ask *ask)
{
	const char *given = c->nnode ? env_value(c, &c->node[0], "VLLM_USE_V2_MODEL_RUNNER") : NULL;

	ask->version = cluster_engine_version(c);
	ask->runner = vllm_runner(ask->version, ask->model, &ask->runner_known);
	if (!given || !*given)
		return;
	ask->runner = strcmp(given, "0") == 0 ? 1 : 2;
	ask->runner_known = true;
}

void
vllm_ask(struct arena *a, const struct cluster *c, struct layout_ask *ask)
{
	const struct spec *s = c->spec;
	const char *kv = spec_arg_value(s, engine_vllm.arg.kv_dtype),
		   *quantization = spec_arg_value(s, "quantization");

	ask_context(a, c, ask);
	ask->kv_bits = kv && (strncmp(kv, "fp8", 3) == 0 || strncmp(kv, "int8", 4) == 0) ? 8 :
		       kv && strncmp(kv, "nvfp4", 5) == 0 ? 4.5 : ask->model->dtype_bits;
	ask->kv_given = spec_arg_number(s, "kv-cache-memory-bytes");
	ask->offload = spec_arg_number(s, "cpu-offload-gb") * GIB;
	ask->expert_parallel = spec_arg_flag(s, "enable-expert-parallel");
	ask->eager = spec_arg_flag(s, "enforce-eager");
	ask->dcp = (long long)spec_arg_number(s, "decode-context-parallel-size");
	ask->other_kernels = quantization != NULL;
	ask->eplb = spec_arg_flag(s, "enable-eplb");
	ask->more_experts = spec_arg_value(s, "eplb-config") ||
			    spec_arg_value(s, "num-redundant-experts");
	/* Since v0.16.0 each weight is quantised while it is loaded. */
	ask->loads_whole = engine_version_before(cluster_engine_version(c), 0, 16, 0);
	ask->refines = ask_refines(cluster_engine_version(c), ask->tensor > 0);
	if (quantization && ask->model->known && ask->model->quant == QUANT_NONE)
		ask->model = checkpoint_quantised(a, ask->model, quantization);
	ask_runner(c, ask);
	ask->block_size = (long long)spec_arg_number(s, "block-size");
	if (ask->block_size > 1 << 16)
		ask->block_size = 0;
	ask->windows_full = spec_arg_flag(s, "disable-hybrid-kv-cache-manager");
	ask_states(a, c, ask);
	ask_step(c, ask);
	ask_utilization(a, c, ask);
	ask_partition(a, c, ask);
}
