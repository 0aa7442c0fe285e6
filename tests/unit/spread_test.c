/* Which node takes its copy of the weights, or an image, from which. */
#include "tests/unit/kinds_by_hand.h"
#include "planner/base/hash.h"
#include "planner/steps/node_weights.h"
#include "planner/base/vec.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* "from" of each node for a text with a 'w' for each node that has a whole copy: "0 0 1". */
static const char *
chain(const char *have)
{
	bool whole[16];
	size_t n = strlen(have);
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		whole[i] = have[i] == 'w';
	for (size_t i = 0; i < n; i++)
		text = arena_printf(&arena, "%s%s%zu", text, i ? " " : "", spread_from(whole, n, i));
	return text;
}

static void
test_chain(void **state)
{
	(void)state;
	assert_string_equal(chain("."), "0");
	assert_string_equal(chain("...."), "0 0 1 2");          /* the first one downloads */
	assert_string_equal(chain("w..."), "0 0 1 2");
	assert_string_equal(chain("..w."), "2 0 2 1");          /* the third one has it */
	assert_string_equal(chain(".w.w."), "1 1 0 3 2");
	assert_string_equal(chain("wwww"), "0 1 2 3");
	assert_string_equal(chain("ww.w"), "0 1 0 3");
}

/* Each node gets the model once and sends it at most once; all chains begin at the source. */
static void
test_links(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		bool whole[8];
		size_t sends[8] = {0}, first = 0;

		for (size_t i = 8; i-- > 0;)
			if ((whole[i] = bits >> i & 1))
				first = i;
		for (size_t i = 0; i < 8; i++) {
			size_t at = i, hops = 0;

			if (spread_from(whole, 8, i) != i)
				sends[spread_from(whole, 8, i)]++;
			for (; spread_from(whole, 8, at) != at; hops++) {
				assert_true(hops < 8);
				at = spread_from(whole, 8, at);
			}
			assert_true(whole[i] ? at == i : at == first);
		}
		for (size_t i = 0; i < 8; i++)
			assert_true(sends[i] <= 1);
	}
}

static void
test_steps(void **state)
{
	const struct step *s;
	const struct tasks *t;
	struct tasks tasks = {0};

	(void)state;
	build_text("cluster: c1\nnodes: [{name: n1, host: h1, address: 192.0.2.1}, {name: n2, host: h2, "
		   "address: 192.0.2.2}]\nstorage: {local: /m}\nmodel: {repo: org/name}\n"
		   "parallelism: {tensor: 1, pipeline: 2}\nengine: {backend: mp, image: 'img:1'}\n");
	graph = graph_build(&arena, model, &problems);
	assert_null(graph_find(graph, "download"));
	s = graph_find(graph, "weights[n2]");
	assert_int_equal(s->deps.n, 1);
	assert_string_equal(s->deps.v[0].on->addr, "weights[n1]");
	s->kind->up(&arena, s, &tasks);
	t = &tasks;
	assert_int_equal(t->n, 1);
	assert_int_equal(t->v[0].task.type, TASK_SPREAD);
	/* No rank starts before all copies are there. */
	s = graph_find(graph, "rank[n1]");
	for (size_t i = 0, n = 0; i <= s->deps.n; i++) {
		if (i == s->deps.n)
			assert_int_equal(n, 2);
		else
			n += strncmp(s->deps.v[i].on->addr, "weights[", 8) == 0;
	}
}

/* The other nodes get the image from one node, and do not pull it. */
static void
test_image(void **state)
{
	static const char *const from[] = {NULL, "n1", "n2"};

	(void)state;
	build_text("cluster: c1\nnodes: [{name: n1, host: h1, address: 192.0.2.1}, {name: n2, host: h2, "
		   "address: 192.0.2.2}, {name: n3, host: h3, address: 192.0.2.3}]\nstorage: {local: /m}\n"
		   "model: {path: /m/x}\nparallelism: {tensor: 1, pipeline: 3}\n"
		   "engine: {backend: mp, image: 'img:1', pull: once}\n");
	graph = graph_build(&arena, model, &problems);
	for (size_t i = 0; i < 3; i++) {
		const struct step *s = graph_find(graph, arena_printf(&arena, "image[n%zu]", i + 1));
		const struct node *n = s->kind->spread->from(&arena, s, s->node);

		assert_int_equal(s->copies, i > 0);
		assert_string_equal(n->name, i ? from[i] : "n1");
		assert_int_equal(s->deps.n, i > 0);
		if (i)
			assert_string_equal(s->deps.v[0].on->addr, "image[n1]");
		for (size_t k = 1; k <= 3; k++)
			assert_true(s->kind->spread->same(s, graph_find(graph, arena_printf(&arena, "image[n%zu]", k))));
		assert_false(s->kind->spread->same(s, graph_find(graph, "rank[n1]")));
	}
}

/* What this machine knows of an image by its configuration, and what a node that gives another one is told. */
static void
test_proof(void **state)
{
	static const char config[] = "{\"architecture\":\"arm64\",\"config\":{\"Env\":[\"A=<&>\", \"B=\\\"\\u00e9\\t\"],"
		"\"Cmd\":[]},\"rootfs\":{\"diff_ids\":[\"sha256:1\",\"sha256:2\"]}}";
	static const char print[] = "[\"sha256:1\",\"sha256:2\"][\"A=<&>\",\"B=\\\"\xc3\xa9\\t\"]null[]";
	static const char *const bad[] = {"", "{}", "[]", "{\"rootfs\":{\"diff_ids\":[]}}",
		"{\"rootfs\":{\"diff_ids\":[1]}}", "{\"rootfs\":{\"diff_ids\":[\"a\"]},\"config\":{\"Cmd\":\"x\"}}"};
	const struct image_proof *p = image_proof_read(&arena, config, sizeof config - 1);
	const struct step *s;
	struct manifest m = {0};
	struct task t;
	char hex[HASH_HEX];

	(void)state;
	assert_non_null(p);
	assert_string_equal(p->arch, "arm64");
	hash_sha256(config, sizeof config - 1, hex);
	assert_string_equal(p->config, hex);
	hash_sha256(print, sizeof print - 1, hex);
	assert_string_equal(p->id, arena_printf(&arena, "sha256:%s", hex));
	for (size_t i = 0; i < countof(bad); i++)
		assert_null(image_proof_read(&arena, bad[i], strlen(bad[i])));
	build_text("cluster: c1\nnodes: [{name: n1, host: h1, address: 192.0.2.1}, {name: n2, host: h2, "
		   "address: 192.0.2.2}]\nstorage: {local: /m}\nmodel: {path: /m/x}\n"
		   "parallelism: {tensor: 1, pipeline: 2}\nengine: {backend: mp, image: 'img:1', image_archive: a.tar}\n");
	model->proof = p;
	graph = graph_build(&arena, model, &problems);
	s = graph_find(graph, "image[n2]");
	m = *spread_read_list(&arena, arena_printf(&arena, "9\t%s\t%s.json\n1\t" HASH "\t000-" HASH ".tar\n",
						   p->config, p->config));
	assert_null(s->kind->spread->wrong(&arena, s, &m));
	m = *spread_read_list(&arena, arena_printf(&arena, "9\t" HASH "\t%s.json\n", p->config));
	assert_non_null(strstr(s->kind->spread->wrong(&arena, s, &m), "gives another image than 'a.tar' has"));
	m = *spread_read_list(&arena, arena_printf(&arena, "9\t%s\t%s.json\n9\t" HASH "\t" HASH ".json\n",
						   p->config, p->config));
	assert_non_null(s->kind->spread->wrong(&arena, s, &m));
	m = *spread_read_list(&arena, "1\t" HASH "\t000-" HASH ".tar\n");
	assert_non_null(s->kind->spread->wrong(&arena, s, &m));
	build_text("cluster: c1\nnodes: [{name: n1, host: h1, address: 192.0.2.1}, {name: n2, host: h2, "
		   "address: 192.0.2.2}]\nstorage: {local: /m}\nmodel: {path: /m/x}\n"
		   "parallelism: {tensor: 1, pipeline: 2}\nengine: {backend: mp, image: 'img:1', pull: once, "
		   "image_config: 'sha256:" HASH "'}\n");
	graph = graph_build(&arena, model, &problems);
	s = graph_find(graph, "image[n2]");
	s->kind->spread->unpack(&arena, s, s->node, &m, "load", &t);
	assert_string_equal(argument(&t, "must"), HASH);
	m = *spread_read_list(&arena, "9\t" HASH "\t" HASH ".json\n");
	assert_null(s->kind->spread->wrong(&arena, s, &m));
	m = *spread_read_list(&arena, arena_printf(&arena, "9\t%s\t%s.json\n", p->config, p->config));
	assert_non_null(strstr(s->kind->spread->wrong(&arena, s, &m), "than engine.image_config names"));
}

/* What the node that sends an image says about it: a list of a fixed form, or nothing. */
static void
test_list(void **state)
{
	static const char *const bad[] = {
		"", "\n", "12", "12\t" HASH, "x\t" HASH "\ta.sif", "-1\t" HASH "\ta.sif",
		"1 \t" HASH "\ta.sif", "1\t" HASH "0\ta.sif", "1\t0123\ta.sif",
		"1\t../456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef00\ta.sif",
		"1\t" HASH "\t../a.sif", "1\t" HASH "\ta/b", "1\t" HASH "\t", "1\t" HASH "\t-a",
		"1\t" HASH "\t.a", "1\t" HASH "\ta b", "1\t" HASH "\ta\"b", "1\t" HASH "\ta\tb",
		"9999999999999999\t" HASH "\ta.sif", "1\t" HASH "\ta.sif\n1\tx",
		"1\t" HASH "\t000-" HASH HASH ".tar",
	};
	struct manifest *m = spread_read_list(&arena, "12\t" HASH "\t" HASH ".json\n0\t" HASH "\t000-" HASH ".tar\n");
	const char *many = "";

	(void)state;
	assert_non_null(m);
	assert_int_equal(m->n, 2);
	assert_int_equal(m->bytes, 12);
	assert_string_equal(m->v[1].path, "000-" HASH ".tar");
	assert_string_equal(m->v[1].blob, HASH);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(spread_read_list(&arena, bad[i]));
	for (size_t i = 0; i < 1001; i++)
		many = arena_printf(&arena, "%s1\t" HASH "\ta.sif\n", i ? many : "");
	assert_null(spread_read_list(&arena, many));
	/* The receiver names the files that it has, by their numbers; only the rest is sent. */
	assert_int_equal(spread_read_rest(&arena, m, "")->n, 2);
	assert_int_equal(spread_read_rest(&arena, m, "2\n")->n, 1);
	assert_string_equal(spread_read_rest(&arena, m, "1\n")->v[0].path, "000-" HASH ".tar");
	assert_int_equal(spread_read_rest(&arena, m, "1\n2")->n, 0);
	assert_null(spread_read_rest(&arena, m, "0\n"));
	assert_null(spread_read_rest(&arena, m, "3\n"));
	assert_null(spread_read_rest(&arena, m, "-1\n"));
	assert_null(spread_read_rest(&arena, m, "1 2\n"));
	assert_null(spread_read_rest(&arena, m, "one\n"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_chain, reset),
		cmocka_unit_test_setup(test_links, reset),
		cmocka_unit_test_setup(test_steps, reset),
		cmocka_unit_test_setup(test_image, reset),
		cmocka_unit_test_setup(test_proof, reset),
		cmocka_unit_test_setup(test_list, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
