#ifndef STEPS_TRIAL_H
#define STEPS_TRIAL_H

#include "planner/plan/kind.h"

/* The arguments of a server are read by the engine's own parser before anything is stopped. */

struct trial_how {
	bool keep;              /* keep the verdict on the node */
	bool strict;            /* the task fails if something is refused; else it says so: trial_refused() */
	const char *known;      /* the sum of a verdict that we have, or NULL: see options-try.sh */
};

/* Makes the task that does that on the server's node. False: the engine cannot do it. */
bool trial_task(struct arena *, const struct step *server, const struct trial_how *, struct task *);
/* From what the task printed: an error for each argument, at its place in the spec. */
void trial_refused(const struct step *server, const char *printed, struct diags *);
/* The lines that begin with that word and a space, without these, each with its line end. "": there
 * are none. The text comes from a node: it is made safe. */
const char *trial_said(struct arena *, const char *printed, const char *word);

#endif
