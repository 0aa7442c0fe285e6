/*
 * libFuzzer: the Lua machine. Up to the first zero byte the input is JSON: the value goes into
 * a script as a view, is copied there, returned, and must be the same. What is behind is a
 * chunk, run with tiny limits: it can do what it likes, but not harm the process.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lua/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Empty lists come back as maps and nulls not at all: those are made alike first. */
static const char copier[] =
	"local function copy(v)\n"
	"\tif type(v) ~= 'table' then return v end\n"
	"\tlocal t = {}\n"
	"\tfor k, x in pairs(v) do t[k] = copy(x) end\n"
	"\treturn t\n"
	"end\n"
	"return {copy = copy, same = function(v) return v end}\n";

static struct value *
without_nil(struct arena *a, const struct value *v)
{
	struct value *copy;

	if (v->type == VALUE_LIST && v->n) {
		copy = value_list(a);
		for (size_t i = 0; i < v->n; i++)
			value_push(a, copy, v->item[i]->type == VALUE_NIL ? value_bool(a, false)
				   : without_nil(a, v->item[i]));
		return copy;
	}
	if (v->type == VALUE_LIST || v->type == VALUE_MAP) {
		copy = value_map(a);
		for (size_t i = 0; i < v->n; i++)
			if (v->item[i]->type != VALUE_NIL)
				value_set(a, copy, v->key[i], without_nil(a, v->item[i]));
		return copy;
	}
	copy = value_nil(a);
	*copy = *v;
	return copy;
}

static void
there_and_back(struct arena *a, const char *json, size_t n)
{
	const struct source src = {.name = "copy.lua", .text = copier, .len = sizeof copier - 1};
	static const char *const functions[] = {"copy", "same"};
	const char *before, *after;
	struct vm_error error = {0};
	struct err e = {0};
	struct value *v = value_read(a, json, n, &e);
	const struct value *arg;
	struct vm *vm;

	if (!v)
		return;
	arg = v = without_nil(a, v);
	before = value_write(a, v);
	vm = vm_new(a, &src, NULL, &error);
	for (size_t i = 0; i < 2; i++) {
		struct vm_call *call = vm_call(vm, functions[i], NULL, &arg, 1, NULL);

		if (vm_step(call) != VM_DONE || !(v = vm_result(call, a, 0, &error)))
			abort();
		after = value_write(a, v);
		if (strcmp(before, after) != 0)
			abort();
	}
	vm_free(vm);
}

static void
quiet(void *arg, enum vm_level level, const char *text)
{
	(void)arg, (void)level;
	if (strlen(text) > 100 * 1000)
		abort();
}

/* Every function of the table is called, with waits answered by turns. */
static void
call_all(struct arena *a, struct vm *vm)
{
	static const struct vm_host host = {.log = quiet};
	const struct value *names = vm_names(vm, a);
	struct value *ctx = value_map(a), *answer = value_map(a);
	struct vm_error error = {0};
	const struct value *arg = ctx;

	value_set_text(a, ctx, "config", "x");
	value_set_integer(a, answer, "status", 0);
	value_set_text(a, answer, "out", "x");
	for (size_t i = 0; i < names->n && i < 4; i++) {
		struct vm_call *call;
		int waits = 0;

		vm_has(vm, names->item[i]->text);
		vm_data(vm, a, names->item[i]->text, &error);
		call = vm_call(vm, names->item[i]->text, ctx, &arg, 1, &host);
		while (vm_step(call) == VM_WAITS && waits < 8)
			if (waits++ % 3 == 2)
				vm_refuse(call, "no");
			else
				vm_answer(call, answer);
		if (vm_nresults(call))
			vm_result(call, a, 0, &error);
		else
			vm_failure(call, a, &error);
		if (error.text)
			vm_error_line(a, &error);
		if (i % 2 == 0)
			vm_call_free(call);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct vm_limits limits = {.memory = 256 * 1024, .load_ms = 5, .slice_ms = 5};
	const char *text = (const char *)data;
	size_t json = strnlen(text, n);
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct vm_error error = {0};
	struct source src = {.name = "fuzz.lua"};
	struct vm *vm;

	there_and_back(&a, text, json);
	if (json < n) {
		src.text = arena_strndup(&a, text + json + 1, n - json - 1);
		src.len = n - json - 1;
		vm = vm_new(&a, &src, &limits, &error);
		if (vm)
			call_all(&a, vm);
		else
			vm_error_diag(&error, &d);
		vm_free(vm);
	}
	arena_release(&a);
	return 0;
}
