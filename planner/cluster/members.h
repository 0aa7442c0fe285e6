#ifndef PLANNER_MEMBERS_H
#define PLANNER_MEMBERS_H

#include "planner/cluster/cluster.h"

/*
 * members.json: each node stores the list of all nodes of its cluster, so that a node that
 * leaves the spec can still be found and cleaned up.
 */

/* {"cluster":..,"apply_id":..,"nodes":[{name,host,address,port,machine_id,way}]} */
const char *members_write(struct arena *, const struct cluster *, const char *apply_id);
/* The last apply that worked there, or NULL. Each apply writes its id before its first
 * operation. */
const char *members_apply(struct arena *, const char *json);
/* How many nodes that left one list may name, and all lists together. */
enum { MEMBERS_OF_ONE = 64, MEMBERS_IN_ALL = 256 };
/* Appends the nodes that the members.json of node `by` names and the spec does not; the array
 * cluster->node may move. Their `spec` is NULL and `member` says which machine it is. How it
 * is reached comes from the spec; if that does not say, `no_way` has the reason. */
void members_merge(struct arena *, struct cluster *, const char *by, const char *json, size_t n);

#endif
