/* The Hub's description of a revision: files are chosen as by hf, sizes and blob names are
 * read, and bad input is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "planner/sources/source.h"

#define SHA "4bd66bfde98f87a10cf200e11b699a1c50d75378"
#define WEIGHTS "e9a83811a48d319e450d96292529fb8b3246ed789fbb1039b7451d8d03844768"

static const char answer[] = "{\"id\":\"o/n\",\"sha\":\"" SHA "\",\"siblings\":["
	"{\"rfilename\":\"model.safetensors\",\"blobId\":\"11\",\"size\":134,"
	"\"lfs\":{\"sha256\":\"" WEIGHTS "\",\"size\":5251656,\"pointerSize\":134}},"
	"{\"rfilename\":\"config.json\",\"blobId\":\"d06eddf8\",\"size\":719,\"lfs\":null},"
	"{\"rfilename\":\"original/consolidated.00.pth\",\"blobId\":\"22\",\"size\":9},"
	"{\"rfilename\":\"original/sub/params.json\",\"blobId\":\"33\",\"size\":8}]}";

static struct arena arena;

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}

static const struct spec_model *
a_model(const char *include, const char *exclude)
{
	static struct spec_model spec;
	static struct word words[2];

	words[0].text = include;
	words[1].text = exclude;
	spec.include = (struct words){.v = &words[0], .n = include != NULL};
	spec.exclude = (struct words){.v = &words[1], .n = exclude != NULL};
	return &spec;
}

static const char *
refused(const char *json)
{
	struct err e = {0};

	assert_null(hub_read(&arena, a_model(NULL, NULL), json, strlen(json), &e));
	assert_true(*e.text);
	return arena_strdup(&arena, e.text);
}

static void
test_files(void **state)
{
	struct err e = {0};
	const struct manifest *m = hub_read(&arena, a_model(NULL, NULL), answer, sizeof answer - 1, &e);

	(void)state;
	assert_non_null(m);
	assert_string_equal(m->commit, SHA);
	assert_int_equal(m->n, 4);
	assert_string_equal(m->v[0].path, "config.json");
	assert_string_equal(m->v[0].blob, "d06eddf8");
	/* The size and the hash of the file itself, not those of its LFS pointer. */
	assert_string_equal(m->v[1].path, "model.safetensors");
	assert_int_equal(m->v[1].size, 5251656);
	assert_string_equal(m->v[1].blob, WEIGHTS);
	assert_int_equal(m->bytes, 5251656 + 719 + 9 + 8);
}

static size_t
chosen(const char *include, const char *exclude)
{
	struct err e = {0};
	const struct manifest *m = hub_read(&arena, a_model(include, exclude), answer,
					    sizeof answer - 1, &e);

	return m ? m->n : 0;
}

static void
test_patterns(void **state)
{
	(void)state;
	assert_int_equal(chosen(NULL, "original/*"), 2);        /* a star crosses slashes */
	assert_int_equal(chosen(NULL, "original/"), 2);
	assert_int_equal(chosen("*.json", NULL), 2);
	assert_int_equal(chosen("*.json", "original/*"), 1);
	assert_int_equal(chosen("config.jso[mn]", NULL), 1);
	assert_int_equal(chosen("CONFIG.JSON", NULL), 0);
	assert_int_equal(chosen("nothing", NULL), 0);
}

static void
test_not_believed(void **state)
{
#define FILES(list) "{\"sha\":\"" SHA "\",\"siblings\":[" list "]}"
	(void)state;
	assert_string_equal(refused("{\"error\":\"Repository not found\"}"),
			    "it says: Repository not found");
	assert_string_equal(refused("<html>"), "its answer names no commit");
	assert_string_equal(refused(""), "its answer names no commit");
	assert_string_equal(refused("{\"sha\":\"main\",\"siblings\":[]}"), "its answer names no commit");
	assert_string_equal(refused("{\"sha\":\"" SHA "\"}"), "its answer has no list of files");
	assert_string_equal(refused(FILES("")), "it has no files");
	assert_non_null(strstr(refused(FILES("{\"rfilename\":\"../../etc/passwd\",\"size\":1}")), "name"));
	refused(FILES("{\"rfilename\":\"/etc/passwd\",\"size\":1}"));
	refused(FILES("{\"rfilename\":\"a//b\",\"size\":1}"));
	refused(FILES("{\"rfilename\":\"a/./b\",\"size\":1}"));
	refused(FILES("{\"rfilename\":\"a/\",\"size\":1}"));
	refused(FILES("{\"rfilename\":\"a\\nb\",\"size\":1}"));
	refused(FILES("{\"rfilename\":\"a\\tb\",\"size\":1}"));
	refused(FILES("{\"rfilename\":7,\"size\":1}"));
	refused(FILES("7"));
	assert_string_equal(refused(FILES("{\"rfilename\":\"a\"}")), "it does not give the size of 'a'");
	refused(FILES("{\"rfilename\":\"a\",\"size\":9223372036854775807}"));
	refused(FILES("{\"rfilename\":\"a\",\"size\":-1}"));
}

/* A blob that is not a hash is not compared, and not put into a path or a list. */
static void
test_odd_blob(void **state)
{
	static const char json[] = FILES("{\"rfilename\":\"..a\",\"size\":1,\"blobId\":\"../x\"}");
	struct err e = {0};
	const struct manifest *m = hub_read(&arena, a_model(NULL, NULL), json, sizeof json - 1, &e);

	(void)state;
	assert_non_null(m);
	assert_null(m->v[0].blob);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_files, teardown),
		cmocka_unit_test_teardown(test_patterns, teardown),
		cmocka_unit_test_teardown(test_not_believed, teardown),
		cmocka_unit_test_teardown(test_odd_blob, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
