/* What is decided, and why: one situation in each test. */
#include "tests/unit/reconcile_by_hand.h"

static void
test_nothing(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 3, 3);
	fake_make(&f, NULL);
	assert_int_equal(plan_nops(f.plan), 0);
	assert_non_null(strstr(f.text, "No changes."));
	fake_release(&f);
}

static void
all_absent(struct arena *a, struct step *s)
{
	(void)a;
	s->observed = (struct observed){.state = STATE_ABSENT};
}

static void
test_first(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = all_absent;
	fake_make(&f, NULL);
	expect(&f, "image[a]", ACT_CREATE, "it does not exist");
	expect(&f, "serve", ACT_CREATE, "it does not exist");
	expect(&f, "probe", ACT_RUN, "it has not run yet");
	/* The digest of the image is known with the image. */
	assert_string_equal(op_at(&f, "head[a]")->changes.v[1].name, "image_id");
	assert_true(op_at(&f, "head[a]")->changes.v[1].unknown);
	assert_int_equal(f.plan->nadd, 6);
	assert_int_equal(f.plan->nrun, 1);
	fake_release(&f);
}

static void
other_args(struct arena *a, struct step *s)
{
	if (is_step(s, "serve"))
		attrs_add(a, &s->observed.have, "args.len", "50");
}

static void
test_changed_args(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = other_args;
	fake_make(&f, NULL);
	expect(&f, "serve", ACT_RESTART, "args.len changed");
	expect(&f, "head[a]", ACT_NONE, NULL);
	expect(&f, "worker[b]", ACT_NONE, NULL);
	expect(&f, "probe", ACT_RUN, "serve is restarted");
	assert_int_equal(op_at(&f, "serve")->unchanged, 4);
	fake_release(&f);
}

static void
many_changes(struct arena *a, struct step *s)
{
	if (is_step(s, "serve")) {
		attrs_add(a, &s->observed.have, "args.a", "1");
		attrs_add(a, &s->observed.have, "args.b", "1");
		attrs_add(a, &s->observed.have, "args.c", "1");
		attrs_add(a, &s->observed.have, "args.len", "1");
	}
	if (is_step(s, "head[a]")) {
		attrs_add(a, &s->observed.have, "label", "other");
		attrs_add(a, &s->observed.have, "note", "other");
	}
	if (is_step(s, "worker[b]"))
		attrs_add(a, &s->observed.have, "env.A", "2");
}

static void
test_effects(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = many_changes;
	fake_make(&f, NULL);
	/* A label is not a change, a note is an update in place: nothing depends on it. */
	expect(&f, "head[a]", ACT_UPDATE, "note changed");
	assert_int_equal(op_at(&f, "head[a]")->changes.n, 1);
	expect(&f, "worker[b]", ACT_REPLACE, "env.A changed");
	expect(&f, "serve", ACT_RESTART, "args changed (4 of them) and worker[b] is replaced");
	assert_int_equal(kind_effect(&fake_serve, "args.hot"), EFFECT_UPDATE);
	assert_int_equal(kind_effect(&fake_serve, "args.hotter"), EFFECT_REPLACE);
	assert_int_equal(kind_effect(&fake_serve, "port"), EFFECT_REPLACE);
	fake_release(&f);
}

static void
written_later(struct arena *a, struct step *s)
{
	if (!is_step(s, "worker[b]") && !is_step(s, "worker[c]") && !is_step(s, "worker[d]"))
		return;
	attrs_add(a, &s->want, "dray.x", "1");
	attrs_sort(&s->want);
	if (is_step(s, "worker[c]"))
		attrs_add(a, &s->observed.have, "dray.y", "1");
	if (is_step(s, "worker[d]"))
		attrs_add(a, &s->observed.have, "dray.x", "2");
}

/* If an earlier version did not write an attribute, that is not a difference for what it
 * made; if this version did not write it, it was not there. */
static void
test_written_later(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 4, 4);
	tweak = written_later;
	fake_make(&f, NULL);
	expect(&f, "worker[b]", ACT_NONE, NULL);
	assert_int_equal(op_at(&f, "worker[b]")->changes.n, 0);
	expect(&f, "worker[c]", ACT_REPLACE, "dray.x and dray.y changed");
	expect(&f, "worker[d]", ACT_REPLACE, "dray.x changed");
	fake_release(&f);
}

static void
worker_gone(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "worker[b]")) {
		s->observed.state = STATE_GONE;
		s->observed.why = "its container is gone; exit 137";
	}
}

static void
test_gone(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 3, 3);
	tweak = worker_gone;
	fake_make(&f, NULL);
	expect(&f, "worker[b]", ACT_REPLACE, "its container is gone; exit 137");
	expect(&f, "worker[c]", ACT_NONE, NULL);
	expect(&f, "head[a]", ACT_NONE, NULL);
	expect(&f, "serve", ACT_RESTART, "worker[b] is replaced");
	fake_release(&f);
}

static void
head_other_instance(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "worker[b]") || is_step(s, "worker[c]") || is_step(s, "serve"))
		attrs_add(a, &s->observed.bound, "head[a]", "i-of-yesterday");
}

static void
test_restarted_outside(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 3, 3);
	tweak = head_other_instance;
	fake_make(&f, NULL);
	expect(&f, "head[a]", ACT_NONE, NULL);
	expect(&f, "worker[b]", ACT_REPLACE, "head[a] was restarted outside dray");
	assert_int_equal(op_at(&f, "worker[b]")->reason, REASON_STALE);
	expect(&f, "serve", ACT_RESTART, "worker[b] and worker[c] are replaced and head[a] was "
	       "restarted outside dray");
	fake_release(&f);
}

/* An apply that was interrupted after the head wrote its record. */
static void
test_restarted_before(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 3, 3);
	tweak = head_other_instance;
	fake_record(&f, 0, "head[a]", "head", "i-head[a]");
	fake_make(&f, NULL);
	expect(&f, "worker[b]", ACT_REPLACE,
	       "head[a] was restarted by an apply that did not reach this step");
	fake_release(&f);
}

static void
bound_to_more(struct arena *a, struct step *s)
{
	if (is_step(s, "serve"))
		attrs_add(a, &s->observed.bound, "worker[z]", "i");
}

static void
test_layout_shrank(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = bound_to_more;
	fake_make(&f, NULL);
	expect(&f, "serve", ACT_RESTART, "worker[z] is no longer a part of it");
	fake_release(&f);
}

static void
interrupted(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "head[a]") || is_step(s, "download"))
		s->observed = (struct observed){.state = STATE_INTERRUPTED};
}

static void
test_interrupted(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = interrupted;
	fake_make(&f, NULL);
	expect(&f, "head[a]", ACT_REPLACE, "an earlier apply was interrupted while starting it");
	/* A kept download is continued, not thrown away. */
	expect(&f, "download", ACT_CREATE, "an earlier apply was interrupted while starting it");
	expect(&f, "worker[b]", ACT_REPLACE, "head[a] is replaced");
	fake_release(&f);
}

/* The apply that started it was killed, and it is coming up. */
static void
coming(struct arena *a, struct step *s)
{
	if (!is_step(s, "serve"))
		return;
	s->observed.state = STATE_INTERRUPTED;
	s->observed.coming = true;
	s->observed.why = arena_strdup(a, "an apply started it");
}

static void
coming_changed(struct arena *a, struct step *s)
{
	coming(a, s);
	if (is_step(s, "serve"))
		attrs_add(a, &s->want, "words", "others");
}

static void
coming_over_another(struct arena *a, struct step *s)
{
	coming(a, s);
	for (size_t i = 0; is_step(s, "serve") && i < s->observed.bound.n; i++)
		if (strcmp(s->observed.bound.v[i].name, "head[a]") == 0)
			s->observed.bound.v[i].value = "the one before";
}

static void
test_coming(void **state)
{
	const char *replace[] = {"serve", NULL};
	struct plan_options asked = {.replace = replace};
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = coming;
	fake_make(&f, NULL);
	expect(&f, "serve", ACT_UPDATE, "an apply started it");
	assert_true(op_at(&f, "serve")->awaits);
	assert_int_equal(op_at(&f, "serve")->reason, REASON_STARTING);
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	tweak = coming;
	fake_make(&f, &asked);
	expect(&f, "serve", ACT_RESTART, "-replace was given");
	assert_false(op_at(&f, "serve")->awaits);
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	tweak = coming_changed;
	fake_make(&f, NULL);
	expect(&f, "serve", ACT_RESTART, "words changed");
	assert_false(op_at(&f, "serve")->awaits);
	fake_release(&f);
	fake_nodes(&f, 2, 2);
	tweak = coming_over_another;
	fake_make(&f, NULL);
	expect(&f, "serve", ACT_RESTART, "head[a] was restarted outside dray");
	assert_false(op_at(&f, "serve")->awaits);
	fake_release(&f);
}

static void
no_record(struct arena *a, struct step *s)
{
	(void)a;
	if (s->kind != &fake_head && s->kind != &fake_worker)
		return;
	s->observed.adopted = true;
	s->observed.bound = (struct attrs){0};
}

static void
download_adopted(struct arena *a, struct step *s)
{
	(void)a;
	s->observed.adopted = is_step(s, "download");
}

static void
test_adopted(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 2, 2);
	tweak = no_record;
	fake_make(&f, NULL);
	expect(&f, "head[a]", ACT_UPDATE, "it is there, but has no record yet");
	assert_true(op_at(&f, "head[a]")->record_only);
	/* Only its record could say which head a worker joined. */
	expect(&f, "worker[b]", ACT_REPLACE, "no record says that it belongs to the present head[a]");
	assert_false(op_at(&f, "worker[b]")->record_only);
	fake_release(&f);
	/* A model that somebody else put there is only recorded, and serve continues. */
	fake_nodes(&f, 2, 2);
	tweak = download_adopted;
	fake_make(&f, NULL);
	assert_true(op_at(&f, "download")->record_only);
	expect(&f, "serve", ACT_NONE, NULL);
	fake_release(&f);
}

static void
other_commit(struct arena *a, struct step *s)
{
	if (is_step(s, "download"))
		attrs_add(a, &s->observed.have, "commit", "old");
}

/* The commit is an output that is known once it is there. */
static void
test_content(void **state)
{
	struct fake f;

	(void)state;
	fake_nodes(&f, 1, 1);
	tweak = other_commit;
	fake_make(&f, NULL);
	expect(&f, "download", ACT_UPDATE, "commit changed");
	expect(&f, "serve", ACT_RESTART, "commit may change");
	assert_non_null(strstr(f.text, "commit = out-download -> (known after apply)"));
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_changed_args),
		cmocka_unit_test(test_effects),
		cmocka_unit_test(test_written_later),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_restarted_outside),
		cmocka_unit_test(test_restarted_before),
		cmocka_unit_test(test_layout_shrank),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_coming),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
