/* The field table, the schema and the reference agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "planner/spec/checks.h"
#include "planner/spec/fields.h"

/* Each field of the table is in the schema of its group and in both pages. */
static void
group_is_documented(const struct field_group *g, json_t *schema, const char *markdown,
		    const char *scdoc)
{
	json_t *properties = json_object_get(schema, "properties");
	size_t n = 0;

	assert_non_null(properties);
	for (const struct field *f = g->field; f->name; f++, n++) {
		struct arena a = {0};
		json_t *j = json_object_get(properties, f->name);

		assert_non_null(j);
		assert_string_equal(json_string_value(json_object_get(j, "description")), f->doc);
		assert_non_null(strstr(markdown, arena_printf(&a, "- `%s` (", f->name)));
		assert_true(f->doc[strlen(f->doc) - 1] == '.');
		assert_true(f->group || f->example);
		/* It is a member of the group's struct, and of no other field. */
		assert_true(f->offset < g->size);
		for (const struct field *other = g->field; other != f; other++)
			assert_true(other->offset != f->offset || f->type == FIELD_VARS);
		if (f->type == FIELD_NODES) {
			j = json_object_get(j, "anyOf");
			group_is_documented(&inventory_fields, json_array_get(j, 1), markdown, scdoc);
			j = json_object_get(json_array_get(j, 0), "items");
			j = json_array_get(json_object_get(j, "anyOf"), 1);
		} else if (f->type == FIELD_GROUPS) {
			j = json_object_get(j, "items");
		}
		if (f->type == FIELD_LEFT)
			assert_non_null(json_object_get(json_object_get(j, "items"), "$ref"));
		else if (f->group)
			group_is_documented(f->group, j, markdown, scdoc);
		arena_release(&a);
	}
	assert_int_equal(json_object_size(properties), n);
	if (g->name) {
		assert_non_null(strstr(markdown, g->name));
		assert_non_null(strstr(scdoc, g->name));
	}
}

static void
table_schema_and_reference_agree(void **state)
{
	struct arena a = {0};
	const char *markdown = spec_reference(&a, SPEC_MARKDOWN);
	const char *scdoc = spec_reference(&a, SPEC_SCDOC);
	json_error_t e;
	json_t *schema = json_loads(spec_schema(&a), JSON_REJECT_DUPLICATES, &e);

	(void)state;
	assert_non_null(schema);
	group_is_documented(&spec_fields, schema, markdown, scdoc);
	for (size_t i = 0; i < CHECK_COUNT; i++)
		assert_non_null(strstr(markdown, arena_printf(&a, "- `%s`", checks[i].name)));
	assert_memory_equal(scdoc, "dray.yaml(5)\n", 13);
	json_decref(schema);
	arena_release(&a);
}

/* A word of another tool stands for one key of its group, and is no key there itself. */
static void
words_are_clear(const struct field_group *g, unsigned depth)
{
	char seen[4096] = " ";

	assert_true(depth < 6);
	for (const struct field *f = g->field; f->name; f++)
		snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", f->name);
	for (const struct field *f = g->field; f->name; f++) {
		char words[256], word[80];

		snprintf(words, sizeof words, "%s", f->aka ? f->aka : "");
		for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
			snprintf(word, sizeof word, " %s ", w);
			assert_null(strstr(seen, word));
			snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ", w);
		}
		assert_true(strlen(seen) < sizeof seen - 1);
		if (f->group)
			words_are_clear(f->group, depth + 1);
	}
}

static void
words_of_other_tools_are_clear(void **state)
{
	(void)state;
	words_are_clear(&spec_fields, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table_schema_and_reference_agree),
		cmocka_unit_test(words_of_other_tools_are_clear)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
