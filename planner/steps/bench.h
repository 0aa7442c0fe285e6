#ifndef STEPS_BENCH_H
#define STEPS_BENCH_H

#include "planner/engines/benchmark.h"
#include "planner/plan/graph.h"

/* Fills in where the API is and what it serves, as the server was started. The caller fills in the
 * numbers. False: the API does not run. */
bool bench_aim(struct arena *, const struct graph *, struct bench_load *, const struct step **server);
/* The engine's own benchmark with that load, on the server's node. */
void bench_task(struct arena *, const struct graph *, const struct step *server,
		const struct bench_load *, struct task *);
/* Keeps a result on the head. */
void bench_keep(struct arena *, const struct cluster *, const struct bench *, struct task *);

/* The SHA-256 of the inputs of all steps of the engine that run. A result counts only while it is the
 * same. */
const char *bench_inputs(struct arena *, const struct graph *);
/* "TP 2 × PP 1, 1 node": the layout of what runs. */
const char *bench_layout(struct arena *, const struct graph *, const struct step *server);
/* The longest sequence that the server's arguments allow; 0: they do not say. */
long long bench_context(const struct step *server);
/* The result that the head keeps, if it is of what runs now. */
bool bench_last(struct arena *, const struct graph *, struct bench *);

#endif
