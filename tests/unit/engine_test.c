/* Every engine answers everything that the program asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/engines/engine.h"

static bool
among(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list;
}

static void
test_unfit(void **state)
{
	(void)state;
	assert_true(engine_ask_unfit(404, "Not Found"));
	assert_true(engine_ask_unfit(405, "Method Not Allowed"));
	assert_true(engine_ask_unfit(501, "x"));
	assert_true(engine_ask_unfit(400, "The model does not support Chat Completions API"));
	assert_true(engine_ask_unfit(400, "default chat template is no longer allowed"));
	assert_false(engine_ask_unfit(404, "The model `x` does not exist."));
	assert_false(engine_ask_unfit(400, "max_tokens is too large"));
	assert_false(engine_ask_unfit(200, "does not support"));
	assert_false(engine_ask_unfit(500, "does not support"));
}

static void
test_complete(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_non_null(engines[0]);
	for (size_t i = 0; engines[i]; i++) {
		const struct engine *e = engines[i];
		const char *const texts[] = {e->name, e->title, e->server, e->package, e->image,
			e->example, e->api_key_env, e->models_path};
		const char *const scripts[] = {e->node_script};
		static const char *const words[] = {"server=", "key_variable=", "ready_path=",
			"coordinator=", "status_command=", "joined_words=", "meet_words=", "far() {",
			"known() {"};
		size_t shapes = 0;

		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
			assert_true(texts[k] && *texts[k]);
		for (size_t k = 0; k < sizeof scripts / sizeof *scripts; k++)
			assert_non_null(script_get(scripts[k]));
		assert_true(!e->joined_script || script_get(e->joined_script));
		assert_true(!e->status_script || script_get(e->status_script));
		for (size_t k = 0; k < sizeof words / sizeof *words; k++)
			assert_non_null(strstr(script_get(e->node_script)->text, words[k]));
		assert_non_null(strstr(script_get(e->node_script)->text,
				       arena_printf(&a, "key_variable=%s", e->api_key_env)));
		assert_non_null(e->version_of_image);
		assert_non_null(e->arg_since);
		assert_true(e->platform && e->image_with && e->gpu_refused && e->image_lacks_arch);
		assert_true(e->image_for && e->image_instead);
		assert_non_null(e->choose);
		assert_non_null(e->refuses);
		assert_non_null(e->image_lacks);
		assert_non_null(e->own_args);
		assert_non_null(e->own_env);
		assert_non_null(e->asks);
		assert_string_equal(e->asks[0].kind, "chat");
		for (const struct engine_ask *ask = e->asks; ask->kind; ask++) {
			assert_true(ask->path[0] == '/');
			assert_non_null(strstr(ask->body(&a, "the-model", "hello", 3), "the-model"));
			assert_ptr_equal(engine_ask_find(e, ask->kind), ask);
		}
		assert_null(engine_ask_find(e, "auto"));
		assert_null(engine_ask_find(e, "none"));
		assert_non_null(e->ask);
		assert_non_null(e->rule_tensor);
		assert_non_null(e->rule_pipeline);
		assert_non_null(e->layers_before);
		assert_non_null(e->overhead);
		assert_true(e->context_hint || !e->arg.context);
		for (const struct engine_port *port = e->ports; port && port->what; port++)
			assert_true(port->from > 0 && port->to >= port->from);
		assert_true(!e->ports || e->ports[0].who);
		assert_non_null(e->want);
		assert_non_null(e->argv);
		assert_true(!e->ranks_broken[0] == !e->ranks_broken[1]);
		for (enum shape shape = 0; shape < SHAPES; shape++) {
			assert_true(!e->shape[shape].needs == !e->shape[shape].package);
			if (!e->shape[shape].word)
				continue;
			shapes++;
			assert_true(among(engine_backends, e->shape[shape].word));
			assert_true(engine_shape_is(e, shape, e->shape[shape].word));
		}
		assert_true(shapes > 0);
		/* The key must not come from the environment of the user, either. */
		assert_string_equal(engine_own_env(e, e->api_key_env), "'serve.api_key'");
		assert_false(engine_version_known(e->version_of_image(NULL, true)));
		assert_false(engine_version_known(e->version_of_image("img:1", true)));
		assert_ptr_equal(engine_find(e->name), e);
	}
	assert_ptr_equal(engine_find(NULL), engines[0]);
	assert_null(engine_find("none of them"));
	arena_release(&a);
	assert_false(engine_shape_is(engines[0], SHAPE_RANKS, "auto"));
	assert_false(engine_shape_is(engines[0], SHAPE_RANKS, NULL));
}

/* dray recognises its own options however the user writes them. */
static void
test_own(void **state)
{
	static const struct {
		const char *arg, *name;
	} cases[] = {
		{"port", "port"}, {"tensor-parallel-size", "tensor-parallel-size"}, {"tp", "tp"},
		{"tenso", "tensor-parallel-size"}, {"no-headless", "headless"},
		{"served", "served-model-name"}, {"n", "n"}, {"por", "port"}, {"tens", "tensor-parallel-size"},
		{"max-model-len", NULL}, {"ports", NULL}, {"no-", NULL}, {"", NULL},
	};
	const struct engine *e = engine_find("vllm");

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *name = NULL, *from = engine_own_arg(e, cases[i].arg, &name);

		assert_int_equal(from != NULL, cases[i].name != NULL);
		if (from)
			assert_string_equal(name, cases[i].name);
	}
	assert_string_equal(engine_own_env(e, "HF_HOME"), "'storage' (.cache/huggingface in it)");
	assert_null(engine_own_env(e, "NCCL_DEBUG"));
}

static void
test_chat(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_string_equal(engine_chat(&a, "o/m", "say \"a\"\n", 5),
			    "{\"model\":\"o/m\",\"messages\":[{\"role\":\"user\",\"content\":"
			    "\"say \\\"a\\\"\\n\"}],\"max_tokens\":5}");
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete), cmocka_unit_test(test_unfit), cmocka_unit_test(test_own),
		cmocka_unit_test(test_chat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
