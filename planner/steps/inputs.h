#ifndef STEPS_INPUTS_H
#define STEPS_INPUTS_H

#include "planner/plan/kind.h"

/* The inputs that a step is made from. */

/* What the step wants, with the values known by now: an unknown one is the output of its
 * upstream or of the step itself. What is still unknown is left out. */
struct attrs step_inputs(struct arena *, const struct step *);
/* The dependency of that kind on that node (NULL: any node), or NULL. */
const struct step *step_upstream(const struct step *, const char *kind,
				 const struct node *);
/* Adds the user's environment for the node's containers, as env.NAME. */
void env_want(struct arena *, const struct cluster *, const struct node *, struct attrs *);
/* The commit to serve: the Hub's, or, while the Hub does not answer, the one that the head
 * recorded for the same revision; NULL: not known. */
const char *model_commit(const struct cluster *);
/* The same for another repository. */
const char *extra_commit(const struct cluster *, const struct cluster_extra *);

#endif
