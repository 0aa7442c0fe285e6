#ifndef PLANNER_FACTS_H
#define PLANNER_FACTS_H

#include "planner/accelerators/gpus.h"
#include "planner/facts/record.h"

/*
 * What one look at a node showed. Two scripts look: planner/steps/observe.sh for a plan, and
 * planner/discover/discover.sh for `dray discover`, which asks for more of the machine and
 * for nothing of the cluster. They print one fact a line: TYPE, then fields, separated by
 * TABs. Tabs, newlines and backslashes inside a field are written \t, \n and \\. The last
 * line is "end". facts_read() is pure and bounded. A field that may be "-" becomes NULL
 * (image digests, port container); every other string is at least "".
 * The machine:
 *	id        machine-id boot-id hostname user uid gid home epoch-seconds
 *	owner     UID@STATE-FOLDER                (marks what this login starts here as its own)
 *	os        kernel arch pretty-name
 *	pod       yes                             (the host is a container itself)
 *	groups    names
 *	limit     memlock KiB-or-unlimited [hard-limit]
 *	firewall  ufw|firewalld                   (which is on)
 *	ram       total-KiB [available-KiB]       (of the host; also unified memory)
 *	shm       KiB
 *	cpu       count model
 *	numa      node cpus KiB
 *	disk      shared|cache|tmp|docker path fs-type total-KiB free-KiB yes|no|missing
 *	shared    path  fs-type  device:inode  free-KiB  writable yes|no|ro|missing|closed|dead
 *	          (dead: the reason is in place of the fs-type)
 *	cacheclosed path owner                    (a folder of the cache that this login may not write to)
 *	python    version
 *	docker    ok|missing|denied|down|podman  version  detail
 *	podman    ok|missing|down  version  detail (a discovery has no version if it is down)
 *	venv      path  ok|missing|broken  engine's-version-or--  its-needs'-version-or--  hf yes|no
 *	          (version "?": its command is there, but does not tell its version)
 *	nccl      version                         (in the virtual environment)
 *
 * Its GPUs (planner/accelerators):
 *	toolkit   yes|no                          (a container runtime can hand them over)
 *	gpu       index uuid name total-MiB used-MiB driver [mig-mode [capability [maker]]]
 *	gpukept   index MiB                       (the part of its total that the driver keeps)
 *	gpustate  index word                      (its compute mode, unless that is the default, or
 *	          "pending": memory errors wait for a reset)
 *	gpuproc   pid used-MiB user program [gpu-uuid [container]]
 *	gpuours   count                           (GPUs on which processes of the cluster hold memory)
 *	selects   variable list                   (GPUs that the login's environment selects)
 *	gpudomain device                          (for NVLink between hosts: an IMEX channel)
 *	gpunone   reason
 *	gpuother  name                            (accelerators that dray cannot serve on)
 *	gpugroups number...                       (the groups that may open its GPUs)
 *	gpuclosed path                            (a device that this login may not open)
 *	raw       tool text                       (unchanged; accelerators read it)
 *	nvswitch  pci
 *	fabricmanager  active|inactive|...
 *
 * Its network:
 *	addr      interface address prefix
 *	uplink    interface                       (a route leads over it; only if an address is on lo)
 *	nic       interface state speed-Mb/s mtu physical|bond|vlan|bridge|wifi|virtual
 *	          [the interface below a vlan]
 *	rdma      device port state rate link-layer interface yes|no   (in the words of sysfs;
 *	          yes: /dev/infiniband is there)
 *	hca       device type board firmware numa-node pci
 *	hcaport   device port phys-state lid sm-lid
 *	gid       device port index gid type interface
 *	reach     address yes|no|unknown detail   (can this node dial that address)
 *	open      address yes|no detail           (can it reach a port there where nobody listens; no:
 *	          a firewall lets ssh through and not this port)
 *	resolve   own-hostname address            (what the node's own name resolves to there)
 *	proxy     login|docker exceptions         (the login has an HTTP proxy, or docker's client
 *	          hands one to containers; exceptions: its no_proxy)
 *
 * What the cluster has there:
 *	port      number  pid  user  program  container-name-or--   (of a process of ours: the name that
 *	          its container would have; no user, no program)
 *	image     reference  id  digests-or--     (requested images that are present; digests:
 *	          their NAME@sha256:... in registries, separated by spaces)
 *	archive   missing|other|packed|read  config id arch names   (the archive of the image;
 *	          packed: it was not read yet; config: the hash of the image's configuration, or
 *	          "-": the archive has none; id: its image-id, if known)
 *	engine    image-id needs'-version-or-- engine's-version-or--   (an apply looked into it)
 *	container name id state exit-code started-at image-id cluster step digest inputs-json pid
 *	          owner mine|other|unknown login  (unknown: an earlier version made it, and no
 *	          record names it)
 *	proc      step instance pid alive|dead exit-status inputs-json   (serve in the head's
 *	          container; without containers every long-lived step; status "boot": it ran
 *	          before the host rebooted)
 *	tree      step count workers cores        (the processes that come from its first one, and
 *	          how many of them have the engine's title of a worker or a core: see engine.h)
 *	coordinator  nodes gpus-used gpus         (its status on the head)
 *	stranger  step pid owner login            (another owner's process of this cluster name)
 *	record    step  json-on-one-line
 *	ended     step  "apply-id up|down status time instance-or--", then the output in more
 *	          lines                           (noted.sh: how a command ended; after its record)
 *	members   json-on-one-line
 *	mackey    hex
 *	bench     json-on-one-line                (the last result of dray bench)
 *	lock      free|held  info                 (info has a second line if another login holds it)
 *	path      dir|file|none|broken|closed|dead  (what model.path is: a link to nothing is broken,
 *	          closed has no permission, dead is on a dead mount)
 *	snapshot  commit                          (that the cache has for the model's revision)
 *	partial   text                            (a download into the cache that did not end)
 *	model     path size blob                  (a file of the snapshot or of model.path; size -1:
 *	          a link to nothing)
 *	lacks     file                            (an index names it, and it is not there)
 *	mount     from to                         (a link in model.path leads to `from`, and a
 *	          container needs it at `to`)
 *	repo      folder commit                   (another repository in the cache)
 *	sample    blob number number-or--         (checksums of both ends and of the middle of a
 *	          blob: model-look.sh)
 *	config    text                            (config.json in model.path, bounded)
 *	weights   total-size-or-- bytes hash      (the total by its index, the bytes of its
 *	          safetensors files, a hash of their names, sizes and times)
 *	script    path sha256|missing
 *	sif       version-or-- id-or-- made-of-id-or-- what-is-wrong-or--
 *	          (runtime apptainer: the version of its command, the id of the image, and of the image
 *	          that the commands in the prefix were made for)
 *	named     path|user|group name dir|file|device|other|none|unseen yes|no|-
 *	          (something that the spec names. A path: what it is, and if this login may read it.
 *	          A user or group: its number on the node, or -)
 *	carried   key/name sha256 mode            (a file under files: of the spec)
 *	end
 */
struct fact_container {
	const char *name, *id, *state, *started, *image, *cluster, *step, *digest, *inputs;
	const char *owner, *login;      /* "": not known */
	bool foreign;                   /* made by dray, but not by this owner */
	int exit_code;
	long pid;               /* 0: not running */
};
struct fact_proc {
	const char *step, *instance, *status, *inputs;
	long pid;
	bool alive;
};
struct fact_tree {
	const char *step;
	long long all, workers, cores;
};
struct fact_stranger {
	const char *step, *pid, *owner, *login;
};
struct fact_port {
	int port;
	const char *pid, *user, *command, *container;
};
struct fact_addr {
	const char *interface, *address;
	int prefix;             /* bits of the network; 0: not known */
};
struct fact_uplink {
	const char *name;
};
struct fact_proxy {
	const char *from;       /* "login", "docker" */
	const char *without;    /* what goes past it */
};
struct fact_selects {
	const char *variable, *list;
};
struct fact_nic {
	const char *name, *state, *kind;
	const char *below;      /* of a vlan: the interface that it is on; NULL: not said */
	long long speed, mtu;   /* Mb/s, bytes; 0: not known */
};
struct fact_rdma {
	const char *device, *port;
	const char *layer;      /* "InfiniBand", "Ethernet" for RoCE, "iWARP", or of EFA another word */
	const char *interface;  /* NULL: none */
	bool active;
	bool verbs;             /* a process can open it */
	long long rate;         /* Gb/s; 0: not known */
};
struct fact_hca {
	const char *device, *type, *board, *firmware, *numa, *pci;
};
struct fact_hca_port {
	const char *device, *port, *phys, *lid, *sm_lid;
};
struct fact_gid {
	const char *device, *port, *index, *gid, *type, *interface;
};
struct fact_reach {
	const char *address, *state, *detail;
};
struct fact_image {
	const char *ref, *id, *digests;
};
struct fact_file {
	const char *path, *blob;
	long long size;
};
struct fact_carried {
	const char *path, *sha256, *mode;       /* the mode without a leading 0; "": not known */
};
struct fact_disk {
	const char *label, *path, *fs, *state;
	long long total_kib, free_kib;  /* -1: not known */
};
struct fact_numa {
	const char *node, *cpus;
	long long kib;          /* -1: not known */
};

struct facts {
	enum { FACTS_OK, FACTS_UNREACHABLE } state;
	bool new_key;                   /* unreachable only because its host key is not known */
	const char *why, *hint;         /* when unreachable; what to do, NULL or "": not known */
	double seconds;                 /* how long the observation took */
	bool complete;                  /* "end" was seen */

	/* The machine. Numbers that only a discovery asks for are -1 if not known. */
	const char *machine_id, *boot_id, *hostname, *user, *uid, *gid, *home;
	const char *owner;              /* NULL: observed by an earlier version */
	long long epoch;
	const char *kernel, *arch, *os, *groups, *memlock, *memlock_hard, *firewall, *cpu, *python;
	bool pod;                       /* it is a container itself */
	long long cpus, ram_kib, ram_free_kib;
	long long shm_kib;              /* 0: not known */
	struct { struct fact_numa *v; size_t n, cap; } numa;
	struct { struct fact_disk *v; size_t n, cap; } disk;
	const char *docker, *docker_version, *docker_detail;
	const char *podman, *podman_version, *podman_detail;
	const char *venv_state;         /* "": not asked for */
	const char *venv_engine, *venv_needs;       /* versions; NULL: not in it */
	bool venv_hf;                   /* it has hf, the client of the Hub */
	const char *nccl;               /* its version in the environment, or NULL */
	const char *shared_fs, *shared_id, *shared_state;
	const char *cache_closed, *cache_owner;         /* NULL: it may write to the cache */
	long long shared_free_kib;
	bool toolkit;
	struct gpus gpu;
	const char *gpu_domain;         /* "": none */
	struct { struct fact_selects *v; size_t n, cap; } selects;

	/* Its network. */
	struct { struct fact_addr *v; size_t n, cap; } addr;
	struct { struct fact_uplink *v; size_t n, cap; } uplink;
	struct { struct fact_nic *v; size_t n, cap; } nic;
	struct { struct fact_rdma *v; size_t n, cap; } rdma;
	struct { struct fact_hca *v; size_t n, cap; } hca;
	struct { struct fact_hca_port *v; size_t n, cap; } hca_port;
	struct { struct fact_gid *v; size_t n, cap; } hca_gid;
	struct { struct fact_reach *v; size_t n, cap; } reach, open;
	const char *resolve_name, *resolve_address;
	struct { struct fact_proxy *v; size_t n, cap; } proxy;

	/* What the cluster has there. */
	struct { struct fact_port *v; size_t n, cap; } port;
	struct { struct fact_image *v; size_t n, cap; } image;
	struct { struct fact_container *v; size_t n, cap; } container;
	struct { struct fact_proc *v; size_t n, cap; } proc;
	struct { struct fact_stranger *v; size_t n, cap; } stranger;
	struct { struct fact_tree *v; size_t n, cap; } tree;
	long long coordinator_nodes, coordinator_used, coordinator_gpus;        /* -1: not known */
	long long gpus_ours;            /* 0: not known */
	struct { struct record *v; size_t n, cap; } record;
	struct { struct fact_file *v; size_t n, cap; } file;
	const char *members;            /* JSON text or NULL */
	const char *bench;              /* the same: planner/engines/benchmark.h */
	const char *mac_key;
	const char *lock_state, *lock_info;
	/* What an apply found in the image with that ID; NULL: it was never looked into, and of
	 * the versions: the image has none. */
	const char *engine_image, *engine_needs, *engine_has;
	/* Of the archive with the image: NULL: it was not looked at, or not known. */
	const char *archive, *archive_config, *archive_id, *archive_arch, *archive_names;
	/* The model's files that it has: of model.path, or of a snapshot in the cache. */
	const char *model_kind;         /* what model.path is, as "path" above; NULL: not asked */
	const char *model_commit;       /* the commit that the cache has for the revision */
	const char *model_partial;      /* a download into the cache that did not end, or NULL */
	struct { struct fact_lack { const char *file; } *v; size_t n, cap; } lacks; /* an index
					 * names it, and it is not there */
	struct { struct fact_mount { const char *from, *to; } *v; size_t n, cap; } mount; /* what
					 * links in model.path lead to, and where they look for it */
	struct { struct fact_repo { const char *folder, *commit; } *v; size_t n, cap; } repo; /* the
					 * commit that the cache has for another repository's revision */
	struct { struct fact_sample { const char *blob, *ends, *middle; } *v; size_t n, cap; } sample;
					/* of blobs in the cache: alike for equal contents */
	const char *model_config;       /* config.json or params.json; NULL: none */
	long long model_total, model_bytes;     /* 0: not known */
	const char *model_print;        /* changes with the files; NULL: not known */
	const char *model_sample;       /* the same for equal files; NULL: not known */
	const char *script_sha;         /* NULL: not there */
	struct fact_sif {
		const char *command;            /* "apptainer version 1.4.0"; NULL: there is none */
		const char *id, *made, *why;    /* hashes, or NULL; what is wrong with the file */
	} sif;
	struct { struct fact_named {
		const char *kind, *name;
		const char *state;              /* of a path, or a number */
		bool readable;
	} *v; size_t n, cap; } named;           /* paths and users that the spec names */
	struct { struct fact_carried *v; size_t n, cap; } carried;
};

/* The program of another process's command line: "python3 …". Only the first word is kept:
 * arguments, which older observations have, may be secret. */
const char *facts_program(struct arena *, const char *line);
/* The output of one look -> facts. Never fails: what cannot be read is left out, and
 * `complete` stays false if "end" is missing. */
struct facts *facts_read(struct arena *, const char *text, size_t n);

/* Splits a line into fields and unescapes them in place; fields beyond `max` are dropped.
 * Field 0 is the type. */
size_t facts_split(char *line, char **field, size_t max);

#endif
