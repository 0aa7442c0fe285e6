#ifndef RANK_BY_HAND_H
#define RANK_BY_HAND_H

/* Ranks of a cluster that a test writes. */
#include "tests/unit/kinds_by_hand.h"

#define MP "engine: {backend: mp, image: 'img:1'"

static const char spread_spec[] =
	"cluster: c1\nnodes:\n  - {name: n1, host: 192.0.2.1, gpus: %d}\n"
	"  - {name: n2, host: 192.0.2.2, gpus: %d}\nshared_dir: /srv\n"
	"model: {path: /m}\nserve: {name: tiny}\nparallelism: {tensor: %d, pipeline: %d, data: %d}\n"
	"engine: {backend: mp, image: 'img:1', master_port: 29777}\n";

static inline void
spread(int gpus, int tensor, int pipeline, int data)
{
	again();
	build_text(arena_printf(&arena, spread_spec, gpus, gpus, tensor, pipeline, data));
	for (size_t i = 0; i < model->nlayout; i++)
		seen_as(i, "model\tconfig.json\t10\t-\n");
	graph = graph_build(&arena, model, &problems);
}

#endif
