/* The views of a plan, and the saved plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "tests/unit/fake_plan.h"

static void
changes(struct arena *a, struct step *s)
{
	if (is_step(s, "serve")) {
		attrs_add(a, &s->observed.have, "args.len", "32768");
		attrs_add_secret(a, &s->observed.have, "api_key", "mac-0");
		attrs_add(a, &s->observed.have, "args.old", "");
	}
	if (is_step(s, "worker[b]"))
		s->observed = (struct observed){.state = STATE_GONE, .why = "its container is gone; exit 137"};
}

static void
test_text(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = changes;
	fake_make(&f, NULL);
	assert_string_equal(f.text,
		"cluster x   2 nodes observed\n"
		"layout  TP 1 × PP 2 over 2 nodes, ray\n"
		"\n"
		"  # worker[b] must be replaced (because its container is gone; exit 137)\n"
		"-/+ worker[b]\n"
		"\n"
		"  # serve will be restarted (because api_key, args.len and args.old changed and "
		"worker[b] is replaced)  downtime\n"
		"  ~ serve on a\n"
		"      ~ api_key  = (sensitive #1) -> (sensitive #2)  # forces restart\n"
		"      ~ args.len = 32768 -> 100                      # forces restart\n"
		"      - args.old = \"\" -> null                        # forces restart\n"
		"        # (3 unchanged attributes hidden)\n"
		"\n"
		"  # probe will be run (because serve is restarted)\n"
		"  > probe on a\n"
		"\n"
		"Downtime: how long is not known (no start is recorded yet).\n"
		"Plan: 0 to add, 0 to change, 1 to replace, 1 to restart, 0 to destroy, 1 to run. "
		"4 steps unchanged.\n");
	fake_release(&f);
}

static void
test_header(void **state)
{
	struct fake f;
	char *text = NULL;
	size_t n;
	FILE *to;

	(void)state;
	fake_nodes(&f, 2, 2);
	f.facts[1] = (struct facts){.state = FACTS_UNREACHABLE, .why = "no\x1b[31m"};
	fake_make(&f, NULL);
	f.plan->observe_seconds = 0.414;
	f.plan->slowest = "a";
	f.plan->spec_note = "spec cluster.yaml (git a1b2c3d, clean)";
	to = open_memstream(&text, &n);
	plan_text(f.plan, to, false, true);
	fclose(to);
	assert_non_null(strstr(text, "cluster x   spec cluster.yaml (git a1b2c3d, clean)   2 nodes "
			       "observed in 0.41 s (slowest a), 1 unreachable\n"));
	/* Text from a node never reaches the terminal unescaped. */
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "no\\x1b[31m"));
	/* -v shows unchanged attributes. */
	assert_non_null(strstr(text, "# image[a] is unchanged\n"));
	free(text);
	fake_release(&f);
}

static void
hostile(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "serve")) {
		s->observed.state = STATE_GONE;
		s->observed.why = "bad \xff bytes\n\x1b[2J";
		attrs_add(a, &s->observed.have, "args.len", "\x1b]0;x\x07");
	}
}

static void
test_json(void **state)
{
	struct fake f;
	char *text = NULL, *line, *save = NULL;
	size_t n, changes_seen = 0;
	const char *type = NULL;
	FILE *to;

	(void)state;
	fake_nodes(&f, 2, 2);
	f.facts[1] = (struct facts){.state = FACTS_UNREACHABLE, .why = "\xfe\xff"};
	tweak = hostile;
	fake_make(&f, NULL);
	to = open_memstream(&text, &n);
	plan_json(f.plan, to);
	fclose(to);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		json_t *json = json_loads(line, 0, NULL), *change;

		assert_non_null(json);
		assert_true(json_is_string(json_object_get(json, "@message")));
		assert_string_equal(json_string_value(json_object_get(json, "@module")), "dray.ui");
		assert_true(json_is_string(json_object_get(json, "@level")));
		if (!type)
			assert_string_equal(json_string_value(json_object_get(json, "ui")), "1.0");
		type = json_string_value(json_object_get(json, "type"));
		assert_non_null(type);
		change = json_object_get(json, "change");
		if (change && strcmp(json_string_value(json_object_get(json_object_get(change,
		    "resource"), "addr")), "serve") == 0) {
			assert_string_equal(json_string_value(json_object_get(change, "action")),
					    "restart");
			assert_string_equal(json_string_value(json_object_get(change, "reason")),
					    "gone");
			changes_seen++;
		}
		n = strcmp(type, "change_summary");
		json_decref(json);
	}
	assert_int_equal(changes_seen, 1);
	assert_int_equal(n, 0);         /* the last line */
	free(text);
	fake_release(&f);
}

static void
test_dot(void **state)
{
	struct fake f;
	char *text = NULL;
	size_t n;
	FILE *to;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = changes;
	fake_make(&f, NULL);
	to = open_memstream(&text, &n);
	plan_dot(f.plan, to);
	fclose(to);
	assert_non_null(strstr(text, "digraph dray {"));
	assert_non_null(strstr(text, "\"serve\" [fillcolor = khaki, tooltip = \"restart\"];"));
	assert_non_null(strstr(text, "\"serve\" -> \"worker[b]\" [style = bold];"));
	assert_non_null(strstr(text, "\"head[a]\" -> \"image[a]\" [style = dashed];"));
	free(text);
	fake_release(&f);
}

/* The same facts give the same plan file, and it is not stale. */
static void
test_save(void **state)
{
	struct fake f, g;
	struct saved_plan *saved;
	struct err e = {0};
	const char *text, *options[] = {"serve", NULL};

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = changes;
	fake_make(&f, &(struct plan_options){.target = options});
	text = plan_save(&f.arena, f.plan, "cluster: x\n");
	assert_null(strstr(text, "mac-"));      /* not even the MAC of a secret */
	saved = plan_load(&f.arena, text, strlen(text), &e);
	assert_non_null(saved);
	assert_string_equal(saved_plan_spec(saved), "cluster: x\n");
	assert_string_equal(saved_plan_spec_name(saved), "cluster.yaml");
	assert_string_equal(saved_plan_options(saved).target[0], "serve");
	assert_null(saved_plan_options(saved).target[1]);
	assert_null(saved_plan_options(saved).replace);
	assert_null(plan_stale(&f.arena, saved, f.plan));
	fake_nodes(&g, 2, 2);
	fake_make(&g, &(struct plan_options){.target = options});
	assert_string_equal(plan_save(&g.arena, g.plan, "cluster: x\n"), text);
	fake_release(&g);
	fake_release(&f);
}

static void
worker_back(struct arena *a, struct step *s)
{
	if (is_step(s, "serve"))
		changes(a, s);
}

static void
other_value(struct arena *a, struct step *s)
{
	changes(a, s);
	if (is_step(s, "serve"))
		attrs_add(a, &s->observed.have, "args.len", "7");
}

static void
head_gone(struct arena *a, struct step *s)
{
	changes(a, s);
	if (is_step(s, "head[a]"))
		s->observed = (struct observed){.state = STATE_GONE, .why = "it was removed"};
}

static void
test_stale(void **state)
{
	struct fake f, g;
	struct err e = {0};
	struct saved_plan *saved;
	const char *text, *differs;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = changes;
	fake_make(&f, NULL);
	text = plan_save(&f.arena, f.plan, "cluster: x\n");
	saved = plan_load(&f.arena, text, strlen(text), &e);
	/* Somebody else repaired the worker. */
	fake_nodes(&g, 2, 2);
	tweak = worker_back;
	fake_make(&g, NULL);
	differs = plan_stale(&g.arena, saved, g.plan);
	assert_non_null(differs);
	assert_non_null(strstr(differs, "worker[b]: approved: replace (because its container is "
			       "gone; exit 137); now: nothing\n"));
	fake_release(&g);
	/* The same operation, but from another value. */
	fake_nodes(&g, 2, 2);
	tweak = other_value;
	fake_make(&g, NULL);
	differs = plan_stale(&g.arena, saved, g.plan);
	assert_string_equal(differs, "  serve: approved: restart (because api_key, args.len and "
			    "args.old changed and worker[b] is replaced); now: the same, but "
			    "with other values\n");
	fake_release(&g);
	/* There is more to do than was approved. */
	fake_nodes(&g, 2, 2);
	tweak = head_gone;
	fake_make(&g, NULL);
	differs = plan_stale(&g.arena, saved, g.plan);
	assert_non_null(strstr(differs, "head[a]: approved: nothing; now: replace "
			       "(because it was removed)\n"));
	fake_release(&g);
	fake_release(&f);
}

static void
refuse(const char *text, size_t n, const char *why)
{
	struct arena a = {0};
	struct err e = {0};

	assert_null(plan_load(&a, text, n, &e));
	if (!strstr(e.text, why))
		fail_msg("'%s' is not about '%s'", e.text, why);
	arena_release(&a);
}

#define HEAD "{\"format\":\"dray plan\",\"version\":1,\"cluster\":\"x\",\"spec_name\":\"f\"," \
	"\"spec\":\"s\",\"options\":{\"destroy\":false,\"purge\":false,\"target\":[]," \
	"\"replace\":[]},\"ops\":"
#define OP "{\"addr\":\"serve\",\"node\":\"a\",\"action\":\"restart\",\"reason\":\"gone\"," \
	"\"cause\":\"c\",\"changes\":[],\"fingerprint\":\"f\"}"

static void
test_refused(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
		{"", "saved plan: line"},
		{"cluster: x\n", "saved plan: line 1"},
		{"{}", "not a plan of dray"},
		{"[]", "not a plan of dray"},
		{"{\"format\":\"dray plan\",\"version\":2}", "version"},
		{"{\"format\":\"dray plan\",\"version\":\"1\"}", "version"},
		{"{\"format\":\"dray plan\",\"version\":1,\"version\":1}", "duplicate"},
		{"{\"format\":\"dray plan\",\"version\":1,\"more\":1}", "does not know"},
		{"{\"format\":\"dray plan\",\"version\":1}", "'cluster' is missing"},
		{HEAD "{}}", "'ops' is missing"},
		{HEAD "[3]}", "not an object"},
		{HEAD "[" OP "," OP "]}", "'serve' is there twice"},
		{HEAD "[{\"addr\":\"serve\",\"node\":null,\"action\":\"melt\",\"cause\":\"\","
		 "\"fingerprint\":\"\"}]}", "'melt' is not an action"},
		{HEAD "[{\"addr\":\"serve\"}]}", "'action' is missing"},
		{HEAD "[]} x", "saved plan: line"},
	};
	struct arena a = {0};
	struct err e = {0};
	char *huge = calloc(1, 17 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuse(bad[i].text, strlen(bad[i].text), bad[i].why);
	refuse(huge, 17 << 20, "larger than 16 MiB");
	free(huge);
	/* The bad plans are changes of this good one. */
	assert_non_null(plan_load(&a, HEAD "[" OP "]}", sizeof HEAD OP "[]}" - 1, &e));
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text), cmocka_unit_test(test_header),
		cmocka_unit_test(test_json), cmocka_unit_test(test_dot),
		cmocka_unit_test(test_save), cmocka_unit_test(test_stale),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
