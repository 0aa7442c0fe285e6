#ifndef PLANNER_MEASURED_H
#define PLANNER_MEASURED_H

#include <stdbool.h>

#include "planner/base/arena.h"

/* The memory of a GPU after a start, as the engine printed it, beside the layout's estimate for the
 * GPU with the least room. In GiB; kv 0: nothing is known. */
struct measured {
	double weights, kv;             /* weights 0: not printed */
	double tokens;                  /* of the KV cache; 0: not printed */
	double said_weights, said_kv;   /* the estimate; 0: there was none */
	long long tensor, pipeline;     /* of the layout that was estimated */
	long long model;                /* the engine's memory_model that made the estimate */
};

/* Reads what `measured` of the engine's node script printed: "WEIGHTS KV TOKENS", where "-" is
 * not known. False: the numbers are not plausible. */
bool measured_read(const char *text, struct measured *);
/* Checks numbers from a record: one that is not plausible becomes 0; if it is kv, all become 0. */
void measured_check(struct measured *);

#endif
