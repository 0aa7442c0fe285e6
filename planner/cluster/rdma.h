#ifndef PLANNER_RDMA_H
#define PLANNER_RDMA_H

#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"

/*
 * RDMA between the nodes of a layout: which ports NCCL uses, if every node has some that work.
 *	InfiniBand	the fastest active ports of each node
 *	RoCE		the active ports
 *			- on the interface with the node's address,
 *			- in a network in which every node has a RoCE port,
 *			- with an address that the others reach, or
 *			- with a cable between each two nodes, if NCCL is known to compare
 *			  networks, or NCCL_IB_SUBNET_AWARE_ROUTING is set and it may
 * Pure.
 */
struct rdma {
	const char *layer;              /* "InfiniBand" or "RoCE" */
	const char *hca;                /* NCCL_IB_HCA: "mlx5_0:1,mlx5_1:1". One list for all
					 * nodes, as an engine copies NCCL_* to all workers */
	size_t ports;                   /* of the node with the fewest */
	long long rate;                 /* Gb/s of the slowest port; 0: not known */
	bool cables;                    /* each two nodes have a network of their own */
};

/* Sets cluster->rdma from what the layout's nodes show. Call it after addresses are chosen. */
void rdma_choose(struct arena *, struct cluster *);
/* If other nodes of the layout have active ports and this one has none: why, or NULL. */
const char *rdma_missing(struct arena *, const struct cluster *, const struct node *);
/* Must NCCL be told not to use RDMA? dray names no ports then, but NCCL would find some by itself,
 * although some nodes have none or the ports do not join all nodes. */
bool rdma_must_be_off(const struct cluster *);
/* Is the port active, and can a process open it? */
bool rdma_works(const struct fact_rdma *);
/* Is `interface` the port's own one, or a VLAN on it, such as "bond0.100" on "bond0"? */
bool rdma_sits_on(const struct facts *, const char *interface, const char *port);
/* Have both nodes a RoCE port in one network? */
bool rdma_linked(const struct cluster *, const struct node *, const struct node *);
/* The version of NCCL, if that is known and cannot compare networks; or NULL. */
const char *rdma_old_nccl(const struct cluster *);
/* rdma_unused.c: the warning about a fast network that NCCL does not use, with the reason; *hint:
 * what to do. NULL: there is none, or the user does not want it. */
const char *rdma_unused(struct arena *, const struct cluster *, const char **hint);
/* The warning that the node's address, through which the traffic of NCCL and the engine goes, is not
 * on its fastest card. NULL: no better one is known. */
const char *rdma_slow_card(struct arena *, const struct cluster *, const struct node *,
			   const char **hint);
/* Does NCCL use this port? */
bool rdma_uses(const struct cluster *, const struct node *, const struct fact_rdma *);

#endif
