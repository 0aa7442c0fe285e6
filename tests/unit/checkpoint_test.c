/* What is read of a checkpoint: its config, its quantisation, the shapes of its layers. */
#include <time.h>

#include "planner/spec/places.h"
#include "tests/unit/layout_by_hand.h"

/* ---- the messages ---- */

static void
test_checkpoint(void **state)
{
	static const char tied[] = "{\"metadata\": {\"total_size\": 6425499648}, \"weight_map\": "
		"{\"model.embed_tokens.weight\": \"a\"}}";
	static const char wide[] = "{\"safetensors\": {\"parameters\": {\"F32\": 8030261248}}}";
	static const char wide_index[] = "{\"metadata\": {\"total_size\": 32121044992}}";
	struct checkpoint *f;
	double shapes;

	(void)state;
	f = read_text(whole_file(&arena, FOLDER "llama-3.2-3b.json", NULL), tied, NULL);
	assert_true(f->tied);
	near(f->weight_bytes, 6425499648.0, 0);
	near(f->scale.layer, 1, 0.0001);
	/* 32 bits on the disk, 16 on the GPU. */
	f = read_text(whole_file(&arena, FOLDER "llama-3.1-8b.json", NULL), wide_index, wide);
	near(f->weight_bytes, 16060522496.0, 1e6);
	/* The layer for speculation is not loaded. */
	shapes = model("deepseek-v3")->weight_bytes;
	f = read_text(whole_file(&arena, FOLDER "deepseek-v3.json", NULL), "{\"metadata\": {\"total_size\": "
		      "688586727753}, \"weight_map\": {\"model.layers.61.embed_tokens.weight\": \"a\", "
		      "\"lm_head.weight\": \"b\"}}", NULL);
	near(f->weight_bytes / shapes, 1, 0.005);
	assert_false(f->tied);
	/* An image encoder is on the first stage. */
	f = read_text(whole_file(&arena, FOLDER "qwen2.5-vl-72b.json", NULL), "{\"metadata\": {\"total_size\": "
		      "146821554688}}", NULL);
	near(f->scale.encoder / 1e9, 1.41, 0.01);
	near(f->scale.layer, 1, 0);
}

/* 70B with --quantization: by its bits, and if they are not known, not at all. */
static void
test_quantised(void **state)
{
	struct checkpoint *f = model("llama-3.3-70b"), *to;

	(void)state;
	near(checkpoint_quantised(&arena, f, "fp8")->weight_bytes / 1e9, 72.7, 0.1);
	to = checkpoint_quantised(&arena, f, "bitsandbytes");
	near(to->weight_bytes / 1e9, 42.7, 0.1);
	assert_string_equal(to->quant_name, "bitsandbytes");
	to = checkpoint_quantised(&arena, f, "experts_int8");
	near(to->weight_bytes, 0, 0);
	assert_false(to->known);
	assert_non_null(strstr(to->why, "'experts_int8'"));
}

static void
test_shapes(void **state)
{
	struct checkpoint *f = model("gemma-3-27b");
	long long windows = 0;

	(void)state;
	for (long long i = 0; i < f->layers; i++)
		windows += (f->layer[i] & LAYER_WINDOW) != 0;
	assert_int_equal(windows, 52);
	assert_int_equal(f->layer[5], 0);
	f = model("phi-3.5-mini");
	assert_int_equal(f->context, 131072);
	assert_int_equal(f->context_unasked, 4096);
	f = model("qwen3-next-80b-a3b");
	assert_int_equal(f->layer[2], LAYER_LINEAR | LAYER_MOE);
	assert_int_equal(f->layer[3], LAYER_MOE);
	f = model("deepseek-v3");
	assert_int_equal(f->layer[2], 0);
	assert_int_equal(f->layer[3], LAYER_MOE);
	near(kv_layer(f, 8, 16), 1152, 0);      /* the latent vector is on every rank */
	assert_int_equal(f->context, 163840);
	assert_int_equal(model("gpt-oss-20b")->context, 131072);
	assert_int_equal(model("command-r-v01")->context, 131072);
	assert_int_equal(model("llama-4-maverick")->layer[1] & LAYER_MOE, LAYER_MOE);
	assert_int_equal(model("llama-4-maverick")->layer[0] & LAYER_MOE, 0);
	near(kv_layer(model("llama-3.1-8b"), 16, 16), 2 * 128 * 2, 0);  /* repeated heads */
	f = model("gemma-3n-e4b");
	assert_non_null(engine_find("vllm")->rule_pipeline(&arena, &(struct layout_ask){.model = f}, 2));
	assert_null(engine_find("vllm")->rule_pipeline(&arena, &(struct layout_ask){.model = f}, 1));
}

static void
test_what_cannot_be_read(void **state)
{
	static const char *const broken[] = {"", "[]", "{", "nonsense", "{\"architectures\": 3}",
		"{\"architectures\": [\"LlamaForCausalLM\"]}",
		"{\"architectures\": [\"LlamaForCausalLM\"], \"num_hidden_layers\": 5000, "
		"\"hidden_size\": 64, \"num_attention_heads\": 2, \"vocab_size\": 9, "
		"\"intermediate_size\": 3}",
		"{\"architectures\": [\"LlamaForCausalLM\"], \"num_hidden_layers\": -1, "
		"\"hidden_size\": 1e300}"};
	static const struct layout_node node = {"a", NULL, 8, 81559 * MIB};
	struct layout_ask six;
	struct checkpoint *f;

	(void)state;
	for (size_t i = 0; i < countof(broken); i++) {
		struct layout_ask ask;

		f = read_text(broken[i], "{\"metadata\": 1}", "{}");
		assert_non_null(f->why);
		assert_false(f->known);
		/* There is an answer anyway. */
		ask = ask_over(f, &node, 1);
		assert_int_equal(layout_search(&arena, &ask)->best.fit, FIT_UNKNOWN);
	}
	f = model("falcon-mamba-7b");
	assert_non_null(strstr(f->why, "FalconMambaForCausalLM"));
	six = ask_over(f, &(struct layout_node){"a", NULL, 6, 81559 * MIB, 0}, 1);
	assert_int_equal(layout_search(&arena, &six)->best.tensor, 2);
	assert_int_equal(layout_search(&arena, &six)->best.pipeline, 3);
	f = read_text(NULL, NULL, NULL);
	assert_string_equal(f->why, "its config.json is not known");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_checkpoint, reset, reset),
		cmocka_unit_test_setup_teardown(test_quantised, reset, reset),
		cmocka_unit_test_setup_teardown(test_shapes, reset, reset),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_read, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
