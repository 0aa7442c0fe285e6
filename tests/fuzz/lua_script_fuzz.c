/*
 * libFuzzer: scripts with tiny limits: they can do what they like, but must not harm the
 * process, and their results must be usable. If there is a zero byte, JSON for the functions
 * follows it.
 */
#include "tests/fuzz/lua_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MEMORY = 512 * 1024, FUNCTIONS = 4, WAITS = 8 };

static const char event[] = "{\"list\": [3, 2, {\"a\": \"b\"}], \"plan\": {\"replace\": 1}, \"text\": \"x\"}";

static void
run(struct arena *a, struct vm *vm, const char *function, const struct value *v, bool keep)
{
	struct value *ctx = value_map(a);
	struct vm_error error = {0};
	struct vm_call *call;
	int waits = 0;

	value_set_text(a, ctx, "node", "x");
	call = vm_call(vm, function, ctx, &v, 1, &host);
	while (vm_step(call) == VM_WAITS && waits++ < WAITS)
		if (waits % 3 == 0)
			vm_refuse(call, "no");
		else
			answer(a, call, "{\"a\": [1]}");
	if (waits < WAITS && vm_step(call) == VM_FAILED) {
		vm_failure(call, a, &error);
		must_be_data(a, NULL, &error);
	}
	for (size_t i = 0; i < 3; i++)
		must_be_data(a, vm_result(call, a, i, &error), &error);
	if (!keep)
		vm_call_free(call);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct vm_limits limits = {.memory = MEMORY, .load_ms = 5, .slice_ms = 5};
	const char *text = (const char *)data;
	size_t len = strnlen(text, n);
	struct arena a = {0};
	struct err e = {0};
	struct vm_error error = {0};
	struct source src = {.name = "fuzz.lua"};
	const struct value *v, *names;
	struct vm *vm;

	src.text = arena_strndup(&a, text, len);
	src.len = len;
	v = len < n ? value_read(&a, text + len + 1, n - len - 1, &e)
		: value_read(&a, event, sizeof event - 1, &e);
	vm = vm_new(&a, &src, &limits, &error);
	if (!vm)
		must_be_data(&a, NULL, &error);
	names = vm ? vm_names(vm, &a) : value_list(&a);
	for (size_t i = 0; i < names->n && i < FUNCTIONS; i++) {
		const char *name = names->item[i]->text;

		vm_has(vm, name);
		must_be_data(&a, vm_data(vm, &a, name, &error), &error);
		run(&a, vm, name, v, i % 2 == 0);
		MUST(vm->memory.used <= MEMORY);
	}
	vm_free(vm);
	arena_release(&a);
	return 0;
}
