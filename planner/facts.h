#ifndef PLANNER_FACTS_H
#define PLANNER_FACTS_H

#include "planner/base/attr.h"
#include "planner/model.h"

/*
 * What one look at a node showed. The node side is planner/kinds/observe.sh; it
 * prints one fact a line: TYPE, TAB, fields separated by TABs. Tabs, newlines and
 * backslashes inside a field are written \t, \n and \\. The last line is "end".
 * facts_read() is pure, bounded and fuzzed. A field that may be "-" is NULL then
 * (image digest, port container); every other text in a list is at least "".
 *
 *	id        machine-id boot-id hostname user uid gid home epoch-seconds
 *	os        kernel arch pretty-name
 *	clock     seconds-since-boot
 *	docker    ok|missing|denied|down  version  detail
 *	podman    ok|missing|down  version  detail (of the engine: the same three)
 *	venv      path  ok|missing|broken  vllm-version-or--  ray-version-or--  hf yes|no
 *	toolkit   yes|no                          (docker can hand out GPUs)
 *	gpu       index uuid name total-MiB used-MiB driver [mig-mode]
 *	gpuproc   pid used-MiB user command
 *	gpunone   reason
 *	raw       nvidia-topo text                (others of these are for discover.h)
 *	addr      interface address prefix
 *	nic       interface state speed-Mb/s mtu physical|bond|vlan|bridge|virtual
 *	rdma      device port state rate link-layer interface yes|no   (as sysfs words them;
 *	          yes: /dev/infiniband is there)
 *	reach     address yes|no|unknown detail   (can this node dial that peer)
 *	resolve   own-hostname address            (what the node's own name means there)
 *	shared    path  fs-type  device:inode  free-KiB  writable yes|no|missing
 *	shm       KiB
 *	ram       KiB                             (of the host; unified memory is this)
 *	port      number  pid  user  command  container-name-or--
 *	image     reference  id  digest-or--      (present images that were asked for)
 *	engine    image-id ray-version-or-- vllm-version-or--   (an apply looked into it)
 *	container name id state exit-code started-at image-id cluster step digest inputs-json pid
 *	record    step  json-on-one-line
 *	members   json-on-one-line
 *	mackey    hex
 *	lock      free|held  info
 *	model     path size blob                  (files of the snapshot that are there)
 *	config    text                            (config.json in model.path, bounded)
 *	weights   total-size-or-- bytes print     (its index's word, its safetensors, and a
 *	          hash of their names, sizes and times)
 *	script    path sha256|missing
 *	proc      step instance pid alive|dead exit-status inputs-json   (serve in the head's
 *	          container; without containers each step that is a process; status
 *	          "boot": it ran before the host was rebooted)
 *	end
 */
struct fact_container {
	const char *name, *id, *state, *started, *image, *cluster, *step, *digest, *inputs;
	int exit_code;
	long pid;               /* 0: not running */
};
struct fact_proc {
	const char *step, *instance, *status, *inputs;
	long pid;
	bool alive;
};
struct fact_port {
	int port;
	const char *pid, *user, *command, *container;
};
struct fact_gpu {
	int index;
	const char *uuid, *name, *driver;
	const char *trouble;    /* what the driver put in place of a value, or NULL */
	bool mig;               /* cut up */
	long long total_mib, used_mib;
};
struct fact_gpuproc {
	const char *pid, *used_mib, *user, *command;
	const char *gpu;        /* uuid; "": not known */
};
struct fact_addr {
	const char *interface, *address;
	int prefix;             /* bits of the network; 0: not known */
};
struct fact_nic {
	const char *name, *state, *kind;
	long long speed, mtu;   /* Mb/s, bytes; 0: not known */
};
struct fact_rdma {
	const char *device, *port;
	const char *layer;      /* "InfiniBand", or "Ethernet" for RoCE */
	const char *interface;  /* NULL: none */
	bool active;
	bool verbs;             /* a process can open it */
	long long rate;         /* Gb/s; 0: not known */
};
struct fact_reach {
	const char *address, *state, *detail;
};
struct fact_image {
	const char *ref, *id, *digest;
};
struct fact_file {
	const char *path, *blob;
	long long size;
};

/* A record of a step as it lies on the node, phase and all. */
struct record {
	const char *step;       /* address */
	const char *node;       /* where it ran, for adoption of steps of lost nodes */
	const char *kind;
	const char *phase;      /* "intent" or "done" */
	const char *apply_id, *at;      /* who wrote it, RFC 3339 */
	const char *instance;   /* identity of what runs; NULL in an intent */
	const char *output;     /* content digest for content edges, or NULL */
	struct attrs inputs;    /* canonical */
	struct attrs bound;     /* upstream address -> its instance when this came up */
	struct attrs down;      /* what the down script needs, as it was then */
};

struct facts {
	enum { FACTS_OK, FACTS_UNREACHABLE } state;
	const char *why;                /* when unreachable */
	double seconds;                 /* how long the look took */
	const char *machine_id, *boot_id, *hostname, *user, *uid, *gid, *home;
	long long epoch;
	const char *kernel, *arch, *os;
	const char *docker, *docker_version, *docker_detail;
	const char *podman, *podman_version, *podman_detail;
	const char *venv_state;         /* "": not asked for */
	const char *venv_vllm, *venv_ray;       /* versions; NULL: not in it */
	bool venv_hf;                   /* it has the hub's client */
	bool toolkit;
	struct { struct fact_gpu *v; size_t n, cap; } gpu;
	struct { struct fact_gpuproc *v; size_t n, cap; } gpuproc;
	const char *gpunone;
	long long island;               /* GPUs that NVLink joins, the most; 0: not known, or none */
	struct { struct fact_addr *v; size_t n, cap; } addr;
	struct { struct fact_nic *v; size_t n, cap; } nic;
	struct { struct fact_rdma *v; size_t n, cap; } rdma;
	struct { struct fact_reach *v; size_t n, cap; } reach;
	const char *resolve_name, *resolve_address;
	const char *shared_fs, *shared_id, *shared_state;
	long long shared_free_kib, shm_kib, ram_kib;
	const char *model_config;       /* of model.path; NULL: none */
	long long model_total, model_bytes;     /* 0: not known */
	const char *model_print;        /* changes with the files; NULL: not known */
	struct { struct fact_port *v; size_t n, cap; } port;
	struct { struct fact_image *v; size_t n, cap; } image;
	struct { struct fact_container *v; size_t n, cap; } container;
	struct { struct record *v; size_t n, cap; } record;
	struct { struct fact_file *v; size_t n, cap; } file;
	struct { struct fact_proc *v; size_t n, cap; } proc;
	const char *members;            /* JSON text or NULL */
	const char *mac_key;
	const char *lock_state, *lock_info;
	/* What an apply once found in the image of that fingerprint; NULL: never looked, and
	 * for ray and vllm: it has none. */
	const char *engine_image, *engine_ray, *engine_vllm;
	const char *script_sha;         /* NULL: not there */
	bool complete;                  /* "end" was seen */
};

/* The text of one observation -> facts. Never fails: what cannot be read is left
 * out and `complete` stays false when the end is missing. */
struct facts *facts_read(struct arena *, const char *text, size_t n);

/* The fields of one such line, cut apart and unescaped in place; those past `max` are
 * dropped. Field 0 is the type. */
size_t facts_split(char *line, char **field, size_t max);

/* Attributes as one canonical line of JSON, sorted by name: the text of the label
 * dray.inputs and what dray.digest is the SHA-256 of. A secret is {"mac": ...}. */
const char *inputs_write(struct arena *, const struct attrs *);
/* The way back; false for rubbish, and then what could be read was added. */
bool inputs_read(struct arena *, const char *json, size_t n, struct attrs *);

/* Records and members as JSON, one line each. record_read() is NULL for rubbish. */
const char *record_write(struct arena *, const struct record *);
struct record *record_read(struct arena *, const char *json, size_t n);
/* {"cluster":..,"apply_id":..,"nodes":[{name,host,address,machine_id,executor,ssh...}]} */
/* What the one who holds the lock left there, in words. */
const char *lock_holder(struct arena *, const char *info);
const char *members_write(struct arena *, const struct model *, const char *apply_id);
/* Nodes that members.json names and the model does not, appended to it; the array
 * model->node may move. Their `spec` is NULL and `member` says how to reach them. */
void members_merge(struct arena *, struct model *, const char *json, size_t n);

#endif
