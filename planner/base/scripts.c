#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/base/task.h"

/* The Makefile builds it from every NAME.sh of planner/ and executors/. */
static const struct script scripts[] = {
#include "scripts.inc"
};

const struct script *
script_get(const char *name)
{
	for (size_t i = 0; i < countof(scripts); i++)
		if (strcmp(scripts[i].name, name) == 0)
			return &scripts[i];
	fprintf(stderr, "dray: no script named '%s' was built in\n", name);
	abort();
}

const struct script *
script_behind(struct arena *a, const char *library, const struct script *then)
{
	struct script *both = ar_new(a, struct script);

	*both = (struct script){then->name,
		arena_printf(a, "%s\n%s", script_get(library)->text, then->text)};
	return both;
}

const struct script *
script_with(struct arena *a, const char *library, const char *name)
{
	return script_behind(a, library, script_get(name));
}
