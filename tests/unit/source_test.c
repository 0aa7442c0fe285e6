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
	assert_ptr_equal(source_of_inputs(&want)->folder, source_of(spec)->folder);
	return source_of_inputs(&want)->folder(&arena, &want, "/hf");
}

static void
test_hub(void **state)
{
	const struct spec_model spec = {.repo.text = "org/name", .revision.text = "main"};
	const struct weights_source *s = source_of(&spec);
	struct facts empty = {0};
	const char *hint = NULL;

	(void)state;
	assert_string_equal(s->name(&spec), "org/name");
	assert_string_equal(s->served_name(&spec), "org/name");
	assert_true(s->fetched);
	assert_null(s->mount);
	assert_null(s->missing(&arena, &spec, &empty, &hint));
	assert_string_equal(folder_of(&spec, COMMIT), "/hf/hub/models--org--name/snapshots/" COMMIT);
	/* A commit may come from a node: it cannot lead to another folder. */
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
	const char *hint = NULL;

	(void)state;
	assert_string_equal(s->name(&spec), "/srv/models/tiny");
	assert_string_equal(s->served_name(&spec), "tiny");
	assert_false(s->fetched);
	assert_string_equal(s->mount(&spec), "/srv/models/tiny");
	assert_string_equal(s->missing(&arena, &spec, &empty, &hint),
			    "model.path '/srv/models/tiny' has no config.json");
	assert_string_equal(folder_of(&spec, NULL), "/srv/models/tiny");
	assert_string_equal(s->cache_name(&arena, &spec, &f, NULL), "path@abc");
	assert_null(s->cache_name(&arena, &spec, &empty, NULL));
	s->texts(&arena, &spec, NULL, NULL, &texts);
	assert_null(texts.config);
	assert_string_equal(texts.why, "there is no config.json in '/srv/models/tiny'");
	s->texts(&arena, &spec, &f, NULL, &texts);
	assert_string_equal(texts.config, "{}");
	assert_string_equal(texts.index, "{\"metadata\": {\"total_size\": 12}}");
	assert_true(texts.file_bytes == 20);
}

static struct facts *
observed(const char *lines)
{
	return facts_read(&arena, lines, strlen(lines));
}

static const char *
trouble(const struct spec_model *spec, const char *lines)
{
	const char *why;

	assert_null(snapshot_read(&arena, spec, observed(lines), COMMIT, &why));
	return why ? why : "";
}

#define IN "model\t" COMMIT "/"
#define WHOLE IN "config.json\t700\tc0\n" IN "model.safetensors\t4000\t" "b0\n"

/* What a cache has is judged without the Hub. */
static void
test_snapshot(void **state)
{
	const struct spec_model spec = {.repo.text = "org/name", .revision.text = "main"};
	struct word only[] = {{.text = "*.safetensors"}};
	const struct spec_model some = {.repo.text = "org/name", .include = {.v = only, .n = 1}};
	struct manifest *list;
	const char *why;

	(void)state;
	list = snapshot_read(&arena, &spec, observed(IN "original/x.pth\t1\t-\n" WHOLE
		"model\tffffffffffffffffffffffffffffffffffffffff/other\t9\t-\nend\n"), COMMIT, &why);
	assert_non_null(list);
	assert_null(why);
	assert_string_equal(list->commit, COMMIT);
	assert_int_equal(list->n, 3);
	assert_int_equal(list->bytes, 4701);
	assert_string_equal(list->v[1].path, "model.safetensors");
	assert_string_equal(list->v[1].blob, "b0");
	assert_null(list->v[2].blob);
	assert_true(snapshot_has(observed(WHOLE IN "original/x.pth\t1\t-\n"), list));
	assert_false(snapshot_has(observed(WHOLE IN "original/x.pth\t2\t-\n"), list));
	assert_false(snapshot_has(observed(WHOLE), list));
	assert_false(snapshot_has(NULL, list));
	assert_string_equal(trouble(&spec, ""), "");
	assert_string_equal(trouble(&spec, IN "config.json\t700\tc0\n"), "there are no weights");
	assert_string_equal(trouble(&spec, IN "model.safetensors\t700\tc0\n"), "there is no config.json");
	assert_non_null(snapshot_read(&arena, &some, observed(IN "model.safetensors\t700\tc0\n"), COMMIT, &why));
	assert_string_equal(trouble(&spec, WHOLE IN "tokenizer.json\t-1\t-\n"),
			    "'tokenizer.json' is a link to nothing");
	assert_string_equal(trouble(&spec, WHOLE IN "tokenizer.json\t5\tchanged\n"),
			    "'tokenizer.json' has changed since it was verified");
	assert_non_null(snapshot_read(&arena, &some, observed(WHOLE IN "tokenizer.json\t-1\t-\n"), COMMIT, &why));
	assert_string_equal(trouble(&spec, WHOLE "snapshot\t" COMMIT "\npartial\tb1.incomplete\n"),
			    "a download of 'blobs/b1.incomplete' did not end");
	assert_string_equal(trouble(&spec, WHOLE "snapshot\t" COMMIT "\nlacks\tx.safetensors\n"),
			    "'x.safetensors' is missing, which the index names");
	/* A look that was at another commit says nothing about this one. */
	assert_string_equal(trouble(&spec, WHOLE IN "model.safetensors.index.json\t9\t-\n"
			    "snapshot\tffffffffffffffffffffffffffffffffffffffff\n"),
			    "the look does not say which files its index names");
	assert_string_equal(trouble(&spec, WHOLE IN "m-00001-of-00003.safetensors\t9\t-\n" IN
			    "m-00003-of-00003.safetensors\t9\t-\n"), "'m-00002-of-00003.safetensors' is missing");
	/* A name that would leave the folder is not one of its files. */
	list = snapshot_read(&arena, &spec, observed(WHOLE IN "../x\t1\t-\n"), COMMIT, &why);
	assert_int_equal(list->n, 2);
	assert_null(snapshot_read(&arena, &spec, observed(WHOLE), "main", &why));
}

static enum checkpoint_format
format(const char *names)
{
	struct facts *f = observed(names);

	return format_of_facts(f);
}

static void
test_formats(void **state)
{
	(void)state;
	assert_int_equal(format(""), FORMAT_NONE);
	assert_int_equal(format("model\tconfig.json\t1\t-\nmodel\tparams.json\t1\t-\n"), FORMAT_HF);
	assert_int_equal(format("model\tconfig.json\t-1\t-\n"), FORMAT_NONE);
	assert_int_equal(format("model\tparams.json\t1\t-\n"), FORMAT_NONE);
	assert_int_equal(format("model\tparams.json\t1\t-\nmodel\tconsolidated.00.pth\t1\t-\n"), FORMAT_NONE);
	assert_int_equal(format("model\tparams.json\t1\t-\nmodel\tconsolidated.safetensors\t1\t-\n"),
			 FORMAT_MISTRAL);
	assert_int_equal(format("model\tx.gguf\t1\t-\n"), FORMAT_GGUF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_hub, teardown),
		cmocka_unit_test_teardown(test_folder, teardown),
		cmocka_unit_test_teardown(test_snapshot, teardown),
		cmocka_unit_test_teardown(test_formats, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
