/* Mistral's own format: params.json says what config.json says elsewhere, by other names. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout/checkpoint_private.h"

static const struct { const char *from, *to; } names[] = {
	{"dim", "hidden_size"}, {"n_layers", "num_hidden_layers"}, {"head_dim", "head_dim"},
	{"hidden_dim", "intermediate_size"}, {"n_heads", "num_attention_heads"},
	{"n_kv_heads", "num_key_value_heads"}, {"vocab_size", "vocab_size"},
	{"sliding_window", "sliding_window"}, {"tied_embeddings", "tie_word_embeddings"},
};

/* What vLLM takes if the file does not say it. */
enum { CONTEXT = 128000 };

json_t *
checkpoint_of_params(json_t *params)
{
	json_t *config, *moe = json_object_get(params, "moe"), *value;
	const char *type = "MistralForCausalLM";

	if (!json_is_object(params))
		return NULL;
	config = json_object();
	for (size_t i = 0; i < countof(names); i++)
		if ((value = json_object_get(params, names[i].from)))
			json_object_set(config, names[i].to, value);
	value = json_object_get(params, "max_position_embeddings");
	if (!json_is_integer(value))
		value = json_object_get(params, "max_seq_len");
	if (json_is_integer(value))
		json_object_set(config, "max_position_embeddings", value);
	else
		json_object_set_new(config, "max_position_embeddings", json_integer(CONTEXT));
	if (json_is_object(moe)) {
		type = "MixtralForCausalLM";
		json_object_set(config, "num_local_experts", json_object_get(moe, "num_experts"));
		json_object_set(config, "num_experts_per_tok", json_object_get(moe, "num_experts_per_tok"));
	}
	if (json_is_object(json_object_get(params, "quantization")))
		json_object_set_new(config, "quantization_config", json_pack("{s:s}", "quant_method", "fp8"));
	/* Encoders and latent attention have shapes that are not read here. */
	if (json_object_get(params, "vision_encoder") || json_object_get(params, "multimodal"))
		type = "PixtralForConditionalGeneration";
	else if (json_object_get(params, "kv_lora_rank"))
		type = "MistralLarge3ForCausalLM";
	json_object_set_new(config, "architectures", json_pack("[s]", type));
	json_object_set_new(config, "model_type", json_string("mistral"));
	return config;
}
