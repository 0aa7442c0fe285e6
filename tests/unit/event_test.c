/* Events: what they hold is what the reference says they hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "planner/event.h"
#include "tests/unit/fake_plan.h"

static const struct { const char *events, *path, *type; } fields[] = {
#define FIELD(events, path, type, doc) {events, path, type},
#include "planner/event_fields.def"
#undef FIELD
};

static bool
is_documented(const char *event, const char *path)
{
	const char *padded = event ? event : "dray.step";

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		size_t n = strlen(path);

		if ((strcmp(fields[i].events, "*") == 0 && event) ||
		    strstr(fields[i].events, padded))
			if (strncmp(fields[i].path, path, n) == 0 && strchr("[.", fields[i].path[n]))
				return true;
	}
	return false;
}

/* Every item of v has a line in the reference; labels are free. */
static void
check(struct arena *a, const char *event, const char *prefix, const struct value *v)
{
	for (size_t i = 0; i < v->n && v->type == VALUE_LIST; i++)
		check(a, event, prefix, v->item[i]);
	for (size_t i = 0; i < v->n && v->type == VALUE_MAP; i++) {
		const char *path = arena_printf(a, "%s%s%s", prefix, *prefix ? "." : "", v->key[i]);
		const struct value *item = v->item[i];
		const char *list = item->type == VALUE_LIST ? "[]" : "";

		path = arena_printf(a, "%s%s", path, list);
		if (!is_documented(event, path))
			fail_msg("event %s has '%s', which the reference does not list", event ? event : "dray.step", path);
		if (strcmp(path, "plan.steps[]") == 0 || strcmp(path, "drift[]") == 0 || strcmp(path, "step") == 0)
			check(a, NULL, "", item);
		else if (strcmp(v->key[i], "labels") != 0)
			check(a, event, path, item);
	}
}

/* And the other way: what is documented and not optional is in the sample. */
static const struct value *
walk(const struct value *v, const char *path)
{
	while (v && *path) {
		size_t n = strcspn(path, ".");
		bool list = n > 2 && path[n - 1] == ']';
		char key[64];

		snprintf(key, sizeof key, "%.*s", (int)(list ? n - 2 : n), path);
		v = value_get(v, key);
		if (v && list)
			v = v->n ? v->item[0] : NULL;
		path += n + (path[n] == '.');
	}
	return v;
}

static void
samples_match_reference(void **state)
{
	struct arena a = {0};

	(void)state;
	for (enum event e = 0; e < EVENT_COUNT; e++) {
		const struct value *v = event_sample(&a, e);
		const char *padded = arena_printf(&a, " %s ", event_name(e));

		check(&a, event_name(e), "", v);
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
			bool mine = strcmp(fields[i].events, "*") == 0 || strstr(fields[i].events, padded);

			if (mine && fields[i].type[strlen(fields[i].type) - 1] != '?' && !walk(v, fields[i].path))
				fail_msg("the sample of %s has no '%s'", event_name(e), fields[i].path);
		}
	}
	arena_release(&a);
}

static void
drift(struct arena *a, struct step *s)
{
	if (is_step(s, "serve")) {
		attrs_add(a, &s->seen.have, "args.len", "32768");
		attrs_add_secret(a, &s->seen.have, "api_key", "mac-0");
	}
	if (is_step(s, "worker[b]"))
		s->seen = (struct seen){.state = SEEN_GONE, .why = "its container is gone; exit 137"};
}

static void
plan_as_event(void **state)
{
	struct arena a = {0};
	struct fake f;
	const struct value *v, *steps, *list, *step = NULL;
	const char *text;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = drift;
	fake_make(&f, NULL);
	v = event_plan(&a, f.plan);
	check(&a, "after_plan", "plan", v);
	assert_int_equal(value_get_integer(v, "replace", -1), 1);
	steps = value_get(v, "steps");
	for (size_t i = 0; i < steps->n; i++)
		if (strcmp(value_get_text(steps->item[i], "address", ""), "serve") == 0)
			step = steps->item[i];
	assert_non_null(step);
	assert_string_equal(value_get_text(step, "action", ""), "restart");
	text = value_write(&a, step);
	assert_non_null(strstr(text, "\"name\":\"api_key\""));
	assert_null(strstr(text, "mac-0"));     /* no MAC of a secret leaves */
	list = event_drift(&a, f.plan);
	assert_non_null(list);
	assert_string_equal(value_get_text(list->item[0], "address", ""), "worker[b]");
	v = event_base(&a, EVENT_after_plan, f.plan->graph->model, "plan");
	check(&a, "after_plan", "", v);
	assert_int_equal(value_get(v, "nodes")->n, 2);
	fake_release(&f);
	arena_release(&a);
}

static void
names_are_found(void **state)
{
	(void)state;
	assert_int_equal(event_find("on_drift"), EVENT_on_drift);
	assert_int_equal(event_find("on_drif"), EVENT_COUNT);
	assert_true(strlen(event_doc(EVENT_after_plan)) > 10);
}

static void
manual_lists_all(void **state)
{
	struct str md = {0}, ls = {0};

	(void)state;
	event_manual(&md, false);
	event_manual(&ls, true);
	for (enum event e = 0; e < EVENT_COUNT; e++) {
		char head[64];

		snprintf(head, sizeof head, "### %s\n", event_name(e));
		assert_non_null(strstr(md.buf, head));
		snprintf(head, sizeof head, "---@class dray.event.%s\n", event_name(e));
		assert_non_null(strstr(ls.buf, head));
	}
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		assert_non_null(strstr(md.buf, fields[i].path));
	assert_non_null(strstr(ls.buf, "---@field steps dray.step[]"));
	assert_non_null(strstr(ls.buf, "---@field address? string what other nodes dial"));
	str_release(&md);
	str_release(&ls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_match_reference),
		cmocka_unit_test(plan_as_event),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(manual_lists_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
