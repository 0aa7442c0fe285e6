#include "planner/base/bytes.h"

const char *
bytes_text(struct arena *a, long long bytes)
{
	if (bytes >= 1000000000)
		return arena_printf(a, "%.1f GB", (double)bytes / 1e9);
	if (bytes >= 1000000)
		return arena_printf(a, "%.1f MB", (double)bytes / 1e6);
	return arena_printf(a, "%lld B", bytes);
}
