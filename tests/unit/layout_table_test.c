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
			.gpus = strtoll(word, NULL, 10), .memory = strtod(colon + 1, NULL) * MIB};
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
	assert_true(ask.eager || strcmp(mode, "graphs") == 0);
	t = layout_try(&arena, &ask, tensor, pipeline);
	assert_int_equal(t.fit, FIT_OK);
	assert_true(stage < pipeline);
	s = layout_stage(&ask, &t, stage);
	s.weights /= GIB;
	s.room /= GIB;
	if (s.weights < weights * 0.99 || s.weights > weights * 1.01 ||
	    s.room < kv * 0.97 || s.room > kv * 1.02)
		fail_msg("%s: the layout says weights %.2f GiB, KV %.2f (%+.1f %%)", what, s.weights,
			 s.room, 100 * (s.room / kv - 1));
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
	size_t n, cases = 0, rules = 0, params = 0, had = 0, wrong = 0;
	char *text = slurp(FOLDER "table.txt", &n), *save = NULL, *line;

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
