#ifndef STEPS_PROXY_H
#define STEPS_PROXY_H

#include "planner/plan/kind.h"

/* If the engine has an HTTP proxy, its traffic between the nodes must not use it: Ray's gRPC would
 * use the proxy even for the node itself. Adds env.no_proxy and env.NO_PROXY with the addresses of
 * all nodes, unless the user's value has all of them. */
void proxy_want(struct arena *, const struct cluster *, const struct node *, struct attrs *want);
/* Is that a variable that proxy_want() adds? */
bool proxy_is_own(const char *name);

#endif
