/* Sources of weights: which one a spec means, and that a step's inputs lead back to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/sources/source.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static struct arena arena;

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

/* By the inputs of the step, as code that starts an engine has nothing else. */
static const char *
folder_of(const struct spec_model *spec, const char *commit)
{
	struct attrs want = {0};

	source_of(spec)->want(&arena, spec, commit, &want);
	attrs_sort(&want);
	assert_ptr_equal(source_of_inputs(&want), source_of(spec));
	return source_of_inputs(&want)->folder(&arena, &want, "/hf");
}

static void
test_hub(void **state)
{
	const struct spec_model spec = {.repo.text = "org/name", .revision.text = "main"};
	const struct weights_source *s = source_of(&spec);
	struct facts empty = {0};

	(void)state;
	assert_string_equal(s->name(&spec), "org/name");
	assert_string_equal(s->served_name(&spec), "org/name");
	assert_true(s->fetched);
	assert_null(s->mount);
	assert_null(s->missing(&arena, &spec, &empty));
	assert_string_equal(folder_of(&spec, COMMIT), "/hf/hub/models--org--name/snapshots/" COMMIT);
	/* A commit may come from a node: it leads nowhere else. */
	assert_string_equal(folder_of(&spec, "../../etc"), "/hf/hub/models--org--name/snapshots/unknown");
	assert_string_equal(folder_of(&spec, NULL), "/hf/hub/models--org--name/snapshots/unknown");
	assert_string_equal(s->cache_name(&arena, &spec, NULL, COMMIT), "models--org--name@" COMMIT);
	assert_null(s->cache_name(&arena, &spec, NULL, NULL));
}

static void
test_folder(void **state)
{
	const struct spec_model spec = {.path.text = "/srv/models/tiny"};
	const struct weights_source *s = source_of(&spec);
	struct checkpoint_texts texts = {0};
	struct facts f = {.model_config = "{}", .model_total = 12, .model_bytes = 20,
		.model_print = "abc"}, empty = {0};

	(void)state;
	assert_string_equal(s->name(&spec), "/srv/models/tiny");
	assert_string_equal(s->served_name(&spec), "tiny");
	assert_false(s->fetched);
	assert_string_equal(s->mount(&spec), "/srv/models/tiny");
	assert_string_equal(s->missing(&arena, &spec, &empty),
			    "model.path '/srv/models/tiny' has no config.json");
	assert_string_equal(folder_of(&spec, NULL), "/srv/models/tiny");
	assert_string_equal(s->cache_name(&arena, &spec, &f, NULL), "path@abc");
	assert_null(s->cache_name(&arena, &spec, &empty, NULL));
	s->texts(&arena, &spec, NULL, &texts);
	assert_null(texts.config);
	assert_string_equal(texts.why, "there is no config.json in '/srv/models/tiny'");
	s->texts(&arena, &spec, &f, &texts);
	assert_string_equal(texts.config, "{}");
	assert_string_equal(texts.index, "{\"metadata\": {\"total_size\": 12}}");
	assert_true(texts.file_bytes == 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_hub, teardown),
		cmocka_unit_test_teardown(test_folder, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
