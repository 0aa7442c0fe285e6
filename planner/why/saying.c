/* The table of what programs print when something is wrong, and the lookup in it. */
#include "planner/why/saying.h"

#include <string.h>

static const struct saying sayings[] = {
#define SAYING(weight, pattern, means, advice) {SAYING_##weight, pattern, means, advice},
#include "planner/why/sayings.def"
#undef SAYING
};

bool
saying_fits(const char *pattern, const char *text)
{
	bool at_start = *pattern == '^';

	for (pattern += at_start; *pattern; pattern += *pattern == '*', at_start = false) {
		size_t n = strcspn(pattern, "*");
		const char *found = at_start ? strncmp(text, pattern, n) == 0 ? text : NULL
					     : n ? memmem(text, strlen(text), pattern, n) : text;

		if (!found)
			return false;
		text = found + n;
		pattern += n;
	}
	return true;
}

const struct saying *
saying_of(const char *text)
{
	for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++)
		if (saying_fits(sayings[i].pattern, text))
			return &sayings[i];
	return NULL;
}
