#ifndef PLANNER_TOPO_H
#define PLANNER_TOPO_H

#include "planner/base/arena.h"

/*
 * `nvidia-smi topo -m`: how GPUs and RDMA cards of one machine are joined. Rows and columns
 * are the same things; a cell is "NV18" (so many NVLinks), "PIX", "PXB", "PHB", "NODE",
 * "SYS", "X" (itself) or "" (not said). Bounded, fuzzed; what cannot be read is left out.
 */
struct topo_row {
	const char *label;              /* "GPU0", "NIC0" */
	const char *device;             /* "mlx5_0" for a card; the label otherwise */
	const char *cpus, *numa;        /* "0-31", "0"; "" when not said */
	const char **cell;              /* one per row */
};

struct topo {
	struct topo_row *v;
	size_t n;
};

struct topo topo_read(struct arena *, const char *text, size_t n);
/* The cell of two labels or devices, or "". */
const char *topo_between(const struct topo *, const char *, const char *);
/* NVLinks in a cell: 18 for "NV18", else 0. */
unsigned topo_links(const char *cell);
/* Which island row i is in: GPUs joined by NVLink (directly or by others) have the number
 * of their first row; a GPU without NVLink has its own. */
size_t topo_island(const struct topo *, size_t i);

#endif
