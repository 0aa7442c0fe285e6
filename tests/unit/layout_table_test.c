/* Real models on common clusters, from the table in tests/fixtures/models. */
#include "tests/unit/layout_by_hand.h"

static const char *
fit_word(enum fit fit)
{
	static const char *const words[] = {[FIT_OK] = "ok", [FIT_UNKNOWN] = "not estimated",
		[FIT_SHORT] = "short", [FIT_FULL] = "full", [FIT_TOO_BIG] = "too big",
		[FIT_RULE] = "rule", [FIT_GPUS] = "gpus"};

	return words[fit];
}

struct clusters {
	struct cluster {
		const char *name;
		struct layout_node node[8];
		size_t n;
	} *v;
	size_t n, cap;
};

/* What the driver keeps of a card, as gpus_reserved() says it. */
static double
kept(const char *cluster, double mib)
{
	if (strstr(cluster, "gb10"))
		return 0;
	return (mib / 50 < 616 ? mib / 50 : 616) * MIB;
}

static void
read_cluster(struct clusters *list, char *rest)
{
	struct cluster *c = vec_push(&arena, list);
	char *save = NULL, *word = strtok_r(rest, " ", &save);

	c->name = word;
	while ((word = strtok_r(NULL, " ", &save))) {
		char *colon = strchr(word, ':');

		assert_non_null(colon);
		assert_true(c->n < countof(c->node));
		c->node[c->n] = (struct layout_node){
			.name = arena_printf(&arena, "n%zu", c->n + 1),
			.gpus = strtoll(word, NULL, 10), .memory = strtod(colon + 1, NULL) * MIB,
			.reserved = kept(c->name, strtod(colon + 1, NULL))};
		c->n++;
	}
}

static const struct cluster *
find_cluster(const struct clusters *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return &list->v[i];
	fail_msg("no cluster '%s' in the table", name);
	return NULL;
}

/* "with N more nodes": with N more it fits, with fewer it does not. */
static void
check_more_nodes(const struct layout_ask *ask, const char *advice, const char *what)
{
	struct layout_node node[8 + 64];
	struct layout_ask more = *ask;
	bool spans = strstr(advice, "over the network");
	size_t wanted;

	if (sscanf(advice, "with %zu more node", &wanted) != 1)
		return;
	for (size_t i = 0; i < ask->nnode + wanted; i++)
		node[i] = ask->node[i < ask->nnode ? i : ask->nnode - 1];
	more.node = node;
	/* Every number costs a search; numbers far from the answer would show little. */
	for (size_t n = wanted > 16 ? wanted - 2 : 1; n <= wanted; n++) {
		struct layout_result *r;
		bool fits;

		more.nnode = ask->nnode + n;
		r = layout_search(&arena, &more);
		fits = r->found && r->best.fit == FIT_OK && (spans || !r->best.spans);
		if (fits != (n == wanted))
			fail_msg("%s: '%s', and %zu %s", what, advice, n,
				 n == wanted ? "are not enough" : "are enough");
	}
}

static const char *
check_case(const struct clusters *list, const char *what)
{
	char name[64], cluster[64];
	long long tokens;
	const struct cluster *c;
	struct layout_result *r;
	struct layout_ask *ask = ar_new(&arena, struct layout_ask);

	assert_int_equal(sscanf(what, "%63s %63s %lld", name, cluster, &tokens), 3);
	c = find_cluster(list, cluster);
	*ask = ask_over(model(name), c->node, c->n);
	if (tokens < ask->context)
		ask->context = tokens;
	r = layout_search(&arena, ask);
	for (size_t i = 0; i < r->advice.n; i++)
		check_more_nodes(ask, r->advice.v[i], what);
	if (!r->usable)
		return arena_printf(&arena, "none%s%s", r->advice.n ? "; fits " : "",
				    r->advice.n ? r->advice.v[0] : "");
	return arena_printf(&arena, "TP %lld PP %lld over %zu, %s, %.1f GiB, × %.1f%s%s",
			    r->best.tensor, r->best.pipeline, r->best.nodes, fit_word(r->best.fit),
			    r->best.weights / GIB, r->best.sequences,
			    r->best.spans ? ", spans" : "", r->best.uneven ? ", uneven" : "");
}

static const char *
check_rule(const char *what)
{
	static const struct layout_node node = {.name = "n", .gpus = 1024};
	char name[64];
	long long tensor, pipeline;
	struct layout_ask ask;
	const char *why;

	assert_int_equal(sscanf(what, "%63s %lld %lld", name, &tensor, &pipeline), 3);
	ask = ask_over(model(name), &node, 1);
	why = ask.engine->rule_tensor(&arena, &ask, tensor);
	if (!why)
		why = ask.engine->rule_pipeline(&arena, &ask, pipeline);
	return why ? why : "ok";
}

/* Measured in real engines: the predicted weights must be within 1 %, and the KV cache
 * between 3 % less and 2 % more. */
static void
check_had(const struct clusters *list, const char *what)
{
	char name[64], cluster[64], mode[16];
	long long tensor, pipeline, stage;
	double weights, kv;
	const struct cluster *c;
	struct layout_ask ask;
	struct layout_try t;
	struct layout_stage s;

	assert_int_equal(sscanf(what, "%63s %63s %lld %lld %15s %lld %lf %lf", name, cluster, &tensor,
				&pipeline, mode, &stage, &weights, &kv), 8);
	c = find_cluster(list, cluster);
	ask = ask_over(model(name), c->node, c->n);
	ask.utilization = 0.92;
	ask.eager = strcmp(mode, "eager") == 0;
	ask.version = engine_version_read("v0.24.0");
	ask.runner = vllm_runner(ask.version, ask.model, &ask.runner_known);
	assert_true(ask.eager || strcmp(mode, "graphs") == 0);
	t = layout_try(&arena, &ask, tensor, pipeline);
	assert_int_equal(t.fit, FIT_OK);
	assert_true(stage < pipeline);
	s = layout_stage(&ask, &t, stage);
	s.weights /= GIB;
	s.room /= GIB;
	print_message("memory: %-45s weights %7.2f (%+.2f) KV %7.2f (%+.1f %%)\n", what, s.weights,
		      s.weights - weights, s.room, 100 * (s.room / kv - 1));
	if (s.weights < weights * 0.99 || s.weights > weights * 1.01 ||
	    s.room < kv * 0.97 || s.room > kv * 1.02)
		fail_msg("%s: the layout says weights %.2f GiB, KV %.2f (%+.1f %%)", what, s.weights,
			 s.room, 100 * (s.room / kv - 1));
}

/* An argument of a "took" line. */
static void
took_argument(struct layout_ask *ask, const char *word)
{
	const char *value = strchr(word, '=');
	double x = value ? strtod(value + 1, NULL) : 0;

	if (strcmp(word, "graphs") == 0)
		ask->eager = false;
	else if (strcmp(word, "len=auto") == 0)
		ask->context_fitted = true;
	else if (strncmp(word, "len=", 4) == 0)
		ask->context = (long long)x;
	else if (strncmp(word, "util=", 5) == 0)
		ask->utilization = x;
	else if (strncmp(word, "seqs=", 5) == 0)
		ask->sequences = (long long)x;
	else if (strncmp(word, "batched=", 8) == 0)
		ask->batch_tokens = (long long)x;
	else if (strcmp(word, "kv=fp8") == 0)
		ask->kv_bits = 8;
	else if (strncmp(word, "kv-bytes=", 9) == 0)
		ask->kv_given = x * GIB;
	else if (strncmp(word, "quantization=", 13) == 0)
		ask->model = checkpoint_quantised(&arena, ask->model, value + 1);
	else
		fail_msg("no argument '%s'", word);
}

/* The bar: KV within 3 % or half a GiB, and at most 2 % too much; sequences within 4 %. Whether
 * it is met. */
static bool
check_took(const char *what, const char *measured)
{
	static const struct layout_node h200 = {.name = "n1", .gpus = 1, .memory = 143771 * MIB,
		.reserved = 616 * MIB};
	char *copy = arena_strdup(&arena, what), *save = NULL, *word = strtok_r(copy, " ", &save);
	double weights, kv, sequences, more;
	struct layout_ask ask = ask_over(model(word), &h200, 1);
	struct layout_try t;
	struct layout_stage s;
	bool good;

	assert_int_equal(sscanf(measured, "%lf %lf %lf", &weights, &kv, &sequences), 3);
	ask.utilization = 0.92;
	ask.eager = true;
	ask.version = engine_version_read("v0.24.0");
	while ((word = strtok_r(NULL, " ", &save)))
		took_argument(&ask, word);
	ask.runner = vllm_runner(ask.version, ask.model, &ask.runner_known);
	t = layout_try(&arena, &ask, 1, 1);
	s = layout_stage(&ask, &t, 0);
	s.room /= GIB;
	more = kv > 0 ? s.room - kv : 0;
	if (ask.context_fitted)
		s.sequences = (double)layout_longest(&ask, &t);
	/* (A cache that is given may belong to weights that do not fit.) */
	good = (t.fit == FIT_OK || (ask.kv_given > 0 && weights <= 0)) && (more > -0.03 * kv || more > -0.5) && more <= 0.02 * kv + 1e-9 &&
	       s.sequences >= 0.96 * sequences && s.sequences <= 1.04 * sequences;
	print_message("memory: %-45s weights %7.2f (%+.2f) KV %7.2f (%+.1f %%) × %.2f (%+.1f %%)%s\n",
		      what, s.weights / GIB, weights > 0 ? s.weights / GIB - weights : 0, s.room,
		      kv > 0 ? 100 * more / kv : 0,
		      s.sequences, 100 * (s.sequences / sequences - 1), good ? "" : "  OUTSIDE");
	return good;
}

static void
check_params(const char *what)
{
	char name[64];
	double n;
	struct checkpoint *f;

	assert_int_equal(sscanf(what, "%63s %lf", name, &n), 2);
	f = model(name);
	if (f->why)
		fail_msg("%s: %s", name, f->why);
	/* As many weights as the checkpoint has, whatever format they have. */
	f->linear_bits = f->expert_bits = 16;
	if (weights_shapes(f) / 2 > n * 1.001 ||
	    weights_shapes(f) / 2 < n * (f->multimodal ? 0.90 : 0.998))
		fail_msg("%s: shapes make %.0f weights, the model has %.0f", name,
			 weights_shapes(f) / 2, n);
}

static void
test_table(void **state)
{
	struct clusters list = {0};
	size_t cases = 0, rules = 0, params = 0, had = 0, wrong = 0, took = 0, within = 0;
	char *text = whole_file(&arena, FOLDER "table.txt", NULL), *save = NULL, *line;

	(void)state;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *equals = strstr(line, " = ");
		const char *got = NULL;

		if (equals)
			*equals = '\0';
		if (strncmp(line, "cluster ", 8) == 0)
			read_cluster(&list, line + 8);
		else if (strncmp(line, "params ", 7) == 0)
			check_params(line + 7), params++;
		else if (strncmp(line, "had ", 4) == 0)
			check_had(&list, line + 4), had++;
		else if (strncmp(line, "took ", 5) == 0)
			within += check_took(line + 5, equals + 3), took++;
		else if (strncmp(line, "case ", 5) == 0)
			got = check_case(&list, line + 5), cases++;
		else if (strncmp(line, "rule ", 5) == 0)
			got = check_rule(line + 5), rules++;
		else
			assert_int_equal(*line, '#');
		if (!got || (equals && strcmp(got, equals + 3) == 0))
			continue;
		print_error("%s = %s\n", line, got);
		wrong++;
	}
	print_message("memory: %zu of %zu within the bar\n", within + had, took + had);
	assert_int_equal(within, took);
	assert_int_equal(wrong, 0);
	assert_true(cases >= 100 && rules >= 30 && params >= 25 && had >= 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, reset, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
