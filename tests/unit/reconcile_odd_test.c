/* Reconcile where something is in the way, unknown, moved or not needed any more. */
#include "tests/unit/reconcile_by_hand.h"

static void
test_unreachable(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 3, 3);
	f.facts[1] = (struct facts){.state = FACTS_UNREACHABLE, .why = "timed out"};
	fake_make(&f, NULL);
	expect(&f, "worker[b]", ACT_UNKNOWN, "node b is unreachable");
	expect(&f, "worker[c]", ACT_NONE, NULL);
	expect(&f, "serve", ACT_UNKNOWN, "worker[b] is unknown");
	assert_null(strstr(f.text, "No changes"));
	assert_non_null(strstr(f.text, "  ! node b is unreachable: timed out\n"
			       "    2 steps on it are unknown; apply will refuse\n"));
	fake_release(&f);
	/* A look that was cut off is not a look. */
	fake_nodes(&f, 1, 1);
	f.facts[0].complete = false;
	fake_make(&f, NULL);
	expect(&f, "head[a]", ACT_UNKNOWN, "node a gave only a partial answer");
	assert_null(strstr(f.text, "No changes"));
	fake_release(&f);
}

static void
in_the_way(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "worker[b]"))
		s->observed = (struct observed){.state = STATE_CONFLICT, .why = "pid 7 of bob: nginx"};
}

static void
test_conflict(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = in_the_way;
	fake_make(&f, NULL);
	expect(&f, "worker[b]", ACT_CONFLICT, "pid 7 of bob: nginx");
	expect(&f, "serve", ACT_UNKNOWN, "worker[b] is in conflict");
	assert_int_equal(f.plan->nconflict, 1);
	assert_null(strstr(f.text, "No changes"));
	fake_release(&f);
	/* Destroy removes only what is ours. */
	fake_nodes(&f, 2, 2);
	tweak = in_the_way;
	fake_make(&f, &(struct plan_options){.destroy = true});
	expect(&f, "worker[b]", ACT_NONE, NULL);
	fake_release(&f);
}

static void
test_orphans(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 4, 2);
	f.cluster.node[3].spec = NULL;
	f.cluster.nspec = 3;
	fake_record(&f, 1, "head[b]", "head", "i");     /* b was the head */
	fake_record(&f, 2, "image[c]", "image", NULL);  /* images stay */
	fake_record(&f, 3, "worker[d]", "worker", "i"); /* d left the spec */
	fake_make(&f, NULL);
	expect(&f, "head[b]", ACT_DESTROY, "it is no longer in the spec");
	expect(&f, "image[c]", ACT_NONE, NULL);
	expect(&f, "worker[d]", ACT_DESTROY, "node d is no longer in the spec");
	assert_int_equal(f.plan->ndestroy, 2);
	fake_release(&f);
}

/* serve of a former head still runs there; the model that it downloaded is the same. */
static void
test_moved(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	fake_record(&f, 1, "serve", "serve", "i");
	fake_make(&f, NULL);
	assert_true(f.plan->v[f.plan->n - 1].step->orphan);
	assert_int_equal(f.plan->v[f.plan->n - 1].action, ACT_DESTROY);
	assert_non_null(strstr(f.text, "  - serve on b\n"));
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	fake_record(&f, 1, "download", "download", NULL);
	fake_make(&f, NULL);
	assert_int_equal(plan_nops(f.plan), 0);
	fake_release(&f);
}

static void
test_unknown_kind(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 1, 1);
	fake_record(&f, 0, "router", "router", "i");
	fake_make(&f, NULL);
	assert_int_equal(plan_nops(f.plan), 0);
	assert_int_equal(f.problems.n, 1);
	assert_int_equal(f.problems.v[0].severity, DIAG_WARNING);
	fake_release(&f);
}

static void
worker_absent(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "worker[b]"))
		s->observed = (struct observed){.state = STATE_ABSENT};
}

static void
test_destroy(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = worker_absent;
	fake_make(&f, &(struct plan_options){.destroy = true});
	expect(&f, "head[a]", ACT_DESTROY, "destroy was asked for");
	expect(&f, "worker[b]", ACT_NONE, NULL);
	expect(&f, "download", ACT_NONE, NULL);
	assert_int_equal(f.plan->nkept, 3);
	assert_non_null(strstr(f.text, "# download is kept (use -purge)"));
	/* In the order of the operations: serve before head. */
	assert_true(strstr(f.text, "- serve on a") < strstr(f.text, "- head[a]"));
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	fake_make(&f, &(struct plan_options){.destroy = true, .purge = true});
	expect(&f, "download", ACT_DESTROY, "destroy was asked for");
	assert_int_equal(f.plan->nkept, 0);
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_unknown_kind),
		cmocka_unit_test(test_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
