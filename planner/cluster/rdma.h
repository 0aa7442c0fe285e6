#ifndef PLANNER_RDMA_H
#define PLANNER_RDMA_H

#include "planner/cluster/cluster.h"
#include "planner/facts/facts.h"

/*
 * RDMA between the nodes of a layout: which ports NCCL uses, if every node has some that work.
 * InfiniBand: the active ports, the fastest of each node. RoCE: the ports on the interface
 * with the chosen address, or in a network in which every node has a RoCE port. Pure.
 */
struct rdma {
	const char *layer;              /* "InfiniBand" or "RoCE" */
	const char *hca;                /* NCCL_IB_HCA: "mlx5_0:1,mlx5_1:1". One list for all
					 * nodes, as an engine copies NCCL_* to all workers */
	size_t ports;                   /* of the node with the fewest */
	long long rate;                 /* Gb/s of the slowest port; 0: not known */
};

/* Sets cluster->rdma from what the layout's nodes show. Call it after addresses are chosen. */
void rdma_choose(struct arena *, struct cluster *);
/* If other nodes of the layout have active ports and this one has none: why, or NULL. */
const char *rdma_missing(struct arena *, const struct cluster *, const struct node *);
/* Does NCCL use this port? */
bool rdma_uses(const struct cluster *, const struct node *, const struct fact_rdma *);

#endif
