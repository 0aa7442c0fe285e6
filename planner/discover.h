#ifndef PLANNER_DISCOVER_H
#define PLANNER_DISCOVER_H

#include <stdio.h>

#include "planner/address.h"
#include "planner/kind.h"
#include "planner/topo.h"

/*
 * What a machine is and has, for `dray discover` and for layouts. The node side is
 * planner/kinds/discover.sh. Its lines are those of planner/facts.h (so that a recorded
 * discovery is an observation too) and
 *
 *	groups    names
 *	limit     memlock KiB-or-unlimited
 *	ram       total-KiB available-KiB
 *	cpu       count model
 *	numa      node cpus KiB
 *	disk      shared|cache|tmp|docker path fs-type total-KiB free-KiB yes|no|missing
 *	hca       device type board firmware numa-node pci
 *	hcaport   device port phys-state lid sm-lid
 *	gid       device port index gid type interface
 *	raw       nvidia-gpu|nvidia-smi|nvidia-topo|nvidia-nvlink|xid|amd-smi|rocm-smi text
 *	gpuproc   pid used-MiB user command gpu-uuid container
 *	nvswitch  pci
 *	fabricmanager  active|inactive|...
 *	podman    ok|down version-or-detail
 *	python    version
 *
 * All texts are "" and all numbers -1 when they are not known, unless said otherwise.
 * machine_read() is pure, bounded and fuzzed.
 */
struct gpu {
	int index;
	const char *vendor;             /* "nvidia", "amd" */
	const char *uuid, *name, *pci, *driver, *capability, *mig, *ecc, *persistence;
	const char *fabric_state, *fabric_status, *compute_mode;
	long long total_mib, used_mib;  /* total -1: shares the host's memory */
	long long ecc_errors;           /* uncorrected, since the driver was loaded */
	const char *remap_pending, *remap_failed;       /* "Yes", "No" */
	const char *trouble;            /* what the driver put in place of a value */
	int links, links_down;          /* NVLinks */
	double link_gbs;                /* of all links that are up, GB/s one way */
};
struct gpu_user {
	const char *uuid, *pid, *used_mib, *user, *command, *container;
};
struct xid {
	const char *pci, *code, *text;
};
struct disk {
	const char *label, *path, *fs, *state;
	long long total_kib, free_kib;
};
struct numa {
	const char *node, *cpus;
	long long kib;
};
struct hca {
	const char *device, *type, *board, *firmware, *numa, *pci;
};
struct hca_port {
	const char *device, *port, *phys, *lid, *sm_lid;
};
struct gid {
	const char *device, *port, *index, *gid, *type, *interface;
};

struct machine {
	struct facts *facts;            /* the lines of facts.h; never NULL */
	const char *groups, *memlock, *cpu, *cuda, *fabric_manager;
	const char *podman, *podman_detail, *python;
	long long ram_kib, ram_free_kib, cpus, nvswitches;
	struct { struct gpu *v; size_t n, cap; } gpu;
	struct { struct gpu_user *v; size_t n, cap; } user;
	struct { struct xid *v; size_t n, cap; } xid;
	struct { struct disk *v; size_t n, cap; } disk;
	struct { struct numa *v; size_t n, cap; } numa;
	struct { struct hca *v; size_t n, cap; } hca;
	struct { struct hca_port *v; size_t n, cap; } port;
	struct { struct gid *v; size_t n, cap; } gid;
	struct topo topo;
};

/* What discover.sh printed. Never fails; facts->complete is false when it was cut off. */
struct machine *machine_read(struct arena *, const char *text, size_t n);
/* Its parts, each for one tool's output (gpus.c, gpus_amd.c); they add to the machine. */
void gpus_take_facts(struct arena *, struct machine *);         /* of an observation */
void gpus_read_csv(struct arena *, struct machine *, const char *text);
void gpus_read_smi(struct arena *, struct machine *, const char *text);
void gpus_read_nvlink(struct arena *, struct machine *, const char *text);
void gpus_read_xid(struct arena *, struct machine *, const char *text);
void gpus_read_rocm(struct arena *, struct machine *, const char *json);
void gpus_read_amd(struct arena *, struct machine *, const char *json);

/* All machines of a spec, or this one. */
struct discovered {
	const struct node *node;
	const struct machine *machine;  /* NULL: see why */
	const char *why;
	const char *text;               /* what discover.sh printed */
	long long skew;                 /* seconds ahead of the first node; 0 unless known */
};
struct discovery {
	const struct model *model;
	struct discovered *v;
	size_t n;
	const struct addresses *addresses;      /* tested and chosen; NULL: one node */
};

/* The task of one node: HF_HOME inside the shared directory when there is one. */
void discover_task(struct arena *, const struct model *, struct task *);
/* What deserves a word, node by node, then of the nodes together. */
void discovery_warn(struct arena *, const struct discovery *, struct problems *);
void discovery_text(const struct discovery *, const struct problems *, FILE *, bool color);
/* One JSON document, keys as docs/discover.md lists them. */
const char *discovery_json(struct arena *, const struct discovery *, const struct problems *);

#endif
