#include "planner/engines/engine_version.h"

#include <stdlib.h>

struct engine_version
engine_version_read(const char *text)
{
	struct engine_version v = {.major = -1};
	int number[3] = {0}, n = 0;

	text += *text == 'v';
	while (n < 3 && *text >= '0' && *text <= '9') {
		char *end;
		long x = strtol(text, &end, 10);

		if (x > 99999)
			return v;
		number[n++] = (int)x;
		if (*end != '.')
			break;
		text = end + 1;
	}
	if (n < 2)
		return v;
	return (struct engine_version){number[0], number[1], number[2]};
}

bool
engine_version_known(struct engine_version v)
{
	return v.major >= 0;
}

int
engine_version_compare(struct engine_version v, struct engine_version w)
{
	return v.major != w.major ? v.major - w.major
	     : v.minor != w.minor ? v.minor - w.minor : v.patch - w.patch;
}

bool
engine_version_before(struct engine_version v, int major, int minor, int patch)
{
	return engine_version_known(v) &&
	       engine_version_compare(v, (struct engine_version){major, minor, patch}) < 0;
}
