#ifndef STEPS_PROXY_H
#define STEPS_PROXY_H

#include "planner/plan/kind.h"

/* Where the engine has an HTTP proxy, what it says to its own nodes must go past it: Ray's gRPC
 * would take the proxy even to the node itself. Adds env.no_proxy and env.NO_PROXY with the
 * addresses of all nodes, if what the user wrote leaves one out. */
void proxy_want(struct arena *, const struct cluster *, const struct node *, struct attrs *want);
/* Is that a variable that proxy_want() adds? */
bool proxy_is_own(const char *name);

#endif
