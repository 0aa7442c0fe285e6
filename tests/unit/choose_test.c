/* What -replace and -target mean, and which steps they include. */
#include "tests/unit/reconcile_by_hand.h"

static void
all_absent(struct arena *a, struct step *s)
{
	(void)a;
	s->observed = (struct observed){.state = STATE_ABSENT};
}

static void
test_replace(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	fake_make(&f, &(struct plan_options){.replace = (const char *[]){"worker[b]", NULL}});
	expect(&f, "worker[b]", ACT_REPLACE, "-replace was given");
	expect(&f, "serve", ACT_RESTART, "worker[b] is replaced");
	expect(&f, "head[a]", ACT_NONE, NULL);
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	fake_make(&f, &(struct plan_options){.replace = (const char *[]){"worker[d]", NULL}});
	assert_null(f.plan);
	assert_int_equal(f.diags.nerror, 1);
	assert_non_null(strstr(f.diags.v[0].text, "no step 'worker[d]' for -replace"));
	assert_non_null(strstr(f.diags.v[0].text, "did you mean 'worker[b]'"));
	fake_release(&f);
}

static void
test_restart(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	fake_serve.server = true;
	fake_make(&f, &(struct plan_options){.restart = true});
	expect(&f, "serve", ACT_RESTART, "a restart was asked for");
	expect(&f, "head[a]", ACT_NONE, NULL);
	expect(&f, "worker[b]", ACT_NONE, NULL);
	expect(&f, "probe", ACT_RUN, "serve is restarted");
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	fake_make(&f, &(struct plan_options){.restart = true, .replace = (const char *[]){"head", NULL}});
	expect(&f, "head[a]", ACT_REPLACE, "a restart was asked for");
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	fake_serve.server = false;
	fake_make(&f, &(struct plan_options){.restart = true});
	assert_null(f.plan);
	assert_non_null(strstr(f.diags.v[0].text, "there is no server to restart"));
	fake_release(&f);
}

static void
unknown_image(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "image[b]"))
		s->observed = (struct observed){.state = STATE_UNKNOWN};
}

/* Only the engine's steps go down, and no other step has to be known. */
static void
test_stop(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	fake_serve.engine = fake_head.engine = fake_worker.engine = true;
	tweak = unknown_image;
	fake_make(&f, &(struct plan_options){.destroy = true, .stop = true});
	expect(&f, "serve", ACT_DESTROY, "a stop was asked for");
	expect(&f, "head[a]", ACT_DESTROY, "a stop was asked for");
	expect(&f, "worker[b]", ACT_DESTROY, "a stop was asked for");
	expect(&f, "image[b]", ACT_NONE, NULL);
	expect(&f, "download", ACT_NONE, NULL);
	expect(&f, "probe", ACT_NONE, NULL);
	assert_int_equal(f.plan->nunknown, 0);
	assert_non_null(strstr(f.text, "serve will be stopped (because a stop was asked for)"));
	assert_non_null(strstr(f.text, "Plan: 3 to stop.\n"));
	fake_release(&f);
	fake_serve.engine = fake_head.engine = fake_worker.engine = false;
}

static void
two_changes(struct arena *a, struct step *s)
{
	if (s->kind == &fake_worker)
		attrs_add(a, &s->observed.have, "env.A", "2");
}

static void
test_target(void **state)
{
	struct fake f;

	(void)state;
	/* b makes serve stale, so serve is included, and with it what serve needs. */
	fake_nodes(&f, 3, 3);
	tweak = two_changes;
	fake_make(&f, &(struct plan_options){.target = (const char *[]){"worker[b]", NULL}});
	assert_false(op_at(&f, "worker[b]")->excluded);
	assert_true(op_at(&f, "serve")->pulled);
	assert_true(op_at(&f, "worker[c]")->pulled);
	assert_int_equal(f.plan->nexcluded, 0);
	fake_release(&f);
	/* A step without dependents stays alone. */
	fake_nodes(&f, 3, 3);
	tweak = all_absent;
	fake_make(&f, &(struct plan_options){.target = (const char *[]){"download", NULL}});
	assert_true(op_at(&f, "serve")->excluded);
	assert_false(op_at(&f, "image[a]")->excluded);
	assert_int_equal(plan_nops(f.plan), 4);
	assert_non_null(strstr(f.text, "Note: -target leaves out 5 operations"));
	fake_release(&f);
	/* A silent node that no target needs is left out, too. */
	fake_nodes(&f, 3, 3);
	f.facts[2] = (struct facts){.state = FACTS_UNREACHABLE, .why = "timed out"};
	fake_make(&f, &(struct plan_options){.target = (const char *[]){"head[a]", NULL}});
	assert_int_equal(f.plan->nunknown, 0);
	assert_null(strstr(f.text, "No changes"));
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace), cmocka_unit_test(test_restart),
		cmocka_unit_test(test_stop), cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
