/* Parses references to secrets: env:NAME, file:PATH, cmd:COMMAND. */
#include <string.h>

#include "planner/base/vec.h"
#include "planner/spec/spec.h"

struct secret_ref
secret_ref_of(const char *text)
{
	static const char *const prefix[] = {"none:", "env:", "file:", "cmd:"};

	for (size_t i = SECRET_ENV; i < countof(prefix); i++) {
		size_t n = strlen(prefix[i]);

		if (strncmp(text, prefix[i], n) == 0)
			return (struct secret_ref){.from = i, .what = text + n + strspn(text + n, " ")};
	}
	return (struct secret_ref){0};
}
