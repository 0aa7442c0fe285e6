/* How many seeds a test tries: all of them, or $SEEDS per cent. `make check-fast` has fewer. */
#ifndef TESTS_UNIT_SEEDS_H
#define TESTS_UNIT_SEEDS_H

#include <stdlib.h>

static inline unsigned
seeds(unsigned all)
{
	const char *percent = getenv("SEEDS");
	unsigned some = percent ? all * (unsigned)atoi(percent) / 100 : all;

	return some ? some : 1;
}

#endif
