/* The registry of step kinds. */
#include "planner/steps/kinds.h"

#include <string.h>

#define KIND(name) extern const struct kind kind_##name;
#include "planner/steps/kinds.def"
#undef KIND

const struct kind *const kinds[] = {
#define KIND(name) &kind_##name,
#include "planner/steps/kinds.def"
#undef KIND
	NULL,
};

const struct kind *
kind_find(const char *name)
{
	for (size_t i = 0; kinds[i]; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}
