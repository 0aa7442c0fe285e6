#ifndef LAYOUT_BY_HAND_H
#define LAYOUT_BY_HAND_H

/* Models from tests/fixtures/models, and requests for a number of nodes; for the tests of
 * layouts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/engines/vllm/vllm.h"
#include "planner/layout/layout_fit.h"
#include "tests/unit/whole_file.h"

#define FOLDER "tests/fixtures/models/"

#define MIB (1024.0 * 1024)
#define GIB (1024 * MIB)
static struct arena arena;

static inline int
reset(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = (struct arena){0};
	return 0;
}


static inline struct checkpoint *
read_text(const char *config, const char *index, const char *hub)
{
	struct checkpoint_texts t = {.config = config, .nconfig = config ? strlen(config) : 0,
		.index = index, .nindex = index ? strlen(index) : 0, .hub = hub,
		.nhub = hub ? strlen(hub) : 0};

	return checkpoint_read(&arena, &t);
}

static inline struct checkpoint *
model(const char *name)
{
	return read_text(whole_file(&arena, arena_printf(&arena, FOLDER "%s.json", name), NULL), NULL, NULL);
}

/* A request for those nodes with the defaults of a version that is not known. */
static inline struct layout_ask
ask_over(const struct checkpoint *f, const struct layout_node *node, size_t n)
{
	return (struct layout_ask){.engine = engine_find("vllm"), .model = f, .node = node, .nnode = n, .data = 1,
		.context = f->context, .utilization = 0.90, .utilization_from = "a test",
		.kv_bits = 16, .version = {-1, -1, -1}, .runner = 1, .batch_tokens = node[0].memory >= 70 * GIB ? 8192 : 2048,
		.sequences = node[0].memory >= 70 * GIB ? 1024 : 256};
}

static inline void
near(double got, double want, double within)
{
	if (got < want - within || got > want + within)
		fail_msg("%f is not %f", got, want);
}

#endif
