/* libFuzzer: the bytes of a spec file -> the valid parts of it -> cluster, with a custom
 * kind; its free maps -> values, and all messages about them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/custom/compile.h"
#include "planner/custom/custom.h"
#include "planner/base/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *
environment(const char *name)
{
	return strcmp(name, "HOME") == 0 ? "/root" : NULL;
}

/* A value that is written as JSON and read back is the same. */
static void
check_value(struct arena *a, const struct value *v)
{
	const char *json = value_write(a, v);
	struct err e = {0};
	const struct value *back = value_read(a, json, strlen(json), &e);

	if (!back || strcmp(value_write(a, back), json) != 0)
		__builtin_trap();
}

/* As if a file under kinds: had defined it. */
static struct custom_kinds *
some_kind(struct arena *a, struct diags *d)
{
	static const char fields[] = "{\"server\":{\"type\":\"text\",\"required\":true},"
		"\"n\":{\"type\":\"integer\"},\"l\":{\"type\":\"list\"},\"m\":{\"type\":\"map\"},"
		"\"password\":{\"type\":\"text\",\"secret\":true}}";
	struct custom_kinds *all = ar_new(a, struct custom_kinds);
	struct err e = {0};
	const struct custom_source from = {.file = "nfs.lua", .name = value_text(a, "nfs"),
		.fields = value_read(a, fields, strlen(fields), &e), .observe = true, .up = true};

	*vec_push(a, all) = custom_kind_read(a, &from, d);
	return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static FILE *nowhere;
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source src = {"fuzz.yaml", (const char *)data, n};
	struct spec *s = spec_read_in(&a, &src, &(struct spec_world){.env = environment}, &d);

	/* Nothing is unusable without a message, and nothing bad is accepted silently. */
	if (!s && !d.nerror)
		__builtin_trap();
	if (s)
		s->custom_kinds = some_kind(&a, &d);
	if (s && !cluster_compile(&a, s, &d) != (d.nerror > 0))
		__builtin_trap();
	for (size_t i = 0; s && i < s->hooks.n; i++)
		check_value(&a, spec_value(&a, s->hooks.v[i].config));
	for (size_t i = 0; s && i < s->steps.n; i++)
		check_value(&a, spec_value(&a, s->steps.v[i].with));
	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_print(&d, nowhere, n % 2);
	arena_release(&a);
	return 0;
}
