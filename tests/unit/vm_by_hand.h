/* For the tests of the Lua code: sources by hand, and results as text. */
#ifndef VM_BY_HAND_H
#define VM_BY_HAND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/vm_private.h"

static struct arena arena;

static inline struct source *
source(const char *text)
{
	struct source *src = ar_new(&arena, struct source);

	*src = (struct source){.name = "hooks/h.lua", .text = text, .len = strlen(text)};
	return src;
}

static inline struct vm *
load(const char *text)
{
	struct vm_error e = {0};
	struct vm *vm = vm_new(&arena, source(text), NULL, &e);

	if (!vm)
		fail_msg("%s: %s", text, vm_error_line(&arena, &e));
	return vm;
}

static inline const char *
load_error(const char *text)
{
	struct vm_error e = {0};

	assert_null(vm_new(&arena, source(text), NULL, &e));
	return vm_error_line(&arena, &e);
}

static inline struct value *
json(const char *text)
{
	struct err e = {0};
	struct value *v = value_read(&arena, text, strlen(text), &e);

	if (!v)
		fail_msg("%s: %s", text, e.text);
	return v;
}

static inline const char *
result(struct vm_call *call, size_t i)
{
	struct vm_error e = {0};
	struct value *v = vm_result(call, &arena, i, &e);

	return v ? value_write(&arena, v) : arena_printf(&arena, "no result: %s", vm_error_line(&arena, &e));
}

static inline const char *
failure(struct vm_call *call)
{
	struct vm_error e = {0};

	assert_int_equal(vm_step(call), VM_FAILED);
	vm_failure(call, &arena, &e);
	return vm_error_line(&arena, &e);
}

/* As diagnostics print it. */
static inline const char *
shown(const struct vm_error *e)
{
	struct diags d = {.arena = &arena};
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	const char *copy;

	vm_error_diag(e, &d);
	diag_print(&d, f, false);
	fclose(f);
	copy = arena_strndup(&arena, text, n);
	free(text);
	return copy;
}

static int
release(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, release)

#endif
