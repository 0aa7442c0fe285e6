/* When dray watch calls the hooks, repairs and gives up; and what is a repair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "planner/base/limits.h"
#include "planner/base/vec.h"
#include "planner/plan/repair.h"
#include "planner/plan/supervise.h"
#include "tests/unit/fake_plan.h"

static long long ring[8];
static struct supervisor s;
static struct supervise_move m;

static int
begin(void **state)
{
	(void)state;
	supervise_begin(&s, 0, WATCH_REPAIRS, ring);
	return 0;
}

static void
saw(enum sight sight, long long seconds)
{
	m = supervise_saw(&s, sight, seconds * 1000);
}

static void
quiet(void)
{
	assert_false(m.tell || m.on_down || m.on_up || m.repair || m.give_up);
}

static void
test_times(void **state)
{
	(void)state;
	saw(SIGHT_UP, 0);
	assert_true(m.tell);
	assert_int_equal(m.wait_ms, 30000);
	saw(SIGHT_DOWN, 30);
	assert_int_equal(m.wait_ms, 10000);
	assert_int_equal(s.backoff_ms, 60000);
	assert_int_equal(s.hour_ms, 3600000);
	assert_int_equal(s.budget, 3);
	assert_int_equal(STATUS_EVERY, 5);
	supervise_begin(&s, 4, 1, ring);
	saw(SIGHT_UP, 0);
	assert_int_equal(m.wait_ms, 4000);
	saw(SIGHT_DOWN, 4);
	assert_int_equal(m.wait_ms, 4000);
}

/* One look is not a fault, and neither are two that differ. */
static void
test_confirmed(void **state)
{
	(void)state;
	saw(SIGHT_UP, 0);
	for (int i = 1; i < 20; i += 2) {
		saw(SIGHT_DOWN, i * 30);
		quiet();
		saw(SIGHT_UP, i * 30 + 10);
		quiet();
	}
	saw(SIGHT_DOWN, 700);
	quiet();
	saw(SIGHT_BLIND, 710);
	quiet();
	saw(SIGHT_DOWN, 720);
	quiet();
	saw(SIGHT_DOWN, 730);
	assert_true(m.tell && m.on_down && m.repair && !m.on_up);
	assert_int_equal(s.down_at, 720000);
	supervise_tried(&s, true, 740000);
	saw(SIGHT_UP, 741);
	assert_true(m.tell && m.on_up && m.repaired && !m.repair);
	saw(SIGHT_UP, 771);
	quiet();
	saw(SIGHT_DOWN, 801);
	saw(SIGHT_UP, 811);
	quiet();
}

/* The hooks run once for a fault, whatever it turns into. */
static void
test_unreachable(void **state)
{
	(void)state;
	saw(SIGHT_UP, 0);
	saw(SIGHT_BLIND, 30);
	quiet();
	saw(SIGHT_BLIND, 40);
	assert_true(m.tell && m.on_down && !m.repair);
	saw(SIGHT_BLIND, 70);
	quiet();
	saw(SIGHT_DOWN, 100);
	quiet();
	saw(SIGHT_DOWN, 110);
	assert_true(m.tell && !m.on_down && m.repair);
	saw(SIGHT_UP, 140);
	assert_true(m.on_up && !m.repaired);
}

/* What a person does is not a fault: an apply, what it starts, and what is stopped. */
static void
test_precedence(void **state)
{
	(void)state;
	saw(SIGHT_UP, 0);
	saw(SIGHT_BUSY, 30);
	assert_true(m.tell && !m.on_down);
	saw(SIGHT_STARTING, 60);
	assert_true(m.tell && !m.on_down);
	saw(SIGHT_UP, 90);
	assert_true(m.tell && !m.on_up);
	saw(SIGHT_STOPPED, 120);
	assert_true(m.tell && !m.on_down && !m.repair);
	saw(SIGHT_STOPPED, 150);
	quiet();
	/* A fault that an apply takes over and ends: the fault is over, without on_up. */
	saw(SIGHT_UP, 160);
	saw(SIGHT_DOWN, 180);
	saw(SIGHT_DOWN, 190);
	assert_true(m.on_down);
	saw(SIGHT_BUSY, 200);
	assert_false(m.repair || m.on_up);
	saw(SIGHT_STOPPED, 230);
	assert_false(m.repair || m.on_up);
	saw(SIGHT_UP, 260);
	assert_false(m.on_up);
}

static void
test_budget(void **state)
{
	long long at = 10;

	(void)state;
	saw(SIGHT_DOWN, 0);
	for (int i = 0; i < 3; i++) {
		saw(SIGHT_DOWN, at);
		assert_true(m.repair && !m.give_up);
		assert_int_equal(supervise_spent(&s, at * 1000), i);
		supervise_tried(&s, false, at * 1000);
		if (i == 2)
			break;
		/* 1 min after the first, 2 min after the second. */
		assert_int_equal(supervise_pause(&s, at * 1000), 60000 << i);
		at += 60 << i;
		saw(SIGHT_DOWN, at - 1);
		quiet();
		assert_int_equal(m.wait_ms, 1000);
	}
	saw(SIGHT_DOWN, at + 10);
	assert_true(m.give_up && !m.repair);
	/* For good: also when the hour is over. */
	saw(SIGHT_DOWN, at + 40);
	quiet();
	saw(SIGHT_DOWN, at + 9999);
	quiet();
	/* Until somebody else has brought it up; then all of the budget is there again. */
	saw(SIGHT_UP, at + 10000);
	assert_true(m.on_up && !m.repaired);
	saw(SIGHT_DOWN, at + 10030);
	saw(SIGHT_DOWN, at + 10040);
	assert_true(m.repair);
	assert_int_equal(supervise_spent(&s, (at + 10040) * 1000), 0);
}

/* A repair that helped counts as well, for an hour. */
static void
test_hour(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		long long at = i * 600;

		saw(SIGHT_DOWN, at);
		saw(SIGHT_DOWN, at + 10);
		assert_true(m.repair);
		supervise_tried(&s, true, (at + 20) * 1000);
		saw(SIGHT_UP, at + 21);
		assert_true(m.repaired);
	}
	assert_int_equal(supervise_spent(&s, 3619 * 1000), 3);
	assert_int_equal(supervise_spent(&s, 3620 * 1000), 2);
	saw(SIGHT_DOWN, 3610);
	saw(SIGHT_DOWN, 3620);
	assert_true(m.repair && !m.give_up);
}

static void
test_no_budget(void **state)
{
	(void)state;
	supervise_begin(&s, 0, 0, ring);
	saw(SIGHT_DOWN, 0);
	saw(SIGHT_DOWN, 10);
	assert_true(m.on_down && !m.repair && !m.give_up);
}

/* A slow engine is reported when two looks agree, and is not a fault. */
static void
test_slow(void **state)
{
	(void)state;
	saw(SIGHT_UP, 0);
	saw(SIGHT_SLOW, 30);
	quiet();
	saw(SIGHT_UP, 40);
	quiet();
	saw(SIGHT_SLOW, 70);
	saw(SIGHT_SLOW, 80);
	assert_true(m.tell && !m.on_down && !m.repair);
}

/* ---- what is a repair ---- */

static struct fake f;
static struct repair r;

static void
plan_with(void (*how)(struct arena *, struct step *), const struct plan_options *options)
{
	fake_nodes(&f, 3, 3);
	tweak = how;
	fake_make(&f, options);
	r = repair_of(&f.arena, f.plan);
	tweak = NULL;
}

static bool
is(const struct step *step, const char *addr)
{
	return strcmp(step->addr, addr) == 0;
}

static void
worker_gone(struct arena *a, struct step *step)
{
	(void)a;
	if (is(step, "worker[b]"))
		step->observed.state = STATE_GONE, step->observed.instance = NULL, step->observed.why = "it died";
}

static void
test_repair(void **state)
{
	(void)state;
	plan_with(worker_gone, NULL);
	/* The worker and, because of it, the server; the probe is neither. */
	assert_int_equal(r.n, 2);
	assert_int_equal(r.others, 0);
	assert_string_equal(r.target[0], "worker[b]");
	assert_string_equal(r.target[1], "serve");
	assert_null(r.target[2]);
	assert_string_equal(r.what, "worker[b] (it died), and 1 more");
	fake_release(&f);
	plan_with(NULL, NULL);
	assert_int_equal(r.n + r.others, 0);
	fake_release(&f);
}

static void
worker_gone_and_args(struct arena *a, struct step *step)
{
	worker_gone(a, step);
	if (is(step, "serve"))
		step->observed.have.v[0].value = "other", step->observed.have.v[1].value = "other";
}

static void
gone_and_elsewhere(struct arena *a, struct step *step)
{
	(void)a;
	if (is(step, "serve"))
		step->observed.state = STATE_GONE, step->observed.instance = NULL, step->observed.why = "it died";
	if (is(step, "head[a]"))
		step->observed.have.v[0].value = "other";
}

static void
all_absent(struct arena *a, struct step *step)
{
	(void)a;
	step->observed = (struct observed){.state = STATE_ABSENT};
}

/* A step that the spec changed is not repaired, even if one that it depends on died; other steps
 * are. */
static void
test_changes(void **state)
{
	(void)state;
	plan_with(worker_gone_and_args, NULL);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.others, 1);
	assert_non_null(strstr(r.other, "serve ("));
	fake_release(&f);
	plan_with(all_absent, NULL);
	assert_int_equal(r.n, 0);
	assert_true(r.others > 0);
	fake_release(&f);
	plan_with(gone_and_elsewhere, NULL);
	assert_true(r.n && r.others);
	assert_non_null(strstr(r.other, "head[a] ("));
	fake_release(&f);
}

static const char *by;

static void
serve_interrupted(struct arena *a, struct step *step)
{
	if (!is(step, "serve"))
		return;
	step->observed.state = STATE_INTERRUPTED;
	step->observed.instance = NULL;
	*vec_push(a, &step->node->facts->record) = (struct record){.step = "serve", .phase = "intent", .by = by};
}

/* A start that did not end is repaired only if dray watch had begun it. */
static void
test_interrupted(void **state)
{
	static const char *const whose[] = {"ann@host", "ann@host (dray watch) ", " (dray watch)", NULL,
		"ann@host (dray watch)"};

	(void)state;
	for (int i = 0; i < 5; i++) {
		by = whose[i];
		plan_with(serve_interrupted, NULL);
		assert_int_equal(r.n, i == 4);
		assert_int_equal(r.others, i != 4);
		fake_release(&f);
	}
}

static void
bound_to_more(struct arena *a, struct step *step)
{
	if (is(step, "serve"))
		attrs_add(a, &step->observed.bound, "worker[z]", "i-z"), attrs_sort(&step->observed.bound);
}

/* A part that left the spec is a change, although what is bound to it is only old. */
static void
test_part_left(void **state)
{
	(void)state;
	plan_with(bound_to_more, NULL);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.others, 1);
	fake_release(&f);
}

static void
test_asked_for(void **state)
{
	const char *replace[] = {"serve", NULL};

	(void)state;
	plan_with(NULL, &(struct plan_options){.replace = replace});
	assert_int_equal(r.n, 0);
	assert_int_equal(r.others, 1);
	fake_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_times, begin), cmocka_unit_test_setup(test_confirmed, begin),
		cmocka_unit_test_setup(test_unreachable, begin), cmocka_unit_test_setup(test_precedence, begin),
		cmocka_unit_test_setup(test_budget, begin), cmocka_unit_test_setup(test_hour, begin),
		cmocka_unit_test_setup(test_no_budget, begin), cmocka_unit_test_setup(test_slow, begin),
		cmocka_unit_test(test_repair), cmocka_unit_test(test_changes), cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_part_left), cmocka_unit_test(test_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
