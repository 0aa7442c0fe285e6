/* Logs of an engine: splits lines, and searches the one that names the cause. */
#include <stdint.h>

#include "planner/base/str.h"
#include "planner/why/why_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena a = {0};
	struct str s = {0};
	const char *text = (const char *)bytes;
	const struct why_log logs[] = {{"rank[1]", text, n / 2}, {"rank[2]", text + n / 2, n - n / 2}};
	struct why why = why_find(&a, logs, 2);

	why_text(&s, &why, logs, 2);
	str_release(&s);
	arena_release(&a);
	return 0;
}
