/* config.json, the index and the Hub's answer -> the numbers that a layout needs. */
#include "planner/layout/checkpoint_private.h"

#include <string.h>

#include "planner/base/vec.h"

enum { MAX_CONFIG = 1 << 20, MAX_LAYERS = 1024 };

/* The largest number that a field of a model may have: a product of four of them is still
 * exact enough in a double. */
static const double MAX_NUMBER = 1e9;

enum {
	PLAIN = 1 << 0,         /* an MLP of two matrices */
	TIED = 1 << 1,          /* tied embeddings unless the config says otherwise */
	ENDS = 1 << 2,          /* embedding and head are on every pipeline stage */
};

/* Decoders whose layers have the shapes of weights.c. The flags follow the classes of vLLM
 * v0.32. */
static const struct architecture {
	const char *name;
	unsigned flags;
} architectures[] = {
	{"BambaForCausalLM", 0},
	{"CohereForCausalLM", TIED | ENDS}, {"Cohere2ForCausalLM", TIED | ENDS},
	{"DeepseekV2ForCausalLM", 0}, {"DeepseekV3ForCausalLM", 0},
	{"Exaone4ForCausalLM", 0}, {"Ernie4_5_MoeForCausalLM", TIED},
	{"FalconH1ForCausalLM", 0},
	{"GemmaForCausalLM", TIED}, {"Gemma2ForCausalLM", TIED | ENDS},
	{"Gemma3ForCausalLM", TIED | ENDS},
	{"Gemma3ForConditionalGeneration", TIED | ENDS},
	{"GlmForCausalLM", 0}, {"Glm4ForCausalLM", 0}, {"Glm4MoeForCausalLM", 0},
	{"GptOssForCausalLM", 0}, {"GraniteForCausalLM", TIED}, {"GraniteMoeForCausalLM", TIED},
	{"GraniteMoeHybridForCausalLM", 0},
	{"InternLM3ForCausalLM", 0}, {"JambaForCausalLM", 0}, {"Lfm2ForCausalLM", TIED},
	{"Lfm2MoeForCausalLM", TIED}, {"LlamaForCausalLM", 0},
	{"Llama4ForConditionalGeneration", 0}, {"Llama4ForCausalLM", 0},
	{"MiniMaxM2ForCausalLM", 0}, {"MistralForCausalLM", 0},
	{"Mistral3ForConditionalGeneration", 0}, {"MixtralForCausalLM", ENDS},
	{"NemotronForCausalLM", PLAIN}, {"NemotronHForCausalLM", PLAIN}, {"Olmo2ForCausalLM", 0}, {"Olmo3ForCausalLM", 0},
	{"OlmoeForCausalLM", 0}, {"PhiForCausalLM", PLAIN}, {"Phi3ForCausalLM", 0},
	{"PhiMoEForCausalLM", ENDS}, {"Qwen2ForCausalLM", 0}, {"Qwen2MoeForCausalLM", ENDS},
	{"Qwen2VLForConditionalGeneration", 0}, {"Qwen2_5_VLForConditionalGeneration", 0},
	{"Qwen3ForCausalLM", 0}, {"Qwen3MoeForCausalLM", ENDS}, {"Qwen3NextForCausalLM", ENDS},
	{"Qwen3_5ForCausalLM", 0}, {"Qwen3_5ForConditionalGeneration", 0},
	{"Qwen3_5MoeForCausalLM", ENDS}, {"Qwen3_5MoeForConditionalGeneration", ENDS},
	{"Qwen3VLForConditionalGeneration", 0}, {"Qwen3VLMoeForConditionalGeneration", 0},
	{"SeedOssForCausalLM", 0}, {"SolarForCausalLM", 0},
	{"Starcoder2ForCausalLM", PLAIN | TIED}, {"Zamba2ForCausalLM", TIED},
};

/* The defaults of transformers' classes for keys that a config does not have. */
static const struct { const char *type, *key; long long value; } defaults[] = {
	{"gemma3_text", "num_attention_heads", 8}, {"gemma3_text", "num_key_value_heads", 4},
	{"gemma3_text", "head_dim", 256}, {"gemma3_text", "vocab_size", 262208},
	{"gemma3_text", "max_position_embeddings", 131072},
	{"gemma3_text", "sliding_window_pattern", 6}, {"gemma2", "sliding_window_pattern", 2},
	{"gemma2", "head_dim", 256}, {"gemma", "head_dim", 256},
	{"cohere2", "sliding_window_pattern", 4}, {"gpt_oss", "sliding_window_pattern", 2},
	{"qwen3_next", "full_attention_interval", 4},
	{"qwen3_5_text", "full_attention_interval", 4}, {"qwen3_5_text", "head_dim", 256},
	{"qwen3_5_moe_text", "full_attention_interval", 4}, {"qwen3_5_moe_text", "head_dim", 256}, {"llama4_text", "sliding_window_pattern", 4},
	{"llama4_text", "interleave_moe_layer_step", 1}, {"mistral", "head_dim", 128},
	{"mistral", "vocab_size", 131072}, {"mistral", "num_attention_heads", 32},
};

json_t *
checkpoint_find(const struct checkpoint_reader *r, const char *key)
{
	json_t *v = json_object_get(r->text, key);

	return v && !json_is_null(v) ? v : json_object_get(r->root, key);
}

long long
checkpoint_number_of(const json_t *v)
{
	double x = json_number_value(v);

	return json_is_number(v) && x >= 0 && x <= MAX_NUMBER ? (long long)x : 0;
}

/* The value of a key, else the default of its class, else 0. */
long long
checkpoint_number(const struct checkpoint_reader *r, const char *key)
{
	json_t *v = checkpoint_find(r, key);

	if (json_is_number(v))
		return checkpoint_number_of(v);
	for (size_t i = 0; i < countof(defaults); i++)
		if (strcmp(defaults[i].type, r->f->type) == 0 && strcmp(defaults[i].key, key) == 0)
			return defaults[i].value;
	return 0;
}

/* The first of several names for one value; the list ends with NULL. */
static long long
checkpoint_first_number(const struct checkpoint_reader *r, const char *const *keys)
{
	for (; *keys; keys++) {
		json_t *v = checkpoint_find(r, *keys);

		if (json_is_array(v))
			v = json_array_get(v, 0);
		if (checkpoint_number_of(v) > 0)
			return checkpoint_number_of(v);
	}
	return 0;
}

static const char *
checkpoint_text(const struct checkpoint_reader *r, const char *key, const char *otherwise)
{
	const char *s = json_string_value(checkpoint_find(r, key));

	return s && strlen(s) <= 80 ? arena_strdup(r->arena, s) : otherwise;
}

static bool
checkpoint_flag(const struct checkpoint_reader *r, const char *key, bool otherwise)
{
	json_t *v = checkpoint_find(r, key);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static void
checkpoint_read_architecture(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;
	const char *name = json_string_value(json_array_get(json_object_get(r->root, "architectures"),
							    0));

	f->architecture = name && strlen(name) <= 80 ? arena_strdup(r->arena, name) : "";
	f->type = checkpoint_text(r, "model_type", "");
	f->gated = true;
	f->multimodal = json_is_object(json_object_get(r->root, "vision_config")) ||
			json_is_object(json_object_get(r->root, "audio_config"));
	for (size_t i = 0; i < countof(architectures); i++) {
		unsigned flags = architectures[i].flags;

		if (strcmp(architectures[i].name, f->architecture) != 0)
			continue;
		f->known = true;
		f->gated = !(flags & PLAIN);
		f->tied = flags & TIED;
		f->ends_everywhere = flags & ENDS;
	}
	f->tied = checkpoint_flag(r, "tie_word_embeddings", f->tied);
}

static void
checkpoint_read_shape(struct checkpoint_reader *r)
{
	static const char *const kv[] = {"n_head_kv", "num_kv_heads", "num_key_value_heads",
		"multi_query_group_num", "num_attention_groups", NULL};
	struct checkpoint *f = r->f;

	f->hidden = checkpoint_number(r, "hidden_size");
	f->layers = checkpoint_number(r, "num_hidden_layers");
	f->heads = checkpoint_number(r, "num_attention_heads");
	f->kv_heads = checkpoint_first_number(r, kv);
	if (!f->kv_heads)
		f->kv_heads = checkpoint_number(r, "num_key_value_heads");
	if (!f->kv_heads)
		f->kv_heads = f->heads;
	f->head_dim = checkpoint_number(r, "head_dim");
	if (!f->head_dim && f->heads)
		f->head_dim = f->hidden / f->heads;
	f->intermediate = checkpoint_number(r, "intermediate_size");
	f->vocab = checkpoint_number(r, "vocab_size");
	f->mla.kv_rank = checkpoint_number(r, "kv_lora_rank");
	f->mla.q_rank = checkpoint_number(r, "q_lora_rank");
	f->mla.rope = checkpoint_number(r, "qk_rope_head_dim");
	f->mla.nope = checkpoint_number(r, "qk_nope_head_dim");
	f->mla.v = checkpoint_number(r, "v_head_dim");
	f->linear.key_heads = checkpoint_number(r, "linear_num_key_heads");
	f->linear.value_heads = checkpoint_number(r, "linear_num_value_heads");
	f->linear.key_dim = checkpoint_number(r, "linear_key_head_dim");
	f->linear.value_dim = checkpoint_number(r, "linear_value_head_dim");
	f->linear.kernel = checkpoint_number(r, "linear_conv_kernel_dim");
	if (!f->linear.kernel)
		f->linear.kernel = 4;
	f->output_gate = strncmp(f->type, "qwen3_5", 7) == 0 || strcmp(f->type, "qwen3_next") == 0;
}

static void
checkpoint_read_experts(struct checkpoint_reader *r)
{
	static const char *const experts[] = {"num_experts", "moe_num_experts", "n_routed_experts",
		"num_local_experts", NULL};
	static const char *const chosen[] = {"num_experts_per_tok", "num_experts_per_token",
		"moe_k", "moe_topk", "top_k_experts", NULL};
	static const char *const shared[] = {"n_shared_experts", "num_shared_experts",
		"moe_num_shared_experts", NULL};
	static const char *const width[] = {"moe_intermediate_size", NULL};
	struct checkpoint *f = r->f;

	f->moe.experts = checkpoint_first_number(r, experts);
	if (f->moe.experts <= 1) {
		f->moe.experts = 0;
		return;
	}
	f->moe.chosen = checkpoint_first_number(r, chosen);
	f->moe.intermediate = checkpoint_first_number(r, width);
	if (!f->moe.intermediate)
		f->moe.intermediate = f->intermediate;
	f->moe.shared = checkpoint_number(r, "shared_expert_intermediate_size");
	if (!f->moe.shared)
		f->moe.shared = checkpoint_first_number(r, shared) * f->moe.intermediate;
	/* Llama 4: one shared expert, and a dense MLP of a different width. */
	if (strcmp(f->type, "llama4_text") == 0) {
		f->moe.shared = f->moe.intermediate;
		if (checkpoint_number(r, "intermediate_size_mlp"))
			f->intermediate = checkpoint_number(r, "intermediate_size_mlp");
	}
}

bool
checkpoint_lists(const json_t *list, long long i)
{
	json_t *v;
	size_t k;

	json_array_foreach(list, k, v)
		if (json_is_integer(v) && json_integer_value(v) == i)
			return true;
	return false;
}

static bool
checkpoint_has_experts(const struct checkpoint_reader *r, long long i)
{
	static const char *const first_keys[] = {"first_k_dense_replace", "moe_layer_start_index",
		NULL};
	static const char *const step_keys[] = {"moe_layer_freq", "decoder_sparse_step",
		"moe_layer_interval", NULL};
	long long first = checkpoint_first_number(r, first_keys),
		  step = checkpoint_first_number(r, step_keys);

	if (!r->f->moe.experts)
		return false;
	if (strcmp(r->f->type, "llama4_text") == 0) {
		if (json_array_size(checkpoint_find(r, "moe_layers")))
			return checkpoint_lists(checkpoint_find(r, "moe_layers"), i);
		step = checkpoint_number(r, "interleave_moe_layer_step");
		return step > 0 && (i + 1) % step == 0;
	}
	if (checkpoint_lists(checkpoint_find(r, "mlp_only_layers"), i) || i < first)
		return false;
	return step < 2 ||
	       (checkpoint_first_number(r, (const char *const[]){"decoder_sparse_step", NULL})
			? (i + 1) % step == 0
			: i % step == 0);
}

static unsigned
checkpoint_attention_kind(const struct checkpoint_reader *r, long long i)
{
	const char *name = json_string_value(json_array_get(checkpoint_find(r, "layer_types"), (size_t)i));
	long long pattern = checkpoint_number(r, "sliding_window_pattern");

	if (!pattern)
		pattern = checkpoint_number(r, "_sliding_window_pattern");
	if (name) {
		if (strstr(name, "sliding") || strstr(name, "chunked"))
			return LAYER_WINDOW;
		return strstr(name, "full") || strcmp(name, "attention") == 0 ? 0 : LAYER_LINEAR;
	}
	if (strcmp(r->f->type, "qwen3_next") == 0 || strncmp(r->f->type, "qwen3_5", 7) == 0) {
		pattern = checkpoint_number(r, "full_attention_interval");
		return pattern && (i + 1) % pattern ? LAYER_LINEAR : 0;
	}
	if (!r->f->window)
		return 0;
	if (strncmp(r->f->type, "qwen", 4) == 0)
		return checkpoint_flag(r, "use_sliding_window", false) &&
				       i >= checkpoint_number(r, "max_window_layers")
			       ? LAYER_WINDOW
			       : 0;
	if (pattern)
		return (i + 1) % pattern ? LAYER_WINDOW : 0;
	/* vLLM gives the window of a config to all layers that do not say otherwise. */
	return checkpoint_flag(r, "use_sliding_window", true) && !r->f->chunked ? LAYER_WINDOW : 0;
}

static void
checkpoint_read_layers(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;

	f->window = checkpoint_number(r, "sliding_window");
	if (!f->window) {
		f->window = checkpoint_number(r, "attention_chunk_size");
		f->chunked = true;
	}
	f->layer = ar_array(r->arena, unsigned char, (size_t)f->layers + 1);
	for (long long i = 0; i < f->layers; i++) {
		unsigned has;

		if (!checkpoint_state_kind(r, i, &has))
			has = checkpoint_attention_kind(r, i) |
			      (checkpoint_has_experts(r, i) ? LAYER_MOE : 0);
		f->layer[i] = (unsigned char)has;
		f->alike = (i == 0 || f->alike) &&
			   ((f->layer[i] ^ f->layer[0]) & ~(unsigned)(LAYER_MOE | LAYER_NO_MLP)) == 0;
	}
}

/* The context as engines derive it: the factor of a stretched position encoding counts. */
static void
checkpoint_read_stretch(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;
	json_t *rope = checkpoint_find(r, "rope_scaling");
	const char *type;
	double factor;

	if (!json_is_object(rope))
		rope = checkpoint_find(r, "rope_parameters");
	type = json_string_value(json_object_get(rope, "rope_type"));
	if (!type)
		type = json_string_value(json_object_get(rope, "type"));
	factor = json_number_value(json_object_get(rope, "factor"));
	/* Gemma 3 has one table for the layers with a window, and a longer one. */
	if (strncmp(f->type, "gemma3", 6) == 0 && factor > 1 && factor <= 1000)
		f->tables = factor + 1;
	if (type && strcmp(type, "longrope") == 0)
		f->context_unasked = checkpoint_number(r, "original_max_position_embeddings");
	if (!type || factor < 1 || factor > 1000 || strncmp(f->type, "gemma3", 6) == 0)
		return;
	if (strcmp(type, "yarn") == 0) {
		long long old = checkpoint_number_of(json_object_get(rope, "original_max_position_embeddings"));

		f->context = (long long)((double)(old ? old : f->context) * factor);
	} else if (strcmp(type, "linear") == 0 || strcmp(type, "dynamic") == 0) {
		f->context = (long long)((double)f->context * factor);
	}
}

static void
checkpoint_read_context(struct checkpoint_reader *r)
{
	static const char *const keys[] = {"max_position_embeddings", "n_positions", "max_seq_len",
		"seq_length", "max_sequence_length", NULL};
	struct checkpoint *f = r->f;
	long long other = checkpoint_number(r, "model_max_length");

	f->context = checkpoint_first_number(r, keys);
	if (!f->context)
		f->context = checkpoint_number(r, "max_position_embeddings");
	if (other && strncmp(f->type, "cohere", 6) == 0)
		f->context = other;
	/* (Attention of this family has no positions.) */
	f->tables = strcmp(f->type, "nemotron_h") == 0 ? 0 : 1;
	checkpoint_read_stretch(r);
	f->tables *= (double)f->context * (double)(f->mla.rope ? f->mla.rope : f->head_dim) * 2;
	f->context_most = other > f->context ? other : f->context;
	if (!f->context_unasked || f->context_unasked > f->context)
		f->context_unasked = f->context;
}

/* Are the sizes of the states known, if layers have them? */
static bool
checkpoint_states_known(const struct checkpoint *f)
{
	bool any = false;

	for (long long i = 0; i < f->layers; i++)
		any = any || f->layer[i] & LAYER_LINEAR;
	switch (f->state.kind) {
	case STATE_NONE:
		return !any;
	case STATE_MAMBA2:
		return f->state.heads && f->state.dim && f->state.size && f->state.inner;
	default:
		return true;
	}
}

/* Why the shapes cannot be used, or NULL. */
static const char *
checkpoint_doubt(struct arena *a, const struct checkpoint *f)
{
	bool attention = f->mla.kv_rank ? f->mla.rope && f->mla.nope && f->mla.v : f->head_dim > 0;

	if (!*f->architecture)
		return "config.json names no architecture";
	if (!f->known)
		return arena_printf(a, "dray does not know architecture '%s'", f->architecture);
	if (!f->layers || !f->hidden || !f->heads || !f->vocab || !attention ||
	    (!f->intermediate && !f->moe.intermediate) || !checkpoint_states_known(f))
		return "config.json lacks the numbers of its architecture";
	return NULL;
}

struct checkpoint *
checkpoint_read(struct arena *a, const struct checkpoint_texts *t)
{
	static const char *const language[] = {"text_config", "llm_config", "language_config"};
	struct checkpoint *f = ar_new(a, struct checkpoint);
	json_t *root = t->config && t->nconfig <= MAX_CONFIG
		? json_loadb(t->config, t->nconfig, 0, NULL) : NULL;
	bool params = t->format == FORMAT_MISTRAL;
	struct checkpoint_reader r = {.arena = a, .f = f};
	const char *dtype;

	if (params) {
		json_t *own = checkpoint_of_params(root);

		json_decref(root);
		root = own;
	}
	r.root = r.text = root;

	/* Engines compute in 16 bits unless told otherwise, no matter what the config says. */
	*f = (struct checkpoint){.format = t->format, .architecture = "", .type = "", .dtype = "bfloat16",
		.dtype_bits = 16, .linear_bits = 16, .expert_bits = 16, .quant_name = ""};
	if (!t->config)
		f->why = t->why ? t->why : "its config.json is not known";
	else if (!json_is_object(root))
		f->why = params ? "its params.json is not a JSON object" : "its config.json is not a JSON object";
	for (size_t i = 0; i < countof(language) && r.text == root; i++)
		if (json_is_object(json_object_get(root, language[i])))
			r.text = json_object_get(root, language[i]);
	if (json_is_object(root)) {
		checkpoint_read_architecture(&r);
		checkpoint_read_shape(&r);
		checkpoint_read_experts(&r);
		checkpoint_read_states(&r);
		if (f->layers > MAX_LAYERS)
			f->layers = 0;
		checkpoint_read_layers(&r);
		checkpoint_read_context(&r);
		dtype = checkpoint_text(&r, "dtype", checkpoint_text(&r, "torch_dtype", ""));
		if (strcmp(dtype + (strncmp(dtype, "torch.", 6) == 0 ? 6 : 0), "float16") == 0)
			f->dtype = "float16";
		checkpoint_read_quant(&r);
		checkpoint_read_code(&r);
		f->why = checkpoint_doubt(a, f);
		f->known = !f->why;
	}
	checkpoint_read_files(&r, t);
	f->scale = weights_scale(f);
	json_decref(root);
	return f;
}

/* What --quantization does to 16-bit weights: bits of a linear weight, with its scales. */
static const struct {
	const char *name;
	enum quant quant;
	double bits;
} online[] = {
	{"fp8", QUANT_FP8, 8}, {"fp8_per_tensor", QUANT_OTHER, 8}, {"fp8_per_block", QUANT_OTHER, 8},
	{"fp8_per_channel", QUANT_OTHER, 8}, {"int8_per_channel_weight_only", QUANT_OTHER, 8},
	{"mxfp8", QUANT_OTHER, 8.25}, {"bitsandbytes", QUANT_OTHER, 4.5},
};

struct checkpoint *
checkpoint_quantised(struct arena *a, const struct checkpoint *f, const char *name)
{
	struct checkpoint *to = ar_new(a, struct checkpoint);
	double before = weights_shapes(f);
	size_t i = 0;

	*to = *f;
	while (i < countof(online) && strcmp(online[i].name, name) != 0)
		i++;
	if (i == countof(online)) {
		to->known = false;
		to->weight_bytes = 0;
		to->why = arena_printf(a, "dray does not know the size of its weights with "
				       "quantization '%s'", name);
		return to;
	}
	to->quant = online[i].quant;
	to->quant_name = online[i].name;
	to->linear_bits = to->expert_bits = online[i].bits;
	if (f->real) {
		to->real = weights_real_quantised(a, f, online[i].bits);
		to->weight_bytes = to->real->bytes;
	} else if (before > 0) {
		to->weight_bytes *= weights_shapes(to) / before;
	}
	to->scale = weights_scale(to);
	return to;
}
