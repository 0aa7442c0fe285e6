#ifndef PLANNER_MEASURED_H
#define PLANNER_MEASURED_H

#include <stdbool.h>

#include "planner/base/arena.h"

/* What a start took of a GPU, as the engine printed it, beside what the layout had said of the
 * GPU with the least room. In GiB; kv 0: nothing is known. */
struct measured {
	double weights, kv;             /* weights 0: not printed */
	double tokens;                  /* of the KV cache; 0: not printed */
	double said_weights, said_kv;   /* 0: nothing was said */
	long long tensor, pipeline;     /* of the layout that was said */
	long long model;                /* the engine's memory_model that said it */
};

/* Reads what `measured` of the engine's node script printed: "WEIGHTS KV TOKENS", where "-" is
 * not known. False: these are not plausible numbers. */
bool measured_read(const char *text, struct measured *);
/* The same for numbers from a record: whatever is not plausible becomes 0, for kv all. */
void measured_check(struct measured *);

#endif
