#ifndef PLANNER_ALIKE_H
#define PLANNER_ALIKE_H

#include <stdbool.h>
#include <stddef.h>

/* Words that mean the same, however tools write them: '-', '_' and the case of letters do not count. */

/* Is that the word, which has n bytes: "tensor-parallel", "TensorParallel"? */
bool alike(const char *key, const char *word, size_t n);
/* Is it one of the words, with a space between? Never for NULL. */
bool alike_among(const char *key, const char *words);

#endif
