/* Headers of safetensors files -> tensors -> what a GPU gets of them. */
#include "tests/unit/layout_by_hand.h"

#include "planner/layout/tensors.h"

static const char *
length(size_t n)
{
	static unsigned char b[8];

	for (int i = 0; i < 8; i++, n >>= 8)
		b[i] = n & 0xff;
	return (const char *)b;
}

static void
test_length(void **state)
{
	(void)state;
	assert_int_equal(tensors_header_length(length(2)), 2);
	assert_int_equal(tensors_header_length(length(70000)), 70000);
	assert_int_equal(tensors_header_length(length(TENSORS_MAX_HEADER)), TENSORS_MAX_HEADER);
	assert_int_equal(tensors_header_length(length(TENSORS_MAX_HEADER + 1)), 0);
	assert_int_equal(tensors_header_length(length(1)), 0);
	assert_int_equal(tensors_header_length("\377\377\377\377\377\377\377\377"), 0);
	assert_int_equal(tensors_header_length("\0\0\0\0\0\0\0\1"), 0);
}

static const char *
add(struct tensors *t, const char *json, double size)
{
	struct err e = {0};

	return tensors_add(&arena, t, json, strlen(json), size, &e) ? NULL
		: arena_strdup(&arena, e.text);
}

static void
test_header(void **state)
{
	static const char json[] = "{\"__metadata__\":{\"format\":\"pt\"},"
		"\"a.experts.0.w\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
		"\"a.experts.11.w\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[12,24]},"
		"\"a.shared_experts.w\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[24,28]},"
		"\"n\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[28,32]}}";
	struct tensors t = {0}, *again;
	struct err e = {0};
	const char *text;

	(void)state;
	assert_null(add(&t, json, 32 + sizeof json - 1 + 8));
	assert_null(add(&t, "{}", 0));
	tensors_settle(&t);
	assert_int_equal(t.files, 2);
	assert_int_equal(t.n, 3);
	assert_true(t.bytes == 32);
	assert_string_equal(t.v[0].name, "a.experts.*.w");
	assert_true(t.v[0].count == 2 && t.v[0].bytes == 24);
	assert_string_equal(t.v[1].name, "a.shared_experts.w");
	assert_string_equal(t.v[2].dtype, "F32");
	text = tensors_write(&arena, &t);
	assert_string_equal(text, "tensors 1 2\nBF16\t2\t24\ta.experts.*.w\n"
			    "F8_E4M3\t1\t4\ta.shared_experts.w\nF32\t1\t4\tn\nend\n");
	again = tensors_read(&arena, text, strlen(text), &e);
	assert_non_null(again);
	assert_string_equal(tensors_write(&arena, again), text);
}

static void
test_bad_headers(void **state)
{
	static const char *const bad[] = {"", "[]", "7", "{\"a\":7}", "{\"a\":{}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4]}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4,0]}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[-4,0]}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[-2],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":2,\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,4]}}",
		"{\"a b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
		"{\"a\\tb\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
		"{\"\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"X9\",\"shape\":[1],\"data_offsets\":[0,9223372036854775807]}}",
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[999999999,999999999,999999999],"
		"\"data_offsets\":[0,4]}}"};
	static const char good[] = "{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}";

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct tensors t = {0};

		if (!add(&t, bad[i], 0))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(t.files, 0);
	}
	assert_string_equal(add(&(struct tensors){0}, good, 100),
			    arena_printf(&arena, "it has 100 bytes, but its header says %zu",
					 sizeof good - 1 + 12));
	/* Types of numbers that are not known here still have a size. */
	assert_null(add(&(struct tensors){0}, "{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],"
			"\"data_offsets\":[0,3]}}", 0));
}

static void
test_bad_lists(void **state)
{
	static const char *const bad[] = {"", "tensors 1", "tensors 1 1\n", "tensors 2 1\nend\n",
		"tensors 1 1\nBF16\t1\t4\ta\n", "tensors 1 1\nBF16\t1\t4\nend\n",
		"tensors 1 1\nBF16\t0\t4\ta\nend\n", "tensors 1 1\nBF16\t1\t-4\ta\nend\n",
		"tensors 1 1\nBF16\t1\tnan\ta\nend\n", "tensors 1 1\nBF16\t1\t1e99\ta\nend\n",
		"tensors 1 1\nB F\t1\t4\ta\nend\n", "tensors 1 1\nBF16\t1x\t4\ta\nend\n"};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		if (tensors_read(&arena, bad[i], strlen(bad[i]), &e))
			fail_msg("taken: %s", bad[i]);
}

/* ---- what a GPU gets ---- */

static void
put(struct tensors *t, const char *dtype, double bytes, const char *name)
{
	*vec_push(&arena, t) = (struct tensor){name, dtype, 1, bytes};
	t->bytes += bytes;
}

#define LAYER(i, name) arena_printf(&arena, "model.layers.%lld." name, (long long)(i))

/* A decoder with the shapes of f, in 16 bits. */
static struct tensors *
decoder(const struct checkpoint *f)
{
	struct tensors *t = ar_new(&arena, struct tensors);
	double h = (double)f->hidden, q = (double)(f->heads * f->head_dim);
	double kv = (double)(f->kv_heads * f->head_dim), wide = (double)f->intermediate;

	t->files = 4;
	put(t, "BF16", 2 * (double)f->vocab * h, "model.embed_tokens.weight");
	for (long long i = 0; i < f->layers; i++) {
		put(t, "BF16", 2 * h * q, LAYER(i, "self_attn.q_proj.weight"));
		put(t, "BF16", 2 * h * kv, LAYER(i, "self_attn.k_proj.weight"));
		put(t, "BF16", 2 * h * kv, LAYER(i, "self_attn.v_proj.weight"));
		put(t, "BF16", 2 * h * q, LAYER(i, "self_attn.o_proj.weight"));
		put(t, "BF16", 2 * 3 * h * wide, LAYER(i, "mlp.gate_up_down_proj.weight"));
		put(t, "BF16", 2 * 2 * h, LAYER(i, "both_layernorms.weight"));
	}
	put(t, "BF16", 2 * h, "model.norm.weight");
	if (!f->tied)
		put(t, "BF16", 2 * (double)f->vocab * h, "lm_head.weight");
	return t;
}

static struct checkpoint *
real(const char *name, const struct tensors *t)
{
	struct checkpoint_texts texts = {.tensors = t};

	texts.config = whole_file(&arena, arena_printf(&arena, FOLDER "%s.json", name), &texts.nconfig);
	return checkpoint_read(&arena, &texts);
}

/* What a GPU loads of the checkpoint: without the tables that it makes itself. */
static double
gpu(const struct checkpoint *f, long long tensor, long long pipeline, long long stage)
{
	static const struct layout_node node = {.name = "n", .gpus = 1024, .memory = 80 * GIB};
	struct layout_ask ask = ask_over(f, &node, 1);
	struct layout_try t = {.tensor = tensor, .pipeline = pipeline, .nodes = 1};

	return layout_stage(&ask, &t, stage).weights - f->tables;
}

/* In a regular model the real sizes are those of the shapes. */
static void
test_dense(void **state)
{
	static const char *const names[] = {"llama-3.1-8b", "llama-3.1-405b", "llama-3.2-3b",
		"qwen3-32b", "mistral-large-2411"};

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		struct checkpoint *shapes = model(names[i]), *f = real(names[i], decoder(shapes));

		assert_non_null(f->real);
		assert_null(f->real_why);
		assert_string_equal(f->weight_from, "the headers of 4 safetensors files");
		for (long long tp = 1; tp <= 8; tp *= 2)
			for (long long pp = 1; pp <= 4; pp++)
				for (long long k = 0; k < pp; k++) {
					double x = gpu(f, tp, pp, k), y = gpu(shapes, tp, pp, k);

					if (x < y * 0.999 || x > y * 1.001)
						fail_msg("%s TP %lld PP %lld: %.0f, not %.0f", names[i],
							 tp, pp, x, y);
				}
	}
	/* 405B over 4 stages of 8: the largest has 25.50 GB. */
	assert_true(gpu(real(names[1], decoder(model(names[1]))), 8, 4, 1) / 1e9 > 25.45);
	assert_true(gpu(real(names[1], decoder(model(names[1]))), 8, 4, 1) / 1e9 < 25.55);
}

/* Layers of different sizes: a mean cannot tell which stage is the largest. */
static void
test_uneven_layers(void **state)
{
	struct tensors *t = decoder(model("llama-3.1-8b"));
	struct checkpoint *f;
	double before = gpu(real("llama-3.1-8b", t), 4, 2, 0);

	(void)state;
	put(t, "BF16", 4e9, LAYER(3, "mlp.extra.weight"));
	f = real("llama-3.1-8b", t);
	assert_true(gpu(f, 4, 2, 0) - before == 1e9);
	assert_true(gpu(f, 4, 2, 1) == gpu(real("llama-3.1-8b", decoder(f)), 4, 2, 1));
}

/* Each kind of tensor goes where vLLM puts it. */
static void
test_spread(void **state)
{
	struct checkpoint *shapes = model("llama-3.1-8b"), *f;
	const struct { const char *name; double at_2, at_16; } sorts[] = {
		{"model.layers.0.self_attn.o_proj.weight", 2, 16},
		{"model.layers.0.self_attn.k_proj.weight", 2, 8},       /* 8 KV heads */
		{"model.layers.0.self_attn.k_proj.weight_scale", 2, 8},
		{"model.layers.0.mlp.experts.*.up_proj.weight", 2, 16},
		{"model.layers.0.mlp.shared_experts.up_proj.weight", 2, 16},
		{"model.layers.0.mlp.gate.weight", 1, 1},
		{"model.layers.0.mlp.shared_expert_gate.weight", 1, 1},
		{"model.layers.0.post_attention_layernorm.weight", 1, 1},
		{"model.layers.0.self_attn.q_a_proj.weight", 1, 1},
		{"model.layers.0.self_attn.kv_a_proj_with_mqa.weight", 1, 1},
		{"model.layers.0.self_attn.q_b_proj.weight", 2, 16},
		{"vision_tower.encoder.layers.40.fc1.weight", 2, 16},
		{"model.visual.blocks.0.norm1.weight", 2, 16},
		{"model.layers.32.mlp.up_proj.weight", 1e99, 1e99},     /* for speculation */
		{"mtp.layers.0.mlp.up_proj.weight", 1e99, 1e99},
		{"model.rotary_emb.inv_freq", 1e99, 1e99}};

	(void)state;
	for (size_t i = 0; i < countof(sorts); i++) {
		struct tensors *t = decoder(shapes);
		double two = gpu(real("llama-3.1-8b", t), 2, 1, 0);
		double sixteen = gpu(real("llama-3.1-8b", t), 16, 1, 0);

		put(t, "BF16", 16e6, sorts[i].name);
		f = real("llama-3.1-8b", t);
		if (gpu(f, 2, 1, 0) - two != (double)(long long)(16e6 / sorts[i].at_2) ||
		    gpu(f, 16, 1, 0) - sixteen != (double)(long long)(16e6 / sorts[i].at_16))
			fail_msg("%s: %.0f and %.0f of 16e6", sorts[i].name, gpu(f, 2, 1, 0) - two,
				 gpu(f, 16, 1, 0) - sixteen);
	}
}

static void
test_fused(void **state)
{
	struct tensors *t = decoder(model("llama-3.1-8b"));
	double before = gpu(real("llama-3.1-8b", t), 16, 1, 0);

	(void)state;
	/* 32 heads and twice 8 KV heads: a third of it is kept twice. */
	put(t, "BF16", 48e6, "model.layers.0.self_attn.qkv_proj.weight");
	assert_true(gpu(real("llama-3.1-8b", t), 16, 1, 0) - before == 32e6 / 16 + 16e6 / 8);
}

/* Numbers of 32 bits are loaded as 16 bits, unless quantisation needs them as they are. */
static void
test_kinds(void **state)
{
	struct tensors *t = decoder(model("llama-3.1-8b"));
	struct checkpoint *f;
	double all = real("llama-3.1-8b", t)->weight_bytes;

	(void)state;
	put(t, "F32", 8e9, LAYER(1, "mlp.up_proj.weight"));
	put(t, "I64", 5e8, LAYER(1, "mlp.up_proj.g_idx"));
	f = real("llama-3.1-8b", t);
	assert_true(f->weight_bytes == all + 4e9 + 5e8);
	assert_int_equal(f->real->nkind, 3);
	assert_string_equal(f->real->kind[0].dtype, "BF16");
	assert_string_equal(f->real->kind[2].dtype, "I64");
	t = decoder(model("llama-3.1-405b-fp8"));
	all = real("llama-3.1-405b-fp8", t)->weight_bytes;
	put(t, "F32", 8e9, LAYER(1, "mlp.up_proj.weight_scale_inv"));
	assert_true(real("llama-3.1-405b-fp8", t)->weight_bytes == all + 8e9);
}

static void
test_tied(void **state)
{
	struct checkpoint *shapes = model("llama-3.2-3b"), *f;
	struct tensors *t = decoder(shapes);
	double embedding = 2.0 * (double)(shapes->vocab * shapes->hidden), one;

	(void)state;
	assert_true(shapes->tied);
	f = real("llama-3.2-3b", t);
	one = f->weight_bytes;
	assert_true(f->tied && gpu(f, 1, 1, 0) == one);
	/* With two stages it is there twice. */
	assert_true(gpu(f, 1, 2, 0) + gpu(f, 1, 2, 1) == one + embedding);
	/* If the checkpoint has a head anyway, it is not loaded. */
	put(t, "BF16", embedding, "lm_head.weight");
	f = real("llama-3.2-3b", t);
	assert_true(f->tied && f->weight_bytes == one);
}

static void
test_fp8(void **state)
{
	struct tensors *t = decoder(model("llama-3.1-8b"));
	struct checkpoint *f = real("llama-3.1-8b", t);
	struct checkpoint *half = checkpoint_quantised(&arena, f, "fp8");
	double ends = 2 * 2.0 * (double)(f->vocab * f->hidden);
	double norms = 2.0 * (double)f->hidden * (double)(2 * f->layers + 1);

	(void)state;
	assert_non_null(half->real);
	assert_true(half->weight_bytes == (f->weight_bytes - ends - norms) / 2 + ends + norms);
	assert_true(gpu(half, 1, 1, 0) == half->weight_bytes);
}

/* How a stage of vLLM's own class has embedding and head in any case, and an encoder on all
 * stages. */
static void
test_everywhere(void **state)
{
	struct tensors *t = decoder(model("mixtral-8x7b"));
	struct checkpoint *f = real("mixtral-8x7b", t);
	double ends = 2 * 2.0 * (double)(f->vocab * f->hidden), all = f->weight_bytes;

	(void)state;
	assert_true(f->ends_everywhere && !f->tied);
	assert_true(gpu(f, 1, 4, 0) + gpu(f, 1, 4, 1) + gpu(f, 1, 4, 2) + gpu(f, 1, 4, 3) ==
		    all + 3 * ends);
	f = real("gemma-2-9b", decoder(model("gemma-2-9b")));
	assert_true(f->ends_everywhere && f->tied);
	assert_true(gpu(f, 1, 3, 0) + gpu(f, 1, 3, 1) + gpu(f, 1, 3, 2) ==
		    f->weight_bytes + 2 * 2.0 * (double)(f->vocab * f->hidden));
	t = decoder(model("llama-3.1-8b"));
	all = gpu(real("llama-3.1-8b", t), 2, 2, 1);
	put(t, "BF16", 16e6, "vision_tower.encoder.layers.0.fc1.weight");
	assert_true(gpu(real("llama-3.1-8b", t), 2, 2, 1) - all == 8e6);
}

/* Tensors of another model, and a model that is not known here. */
static void
test_others(void **state)
{
	struct tensors *t = decoder(model("llama-3.1-8b"));
	struct checkpoint *f = real("llama-3.3-70b", t);

	(void)state;
	assert_null(f->real);
	assert_string_equal(f->real_why, "its tensors do not match its config.json");
	f = real("falcon-mamba-7b", t);
	assert_null(f->real);
	assert_false(f->known);
	assert_true(f->weight_bytes == t->bytes);
	f = model("llama-3.1-8b");
	assert_string_equal(f->real_why, "its safetensors headers are not known");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_length, reset),
		cmocka_unit_test_teardown(test_header, reset),
		cmocka_unit_test_teardown(test_bad_headers, reset),
		cmocka_unit_test_teardown(test_bad_lists, reset),
		cmocka_unit_test_teardown(test_dense, reset),
		cmocka_unit_test_teardown(test_uneven_layers, reset),
		cmocka_unit_test_teardown(test_spread, reset),
		cmocka_unit_test_teardown(test_fused, reset),
		cmocka_unit_test_teardown(test_kinds, reset),
		cmocka_unit_test_teardown(test_tied, reset),
		cmocka_unit_test_teardown(test_fp8, reset),
		cmocka_unit_test_teardown(test_everywhere, reset),
		cmocka_unit_test_teardown(test_others, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
