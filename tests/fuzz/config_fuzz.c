/* libFuzzer: config.json, index and the Hub's answer (separated by NUL) -> a layout, and its
 * output. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/layout/layout_fit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *
part(const char **at, const char *end, size_t *n)
{
	const char *start = *at, *nul = memchr(start, '\0', (size_t)(end - start));

	*n = (size_t)((nul ? nul : end) - start);
	*at = nul ? nul + 1 : end;
	return start;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct layout_node nodes[] = {{"a", "GPU", 8, 8e10, 4}, {"b", "GPU", 8, 8e10, 4},
		{"c", "GPU", 3, 4e10, 0}};
	const char *at = (const char *)data, *end = at + n;
	struct arena a = {0};
	struct checkpoint_texts t = {.file_bytes = n % 3 ? 1e11 : 0};
	struct layout_ask ask = {.engine = engine_find("vllm"), .node = nodes, .nnode = countof(nodes), .data = 1 + n % 2,
		.utilization = 0.9, .utilization_from = "fuzz", .kv_bits = 16, .batch_tokens = 8192,
		.sequences = 256, .mp = n % 5 == 0, .expert_parallel = n % 7 == 0};
	struct layout_result *r;

	t.config = part(&at, end, &t.nconfig);
	t.index = part(&at, end, &t.nindex);
	t.hub = part(&at, end, &t.nhub);
	ask.model = checkpoint_read(&a, &t);
	ask.context = ask.model->context;
	r = layout_search(&a, &ask);
	/* What is chosen uses existing nodes and was not refused. */
	if (r->usable && (!r->best.nodes || r->best.nodes > countof(nodes) || r->best.tensor < 1 ||
			  r->best.pipeline < 1 || r->best.rule))
		__builtin_trap();
	if (ask.model->known && r->usable && r->best.fit != FIT_UNKNOWN &&
	    !(r->best.weights >= 0 && r->best.weights < 1e15))
		__builtin_trap();
	arena_release(&a);
	return 0;
}
