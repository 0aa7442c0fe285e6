/* Layouts by hand: vLLM's arithmetic, the preferences, and all kinds of messages. */
#include <time.h>

#include "planner/spec/places.h"
#include "tests/unit/layout_by_hand.h"

/* The numbers of the guide: Llama-3.1-405B on four nodes of eight H100s. */
static void
test_worked_example(void **state)
{
	static const struct layout_node node[4] = {{"a", NULL, 8, 81559 * MIB},
		{"b", NULL, 8, 81559 * MIB}, {"c", NULL, 8, 81559 * MIB},
		{"d", NULL, 8, 81559 * MIB}};
	static const long long want[] = {31, 32, 32, 31};
	struct checkpoint *f = model("llama-3.1-405b");
	struct layout_ask ask = ask_over(f, node, 4);
	struct layout_try t;
	struct layout_stage s;

	(void)state;
	near(weights_shapes(f), 811706777600.0, 0.5);
	ask.tensor = 8;
	ask.pipeline = 4;
	t = layout_try(&arena, &ask, 8, 4);
	assert_int_equal(t.fit, FIT_OK);
	assert_int_equal(t.nodes, 4);
	for (long long k = 0; k < 4; k++)
		assert_int_equal(layout_stage(&ask, &t, k).layers, want[k]);
	s = layout_stage(&ask, &t, 1);
	/* With the table of the rotary embedding, 131072 positions. */
	near(s.weights / GIB, 23.75 + 131072 * 128 * 2 / GIB, 0.005);
	near(s.kv.token, 16384, 0);
	near(s.kv.block * s.kv.blocks, 2 * GIB, 0);
	t = layout_try(&arena, &ask, 8, 2);
	assert_int_equal(layout_stage(&ask, &t, 0).layers, 63);
	assert_int_equal(layout_stage(&ask, &t, 1).layers, 63);
	near(t.weights / GIB, 47.28, 0.01);
	t = layout_try(&arena, &ask, 8, 1);
	assert_int_equal(t.fit, FIT_TOO_BIG);
}

/* What vLLM 0.24 itself printed on two H200s: 7.54 GiB of weights, 239.41 x 8192 tokens. */
static void
test_measured(void **state)
{
	static const struct layout_node node = {"h200", NULL, 2, 143771 * MIB, 0};
	struct layout_ask ask = ask_over(model("llama-3.1-8b"), &node, 1);
	struct layout_try t;

	(void)state;
	ask.context = 8192;
	ask.utilization = 0.92;
	t = layout_try(&arena, &ask, 2, 1);
	near(t.weights / GIB, 7.54, 0.1);
	near(t.sequences, 239.41, 3);
}

/* The most GPUs and layers that are possible, and no layout that fits: each candidate is
 * calculated once, not once for each of its stages. */
static void
test_large(void **state)
{
	static struct layout_node node[48];
	struct layout_ask ask = ask_over(read_text("{\"architectures\":[\"LlamaForCausalLM\"],"
		"\"hidden_size\":65536,\"intermediate_size\":1048576,\"num_hidden_layers\":1024,"
		"\"num_attention_heads\":512,\"vocab_size\":1000000}", NULL, NULL), node, countof(node));
	clock_t began = clock();        /* our own time, to guard against a search without end */

	(void)state;
	for (size_t i = 0; i < countof(node); i++)
		node[i] = (struct layout_node){"n", NULL, 64, (double)(i + 1) * MIB, 0};
	assert_int_equal(layout_search(&arena, &ask)->best.fit, FIT_TOO_BIG);
	assert_true((clock() - began) / CLOCKS_PER_SEC < 60);
}

/* get_pp_indices() of vLLM. */
static void
test_layers_of_stages(void **state)
{
	static const struct { long long layers, pipeline, want[8]; } cases[] = {
		{80, 4, {20, 20, 20, 20}}, {61, 2, {31, 30}}, {61, 4, {15, 15, 16, 15}},
		{61, 8, {7, 7, 8, 8, 8, 8, 8, 7}}, {5, 3, {2, 2, 1}}, {4, 3, {1, 2, 1}},
		{94, 4, {23, 24, 24, 23}}, {7, 4, {2, 2, 2, 1}}, {3, 3, {1, 1, 1}}, {1, 1, {1}},
	};
	static const long long own[] = {10, 20};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct checkpoint f = {.layers = cases[i].layers};
		struct layout_ask ask = {.engine = engine_find("vllm"), .model = &f};

		for (long long k = 0; k < cases[i].pipeline; k++)
			assert_int_equal(layout_layers(&ask, cases[i].pipeline, k), cases[i].want[k]);
		ask.partition = own;
		ask.npartition = 2;
		assert_int_equal(layout_layers(&ask, 2, 1), 20);
	}
}

static const struct layout_reject *
rejected(const struct layout_result *r, long long tensor, long long pipeline)
{
	for (size_t i = 0; i < r->reject.n; i++)
		if (r->reject.v[i].tensor == tensor && r->reject.v[i].from <= pipeline &&
		    (r->reject.v[i].to >= pipeline || r->reject.v[i].from == 0))
			return &r->reject.v[i];
	return NULL;
}

static void
test_nodes_that_differ(void **state)
{
	struct layout_node node[] = {{"big", NULL, 8, 81559 * MIB},
		{"small", NULL, 4, 81559 * MIB, 0}};
	struct layout_ask ask = ask_over(model("deepseek-v3"), node, 2);
	struct layout_result *r;

	(void)state;
	ask.context = 8192;
	r = layout_search(&arena, &ask);
	assert_true(r->found && r->best.uneven);
	assert_int_equal(r->best.tensor, 4);
	assert_int_equal(r->best.pipeline, 3);
	/* Each node has the same number of ranks: 12 GPUs on two nodes are 6 each. */
	ask.mp = true;
	r = layout_search(&arena, &ask);
	assert_false(r->found && !r->best.spans && r->best.nodes == 2 && r->best.pipeline == 3);
	assert_non_null(strstr(layout_try(&arena, &ask, 4, 3).rule, "'small' has 4 of 6"));
	/* Each stage against the memory of the node that it is on. */
	ask = ask_over(model("llama-3.3-70b"), node, 2);
	node[1].gpus = 8;
	node[1].memory = 10 * GIB;
	ask.mp = false;
	assert_int_equal(layout_try(&arena, &ask, 8, 1).fit, FIT_OK);
	assert_int_equal(layout_try(&arena, &ask, 8, 2).fit, FIT_FULL);
	near(layout_stage(&ask, &(struct layout_try){.tensor = 8, .pipeline = 2, .nodes = 2}, 1).memory,
	     10 * GIB, 1);
}

static long long
gpus_at(const void *nodes, size_t i)
{
	return ((const long long *)nodes)[i];
}

/* Which nodes a backend uses, and whether each tensor group is inside one of them. */
static void
test_places(void **state)
{
	static const struct {
		long long gpus[4], tensor, pipeline, data;
		bool mp;
		size_t nodes;
		bool spans;
		long long each;
	} cases[] = {
		{{8, 8, 8, 8}, 8, 4, 1, false, 4, false, 0}, {{8, 8, 8, 8}, 8, 4, 1, true, 4, false, 8},
		{{8, 8, 8, 8}, 4, 3, 1, false, 2, false, 0}, {{8, 8, 8, 8}, 4, 3, 1, true, 3, false, 4},
		{{8, 8, 8, 8}, 16, 2, 1, false, 4, true, 0}, {{8, 8, 8, 8}, 16, 2, 1, true, 4, true, 8},
		/* Ray leaves no GPU of the head idle, so the second group is on both nodes. */
		{{6, 6, 0, 0}, 4, 2, 1, false, 2, true, 0}, {{6, 6, 0, 0}, 4, 2, 1, true, 2, false, 4},
		{{8, 6, 0, 0}, 4, 3, 1, false, 2, false, 0}, {{6, 8, 0, 0}, 4, 3, 1, false, 2, true, 0},
		{{8, 8, 6, 0}, 4, 5, 1, false, 3, true, 0},
		/* The head is always used. */
		{{4, 8, 8, 0}, 8, 1, 1, false, 2, true, 0}, {{4, 8, 8, 0}, 8, 1, 1, true, 2, true, 4},
		{{4, 8, 8, 0}, 4, 2, 1, false, 2, false, 0}, {{4, 8, 8, 0}, 4, 2, 1, true, 2, false, 4},
		{{8, 4, 4, 0}, 4, 3, 1, false, 2, false, 0}, {{8, 4, 4, 0}, 4, 3, 1, true, 3, false, 4},
		{{8, 4, 0, 0}, 4, 3, 1, true, 0, false, 0},
		{{3, 3, 0, 0}, 2, 3, 1, false, 2, true, 0}, {{3, 3, 0, 0}, 2, 3, 1, true, 0, false, 0},
		{{5, 0, 0, 0}, 5, 1, 1, false, 1, false, 0}, {{5, 0, 0, 0}, 2, 3, 1, false, 0, false, 0},
		/* Copies of 12 GPUs: two do not fit on three nodes of 8, but on four of 6. */
		{{8, 8, 8, 0}, 4, 3, 2, true, 0, false, 0}, {{6, 6, 6, 6}, 2, 6, 2, true, 4, false, 6},
		{{8, 8, 8, 8}, 4, 1, 4, true, 2, false, 8}, {{8, 8, 8, 8}, 8, 2, 2, true, 4, false, 8},
		{{8, 8, 8, 0}, 2, 2, 3, true, 3, false, 4},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct places places = {gpus_at, cases[i].gpus, 4};
		struct placed p;

		while (places.n && !cases[i].gpus[places.n - 1])
			places.n--;
		p = layout_place(&places, cases[i].tensor, cases[i].pipeline, cases[i].data,
				 cases[i].mp);
		if (p.nodes != cases[i].nodes || p.spans != cases[i].spans || p.each != cases[i].each)
			fail_msg("case %zu: %zu nodes, spans %d, each %lld", i, p.nodes, p.spans, p.each);
	}
}

/* Where stages of equal length do not fit, the larger GPUs take more layers; where they do, or where
 * GPUs are alike, the engine splits by itself. */
static void
test_layers_by_memory(void **state)
{
	static const struct layout_node node[] = {{"a", NULL, 1, 6 * GIB, 0},
		{"b", NULL, 1, 18 * GIB, 0}, {"c", NULL, 1, 6 * GIB, 0}};
	static const struct layout_node large[] = {{"a", NULL, 1, 24 * GIB, 0}, {"b", NULL, 1, 48 * GIB, 0}},
		alike[] = {{"a", NULL, 1, 6 * GIB, 0}, {"b", NULL, 1, 6 * GIB, 0}};
	struct layout_ask ask = ask_over(model("llama-3.1-8b"), node, 3);
	const struct layout_result *r;
	long long sum = 0;

	(void)state;
	ask.context = 1024;
	r = layout_search(&arena, &ask);
	assert_true(r->found && r->best.partition);
	for (long long k = 0; k < r->best.pipeline; k++) {
		struct layout_stage s = layout_stage(&ask, &r->best, k);

		assert_true(s.layers == r->best.partition[k] && s.layers >= 1 && s.sequences >= 1);
		sum += s.layers;
	}
	assert_int_equal(sum, 32);
	assert_true(r->best.partition[1] > r->best.partition[0]);
	assert_non_null(strstr(layout_partition_text(&arena, &r->best), ","));
	assert_non_null(strstr(layout_weights_text(&arena, &ask, &r->best), "of 18.0"));
	ask.node = large;
	ask.nnode = 2;
	assert_null(layout_search(&arena, &ask)->best.partition);
	assert_null(layout_partition_text(&arena, &layout_search(&arena, &ask)->best));
	ask.node = alike;
	r = layout_search(&arena, &ask);
	assert_true(!r->found && !r->best.partition);
}

/* With mp the stages are placed by the equal number of GPUs of each node. */
static void
test_memory_of_stages(void **state)
{
	static const struct layout_node node[] = {{"a", NULL, 8, 80 * GIB, 0},
		{"b", NULL, 4, 40 * GIB, 0}, {"c", NULL, 4, 20 * GIB, 0}};
	struct layout_ask ask = ask_over(model("llama-3.1-8b"), node, 3);
	struct layout_try t;

	(void)state;
	ask.mp = true;
	t = layout_try(&arena, &ask, 4, 3);
	near(layout_stage(&ask, &t, 0).memory, 80 * GIB, 1);
	near(layout_stage(&ask, &t, 1).memory, 40 * GIB, 1);
	near(layout_stage(&ask, &t, 2).memory, 20 * GIB, 1);
	ask.mp = false;
	t = layout_try(&arena, &ask, 4, 3);
	near(layout_stage(&ask, &t, 1).memory, 80 * GIB, 1);
	near(layout_stage(&ask, &t, 2).memory, 40 * GIB, 1);
	/* A layout that vLLM's ranks would refuse is not chosen. */
	ask.mp = true;
	ask.data = 2;
	assert_int_equal(layout_try(&arena, &ask, 4, 2).fit, FIT_RULE);
}

/* The head is part of every layout: the advice says to put a small one last. */
static void
test_order_of_nodes(void **state)
{
	struct layout_node node[] = {{"small", NULL, 1, 22 * GIB, 0}, {"big", NULL, 8, 80 * GIB, 0}};
	struct layout_ask ask = ask_over(model("llama-3.3-70b"), node, 2);
	struct layout_result *r;

	(void)state;
	ask.context = 32768;
	r = layout_search(&arena, &ask);
	assert_int_equal(r->best.nodes, 2);
	assert_string_equal(r->advice.v[0], "with the largest nodes first ('big' as the head): "
			    "TP 8 × PP 1 over 1 node");
	node[1].memory = 10 * GIB;
	r = layout_search(&arena, &ask);
	for (size_t i = 0; i < r->advice.n; i++)
		assert_null(strstr(r->advice.v[i], "largest"));
}

static void
test_what_goes_first(void **state)
{
	struct layout_node node[] = {{"a", NULL, 4, 46068 * MIB, 2},
		{"b", NULL, 4, 46068 * MIB, 2}};
	struct layout_ask ask = ask_over(model("qwen2.5-72b"), node, 2);
	struct layout_result *r = layout_search(&arena, &ask);

	(void)state;
	/* NVLink connects pairs: two stages of two GPUs, on one node. */
	assert_int_equal(r->best.tensor, 2);
	assert_int_equal(r->best.pipeline, 2);
	assert_int_equal(r->best.nodes, 1);
	assert_non_null(strstr(rejected(r, 4, 1)->why, "NVLink"));
	node[0].nvlink_domain = node[1].nvlink_domain = 0;
	r = layout_search(&arena, &ask);
	assert_int_equal(r->best.tensor, 4);
	assert_int_equal(r->best.pipeline, 1);
	/* One part is fixed: still the fewest nodes. */
	ask.pipeline = 2;
	r = layout_search(&arena, &ask);
	assert_int_equal(r->best.pipeline, 2);
	assert_int_equal(r->best.nodes, 1);
	assert_int_equal(r->best.tensor, 2);
	/* No layout has room for the context: the one with the longest context, not the
	 * fewest nodes. */
	ask.pipeline = 0;
	ask.context = 1000000;
	r = layout_search(&arena, &ask);
	assert_int_equal(r->best.fit, FIT_SHORT);
	assert_int_equal(r->best.nodes, 2);
	assert_true(r->context_fits > 200000);
	ask.context = 32768;
	/* Replicas use GPUs of their own. */
	ask.pipeline = 0;
	ask.data = 2;
	assert_int_equal(layout_search(&arena, &ask)->best.nodes, 2);
	/* Unknown memory: use all GPUs. */
	node[0].memory = node[1].memory = 0;
	ask.data = 1;
	r = layout_search(&arena, &ask);
	assert_int_equal(r->best.fit, FIT_UNKNOWN);
	assert_int_equal(r->best.nodes, 2);
	assert_int_equal(r->best.tensor, 4);
	assert_int_equal(r->best.pipeline, 2);
}

static void
test_arguments(void **state)
{
	static const struct layout_node node = {"a", NULL, 8, 81559 * MIB};
	static const long long wrong[] = {100, 25};
	struct layout_ask ask = ask_over(model("qwen3-235b-a22b-fp8"), &node, 1);
	double before, after;

	(void)state;
	/* With expert parallelism no expert is split, so TP 8 is possible. */
	assert_non_null(ask.engine->rule_tensor(&arena, &ask, 8));
	ask.expert_parallel = true;
	assert_null(ask.engine->rule_tensor(&arena, &ask, 8));
	ask.model = model("llama-3.1-8b");
	assert_non_null(strstr(ask.engine->rule_tensor(&arena, &ask, 8), "must be greater than 0"));
	ask.expert_parallel = false;
	ask.dcp = 3;
	assert_non_null(ask.engine->rule_tensor(&arena, &ask, 8));
	ask.dcp = 2;
	assert_non_null(strstr(ask.engine->rule_tensor(&arena, &ask, 8), "more ranks than KV heads"));
	assert_null(ask.engine->rule_tensor(&arena, &ask, 16));
	ask.dcp = 4;
	assert_non_null(strstr(ask.engine->rule_tensor(&arena, &ask, 16), "supported value (2)"));
	assert_null(ask.engine->rule_tensor(&arena, &ask, 32));
	ask.model = model("qwen2.5-7b");        /* 28 heads, 4 KV heads: 7 to each */
	ask.dcp = 2;
	assert_non_null(strstr(ask.engine->rule_tensor(&arena, &ask, 28), "per KV head (7)"));
	ask.model = model("llama-3.1-8b");
	ask.dcp = 0;
	ask.eplb = true;
	assert_string_equal(ask.engine->rule_tensor(&arena, &ask, 8),
			    "enable_expert_parallel must be True to use EPLB");
	ask.model = model("qwen3-30b-a3b");
	ask.expert_parallel = true;
	assert_non_null(strstr(ask.engine->rule_tensor(&arena, &ask, 1), "EPLB"));
	assert_null(ask.engine->rule_tensor(&arena, &ask, 4));
	ask.data = 3;
	assert_non_null(strstr(ask.engine->rule_tensor(&arena, &ask, 4), "128 experts and 12 EP ranks"));
	ask.more_experts = true;
	assert_null(ask.engine->rule_tensor(&arena, &ask, 4));
	ask.data = 1;
	ask.expert_parallel = ask.eplb = false;
	ask.model = model("llama-3.1-8b");
	/* A KV cache in 8 bits holds twice the tokens. */
	before = layout_try(&arena, &ask, 8, 1).sequences;
	/* Each rank keeps half of the tokens. */
	ask.dcp = 2;
	near(layout_stage(&ask, &(struct layout_try){.tensor = 16, .pipeline = 1, .nodes = 1}, 0)
	     .kv.token, 32 * 2 * 128 * 2 / 2, 0);
	ask.dcp = 0;
	ask.kv_bits = 8;
	after = layout_try(&arena, &ask, 8, 1).sequences;
	near(after / before, 2, 0.001);
	ask.kv_given = 8 * GIB;
	near(layout_stage(&ask, &(struct layout_try){.tensor = 8, .pipeline = 1, .nodes = 1}, 0).room,
	     8 * GIB, 1);
	ask.kv_given = 0;
	/* The size of the weights is known even if all are in the host's memory. */
	ask.offload = 20 * GIB;
	assert_int_equal(layout_try(&arena, &ask, 8, 1).fit, FIT_OK);
	ask.offload = 0;
	ask.eager = true;
	near(layout_stage(&ask, &(struct layout_try){.tensor = 8, .pipeline = 1, .nodes = 1}, 0)
	     .over.graphs, 0, 0);
	ask.partition = wrong;
	ask.npartition = 2;
	assert_non_null(strstr(ask.engine->rule_pipeline(&arena, &ask, 2), "sum(partitions)=125"));
	assert_non_null(strstr(ask.engine->rule_pipeline(&arena, &ask, 3), "does not match pp_size=3"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_worked_example, reset, reset),
		cmocka_unit_test_setup_teardown(test_measured, reset, reset),
		cmocka_unit_test_setup_teardown(test_large, reset, reset),
		cmocka_unit_test_setup_teardown(test_layers_of_stages, reset, reset),
		cmocka_unit_test_setup_teardown(test_nodes_that_differ, reset, reset),
		cmocka_unit_test_setup_teardown(test_places, reset, reset),
		cmocka_unit_test_setup_teardown(test_memory_of_stages, reset, reset),
		cmocka_unit_test_setup_teardown(test_layers_by_memory, reset, reset),
		cmocka_unit_test_setup_teardown(test_order_of_nodes, reset, reset),
		cmocka_unit_test_setup_teardown(test_what_goes_first, reset, reset),
		cmocka_unit_test_setup_teardown(test_arguments, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
