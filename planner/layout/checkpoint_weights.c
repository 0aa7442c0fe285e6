/* How the weights are stored, and how large the checkpoint is. */
#include <string.h>

#include "planner/layout/checkpoint_private.h"
#include "planner/layout/tensors.h"

enum { MAX_INDEX = 32 << 20, MAX_HUB = 32 << 20 };

static double
checkpoint_weights_with_scales(double bits, long long group)
{
	return bits + (group > 0 ? (16 + bits) / (double)group : 0);
}

static void
checkpoint_weights_read_groups(struct checkpoint *f, json_t *q)
{
	json_t *groups = json_object_get(q, "config_groups"), *group, *weights, *block;
	const char *key, *strategy;
	long long bits;

	json_object_foreach(groups, key, group) {
		weights = json_object_get(group, "weights");
		bits = checkpoint_number_of(json_object_get(weights, "num_bits"));
		if (bits < 1 || bits > 16)
			continue;
		strategy = json_string_value(json_object_get(weights, "strategy"));
		block = json_object_get(weights, "block_structure");
		f->linear_bits = checkpoint_weights_with_scales(
			(double)bits, checkpoint_number_of(json_object_get(weights, "group_size")));
		if (bits == 8 && strategy && strcmp(strategy, "block") == 0) {
			f->quant = QUANT_FP8;
			f->block_n = checkpoint_number_of(json_array_get(block, 0));
			f->block_k = checkpoint_number_of(json_array_get(block, 1));
		}
		break;
	}
}

/* Does the list name matrices of the layers as not quantised? lm_head, norms and routers
 * never are. */
static bool
checkpoint_weights_spares_layers(json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *name = json_string_value(item);

		if (name && !strstr(name, "norm") && !strstr(name, "vision") &&
		    (strstr(name, "_proj") || strstr(name, "attn") || strstr(name, "experts")))
			return true;
	}
	return false;
}

/* The bits of one weight, including its scales. */
static void
checkpoint_weights_read_method(struct checkpoint *f, json_t *q, const char *name, long long bits)
{
	if (strcmp(name, "fp8") == 0) {
		f->quant = QUANT_FP8;
		json_t *block = json_object_get(q, "weight_block_size");

		f->block_n = checkpoint_number_of(json_array_get(block, 0));
		f->block_k = checkpoint_number_of(json_array_get(block, 1));
		f->linear_bits = 8;
	} else if (strncmp(name, "gptq", 4) == 0 || strncmp(name, "awq", 3) == 0) {
		f->quant = *name == 'g' ? QUANT_GPTQ : QUANT_AWQ;
		f->linear_bits = checkpoint_weights_with_scales(
			(double)(bits > 0 && bits <= 8 ? bits : 4), f->group);
	} else if (strcmp(name, "mxfp4") == 0) {
		f->quant = QUANT_MXFP4;         /* only the experts */
	} else if (strcmp(name, "compressed-tensors") == 0) {
		checkpoint_weights_read_groups(f, q);
	} else if (strcmp(name, "bitsandbytes") == 0) {
		f->linear_bits = json_is_true(json_object_get(q, "load_in_4bit")) ? 4.5 : 8;
	} else if (strstr(name, "fp4")) {
		f->linear_bits = 4.5;
	} else if (bits > 0 && bits <= 16) {
		f->linear_bits = (double)bits;
	} else if (strstr(name, "fp8") || strcmp(name, "modelopt") == 0) {
		f->linear_bits = 8;
	}
}

void
checkpoint_read_quant(struct checkpoint_reader *r)
{
	struct checkpoint *f = r->f;
	json_t *q = checkpoint_find(r, "quantization_config");
	const char *name;
	long long bits;

	if (!json_is_object(q))
		q = checkpoint_find(r, "compression_config");
	name = json_string_value(json_object_get(q, "quant_method"));
	if (!json_is_object(q))
		return;
	f->quant = QUANT_OTHER;
	f->quant_name = name && strlen(name) <= 40 ? arena_strdup(r->arena, name) : "quantised";
	name = f->quant_name;
	f->partly = checkpoint_weights_spares_layers(json_object_get(q, "modules_to_not_convert")) ||
		    checkpoint_weights_spares_layers(json_object_get(q, "ignore"));
	bits = checkpoint_number_of(json_object_get(q, json_object_get(q, "bits") ? "bits" : "w_bit"));
	f->group = json_is_integer(json_object_get(q, "group_size"))
		? json_integer_value(json_object_get(q, "group_size"))
		: checkpoint_number_of(json_object_get(q, "q_group_size"));
	if (f->group < -1 || f->group > 1 << 20)
		f->group = 0;
	checkpoint_weights_read_method(f, q, name, bits);
	f->expert_bits = f->quant == QUANT_MXFP4 ? 4.25 : f->linear_bits;
}

/* ---- the checkpoint ---- */

/*
 * The index of a large model names tens of thousands of tensors, but only three facts matter
 * here. It is searched as text: parsing it would take most of the time of a plan.
 */
struct index {
	const char *text;
	size_t n;
};

static const char *
checkpoint_weights_find_text(const struct index *x, const char *what)
{
	return x->n ? memmem(x->text, x->n, what, strlen(what)) : NULL;
}

static double
checkpoint_weights_total_size(const struct index *x)
{
	static const char key[] = "\"total_size\"";
	const char *at = checkpoint_weights_find_text(x, key), *end;
	double total = 0;

	if (!at)
		return 0;
	end = x->text + x->n;
	for (at += sizeof key - 1; at < end && strchr(" \t\r\n:", *at) && *at;)
		at++;
	for (; at < end && *at >= '0' && *at <= '9' && total < 1e15; at++)
		total = 10 * total + (*at - '0');
	return total < 1e15 ? total : 0;
}

/* One more layer with its projection, and a second embedding and head. */
static double
checkpoint_weights_more_layers_bytes(const struct checkpoint *f)
{
	double h = (double)f->hidden;

	return weights_layer(f, f->layer[f->layers - 1], 1, 1) + 2 * h * h * f->dtype_bits / 8 +
	       2 * weights_embedding(f);
}

static void
checkpoint_weights_read_index(struct checkpoint_reader *r, const struct checkpoint_texts *t)
{
	struct checkpoint *f = r->f;
	const struct index x = {t->index, t->index && t->nindex <= MAX_INDEX ? t->nindex : 0};
	double total = checkpoint_weights_total_size(&x);
	bool names = checkpoint_weights_find_text(&x, "\"weight_map\"") &&
		     checkpoint_weights_find_text(&x, ".weight\"");
	const char *more;

	if (total > 0) {
		f->weight_bytes = total;
		f->weight_from = "model.safetensors.index.json";
	}
	if (names && f->known)
		f->tied = !checkpoint_weights_find_text(&x, "lm_head.") &&
			  !checkpoint_weights_find_text(&x, "\"output.weight\"");
	/* Layers after the last one are for speculation and are not loaded. */
	more = arena_printf(r->arena, "layers.%lld.", f->layers);
	if (f->known && total > 0 && checkpoint_number(r, "num_nextn_predict_layers") &&
	    (!names || checkpoint_weights_find_text(&x, more)) &&
	    total > 2 * checkpoint_weights_more_layers_bytes(f)) {
		f->weight_bytes -= checkpoint_weights_more_layers_bytes(f);
		f->weight_from = "model.safetensors.index.json, without the layers for speculation";
	}
}

/* Weights of 32 bits are loaded as 16 bits. A few of them (scales) do not count. */
static void
checkpoint_weights_read_parameters(struct checkpoint *f, const struct checkpoint_texts *t)
{
	json_t *root = t->hub && t->nhub <= MAX_HUB ? json_loadb(t->hub, t->nhub, 0, NULL) : NULL;
	json_t *counts = json_object_get(json_object_get(root, "safetensors"), "parameters");
	double wide = json_number_value(json_object_get(counts, "F32"));

	if (f->quant == QUANT_NONE && wide > 0 && 4 * wide > f->weight_bytes / 2 &&
	    4 * wide <= f->weight_bytes * 1.01)
		f->weight_bytes -= 2 * wide;
	json_decref(root);
}

/* Real tensors replace everything that was estimated. */
static void
checkpoint_weights_read_tensors(struct checkpoint_reader *r, const struct checkpoint_texts *t,
				bool tied)
{
	struct checkpoint *f = r->f;

	f->real_why = t->tensors_why ? t->tensors_why : "its safetensors headers are not known";
	if (!t->tensors)
		return;
	if (f->known) {
		f->real = weights_real(r->arena, f, t->tensors, tied);
		f->real_why = f->real ? NULL : "its tensors do not match its config.json";
	}
	if (f->real)
		f->tied = tied || f->real->head <= 0;
	f->weight_bytes = f->real ? f->real->bytes : t->tensors->bytes;
	f->weight_from = t->tensors->files == 1 ? "the header of its safetensors file" :
		arena_printf(r->arena, "the headers of %zu safetensors files", t->tensors->files);
}

void
checkpoint_read_files(struct checkpoint_reader *r, const struct checkpoint_texts *t)
{
	struct checkpoint *f = r->f;
	const char *name = json_string_value(checkpoint_find(r, "dtype"));
	bool tied = f->tied;

	checkpoint_weights_read_index(r, t);
	if (f->weight_bytes <= 0 && t->file_bytes > 0) {
		f->weight_bytes = t->file_bytes;
		f->weight_from = "the sizes of its weight files";
	}
	if (!name)
		name = json_string_value(checkpoint_find(r, "torch_dtype"));
	checkpoint_weights_read_parameters(f, t);
	if (f->weight_bytes > 0 && name && strstr(name, "float32") && f->known &&
	    f->weight_bytes > 1.5 * weights_shapes(f))
		f->weight_bytes /= 2;
	checkpoint_weights_read_tensors(r, t, tied);
	if (f->weight_bytes <= 0 && f->known) {
		f->weight_bytes = weights_shapes(f);
		f->weight_from = "its shapes";
	}
}
