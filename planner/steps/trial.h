#ifndef STEPS_TRIAL_H
#define STEPS_TRIAL_H

#include "planner/plan/kind.h"

/* The arguments of a server are read by the engine's own parser before anything is stopped. */

/* Makes the task that does that on the server's node; false: this engine has no way. `strict`:
 * the task fails if something is refused. Otherwise it says so for trial_refused(). `keep`: it
 * keeps the verdict on the node. */
bool trial_task(struct arena *, const struct step *server, bool keep, bool strict, struct task *);
/* From what the task printed: an error for each argument, at its place in the spec. */
void trial_refused(const struct step *server, const char *printed, struct diags *);

#endif
