/*
 * Graph, reconcile and plan text of 1,000 and 10,000 steps, with kinds shaped like the
 * real ones: a cluster that runs and is to be replaced, so that every step has something
 * to say. Prints milliseconds of CPU time and what ten times the steps cost; ends with 1
 * past the bar: 100 ms, and 25 times. Twice the steps take twice the instructions, but
 * 1,000 steps fit into the caches and 10,000 do not; quadratic would be 100 times.
 */
#include <time.h>

#include "tests/unit/fake_plan.h"

enum { RUNS = 7, BAR_MS = 100, BAR_RATIO = 25 };

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
all_old(struct arena *a, struct step *s)
{
	if (s->kind == &fake_head || s->kind == &fake_worker || s->kind == &fake_image)
		attrs_add(a, &s->observed.have, "env.A", "old");
}

static double
once(size_t nodes, size_t *steps, size_t *bytes)
{
	struct fake f;
	double took;

	fake_nodes(&f, nodes, nodes);
	tweak = all_old;
	took = cpu_ms();
	fake_make(&f, NULL);
	took = cpu_ms() - took;
	*steps = f.plan->n;
	*bytes = strlen(f.text);
	/* Make sure that the right thing was measured: everything changes. */
	if (plan_nops(f.plan) + 1 < f.plan->n)
		exit(2);
	fake_release(&f);
	return took;
}

static double
best(size_t nodes)
{
	double least = 1e9;
	size_t steps = 0, bytes = 0;

	for (int i = 0; i < RUNS; i++) {
		double took = once(nodes, &steps, &bytes);

		if (took < least)
			least = took;
	}
	printf("plan of %zu steps: %.1f ms, %zu KiB of text\n", steps, least, bytes / 1024);
	return least;
}

int
main(void)
{
	double small = best(499), large = best(4999);

	printf("ten times the steps: %.1f times the time\n", large / small);
	if (large <= BAR_MS && large / small <= BAR_RATIO)
		return 0;
	printf("past the bar: %d ms, %d times\n", BAR_MS, BAR_RATIO);
	return 1;
}
