/* The cost of a Lua file: memory of its state, and the time to make it, call it and free it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/vm_private.h"

enum { ROUNDS = 2000, PARTS = 5 };

static const char policy[] =
	"return {\n"
	"\tafter_plan = function(ctx, event)\n"
	"\t\tlocal plan = event.plan\n"
	"\t\tif plan.replace + plan.restart > 2 then return 'too many' end\n"
	"\t\tif not plan.image:find('vllm', 1, true) then return 'which image is that?' end\n"
	"\tend,\n"
	"}\n";

static const char walk[] =
	"return {f = function(ctx, event)\n"
	"\tlocal n = 0\n"
	"\tfor _, step in ipairs(event.steps) do\n"
	"\t\tif step.verb == 'replace' and step.address:match('^head%[') then n = n + 1 end\n"
	"\tend\n"
	"\treturn n\n"
	"end}\n";

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct vm *
load(struct arena *a, const struct source *src)
{
	struct vm_error e = {0};
	struct vm *vm = vm_new(a, src, NULL, &e);

	if (!vm) {
		fprintf(stderr, "%s\n", vm_error_line(a, &e));
		exit(1);
	}
	return vm;
}

static void
call(struct vm *vm, const char *function, const struct value *ctx, const struct value *event)
{
	struct vm_call *c = vm_call(vm, function, ctx, &event, 1, NULL);

	if (vm_step(c) != VM_DONE)
		exit(1);
	vm_call_free(c);
}

/* An event with that many steps. */
static struct value *
event_of(struct arena *a, int nsteps)
{
	struct value *event = value_map(a), *plan = value_map(a), *steps = value_list(a);

	value_set_integer(a, plan, "replace", 1);
	value_set_integer(a, plan, "restart", 1);
	value_set_text(a, plan, "image", "vllm/vllm-openai:v0.17.1");
	value_set(a, event, "plan", plan);
	for (int i = 0; i < nsteps; i++) {
		struct value *step = value_map(a);

		value_set_text(a, step, "address", arena_printf(a, "head[node%d]", i));
		value_set_text(a, step, "node", arena_printf(a, "node%d", i));
		value_set_text(a, step, "verb", i % 3 ? "create" : "replace");
		value_push(a, steps, step);
	}
	value_set(a, event, "steps", steps);
	return event;
}

static void
life(void)
{
	static const char *const names[PARTS] = {"new", "call", "call again", "free", "all"};
	const struct source src = {.name = "policy.lua", .text = policy, .len = sizeof policy - 1};
	double part[PARTS] = {0};
	size_t used = 0, called = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct arena a = {0};
		const struct value *ctx = value_map(&a), *event = event_of(&a, 3);
		double t[PARTS];
		struct vm *vm;

		t[0] = now_us();
		vm = load(&a, &src);
		t[1] = now_us();
		used = vm->memory.used;
		call(vm, "after_plan", ctx, event);
		t[2] = now_us();
		call(vm, "after_plan", ctx, event);
		called = vm->memory.used;
		t[3] = now_us();
		vm_free(vm);
		t[4] = now_us();
		for (int k = 0; k + 1 < PARTS; k++)
			part[k] += (t[k + 1] - t[k]) / ROUNDS;
		part[PARTS - 1] += (t[4] - t[0]) / ROUNDS;
		arena_release(&a);
	}
	printf("a hook's state: %.1f KiB loaded, %.1f KiB after two calls\n",
	       (double)used / 1024, (double)called / 1024);
	for (int k = 0; k < PARTS; k++)
		printf("%s%s %.1f us", k ? ", " : "", names[k], part[k]);
	printf("\n");
}

/* All at once and for the first time, as in a plan with that many hooks: the memory is new. */
static void
many(void)
{
	enum { STATES = 100 };
	const struct source src = {.name = "policy.lua", .text = policy, .len = sizeof policy - 1};
	struct arena a = {0};
	const struct value *ctx = value_map(&a), *event = event_of(&a, 3);
	struct vm *vm[STATES];
	double t[4];

	t[0] = now_us();
	for (int i = 0; i < STATES; i++)
		vm[i] = load(&a, &src);
	t[1] = now_us();
	for (int i = 0; i < STATES; i++)
		call(vm[i], "after_plan", ctx, event);
	t[2] = now_us();
	for (int i = 0; i < STATES; i++)
		vm_free(vm[i]);
	t[3] = now_us();
	printf("%d states at once, each: new %.1f us, call %.1f us, free %.1f us\n", STATES,
	       (t[1] - t[0]) / STATES, (t[2] - t[1]) / STATES, (t[3] - t[2]) / STATES);
	arena_release(&a);
}

static void
large_event(void)
{
	const struct source src = {.name = "walk.lua", .text = walk, .len = sizeof walk - 1};
	struct arena a = {0};
	const struct value *ctx = value_map(&a);

	for (int n = 10; n <= 10000; n *= 10) {
		const struct value *event = event_of(&a, n);
		struct vm *vm = load(&a, &src);
		double began = now_us();

		call(vm, "f", ctx, event);
		printf("walk through %5d steps of an event: %8.1f us, %.2f us a step\n",
		       n, now_us() - began, (now_us() - began) / n);
		vm_free(vm);
	}
	arena_release(&a);
}

int
main(void)
{
	many();
	life();
	large_event();
	return 0;
}
