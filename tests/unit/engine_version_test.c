/* The table of what which vLLM can do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/engine_version.h"

static void
test_read(void **state)
{
	static const struct {
		const char *text;
		int major, minor, patch;
	} cases[] = {
		{"v0.17.1", 0, 17, 1}, {"0.17.1", 0, 17, 1}, {"v0.11.1rc2", 0, 11, 1},
		{"0.32.0+cpu", 0, 32, 0}, {"v0.20.2-x86_64", 0, 20, 2}, {"v1.0", 1, 0, 0},
		{"v0.9.0.1", 0, 9, 0}, {"latest", -1, 0, 0}, {"nightly-0.3", -1, 0, 0},
		{"v0", -1, 0, 0}, {"", -1, 0, 0}, {"v", -1, 0, 0}, {"v0.", -1, 0, 0},
		{"v99999999999.1", -1, 0, 0}, {"-1.2", -1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct engine_version v = engine_version_read(cases[i].text);

		assert_int_equal(v.major, cases[i].major);
		assert_int_equal(engine_version_known(v), cases[i].major >= 0);
		if (v.major >= 0) {
			assert_int_equal(v.minor, cases[i].minor);
			assert_int_equal(v.patch, cases[i].patch);
		}
	}
}

static void
test_image(void **state)
{
	static const char *const unknown[] = {"vllm/vllm-openai", "vllm/vllm-openai:latest",
		"img:1", "me/vllm-openai:v0.17.1", "vllm/vllm-openai@sha256:ab",
		"hub:8900/vllm/vllm-openai:v0.17.1", "vllm/vllm-openai-cpu:v0.17.1", NULL};

	(void)state;
	assert_int_equal(engine_version_of_image("vllm/vllm-openai:v0.17.1").minor, 17);
	assert_int_equal(engine_version_of_image("docker.io/vllm/vllm-openai:v0.20.2").minor, 20);
	assert_int_equal(engine_version_of_image("vllm/vllm-openai:v0.18.0-x86_64").minor, 18);
	for (size_t i = 0; unknown[i]; i++)
		assert_false(engine_version_known(engine_version_of_image(unknown[i])));
	assert_false(engine_version_known(engine_version_of_image(NULL)));
}

static void
test_features(void **state)
{
	static const struct {
		const char *version;
		enum engine_feature feature;
		enum engine_answer answer;
	} cases[] = {
		{"v0.8.5", ENGINE_HEADLESS, ENGINE_NO}, {"v0.9.0", ENGINE_HEADLESS, ENGINE_YES},
		{"v0.11.0", ENGINE_NNODES, ENGINE_NO}, {"v0.11.1", ENGINE_NNODES, ENGINE_YES},
		{"v0.33.0", ENGINE_NNODES, ENGINE_YES}, {"v1.0.0", ENGINE_NNODES, ENGINE_YES},
		{"v0.17.1", ENGINE_RAY_INSIDE, ENGINE_YES}, {"v0.18.0", ENGINE_RAY_INSIDE, ENGINE_NO},
		{"v0.13.0", ENGINE_READY_TIMEOUT, ENGINE_NO},
		{"v0.14.0", ENGINE_READY_TIMEOUT, ENGINE_YES},
		{"v0.16.0", ENGINE_CARRIES_ENV, ENGINE_NO}, {"v0.17.0", ENGINE_CARRIES_ENV, ENGINE_YES},
		{"v0.11.0", ENGINE_BACKEND_NAMED, ENGINE_NO},
		{"v0.9.2", ENGINE_HF_COMMAND, ENGINE_NO}, {"v0.17.1", ENGINE_HF_COMMAND, ENGINE_YES},
		{"latest", ENGINE_NNODES, ENGINE_MAYBE}, {"latest", ENGINE_RAY_INSIDE, ENGINE_MAYBE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(engine_has(engine_version_read(cases[i].version), cases[i].feature),
				 cases[i].answer);
	assert_string_equal(engine_since(ENGINE_NNODES), "v0.11.1");
	assert_null(engine_since(ENGINE_RAY_INSIDE));
	for (int f = 0; f < ENGINE_FEATURES; f++)
		assert_int_not_equal(engine_has(engine_version_read("v0.17.1"), (enum engine_feature)f),
				     ENGINE_MAYBE);
	assert_true(engine_version_before(engine_version_read("v0.17.1"), 0, 18, 0));
	assert_false(engine_version_before(engine_version_read("v0.18.0"), 0, 18, 0));
	assert_false(engine_version_before(engine_version_read("latest"), 0, 18, 0));
}

static void
test_options(void **state)
{
	(void)state;
	assert_string_equal(engine_lacks_option(engine_version_read("v0.17.1"),
						"distributed-timeout-seconds"), "v0.18.0");
	assert_null(engine_lacks_option(engine_version_read("v0.18.0"), "distributed-timeout-seconds"));
	assert_null(engine_lacks_option(engine_version_read("v0.17.1"), "max-model-len"));
	assert_null(engine_lacks_option(engine_version_read("latest"), "distributed-timeout-seconds"));
	assert_int_equal(engine_driver(engine_version_read("v0.17.1")), 575);
	assert_int_equal(engine_driver(engine_version_read("v0.20.0")), 580);
	assert_int_equal(engine_driver(engine_version_read("v0.16.0")), 0);
	assert_int_equal(engine_driver(engine_version_read("latest")), 0);
}

static void
test_script(void **state)
{
	static const struct {
		const char *version, *where;
	} cases[] = {
		{"v0.17.1", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"v0.13.0", "/v0.13.0/examples/online_serving/run_cluster.sh"},
		{"v0.20.2", "/v0.20.2/examples/online_serving/run_cluster.sh"},
		{"v0.21.0", "/v0.21.0/examples/ray_serving/run_cluster.sh"},
		{"v0.33.0", "/v0.33.0/examples/ray_serving/run_cluster.sh"},
		/* Not known to have these bytes. */
		{"v0.34.0", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"v0.12.0", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"v0.6.4", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"latest", "/v0.17.1/examples/online_serving/run_cluster.sh"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *sha = NULL;
		const char *url = engine_script_url(&a, engine_version_read(cases[i].version), &sha);

		assert_non_null(strstr(url, cases[i].where));
		assert_int_equal(strlen(sha), 64);
	}
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read), cmocka_unit_test(test_image),
		cmocka_unit_test(test_features), cmocka_unit_test(test_options),
		cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
