#ifndef PLANNER_ROUTE_H
#define PLANNER_ROUTE_H

#include "planner/cluster/cluster.h"

/*
 * Over which interfaces does a node reach the others? As a rule over the one that has its address.
 * That does not hold for an address on lo, as on a host that speaks BGP: NCCL and Gloo take the
 * first address of the interface that they are given, and on lo that is 127.0.0.1. Then the
 * interfaces of its routes to the other nodes count, if they have an address of their own. Pure.
 */
/* The names, separated by commas; NULL: not known, or none has an address that others dial. */
const char *route_interfaces(struct arena *, const struct cluster *, const struct node *);
/* Is the node's address on lo, while there are others to reach? */
bool route_is_on_lo(const struct cluster *, const struct node *);

#endif
