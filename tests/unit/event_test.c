/* Events contain what the reference says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "planner/base/task.h"
#include "planner/custom/event.h"
#include "tests/unit/fake_plan.h"

static struct field {
	char events[32], path[64], type[32];
} fields[192];
static size_t nfield;

/* The tables of the page: fields of all events, of a step, of each event. */
static int
read_reference(void **state)
{
	const char *line = strstr(script_get("lua-api.md")->text, "## Events\n");
	char events[32] = "*";

	(void)state;
	for (; line && *line; line = strchr(line, '\n') + 1) {
		struct field *f = &fields[nfield];

		if (strncmp(line, "A step (", 8) == 0)
			strcpy(events, "dray.step");
		else if (sscanf(line, "### %29s", f->path) == 1)
			snprintf(events, sizeof events, " %s ", f->path);
		else if (sscanf(line, "| `%63[^`]` | %31[^|] |", f->path, f->type) == 2) {
			strcpy(f->events, events);
			f->type[strlen(f->type) - 1] = '\0';     /* the space before the bar */
			nfield++;
			assert_true(nfield < 192);
		}
	}
	return nfield < 40;
}

static bool
is_documented(const char *event, const char *path)
{
	const char *padded = event ? event : "dray.step";

	for (size_t i = 0; i < nfield; i++) {
		size_t n = strlen(path);

		if ((strcmp(fields[i].events, "*") == 0 && event) ||
		    strstr(fields[i].events, padded))
			if (strncmp(fields[i].path, path, n) == 0 && strchr("[.", fields[i].path[n]))
				return true;
	}
	return false;
}

/* Every item of v has a line in the reference, except labels. */
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

/* The other direction: what is documented and not optional is in the sample. */
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
		for (size_t i = 0; i < nfield; i++) {
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
		attrs_add(a, &s->observed.have, "args.len", "32768");
		attrs_add_secret(a, &s->observed.have, "api_key", "mac-0");
	}
	if (is_step(s, "worker[b]"))
		s->observed = (struct observed){.state = STATE_GONE, .why = "its container is gone; exit 137"};
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
	assert_null(strstr(text, "mac-0"));     /* no MAC of a secret is shown */
	list = event_drift(&a, f.plan);
	assert_non_null(list);
	assert_string_equal(value_get_text(list->item[0], "address", ""), "worker[b]");
	v = event_base(&a, EVENT_after_plan, f.plan->graph->cluster, "plan");
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
}

/* The stub for editors has everything that the page has. */
static void
stub_lists_all(void **state)
{
	const char *md = script_get("lua-api.md")->text, *ls = script_get("dray.lua")->text;
	char text[100];

	(void)state;
	for (enum event e = 0; e < EVENT_COUNT; e++) {
		snprintf(text, sizeof text, "### %s\n", event_name(e));
		assert_non_null(strstr(md, text));
		snprintf(text, sizeof text, "---@class dray.event.%s\n", event_name(e));
		assert_non_null(strstr(ls, text));
	}
	for (size_t i = 0; i < nfield; i++) {
		const char *dot = strrchr(fields[i].path, '.'), *name = dot ? dot + 1 : fields[i].path;
		bool may_lack = fields[i].type[strlen(fields[i].type) - 1] == '?';

		snprintf(text, sizeof text, "---@field %.*s%s ", (int)strcspn(name, "["), name,
			 may_lack ? "?" : "");
		if (!strstr(ls, text))
			fail_msg("dray.lua has no '%s'", text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_match_reference),
		cmocka_unit_test(plan_as_event),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(stub_lists_all),
	};

	return cmocka_run_group_tests(tests, read_reference, NULL);
}
