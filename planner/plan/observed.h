#ifndef PLANNER_OBSERVED_H
#define PLANNER_OBSERVED_H

#include "planner/plan/kind.h"

/* Something runs that was started with the inputs of the step's record, which is not done: it is
 * coming up, unless the record says that it failed. */
void observe_coming(struct arena *, struct step *);
/* Something that is not ours is in the way of the step. */
void observe_conflict(struct step *, struct diags *, const char *why,
		      const char *hint);
/* Something of a step runs although its record says that it was stopped: true, and it counts as
 * interrupted, so that an apply replaces it. */
bool observe_unstopped(struct step *);
/* Sets what is observed from the record alone. */
void observe_record(struct arena *, struct step *);

#endif
