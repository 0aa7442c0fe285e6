#ifndef STEPS_FILES_H
#define STEPS_FILES_H

#include "planner/plan/kind.h"

/* Did the look see all files under files: on that node, with their content of today? */
bool files_there(struct arena *, const struct cluster *, const struct node *);

#endif
