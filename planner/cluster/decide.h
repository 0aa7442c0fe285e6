#ifndef PLANNER_DECIDE_H
#define PLANNER_DECIDE_H

#include "planner/base/diag.h"
#include "planner/cluster/address.h"

/*
 * The one place where the facts of the nodes become decisions. Called once, after all nodes
 * were observed and everything outside was asked. It decides in this order, each step with
 * the results of those before it:
 *	addresses	how the nodes dial each other
 *	layout		tensor, pipeline, and how many nodes that takes
 *	shape		of the engine on that many nodes
 *	fabric		the RDMA ports that these nodes have in common
 * While it searches, a layout asks for the shape that several nodes would have.
 * Problems are in d. If nothing can be chosen, or the engine cannot do it, the error is at its
 * place in the spec; all others are about nodes. The sizes in the cluster are then only good
 * for observing and destroying. Pure.
 */
void cluster_decide(struct arena *, struct cluster *, struct diags *d);
/* Only the addresses and the fabric, for nodes without a layout (discover). */
void cluster_decide_network(struct arena *, struct cluster *);

/* decide_layout.c: reads what is known of the model and checks the sizes of the spec against
 * it, or chooses those that are `auto`. Sets checkpoint, layout, layout_note, tensor, pipeline
 * and nlayout. */
void decide_layout(struct arena *, struct cluster *, struct diags *d);
/* decide_measured.c: the memory that the engine printed when it started, beside the layout's
 * estimate. kv 0: it printed none. */
struct measured measured_of_start(const struct cluster *, const char *text);
struct layout_ask;
/* Sets ask->measured to what an earlier start of the same model printed, from the head's records. */
void measured_look(const struct cluster *, struct layout_ask *);
/* decide_recorded.c: if a node or the Hub does not answer, takes the layout that the engine
 * was started with from the head's record. Otherwise a missing answer would look like a change
 * of the layout. False: there is no such record. */
bool decide_recorded(struct arena *, struct cluster *, bool fixed, const char *why);

#endif
