/* Models with layers that keep a state instead of a KV cache: which layers, and how large. The
 * keys are those of transformers' classes; the shapes of the states those of vLLM's
 * mamba_utils.py. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout/checkpoint_private.h"

/* The keys of one family, and their values if a config does not have them. */
struct hybrid_keys {
	const char *type;               /* model_type, or how it begins */
	enum state_kind kind;
	const char *inner, *heads, *dim, *groups, *size, *kernel;
	long long expand;               /* inner width: so many times the hidden one */
};

static const struct hybrid_keys hybrids[] = {
	{"falcon_h1", STATE_MAMBA2, "mamba_d_ssm", "mamba_n_heads", "mamba_d_head",
		"mamba_n_groups", "mamba_d_state", "mamba_d_conv", 2},
	{"granitemoehybrid", STATE_MAMBA2, "", "mamba_n_heads", "mamba_d_head", "mamba_n_groups",
		"mamba_d_state", "mamba_d_conv", 2},
	{"bamba", STATE_MAMBA2, "", "mamba_n_heads", "mamba_d_head", "mamba_n_groups",
		"mamba_d_state", "mamba_d_conv", 2},
	{"nemotron_h", STATE_MAMBA2, "", "mamba_num_heads", "mamba_head_dim", "n_groups",
		"ssm_state_size", "conv_kernel", 0},
	{"zamba2", STATE_MAMBA2, "", "n_mamba_heads", "mamba_headdim", "mamba_ngroups",
		"mamba_d_state", "mamba_d_conv", 2},
	{"jamba", STATE_MAMBA1, "", "", "", "", "mamba_d_state", "mamba_d_conv", 2},
	{"lfm2", STATE_CONV, "conv_dim", "", "", "", "", "conv_L_cache", 1},
};

static const struct hybrid_keys *
hybrid_of(const struct checkpoint *f)
{
	for (size_t i = 0; i < countof(hybrids); i++)
		if (strncmp(f->type, hybrids[i].type, strlen(hybrids[i].type)) == 0)
			return &hybrids[i];
	return NULL;
}

static long long
hybrid_number(const struct checkpoint_reader *r, const char *key, long long otherwise)
{
	long long n = *key ? checkpoint_number(r, key) : 0;

	return n > 0 ? n : otherwise;
}

/* The numbers of a state: vLLM reads their type from the config of these families only. */
static long long
hybrid_bits(const struct checkpoint_reader *r)
{
	const char *name = NULL;

	if (strncmp(r->f->type, "nemotron_h", 10) == 0) {
		name = json_string_value(checkpoint_find(r, "mamba_ssm_cache_dtype"));
		name = name ? name : "float32";
	} else if (strncmp(r->f->type, "qwen3_5", 7) == 0) {
		name = json_string_value(checkpoint_find(r, "mamba_ssm_dtype"));
	}
	return name && strcmp(name, "float32") == 0 ? 32 : 16;
}

struct checkpoint *
checkpoint_with_states(struct arena *a, const struct checkpoint *f, long long bits)
{
	struct checkpoint *other = arena_alloc(a, sizeof(*other));

	*other = *f;
	other->state.bits = bits;
	return other;
}

/* A dense MLP that the config states in another way. */
static void
hybrid_read_mlp(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;
	long long shared = checkpoint_number(r, "shared_intermediate_size");
	long long multiple = hybrid_number(r, "block_multiple_of", 256);

	if (strcmp(f->type, "granitemoehybrid") == 0 && shared) {
		f->moe.shared = shared;
		f->intermediate = f->moe.experts ? f->intermediate : shared;
	}
	if (strcmp(f->type, "nemotron_h") == 0 && f->moe.experts &&
	    checkpoint_number(r, "moe_shared_expert_intermediate_size"))
		f->moe.shared = checkpoint_number(r, "moe_shared_expert_intermediate_size") *
				hybrid_number(r, "n_shared_experts", 1);
	if (strcmp(f->type, "lfm2") == 0 &&
	    !json_is_false(checkpoint_find(r, "block_auto_adjust_ff_dim"))) {
		f->intermediate = hybrid_number(r, "block_ff_dim", f->intermediate) * 2 / 3;
		f->intermediate = (f->intermediate + multiple - 1) / multiple * multiple;
	}
}

/* Zamba 2's attention sees the hidden and the first vectors side by side, and its blocks are
 * shared: each is there once, with a projection of every layer that uses it. */
static void
hybrid_read_shared(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;

	if (strcmp(f->type, "zamba2") != 0 || !f->heads)
		return;
	f->head_dim = 2 * f->hidden / f->heads;
	f->shared.blocks = hybrid_number(r, "num_mem_blocks", 1);
	f->shared.rank = hybrid_number(r, "adapter_rank", 128);
	f->shared.adapts = json_is_true(checkpoint_find(r, "use_shared_attention_adapter"));
}

void
checkpoint_read_states(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;
	const struct hybrid_keys *k = hybrid_of(f);
	json_t *pattern = checkpoint_find(r, "hybrid_override_pattern");
	json_t *types = checkpoint_find(r, "layers_block_type");

	f->state.bits = hybrid_bits(r);
	f->state.chunk = hybrid_number(r, "mamba_chunk_size", hybrid_number(r, "chunk_size", 2048));
	if (f->state.chunk > 1 << 16)
		f->state.chunk = 2048;
	f->state.kind = f->linear.key_heads ? STATE_DELTA : STATE_NONE;
	if (!k)
		return;
	if (!f->layers)
		f->layers = (long long)(json_is_string(pattern) ? json_string_length(pattern)
								: json_array_size(types));
	f->state.kind = k->kind;
	f->state.heads = hybrid_number(r, k->heads, 0);
	f->state.dim = hybrid_number(r, k->dim, 0);
	f->state.inner = hybrid_number(r, k->inner, k->expand
		? hybrid_number(r, "mamba_expand", k->expand) * f->hidden
		: f->state.heads * f->state.dim);
	if (!f->state.dim && f->state.heads)
		f->state.dim = f->state.inner / f->state.heads;
	f->state.groups = hybrid_number(r, k->groups, 1);
	f->state.size = hybrid_number(r, k->size, k->kind == STATE_MAMBA1 ? 16 : 0);
	f->state.kernel = hybrid_number(r, k->kernel, k->kind == STATE_CONV ? 3 : 4);
	hybrid_read_mlp(r);
	hybrid_read_shared(r);
}

/* The LAYER_ bits of layer i, by its name in a list of types or its letter in a pattern. -1: there is
 * neither. */
static int
hybrid_named(const struct checkpoint_reader *r, long long i)
{
	static const struct { const char *name; unsigned has; } words[] = {
		{"M", LAYER_LINEAR | LAYER_NO_MLP}, {"*", LAYER_NO_MLP}, {"-", LAYER_NO_ATTENTION},
		{"E", LAYER_NO_ATTENTION | LAYER_MOE}, {"mamba", LAYER_LINEAR | LAYER_NO_MLP},
		{"attention", LAYER_NO_MLP}, {"mlp", LAYER_NO_ATTENTION},
		{"moe", LAYER_NO_ATTENTION | LAYER_MOE}, {"hybrid", LAYER_LINEAR | LAYER_BOTH},
	};
	const char *pattern = json_string_value(checkpoint_find(r, "hybrid_override_pattern"));
	const char *name = json_string_value(json_array_get(checkpoint_find(r, "layers_block_type"),
							    (size_t)i));
	char letter[2] = "";

	if (!name && pattern && (size_t)i < strlen(pattern)) {
		letter[0] = pattern[i];
		name = letter;
	}
	for (size_t k = 0; name && k < countof(words); k++)
		if (strcmp(name, words[k].name) == 0)
			return (int)words[k].has;
	return -1;
}

/* Every PERIOD-th layer, beginning with OFFSET. */
static bool
hybrid_recurs(const struct checkpoint_reader *r, const char *period, long long usual,
	      const char *offset, long long from, long long i)
{
	json_t *start = checkpoint_find(r, offset);

	return i % hybrid_number(r, period, usual) ==
	       (json_is_integer(start) ? checkpoint_number_of(start) : from);
}

bool
checkpoint_state_kind(const struct checkpoint_reader *r, long long i, unsigned *has)
{
	const char *type = r->f->type;
	const char *name = json_string_value(json_array_get(checkpoint_find(r, "layer_types"), (size_t)i));
	unsigned experts = r->f->moe.experts ? LAYER_MOE : 0;
	int named = hybrid_named(r, i);

	if (strcmp(type, "falcon_h1") == 0) {
		*has = LAYER_LINEAR | LAYER_BOTH;
	} else if (strcmp(type, "nemotron_h") == 0 || strcmp(type, "zamba2") == 0) {
		if (named < 0)
			named = checkpoint_lists(checkpoint_find(r, "hybrid_layer_ids"), i)
				? LAYER_LINEAR | LAYER_BOTH : LAYER_LINEAR | LAYER_NO_MLP;
		*has = (unsigned)named;
	} else if (strcmp(type, "granitemoehybrid") == 0) {
		*has = (name && strcmp(name, "mamba") != 0 ? 0 : LAYER_LINEAR) | experts;
	} else if (strcmp(type, "bamba") == 0) {
		*has = checkpoint_lists(checkpoint_find(r, "attn_layer_indices"), i) ? 0 : LAYER_LINEAR;
	} else if (strcmp(type, "jamba") == 0) {
		*has = hybrid_recurs(r, "attn_layer_period", 8, "attn_layer_offset", 4, i)
			? 0 : LAYER_LINEAR;
		if (hybrid_recurs(r, "expert_layer_period", 2, "expert_layer_offset", 1, i))
			*has |= experts;
	} else if (strncmp(type, "lfm2", 4) == 0) {
		*has = name ? strcmp(name, "conv") == 0 ? LAYER_LINEAR : 0
			: checkpoint_lists(checkpoint_find(r, "full_attn_idxs"), i) ? 0 : LAYER_LINEAR;
		if (i >= checkpoint_number(r, "num_dense_layers"))
			*has |= experts;
	} else {
		return false;
	}
	return true;
}
