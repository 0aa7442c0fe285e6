#ifndef WHOLE_FILE_H
#define WHOLE_FILE_H

/* Fixtures, for tests. Include it after cmocka.h. */
#include <stdio.h>

#include "planner/base/str.h"

/* The bytes of a file, in the arena and with a NUL behind them; their number in *n, unless it is
 * NULL. The test fails if the file cannot be read. */
static inline char *
whole_file(struct arena *a, const char *path, size_t *n)
{
	struct str s = {0};
	char buf[8192], *copy;
	FILE *f = fopen(path, "re");
	size_t got;

	if (!f)
		fail_msg("cannot open '%s': run the test in the root of the tree", path);
	while ((got = fread(buf, 1, sizeof buf, f)) > 0)
		str_add(&s, buf, got);
	fclose(f);
	if (n)
		*n = s.len;
	copy = arena_strndup(a, str_text(&s), s.len);
	str_release(&s);
	return copy;
}

#endif
