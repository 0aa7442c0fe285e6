#ifndef PLANNER_GPUS_H
#define PLANNER_GPUS_H

#include <stdbool.h>

#include "planner/accelerators/topo.h"

/*
 * The GPUs of a node, from its facts: the lines of an observation, or the output of the
 * makers' tools in a discovery, which says more. Unless noted otherwise, a string that is not
 * known is "" and a number -1.
 */
enum { GPUS_MAX = 64 };         /* of a node; a spec cannot ask for more */

struct gpu {
	int index;
	const char *vendor;             /* the accelerator's name */
	const char *uuid, *name, *pci, *driver, *capability, *mig, *ecc, *persistence;
	const char *fabric_state, *fabric_status, *compute_mode;
	const char *remap_pending, *remap_failed;       /* "Yes", "No" */
	const char *trouble;            /* an error that the driver printed instead of a value */
	long long total_mib, used_mib;  /* total -1: shares the host's memory */
	long long reserved_mib;         /* part of total that programs do not get */
	long long ecc_errors;           /* uncorrected, since the driver was loaded */
	int links, links_down;          /* NVLinks; 0: none, or not known */
	double link_gbs;                /* of all links that are up, GB/s one way */
};

/* A part of a GPU that counts as one of its own (MIG). */
struct gpu_slice {
	int gpu, device;                /* index of the GPU, and of the slice in it */
	const char *uuid, *profile;     /* "MIG-...", "3g.40gb" */
	long long total_mib, used_mib;
};

/* A process that holds memory of a GPU. */
struct gpu_user {
	const char *pid, *used_mib, *user, *command;
	const char *uuid;               /* of the GPU */
	const char *container;
};

/* An error that the driver wrote to the kernel's log. */
struct gpu_error {
	const char *pci, *code, *text;
};

struct gpus {
	struct gpu *v;
	size_t n, cap;
	bool told;                      /* the maker's own tool was read: ignore "gpu" lines */
	const char *none;               /* why there are none; NULL: not said */
	const char *other;              /* accelerators that dray cannot serve on; NULL: none */
	const char *groups;             /* numbers of the groups that may open them */
	const char *closed;             /* a device that this login may not open, or "" */
	struct { struct gpu_slice *v; size_t n, cap; } slice;
	struct { struct gpu_user *v; size_t n, cap; } user;
	struct { struct gpu_error *v; size_t n, cap; } error;
	const char *platform;           /* the driver's version of it, such as that of CUDA */
	const char *fabric_manager;
	long long nvswitches;           /* 0: none */
	struct topo topo;
};

/* One more, all values unknown; NULL: there are GPUS_MAX already. */
struct gpu *gpus_add(struct arena *, struct gpus *, const char *vendor);
/* Reads what a maker's tool printed, by the tool's name in a "raw" line. Ignores others. */
void gpus_read_tool(struct arena *, struct gpus *, const char *tool, const char *text);
/* Reads a "gpu" line of facts: its n fields after the type. */
void gpus_read_line(struct arena *, struct gpus *, char *const *field, size_t n);

/* The same for a "gpukept" line: the index of a GPU that was read, and MiB. */
void gpus_read_kept(struct gpus *, const char *index, const char *mib);

/* The same for a "gpustate" line: a compute mode, or that memory errors wait for a reset. */
void gpus_read_state(struct gpus *, const char *index, const char *word);

/* The GPUs that a list selects: "0,2", or beginnings of uuids; NULL: all. If a GPU is cut into
 * slices, a process sees one of them at most: the first of the list, or without a list and if all
 * GPUs are cut up, the first of all. If the slices are not known, a list of them selects all GPUs.
 * The result shares the strings of its source. */
struct gpus gpus_visible(struct arena *, const struct gpus *, const char *list);
struct gpus gpus_one_slice(struct arena *, const struct gpus *, const char *list);
/* The size of the largest group joined by NVLink; 0: none, or not known. */
long long gpus_joined(const struct gpus *);
/* Memory of the smallest GPU in bytes; the host's memory for GPUs that share it. 0: not
 * known. */
double gpus_memory(const struct gpus *, long long host_kib);
/* The memory of that GPU that the driver keeps, in bytes; a usual amount if it does not say. */
double gpus_reserved(const struct gpus *);

/* The memory of a GPU that processes hold, without those of the cluster itself. */
struct gpu_held {
	double total, held;             /* bytes; total 0: not known */
	const struct gpu_user *most;    /* the process that holds most of it; NULL: none is seen */
	size_t users;
	bool others;                    /* the processes that are seen do not hold all of it */
};
/* host_kib, host_free_kib: the host's memory, for a GPU without memory of its own; -1: not known.
 * `mine`: something of the cluster runs, so the memory may be its own. */
struct gpu_held gpu_held_of(const struct gpus *, const struct gpu *, long long host_kib,
			    long long host_free_kib, bool mine);

/* Something wrong with a GPU or with what all of them need, and how to fix it. */
struct gpu_fault {
	enum { FAULT_BROKEN, FAULT_CUT_UP, FAULT_BUSY, FAULT_OTHER } kind;
	const struct gpu *gpu;          /* NULL: not about one GPU */
	const char *text, *hint;
};
struct gpu_faults {
	struct gpu_fault *v;
	size_t n, cap;
};
/* Faults of single GPUs come first. */
struct gpu_faults gpus_faults(struct arena *, const struct gpus *);
/* For makers: add a fault; add one for each process that holds memory. */
void gpu_fault_add(struct arena *, struct gpu_faults *, int kind, const struct gpu *,
		   const char *hint, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void gpu_faults_busy(struct arena *, const struct gpus *, struct gpu_faults *);

#endif
