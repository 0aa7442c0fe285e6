/* libFuzzer: bytes of a spec file -> spec -> model, and whatever is said about them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "planner/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *
environment(const char *name)
{
	return strcmp(name, "HOME") == 0 ? "/root" : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static FILE *nowhere;
	struct arena a = {0};
	struct diags d = {.arena = &a};
	struct source src = {"fuzz.yaml", (const char *)data, n};
	struct spec *s = spec_read(&a, &src, environment, &d);

	/* Nothing usable without a word about why, and nothing bad taken silently. */
	if (!s != (d.nerror > 0))
		__builtin_trap();
	if (s && !model_build(&a, s, &d))
		__builtin_trap();
	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	diag_print(&d, nowhere, n % 2);
	arena_release(&a);
	return 0;
}
