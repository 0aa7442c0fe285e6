/* libFuzzer: the start of a safetensors file, or a list of tensors -> what a GPU gets. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "planner/layout/checkpoint.h"
#include "planner/layout/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char config[] = "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":64,"
	"\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
	"\"intermediate_size\":128,\"vocab_size\":256}";

static void
check(struct arena *a, const struct tensors *t)
{
	struct checkpoint_texts texts = {.config = config, .nconfig = sizeof config - 1, .tensors = t};
	struct checkpoint *f = checkpoint_read(a, &texts);
	double most = f->real ? weights_real_stage(f, 0, 2, true, true, 1, 1) : 0;
	const char *text = tensors_write(a, t);
	struct err e = {0};
	struct tensors *again = tensors_read(a, text, strlen(text), &e);

	/* What was written can be read, and a GPU never gets more than there is. */
	if (!again || again->n != t->n || strcmp(tensors_write(a, again), text) != 0)
		__builtin_trap();
	if (f->real && !(most >= 0 && most <= t->bytes * 1.001 + 1))
		__builtin_trap();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct arena a = {0};
	struct err e = {0};
	struct tensors t = {0}, *list = tensors_read(&a, text, n, &e);
	size_t length = n >= TENSORS_LENGTH ? tensors_header_length(data) : 0;

	if (list)
		check(&a, list);
	/* The length is believed, and the JSON after it is read as far as it goes. */
	if (length && n > TENSORS_LENGTH && tensors_add(&a, &t, text + TENSORS_LENGTH,
			length < n - TENSORS_LENGTH ? length : n - TENSORS_LENGTH, 0, &e)) {
		tensors_settle(&t);
		check(&a, &t);
	}
	arena_release(&a);
	return 0;
}
