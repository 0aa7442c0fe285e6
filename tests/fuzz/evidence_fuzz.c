/* Reports of nodes about an engine that died: states and logs, the cause, and the merged lines. */
#include <stdint.h>

#include "planner/why/evidence.h"
#include "planner/why/log_merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct log_wanted wanted = {.since = -1, .tail = 100};
	struct arena a = {0};
	struct str s = {0};
	struct evidence e = {0};
	struct why why;
	bool by_log;

	evidence_read(&a, &e, "n1", "serve", (const char *)bytes, n / 2);
	evidence_read(&a, &e, "n2", NULL, (const char *)bytes + n / 2, n - n / 2);
	why = evidence_why(&a, &e, &by_log);
	evidence_line(&a, &e, &why, by_log);
	evidence_text(&s, &e, &why, by_log);
	log_merge(&a, e.logs.v, e.logs.n, &wanted);
	str_release(&s);
	arena_release(&a);
	return 0;
}
