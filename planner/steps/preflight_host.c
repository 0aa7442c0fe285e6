/* What a host is like that lets a start fail late: packets, locked memory, firewalls, disks. */
#include <string.h>

#include "planner/base/bytes.h"
#include "planner/base/limits.h"
#include "planner/cluster/rdma.h"
#include "planner/cluster/wall.h"
#include "planner/runtimes/runtime.h"
#include "planner/steps/image.h"
#include "planner/steps/preflight.h"
#include "planner/steps/rdma_flags.h"

static long long
preflight_host_mtu(const struct node *n)
{
	const char *name = node_observed(n) ? node_interface(n) : NULL;

	for (size_t i = 0; name && i < n->facts->nic.n; i++)
		if (strcmp(n->facts->nic.v[i].name, name) == 0)
			return n->facts->nic.v[i].mtu;
	return 0;
}

/* Small packets pass, and the engine hangs when the first large ones are due. */
static void
preflight_host_check_mtu(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct node *head = &c->node[0];
	long long here = preflight_host_mtu(n), there = preflight_host_mtu(head), least;

	if (n == head || !here || !there || here == there)
		return;
	least = here < there ? here : there;
	diag_node(out, DIAG_WARNING, n,
		  arena_printf(a, "set the same on all nodes, and what the switch between them carries; on %s: sudo "
			       "ip link set %s mtu %lld", here > least ? n->name : head->name,
			       here > least ? node_interface(n) : node_interface(head), least),
		  "MTU %lld on %s here, %lld on %s of %s: large packets may get lost, and NCCL then hangs",
		  here, node_interface(n), there, node_interface(head), head->name);
}

/* RDMA registers memory, which must be locked. Docker's daemon may grant that; a process of the login,
 * also in a container of its own podman, has what the login has. */
static void
preflight_host_check_memlock(const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct facts *f = n->facts;

	if (!c->rdma || n->rank >= c->nlayout || !rdma_locks_little(c, n))
		return;
	diag_node(out, DIAG_WARNING, n,
		  "in /etc/security/limits.conf: '* - memlock unlimited', then log in again; if sshd has no PAM, "
		  "LimitMEMLOCK=infinity for ssh.service",
		  "user '%s' may lock %s KiB of memory: RDMA needs more, and NCCL ends with 'Cannot allocate memory'",
		  f->user, f->memlock_hard);
}

/* Before anything of the cluster ran there: whether the ports are open shows only when they are
 * used, or dialled. */
static void
preflight_host_check_firewall(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct node *from;
	const struct fact_reach *met;
	bool passed;

	if (c->nlayout < 2 || n->rank >= c->nlayout || n->facts->members)
		return;
	met = wall_before(c, c->addresses, n, &from, &passed);
	if (met)
		diag_node(out, DIAG_WARNING, n, wall_hint(a, n, from),
			  "a firewall is between: %s reaches ssh of %s, but at %s; an engine uses many ports "
			  "between its nodes, and would hang", from->name, met->address, met->detail);
	else if (*n->facts->firewall && !passed)
		diag_node(out, DIAG_WARNING, n, wall_hint(a, n, &c->node[n->rank ? 0 : 1]),
			  "its firewall (%s) is on: an engine uses many ports between its nodes, and only that of "
			  "ssh was tried", n->facts->firewall);
}

/* What an image takes is not known before the pull; those of engines with CUDA take about this. */
static void
preflight_host_check_disk(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	for (size_t i = 0; c->image && i < n->facts->disk.n; i++) {
		const struct fact_disk *d = &n->facts->disk.v[i];

		if (strcmp(d->label, "image") == 0 && d->free_kib >= 0 && d->free_kib < IMAGE_ROOM * (1LL << 20))
			diag_node(out, DIAG_WARNING, n,
				  arena_printf(a, "free space (%s system prune), or move its folder to a larger disk",
					       c->runtime->name),
				  "'%s', where %s keeps images, has %s free: an image with CUDA takes 15 to 30 GB",
				  d->path, c->runtime->title, bytes_text(a, d->free_kib * 1024));
	}
}

/* While the image goes from node to node, its layers are files in the storage. */
static void
preflight_host_check_copies(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const struct node *source = image_spreads(c) ? image_source(a, c, n) : n;
	bool keeps = source != n && !c->store_shared && image_from(a, c, n) != n;

	for (size_t i = 0; source == n && image_spreads(c) && i < c->nlayout; i++)
		keeps |= image_source(a, c, &c->node[i]) == n && image_from(a, c, &c->node[i]) != &c->node[i];
	if (keeps && c->store && n->facts->shared_free_kib > 0 &&
	    n->facts->shared_free_kib < IMAGE_ROOM * (1LL << 20))
		diag_node(out, DIAG_WARNING, n, "free space there",
			  "'%s', where the layers of the image are until all nodes have it, has %s free: those of an "
			  "image with CUDA take 15 to 30 GB", c->store, bytes_text(a, n->facts->shared_free_kib * 1024));
}

static bool
preflight_host_has_arg(const struct cluster *c, const char *option)
{
	const struct words *args = &c->spec->engine.docker_args;

	for (size_t i = 0; i < args->n; i++)
		if (strncmp(args->v[i].text, option, strlen(option)) == 0)
			return true;
	return false;
}

/* Docker can be there and yet not give its containers the host's network or folders. */
static void
preflight_host_check_docker(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	const char *store = c->store ? c->store : "/", *detail = n->facts->docker_detail;
	const char *address = node_dial(n) ? node_dial(n) : "the node's address";

	if (strcmp(c->runtime->name, "docker") != 0)
		return;
	if (strcmp(detail, "from a snap") == 0)
		diag_node(out, DIAG_WARNING, n,
			  "sudo snap remove docker, then install docker.io or Docker's own packages",
			  "docker is the snap, which sees only homes and /media: it cannot mount folders like '%s'",
			  store);
	else if (strcmp(detail, "userns-remap") == 0 && !preflight_host_has_arg(c, "--userns"))
		diag_node(out, DIAG_ERROR, n,
			  "set docker_args: [--userns=host], or take userns-remap out of /etc/docker/daemon.json",
			  "Docker remaps users (userns-remap), and then gives no container the host's network");
	else if (strcmp(detail, "Docker Desktop") == 0)
		diag_node(out, c->nlayout > 1 ? DIAG_ERROR : DIAG_WARNING, n,
			  "install Docker's own packages in this system (WSL included), and take 'docker context use "
			  "default'; or engine.runtime: podman or none",
			  "docker is Docker Desktop's, whose containers run in a virtual machine: %s is not an address "
			  "there, and other nodes do not reach them", address);
	else if (strcmp(detail, "rootless") == 0 && c->nlayout > 1)
		diag_node(out, DIAG_WARNING, n,
			  arena_printf(a, "'docker run --rm --network host busybox ip addr' must show %s: else update "
				       "Docker (29 or later), or take Docker with root, or engine.runtime: podman",
				       address),
			  "docker is rootless: in older versions --network host is a network of its own, in which "
			  "no rank can bind to %s", address);
}

static void
preflight_host_check_ray(const struct cluster *c, const struct node *n, struct diags *out)
{
	const char *address = node_dial(n), *ranks = c->engine->shape[SHAPE_RANKS].word;

	if (c->shape != SHAPE_COORDINATOR || c->nlayout < 2 || n != &c->node[0] || !address || !strchr(address, ':'))
		return;
	diag_node(out, DIAG_WARNING, n, ranks ? "set engine.backend: mp, or give the nodes IPv4 addresses"
					      : "give the nodes IPv4 addresses",
		  "its address %s is IPv6, which many releases of %s cannot use between nodes (Ray issue 54660)",
		  address, c->engine->shape[SHAPE_COORDINATOR].needs);
}

/* In a container of the GPU operator it runs without a service of that name. */
static void
preflight_host_check_switches(const struct node *n, struct diags *out)
{
	const char *manager = n->facts->gpu.fabric_manager;

	if (n->facts->gpu.nvswitches && n->facts->gpu.n > 1 && (strcmp(manager, "inactive") == 0 || strcmp(manager, "failed") == 0))
		diag_node(out, DIAG_WARNING, n,
			  "sudo systemctl enable --now nvidia-fabricmanager, of the driver's own version; or it runs in "
			  "a container, then all is well",
			  "it has NVSwitches, but nvidia-fabricmanager is %s: without it CUDA ends with error 802, "
			  "'system not yet initialized'", manager);
}

/* Containers get 10.24 GiB of their own. A pod that is a container itself has 64 MiB, if nobody asked for
 * more. */
static void
preflight_host_check_shm(const struct cluster *c, const struct node *n, struct diags *out)
{
	long long kib = n->facts->shm_kib;

	if (kib <= 0 || kib >= 1024LL * 1024 || (c->runtime->contained && !preflight_host_has_arg(c, "--ipc")))
		return;
	diag_node(out, DIAG_WARNING, n,
		  "start the pod with --shm-size 16g (Kubernetes: an emptyDir with medium: Memory at /dev/shm); on a "
		  "host: sudo mount -o remount,size=16G /dev/shm",
		  "/dev/shm has only %lld MiB: NCCL ends with 'Error while creating shared memory segment' when the "
		  "GPUs of a node need more", kib / 1024);
}

void
preflight_host(struct arena *a, const struct cluster *c, const struct node *n, struct diags *out)
{
	preflight_host_check_mtu(a, c, n, out);
	preflight_host_check_memlock(c, n, out);
	preflight_host_check_firewall(a, c, n, out);
	preflight_host_check_disk(a, c, n, out);
	preflight_host_check_copies(a, c, n, out);
	preflight_host_check_shm(c, n, out);
	preflight_host_check_docker(a, c, n, out);
	preflight_host_check_ray(c, n, out);
	preflight_host_check_switches(n, out);
}
