#include "planner/layout.h"

#include <string.h>

/* The first nodes that hold all tensor groups, each whole; 0 when all nodes do not. */
static size_t
by_groups(const struct spec *s)
{
	long long groups = 0;

	for (size_t i = 0; i < s->nnode; i++) {
		groups += s->node[i].gpus.value / s->parallelism.tensor.value;
		if (groups >= s->parallelism.pipeline.value * s->parallelism.data.value)
			return i + 1;
	}
	return 0;
}

static size_t
by_gpus(const struct spec *s, long long wanted)
{
	long long gpus = 0;

	for (size_t i = 0; i < s->nnode; i++) {
		gpus += s->node[i].gpus.value;
		if (gpus >= wanted)
			return i + 1;
	}
	return 0;
}

static bool
is_mp(const struct spec *s)
{
	return s->engine.backend.text && strcmp(s->engine.backend.text, "mp") == 0;
}

struct layout
layout_of(const struct spec *s)
{
	struct layout l = {.known = true, .fits = true,
		.wanted = s->parallelism.tensor.value * s->parallelism.pipeline.value *
			  s->parallelism.data.value};
	const struct spec_parallelism *p = &s->parallelism;

	/* layout_choose() says more when the nodes were looked at. */
	if (p->is_auto || p->tensor.is_auto || p->pipeline.is_auto)
		return (struct layout){.fits = true, .nodes = s->nnode};
	for (size_t i = 0; i < s->nnode; i++) {
		l.known = l.known && s->node[i].gpus.set;
		l.have += s->node[i].gpus.value;
	}
	if (!l.known) {
		l.nodes = (long long)s->nnode < l.wanted ? s->nnode : (size_t)l.wanted;
		/* With mp each gives the same number. */
		while (l.nodes > 1 && is_mp(s) && l.wanted % (long long)l.nodes)
			l.nodes--;
		return l;
	}
	l.nodes = by_groups(s);
	if (!l.nodes) {
		l.nodes = by_gpus(s, l.wanted);
		l.spans = l.nodes > 0;
	}
	l.fits = l.nodes > 0;
	return l;
}
