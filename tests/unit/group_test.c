/* Groups: what happens to one member happens to all, in the plan and in the order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "planner/plan/sched.h"
#include "tests/unit/fake_plan.h"

/* unit[a] unit[b] unit[c] are one group, each on its image. leaf[a] depends only on unit[a].
 * unit[c] depends on late, which comes after all others in the order of kinds. */
static struct kind unit_kind, leaf_kind, late_kind;

static void
plan_unit(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	for (size_t i = 0; i < c->nlayout; i++) {
		struct step *s = graph_add(b, &unit_kind, &c->node[i], true);

		attrs_add(a, &s->want, "args.x", "1");
		attrs_add(a, &s->want, "note", "n");
		graph_dep(b, s, graph_find(b->graph, arena_printf(a, "image[%s]", c->node[i].name)),
			  EDGE_CONTENT, "image_id");
	}
}

static void
plan_leaf(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	struct step *s = graph_add(b, &leaf_kind, &c->node[0], true);

	attrs_add(a, &s->want, "note", "n");
	graph_dep(b, s, graph_find(b->graph, "unit[a]"), EDGE_INSTANCE, NULL);
}

static void
plan_late(struct arena *a, const struct cluster *c, struct graph_builder *b)
{
	struct step *s = graph_add(b, &late_kind, &c->node[0], false);

	attrs_add(a, &s->want, "note", "n");
	graph_dep(b, graph_find(b->graph, "unit[c]"), s, EDGE_ORDER, NULL);
}

static struct kind unit_kind = {.name = "unit", .fields = fake_fields, .restarts = true,
	.group = true, .plan = plan_unit, .observe = fake_see, .up = fake_nothing, .down = fake_nothing},
leaf_kind = {.name = "leaf", .fields = fake_fields, .plan = plan_leaf, .observe = fake_see,
	.up = fake_nothing, .down = fake_nothing},
late_kind = {.name = "late", .fields = fake_fields, .plan = plan_late, .observe = fake_see,
	.up = fake_nothing, .down = fake_nothing};
static const struct kind *const list[] = {&fake_image, &unit_kind, &leaf_kind, &late_kind, NULL};

static void
make(struct fake *f, void (*change)(struct arena *, struct step *),
     const struct plan_options *options)
{
	fake_nodes(f, 3, 3);
	tweak = change;
	fake_make_of(f, list, options);
	assert_non_null(f->plan);
}

static void
expect(const struct fake *f, const char *addr, enum action action, enum reason reason,
       const char *cause)
{
	const struct op *op = op_at(f, addr);

	if (op->action != action || op->reason != reason)
		fail_msg("%s: %s %s, not %s %s\n%s", addr, action_word(op->action),
			 reason_word(op->reason), action_word(action), reason_word(reason), f->text);
	if (cause)
		assert_string_equal(op->cause, cause);
}

static void
gone_b(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "unit[b]"))
		s->observed = (struct observed){.state = STATE_GONE, .why = "its container is gone"};
}

static void
test_gone(void **state)
{
	static const char *const why = "unit[b] is gone; units are one unit";
	struct fake f;

	(void)state;
	make(&f, gone_b, NULL);
	expect(&f, "unit[b]", ACT_RESTART, REASON_GONE, "its container is gone");
	expect(&f, "unit[a]", ACT_RESTART, REASON_GROUP, why);
	expect(&f, "unit[c]", ACT_RESTART, REASON_GROUP, why);
	/* leaf[a] is decided after the group, although unit[c] comes late in the order of kinds. */
	expect(&f, "leaf[a]", ACT_REPLACE, REASON_UPSTREAM, "unit[a] is restarted");
	assert_int_equal(f.plan->nrestart, 3);
	fake_release(&f);
}

static void
changed_c(struct arena *a, struct step *s)
{
	if (is_step(s, "unit[c]"))
		attrs_add(a, &s->observed.have, "args.x", "2");
}

static void
test_last_of_all(void **state)
{
	struct fake f;

	(void)state;
	make(&f, changed_c, NULL);
	expect(&f, "unit[c]", ACT_RESTART, REASON_CHANGED, "args.x changed");
	expect(&f, "unit[a]", ACT_RESTART, REASON_GROUP, "unit[c] changes; units are one unit");
	expect(&f, "leaf[a]", ACT_REPLACE, REASON_UPSTREAM, NULL);
	fake_release(&f);
}

static void
two_absent(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "unit[a]") || is_step(s, "unit[c]"))
		s->observed = (struct observed){.state = STATE_ABSENT};
}

static void
test_several(void **state)
{
	struct fake f;

	(void)state;
	make(&f, two_absent, NULL);
	expect(&f, "unit[a]", ACT_CREATE, REASON_ABSENT, NULL);
	expect(&f, "unit[c]", ACT_CREATE, REASON_ABSENT, NULL);
	expect(&f, "unit[b]", ACT_RESTART, REASON_GROUP,
	       "unit[a] and unit[c] do not exist; units are one unit");
	fake_release(&f);
}

static void
unrecorded_a(struct arena *a, struct step *s)
{
	gone_b(a, s);
	if (is_step(s, "unit[a]"))
		s->observed.adopted = true;
}

static void
only_unrecorded(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "unit[a]"))
		s->observed.adopted = true;
}

/* Writing only a record is not work on the group; together with work it is. */
static void
test_unrecorded(void **state)
{
	struct fake f;

	(void)state;
	make(&f, only_unrecorded, NULL);
	expect(&f, "unit[a]", ACT_UPDATE, REASON_UNRECORDED, NULL);
	expect(&f, "unit[b]", ACT_NONE, REASON_NONE, NULL);
	fake_release(&f);
	make(&f, unrecorded_a, NULL);
	expect(&f, "unit[a]", ACT_RESTART, REASON_GROUP, NULL);
	assert_false(op_at(&f, "unit[a]")->record_only);
	fake_release(&f);
}

static void
note_only(struct arena *a, struct step *s)
{
	if (is_step(s, "unit[b]"))
		attrs_add(a, &s->observed.have, "note", "other");
}

static void
test_in_place(void **state)
{
	struct fake f;

	(void)state;
	make(&f, note_only, NULL);
	expect(&f, "unit[b]", ACT_UPDATE, REASON_CHANGED, NULL);
	expect(&f, "unit[a]", ACT_NONE, REASON_NONE, NULL);
	fake_release(&f);
}

static void
silent_b(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "unit[b]"))
		s->observed = (struct observed){.state = STATE_UNKNOWN, .why = "silence"};
	if (is_step(s, "unit[c]"))
		s->observed = (struct observed){.state = STATE_GONE, .why = "gone"};
}

/* If a member cannot be observed, nothing is said to be right. */
static void
test_blind(void **state)
{
	struct fake f;

	(void)state;
	make(&f, silent_b, NULL);
	expect(&f, "unit[b]", ACT_UNKNOWN, REASON_UNREACHABLE, "silence");
	expect(&f, "unit[a]", ACT_UNKNOWN, REASON_UNREACHABLE,
	       "unit[b] is unknown; units are one unit");
	expect(&f, "unit[c]", ACT_RESTART, REASON_GONE, NULL);
	fake_release(&f);
}

static void
test_requested(void **state)
{
	const char *replace[] = {"unit[c]", NULL};
	struct fake f;

	(void)state;
	make(&f, NULL, &(struct plan_options){.replace = replace});
	expect(&f, "unit[c]", ACT_RESTART, REASON_REQUESTED, NULL);
	expect(&f, "unit[b]", ACT_RESTART, REASON_GROUP, "unit[c] must be restarted; units are one unit");
	fake_release(&f);
}

/* A target includes its group, and nothing else. */
static void
test_target(void **state)
{
	const char *target[] = {"unit[a]", NULL};
	struct fake f;

	(void)state;
	make(&f, gone_b, &(struct plan_options){.target = target});
	assert_false(op_at(&f, "unit[b]")->excluded);
	assert_false(op_at(&f, "unit[c]")->excluded);
	assert_true(op_at(&f, "unit[c]")->pulled);
	assert_true(op_at(&f, "image[a]")->action == ACT_NONE);
	fake_release(&f);
}

static void
new_image_c(struct arena *a, struct step *s)
{
	(void)a;
	if (is_step(s, "image[c]"))
		s->observed = (struct observed){.state = STATE_ABSENT};
}

/* The pull on one node comes before the down of any member; all downs come before any up; a
 * failed down leaves all members down. */
static void
test_order(void **state)
{
	size_t downs = 0;
	struct sched *s;
	struct job *job, *pull = NULL, *down[3];
	struct fake f;

	(void)state;
	make(&f, new_image_c, NULL);
	expect(&f, "unit[a]", ACT_RESTART, REASON_GROUP, NULL);
	s = sched_new(&f.arena, f.plan, 0, 0);
	while ((job = sched_next(s))) {
		assert_ptr_not_equal(job->op->step->kind, &unit_kind);
		if (is_step(job->op->step, "image[c]"))
			pull = job;
		else
			sched_done(s, job, true);
	}
	assert_non_null(pull);
	sched_done(s, pull, true);
	while ((job = sched_next(s))) {
		assert_true(job->down);
		if (job->op->step->kind == &unit_kind)
			down[downs++] = job;
		else
			sched_done(s, job, true);
	}
	assert_int_equal(downs, 3);
	sched_done(s, down[0], true);
	sched_done(s, down[1], true);
	assert_null(sched_next(s));
	sched_done(s, down[2], false);
	assert_null(sched_next(s));
	assert_true(sched_finished(s));
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].down && s->v[i].op->step->kind == &unit_kind)
			assert_int_equal(s->v[i].outcome, OUT_SKIPPED);
	fake_release(&f);
}

static void
test_destroy(void **state)
{
	struct fake f;

	(void)state;
	make(&f, two_absent, &(struct plan_options){.destroy = true});
	expect(&f, "unit[b]", ACT_DESTROY, REASON_DESTROY, NULL);
	expect(&f, "unit[a]", ACT_NONE, REASON_NONE, NULL);
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gone), cmocka_unit_test(test_last_of_all),
		cmocka_unit_test(test_several), cmocka_unit_test(test_unrecorded),
		cmocka_unit_test(test_in_place), cmocka_unit_test(test_blind),
		cmocka_unit_test(test_requested), cmocka_unit_test(test_target),
		cmocka_unit_test(test_order), cmocka_unit_test(test_destroy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
