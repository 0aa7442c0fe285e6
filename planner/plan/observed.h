#ifndef PLANNER_OBSERVED_H
#define PLANNER_OBSERVED_H

#include "planner/plan/kind.h"

/* For a step that runs with the inputs of its record, whose phase is not "done": marks it as coming
 * up, unless the record says that it failed. */
void observe_coming(struct arena *, struct step *);
/* Sets the step to a conflict and reports it: something that is not ours is in its way. */
void observe_conflict(struct step *, struct diags *, const char *why,
		      const char *hint);
/* For a step of which something runs: does its record say that it was stopped? Then it counts as
 * interrupted, so that an apply replaces it. */
bool observe_unstopped(struct step *);
/* Sets what is observed from the record alone. */
void observe_record(struct arena *, struct step *);

#endif
