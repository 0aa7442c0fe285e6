/* Which vLLM can do what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/base/vec.h"
#include "planner/engines/vllm/vllm.h"

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
	static const char *const hub[] = {"index.docker.io/vllm/vllm-openai:v0.17.1",
		"registry-1.docker.io/vllm/vllm-openai:0.17.1-cu130",
		"registry.hub.docker.com/vllm/vllm-openai:v0.17.1", NULL};

	(void)state;
	assert_int_equal(vllm_version_of_image("vllm/vllm-openai:v0.17.1", false).minor, 17);
	assert_int_equal(vllm_version_of_image("docker.io/vllm/vllm-openai:v0.20.2", false).minor, 20);
	assert_int_equal(vllm_version_of_image("vllm/vllm-openai:v0.18.0-x86_64", false).minor, 18);
	for (size_t i = 0; hub[i]; i++) {
		assert_int_equal(vllm_version_of_image(hub[i], false).patch, 1);
		assert_int_equal(vllm_version_of_image(hub[i], true).patch, 1);
	}
	for (size_t i = 0; unknown[i]; i++)
		assert_false(engine_version_known(vllm_version_of_image(unknown[i], false)));
	assert_int_equal(vllm_version_of_image("hub:8900/vllm/vllm-openai:v0.17.1", true).minor, 17);
	assert_int_equal(vllm_version_of_image("a.b/c/vllm/vllm-openai:0.17.1-cu130", true).minor, 17);
	for (size_t i = 0; i < 5; i++)
		assert_false(engine_version_known(vllm_version_of_image(unknown[i], true)));
	assert_false(engine_version_known(vllm_version_of_image("novllm/vllm-openai:v0.17.1", true)));
	assert_false(engine_version_known(vllm_version_of_image(NULL, true)));
	assert_false(engine_version_known(vllm_version_of_image(NULL, false)));
}

/* Ranks over several nodes were added, broken for two releases, and repaired. */
static void
test_ranks(void **state)
{
	static const struct {
		const char *version, *why;
	} cases[] = {
		{"v0.11.0", "no backend mp over several nodes"}, {"v0.11.1", NULL}, {"v0.16.0", NULL},
		{"v0.17.0", "take v0.18.0 or later, or backend ray"}, {"0.17.1+cpu", "issue 36389"},
		{"v0.18.0", NULL}, {"v0.33.0", NULL}, {"v1.0.0", NULL}, {"latest", NULL},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct engine_version v = engine_version_read(cases[i].version);
		const char *why = vllm_refuses(&a, v, SHAPE_RANKS, "backend ray");

		if (cases[i].why)
			assert_non_null(strstr(why, cases[i].why));
		else
			assert_null(why);
		assert_null(vllm_refuses(&a, v, SHAPE_COORDINATOR, NULL));
	}
	assert_null(strstr(vllm_refuses(&a, engine_version_read("v0.17.1"), SHAPE_RANKS, NULL), ", or"));
	assert_null(vllm_image_lacks("vllm/vllm-openai:v0.17.1", SHAPE_COORDINATOR));
	assert_null(vllm_image_lacks("img:1", SHAPE_COORDINATOR));
	assert_null(vllm_image_lacks("vllm/vllm-openai:v0.18.0", SHAPE_RANKS));
	assert_non_null(vllm_image_lacks("vllm/vllm-openai:v0.18.0", SHAPE_COORDINATOR));
	assert_true(engine_version_before(engine_version_read("v0.17.1"), 0, 18, 0));
	assert_false(engine_version_before(engine_version_read("v0.18.0"), 0, 18, 0));
	assert_false(engine_version_before(engine_version_read("latest"), 0, 18, 0));
	arena_release(&a);
}

static void
test_options(void **state)
{
	(void)state;
	assert_string_equal(vllm_arg_since(engine_version_read("v0.17.1"),
						"distributed-timeout-seconds"), "v0.18.0");
	assert_null(vllm_arg_since(engine_version_read("v0.18.0"), "distributed-timeout-seconds"));
	assert_null(vllm_arg_since(engine_version_read("v0.17.1"), "max-model-len"));
	assert_null(vllm_arg_since(engine_version_read("latest"), "distributed-timeout-seconds"));
}

/* CUDA in an image, by its tag; and images that have no newer one. */
static void
test_platform(void **state)
{
	static const struct { const char *image; int cuda; } images[] = {
		{"vllm/vllm-openai:v0.17.1", 1209}, {"vllm/vllm-openai:v0.20.0", 1300},
		{"vllm/vllm-openai:v0.20.2-cu129", 1209}, {"vllm/vllm-openai:v0.19.1-cu130-aarch64", 1300},
		{"vllm/vllm-openai:v0.11.0", 1208}, {"vllm/vllm-openai:v0.8.5", 1204},
		{"vllm/vllm-openai:cu130-nightly", 1300}, {"own/image:1", 0}, {"own/cu12:1", 0}};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < countof(images); i++)
		assert_int_equal(vllm_platform(images[i].image, vllm_version_of_image(images[i].image, false)),
				 images[i].cuda);
	assert_int_equal(vllm_platform(NULL, engine_version_read("v0.20.0")), 1300);
	assert_string_equal(vllm_image_with(&a, 1209), "vllm/vllm-openai:v0.19.1 (CUDA 12.9)");
	assert_string_equal(vllm_image_with(&a, 1206), "vllm/vllm-openai:v0.8.5 (CUDA 12.4)");
	assert_null(vllm_image_with(&a, 1202));
	arena_release(&a);
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
		/* It is not known to have these bytes. */
		{"v0.34.0", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"v0.12.0", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"v0.6.4", "/v0.17.1/examples/online_serving/run_cluster.sh"},
		{"latest", "/v0.17.1/examples/online_serving/run_cluster.sh"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *sha = NULL;
		const char *url = vllm_script_url(&a, engine_version_read(cases[i].version), &sha);

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
		cmocka_unit_test(test_ranks), cmocka_unit_test(test_options), cmocka_unit_test(test_platform),
		cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
