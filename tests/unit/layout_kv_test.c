/* How vLLM lays out the KV cache: groups of layers, windows, states. The numbers are those of
 * its own kv_cache_utils.py (v0.24.0). */
#include "tests/unit/layout_by_hand.h"

static const struct layout_node h200 = {.name = "n1", .gpus = 8, .memory = 143771 * MIB};

static struct layout_part
part_of(const struct layout_ask *ask, long long tensor, long long from, long long n)
{
	return (struct layout_part){.tensor = tensor, .from = from, .layers = n, .first = !from,
		.last = from + n == ask->model->layers};
}

static struct layout_kv
kv_of(const struct layout_ask *ask, long long tensor, long long context)
{
	struct layout_part p = part_of(ask, tensor, 0, ask->model->layers);

	return ask->engine->kv(ask, &p, context);
}

/* 52 windowed and 10 full layers: seven groups, of at most ten. */
static void
test_windows(void **state)
{
	struct layout_ask ask = ask_over(model("gemma-3-27b"), &h200, 1);
	double token = kv_layer(ask.model, 1, 16);
	struct layout_kv kv = kv_of(&ask, 1, 131072);
	struct layout_part half = part_of(&ask, 1, 0, 31);

	(void)state;
	assert_true(kv.block == 10 * 16 * token);
	/* The window less one token, the tokens of a step, and a block that begins before. */
	assert_true(kv.blocks == 8192 + 6 * (576 + 1));
	assert_true(kv_of(&ask, 1, 512).blocks == 7 * 32 + 6);
	/* A stage has as many places as its fullest group. */
	assert_true(ask.engine->kv(&ask, &half, 131072).block == 5 * 16 * token);
	ask.windows_full = true;
	kv = kv_of(&ask, 1, 131072);
	assert_true(kv.block == 62 * 16 * token && kv.blocks == 8192);
	ask.block_size = 64;
	assert_true(kv_of(&ask, 1, 131072).blocks == 2048);
	/* Hardly more of one kind than of the other: groups as large as the larger. */
	ask = ask_over(model("gemma-2-27b"), &h200, 1);
	assert_true(kv_of(&ask, 1, 8192).block == 23 * 16 * kv_layer(ask.model, 1, 16));
}

/* A window that the config names for all layers. */
static void
test_window_of_all(void **state)
{
	struct checkpoint *f = read_text("{\"architectures\": [\"Phi3ForCausalLM\"], "
		"\"model_type\": \"phi3\", \"hidden_size\": 5120, \"num_hidden_layers\": 40, "
		"\"num_attention_heads\": 40, \"num_key_value_heads\": 10, \"intermediate_size\": 17920, "
		"\"vocab_size\": 32064, \"max_position_embeddings\": 4096, \"sliding_window\": 2047}",
		NULL, NULL);
	struct layout_ask ask = ask_over(f, &h200, 1);
	struct layout_kv kv;

	(void)state;
	ask.batch_tokens = 512;
	kv = kv_of(&ask, 1, 4096);
	assert_true(kv.blocks == 161 && kv.block == 40 * 16 * kv_layer(f, 1, 16));
}

/* A block takes as many tokens as a state has room for. */
static void
test_states(void **state)
{
	struct layout_ask ask = ask_over(model("qwen3-next-80b-a3b"), &h200, 1);
	struct layout_kv kv = kv_of(&ask, 1, 262144);

	(void)state;
	assert_int_equal(kv.tokens, 544);
	assert_true(kv.blocks == 482 + 3 && kv.state == 3);
	ask.prefix_states = true;
	assert_true(kv_of(&ask, 1, 262144).blocks == 482 + 6);
	ask = ask_over(model("falcon-h1-34b"), &h200, 1);
	kv = kv_of(&ask, 1, 32768);
	assert_int_equal(kv.tokens, 1040);
	assert_true(kv.blocks == 32 + 1 && kv.block == 72.0 * 1040 * 2048);
	assert_true(state_layer(ask.model, 2, 0) == state_layer(ask.model, 1, 0) / 2);
	ask = ask_over(model("granite-4.0-h-small"), &h200, 1);
	kv = kv_of(&ask, 1, 131072);
	assert_true(kv.tokens == 528 && kv.blocks == 249 + 9 && kv.block == 4.0 * 528 * 4096);
	/* The groups of the convolution do not divide: each rank has one of its own. */
	assert_true(state_layer(ask.model, 2, 0) > state_layer(ask.model, 1, 0) / 2);
	/* 6 layers attend and 23 keep a state of 32-bit numbers; the others have nothing. */
	ask = ask_over(model("nemotron-3-nano-30b"), &h200, 1);
	kv = kv_of(&ask, 1, 131072);
	assert_true(kv.tokens == 2096 && kv.blocks == 63 + 4 && kv.block == 6.0 * 2096 * 1024);
	assert_true(kv.token == 6 * 1024);
	/* Prefixes keep a state for each block, which the kernels' pieces of the prompt divide. */
	ask.prefix_states = true;
	ask.state_chunk = 128;
	kv = kv_of(&ask, 1, 131072);
	assert_true(kv.tokens == 2176 && kv.blocks == 61 * (1 + 4) && kv.state == 0);
}

/* Tokens that a draft guesses have states of their own, and a longer convolution. */
static void
test_drafts(void **state)
{
	struct layout_ask ask = ask_over(model("qwen3.5-27b"), &h200, 1);
	struct layout_kv kv = kv_of(&ask, 1, 262144);

	(void)state;
	/* (vLLM: 3 x 10240 numbers of 16 bits and 48 x 128 x 128 of 32; a token has 4096 bytes.) */
	assert_true(state_layer(ask.model, 1, 0) == 3207168);
	assert_true(kv.tokens == 784 && kv.blocks == 335 + 3 && kv.block == 16.0 * 784 * 4096);
	ask.drafts = 2;
	kv = kv_of(&ask, 1, 262144);
	assert_true(state_layer(ask.model, 1, 2) == 3248128);
	assert_true(kv.tokens == 800 && kv.blocks == 328 + 3 * 3);
	ask = ask_over(model("qwen3.5-35b-a3b"), &h200, 1);
	kv = kv_of(&ask, 2, 32768);
	assert_true(state_layer(ask.model, 2, 0) == 24576 + 1048576);
	assert_true(kv.tokens == 1056 && kv.blocks == 32 + 3);
}

/* After the shapes of vLLM's mamba_utils.py: a Mamba 1, a convolution alone, and Mamba 2 whose
 * layers of attention are shared. */
static void
test_other_states(void **state)
{
	struct layout_ask ask = ask_over(model("jamba-v0.1"), &h200, 1);
	struct layout_kv kv = kv_of(&ask, 1, 65536);

	(void)state;
	assert_true(state_layer(ask.model, 1, 0) == (3 + 16) * 8192 * 2);
	assert_true(state_layer(ask.model, 4, 2) == (3 + 16) * 2048 * 2);
	/* 4 layers attend, 28 keep a state; a token has 4096 bytes. */
	assert_true(kv.tokens == 80 && kv.blocks == 820 + 7 && kv.block == 4.0 * 80 * 4096);
	ask = ask_over(model("lfm2-1.2b"), &h200, 1);
	kv = kv_of(&ask, 1, 65536);
	assert_true(state_layer(ask.model, 1, 0) == 2 * 2048 * 2);
	/* 6 layers attend, 10 keep a state: two groups of those. */
	assert_true(kv.tokens == 16 && kv.blocks == 4096 + 2 && kv.block == 6.0 * 16 * 2048);
	ask = ask_over(model("zamba2-7b"), &h200, 1);
	kv = kv_of(&ask, 1, 4096);
	assert_true(state_layer(ask.model, 1, 0) == (3 * (7168 + 2 * 2 * 64) + 112 * 64 * 64) * 2);
	/* 13 of 81 layers attend, too: 7 groups; a token has 2 x 32 x 224 x 2 bytes. */
	assert_true(kv.tokens == 48 && kv.blocks == 86 + 7 && kv.block == 13.0 * 48 * 28672);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_windows, reset, reset),
		cmocka_unit_test_setup_teardown(test_window_of_all, reset, reset),
		cmocka_unit_test_setup_teardown(test_drafts, reset, reset),
		cmocka_unit_test_setup_teardown(test_other_states, reset, reset),
		cmocka_unit_test_setup_teardown(test_states, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
