/* The layout in the head's record. */
#include <stdlib.h>
#include <string.h>

#include "planner/cluster/decide.h"

/* The same limits as in a spec: tensor and pipeline, GPUs of a node. */
enum { MAX_RECORDED = 1024, MAX_GPUS = 64 };

/* A number of a record, which comes from a node: 0 if a spec could not ask for it. */
static long long
recorded_number(const struct record *r, const char *name, long long most)
{
	struct attrs inputs = r->inputs;
	const char *s = attrs_value(&inputs, name, "");
	size_t n = strlen(s);

	if (!n || n > 6 || strspn(s, "0123456789") != n || strtoll(s, NULL, 10) > most)
		return 0;
	return strtoll(s, NULL, 10);
}

/* The layers of each stage, if dray or the user chose them. */
static const char *
recorded_partition(struct arena *a, const struct cluster *c, const struct record *r)
{
	const char *name = c->engine->partition_env;
	struct attrs inputs = r->inputs;
	const char *s = name ? attrs_value(&inputs, arena_printf(a, "env.%s", name), "") : "";

	return *s && strspn(s, "0123456789,") == strlen(s) ? s : NULL;
}

bool
decide_recorded(struct arena *a, struct cluster *c, bool fixed, const char *why)
{
	const struct facts *f = c->nnode && node_observed(&c->node[0]) ? c->node[0].facts : NULL;

	for (size_t i = 0; f && i < f->record.n; i++) {
		const struct record *r = &f->record.v[i];
		long long tensor = recorded_number(r, "tensor", MAX_RECORDED);
		long long pipeline = recorded_number(r, "pipeline", MAX_RECORDED);
		long long nodes = recorded_number(r, "nodes", (long long)c->nspec);

		if (!tensor || !pipeline || !nodes || tensor * pipeline > MAX_GPUS * nodes)
			continue;
		if (fixed && (tensor != c->tensor || pipeline != c->pipeline))
			continue;
		c->tensor = tensor;
		c->pipeline = pipeline;
		c->nlayout = (size_t)nodes;
		c->partition = recorded_partition(a, c, r);
		if (!fixed)
			c->layout_note = arena_printf(a, "as recorded: %s", why);
		return true;
	}
	return false;
}
