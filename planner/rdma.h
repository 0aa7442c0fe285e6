#ifndef PLANNER_RDMA_H
#define PLANNER_RDMA_H

#include "planner/facts.h"

/*
 * RDMA between the nodes of a layout: which ports NCCL is to use, when every node has some
 * that work. InfiniBand ports count where they are active, the fastest of a node; RoCE
 * ports count on the interface whose address was chosen, or in a network that every node
 * has a RoCE port in. Pure.
 */
struct rdma {
	const char *layer;              /* "InfiniBand" or "RoCE" */
	const char *hca;                /* for NCCL_IB_HCA: "mlx5_0:1,mlx5_1:1", the same list
					 * for all nodes, as vLLM copies NCCL_* to all workers */
	size_t ports;                   /* of the node that has the fewest */
	long long rate;                 /* Gb/s of the slowest port; 0: not known */
};

/* Sets model->rdma from what the layout's nodes showed; after the addresses are chosen. */
void rdma_choose(struct arena *, struct model *);
/* Some ports of the layout are active, and this node's are not: what is wrong with them,
 * or NULL. */
const char *rdma_missing(struct arena *, const struct model *, const struct node *);
/* Does NCCL use this port? */
bool rdma_uses(const struct model *, const struct node *, const struct fact_rdma *);

#endif
