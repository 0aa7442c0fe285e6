/* The node scripts, embedded in the binary, and scripts with a library in front. */
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

/* Every combination that was made so far: all nodes get the same text, so it is made once. */
struct joined {
	const struct script *library, *then;
	struct script both;
	struct joined *next;
};
static struct joined *joined;
static struct arena joined_arena;

/* Does the script live as long as the program? Only then can its address stand for its text. */
static bool
scripts_stays(const struct script *s)
{
	const struct joined *j = joined;

	while (j && s != &j->both)
		j = j->next;
	return j || (s >= scripts && s < scripts + countof(scripts));
}

const struct script *
script_behind(struct arena *a, const char *name, const struct script *then)
{
	const struct script *library = script_get(name);
	struct arena *in = scripts_stays(then) ? &joined_arena : a;
	struct joined *j = joined;

	while (j && (j->library != library || j->then != then))
		j = j->next;
	if (j)
		return &j->both;
	j = ar_new(in, struct joined);
	*j = (struct joined){.library = library, .then = then};
	j->both = (struct script){then->name, arena_printf(in, "%s\n%s", library->text, then->text)};
	if (in == &joined_arena) {
		j->next = joined;
		joined = j;
	}
	return &j->both;
}

const struct script *
script_with(struct arena *a, const char *library, const char *name)
{
	return script_behind(a, library, script_get(name));
}
