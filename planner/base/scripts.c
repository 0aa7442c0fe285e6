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

/* What was put together of these scripts: all nodes get the same text, so it is made once. */
struct made {
	const struct script *library, *then;
	struct script both;
	struct made *next;
};
static struct made *made;
static struct arena made_in;

/* Is it there as long as the program runs? Only then its address means this text. */
static bool
scripts_stays(const struct script *s)
{
	const struct made *m = made;

	while (m && s != &m->both)
		m = m->next;
	return m || (s >= scripts && s < scripts + countof(scripts));
}

const struct script *
script_behind(struct arena *a, const char *name, const struct script *then)
{
	const struct script *library = script_get(name);
	struct arena *in = scripts_stays(then) ? &made_in : a;
	struct made *m = made;

	while (m && (m->library != library || m->then != then))
		m = m->next;
	if (m)
		return &m->both;
	m = ar_new(in, struct made);
	*m = (struct made){.library = library, .then = then};
	m->both = (struct script){then->name, arena_printf(in, "%s\n%s", library->text, then->text)};
	if (in == &made_in) {
		m->next = made;
		made = m;
	}
	return &m->both;
}

const struct script *
script_with(struct arena *a, const char *library, const char *name)
{
	return script_behind(a, library, script_get(name));
}
