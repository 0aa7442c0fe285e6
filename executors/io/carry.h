#ifndef EXECUTORS_CARRY_H
#define EXECUTORS_CARRY_H

#include "planner/spec/spec.h"

/* Reads the files under files: of a spec, relative to its folder, and hashes them. What is wrong
 * with one is an error in d at its `from`. They become part of a saved plan, by their hashes. */
void carry_load(struct arena *, struct spec *, struct diags *d);

#endif
