#ifndef PLANNER_TOPO_H
#define PLANNER_TOPO_H

#include <stdbool.h>

#include "planner/base/arena.h"

/*
 * `nvidia-smi topo -m`: how GPUs and RDMA cards of one machine are connected. Rows and
 * columns are the same devices. A cell is "NV18" (18 NVLinks), "PIX", "PXB", "PHB", "NODE",
 * "SYS", "X" (itself) or "" (not said). What cannot be read is left out.
 */
struct topo_row {
	const char *label;              /* "GPU0", "NIC0" */
	const char *device;             /* "mlx5_0" for a card; the label otherwise */
	const char *cpus, *numa;        /* "0-31", "0"; "" if not said */
	const char **cell;              /* one per row */
};

struct topo {
	struct topo_row *v;
	size_t n;
};

struct topo topo_read(struct arena *, const char *text, size_t n);
/* The row of the GPU of that index, or NULL. */
const struct topo_row *topo_gpu(const struct topo *, int index);
bool topo_is_gpu(const struct topo_row *);
/* The cell of two labels or devices, or "". */
const char *topo_between(const struct topo *, const char *, const char *);
/* NVLinks in a cell: 18 for "NV18", else 0. */
unsigned topo_links(const char *cell);
/* The NVLink domain of row i, named by the first row in it. GPUs joined by NVLink, directly
 * or through others, are in one domain; a GPU without NVLink is in its own. */
size_t topo_nvlink_domain(const struct topo *, size_t i);

#endif
