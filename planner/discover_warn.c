/* What in a discovery deserves a word before it costs an hour. */
#include <stdlib.h>
#include <string.h>

#include "planner/discover.h"
#include "planner/kinds/common.h"
#include "planner/rdma.h"

struct warner {
	struct arena *arena;
	struct problems *out;
	const struct discovery *all;
};

static void
warn(struct warner *w, const struct node *n, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void
warn(struct warner *w, const struct node *n, const char *hint, const char *fmt, ...)
{
	va_list ap;
	const char *text;

	va_start(ap, fmt);
	text = arena_vprintf(w->arena, fmt, ap);
	va_end(ap);
	problem_add(w->arena, w->out, DIAG_WARNING, n, hint, "%s", text);
}

/* "00000000:00:06.0" and "0000:00:06" are one place: bus and device are compared. */
static bool
same_place(const char *pci, const char *other)
{
	const char *a = strchr(pci, ':'), *b = strchr(other, ':');

	return a && b && strlen(b) >= 6 && strncasecmp(a, b, 6) == 0;
}

static void
gpu_health(struct warner *w, const struct node *n, const struct machine *m, const struct gpu *g)
{
	size_t xids = 0;
	const char *code = NULL;

	if (*g->trouble)
		warn(w, n, "reboot the node, or take it out", "GPU %d: the driver says %s", g->index,
		     g->trouble);
	if (g->ecc_errors > 0)
		warn(w, n, "reset the GPU; when it comes again the card is bad",
		     "GPU %d: %lld uncorrected memory errors", g->index, g->ecc_errors);
	if (strcasecmp(g->remap_failed, "yes") == 0)
		warn(w, n, "the card has to be replaced", "GPU %d: remapping of bad memory failed",
		     g->index);
	else if (strcasecmp(g->remap_pending, "yes") == 0)
		warn(w, n, "reset the GPU, or reboot the node",
		     "GPU %d: a remapping of bad memory waits for a reset", g->index);
	if (strcmp(g->mig, "Enabled") == 0)
		warn(w, n, "nvidia-smi -mig 0, as root", "GPU %d is cut up by MIG: vLLM sees its parts only",
		     g->index);
	if (*g->fabric_state && strcmp(g->fabric_state, "Completed") != 0 && g->links > 0)
		warn(w, n, "is nvidia-fabricmanager running, in the driver's version?",
		     "GPU %d: the NVSwitch fabric is '%s', CUDA will not start (error 802)",
		     g->index, g->fabric_state);
	if (g->links && g->links_down)
		warn(w, n, "nvidia-smi nvlink -e shows their errors", "GPU %d: %d of %d NVLinks are down",
		     g->index, g->links_down, g->links + g->links_down);
	for (size_t i = 0; i < m->xid.n; i++)
		if (same_place(g->pci, m->xid.v[i].pci)) {
			xids++;
			code = m->xid.v[i].code;
		}
	if (xids)
		warn(w, n, "dmesg has the rest", "GPU %d: %zu Xid error%s in the kernel's log, last %s",
		     g->index, xids, xids == 1 ? "" : "s", code);
}

static void
gpus(struct warner *w, const struct node *n, const struct machine *m)
{
	bool unlike = false, lazy = false;

	for (size_t i = 0; i < m->gpu.n; i++) {
		gpu_health(w, n, m, &m->gpu.v[i]);
		unlike |= strcmp(m->gpu.v[i].name, m->gpu.v[0].name) != 0;
		lazy |= strcmp(m->gpu.v[i].persistence, "Disabled") == 0;
	}
	if (unlike)
		warn(w, n, NULL, "its GPUs are not all alike");
	if (lazy)
		warn(w, n, "nvidia-smi -pm 1, as root", "persistence mode is off: every first use of a GPU "
		     "takes seconds");
	for (size_t i = 0; i < m->user.n; i++)
		warn(w, n, "end it, or take another node",
		     "GPU memory is held by pid %s of user '%s' (%s MiB): %s", m->user.v[i].pid,
		     m->user.v[i].user, m->user.v[i].used_mib, m->user.v[i].command);
	if (strcmp(m->fabric_manager, "failed") == 0)
		warn(w, n, "systemctl status nvidia-fabricmanager", "nvidia-fabricmanager has failed");
}

/* "nvidia", "amd"; "": it has no GPUs. */
static const char *
vendor(const struct machine *m)
{
	return m->gpu.n ? m->gpu.v[0].vendor : "";
}

static void
host(struct warner *w, const struct node *n, const struct machine *m)
{
	const struct facts *f = m->facts;

	if (address_is_loopback(f->resolve_address) && w->all->n > 1)
		warn(w, n, "correct /etc/hosts there; dray names addresses and interfaces itself",
		     "its own name '%s' means %s: what looks itself up by name talks to itself",
		     f->resolve_name, f->resolve_address);
	if (strcmp(f->docker, "denied") == 0)
		warn(w, n, arena_printf(w->arena, "sudo usermod -aG docker %s, then log in anew", f->user),
		     "user '%s' may not use Docker", f->user);
	else if (strcmp(f->docker, "down") == 0)
		warn(w, n, "sudo systemctl start docker", "Docker does not answer: %s", f->docker_detail);
	else if (strcmp(f->docker, "ok") == 0 && *vendor(m) == 'n' && !f->toolkit)
		warn(w, n, "install nvidia-container-toolkit", "Docker cannot hand out GPUs");
	if (f->shm_kib > 0 && f->shm_kib < 1024LL * 1024)
		warn(w, n, NULL, "/dev/shm has %lld MiB only", f->shm_kib / 1024);
	for (size_t i = 0; i < m->disk.n; i++) {
		const struct disk *d = &m->disk.v[i];

		if (strcmp(d->label, "shared") == 0 && strcmp(d->state, "yes") != 0)
			warn(w, n, NULL, "shared_dir '%s' %s", d->path,
			     strcmp(d->state, "no") == 0 ? "may not be written" : "is not there");
	}
	if (rdma_missing(w->arena, w->all->model, n))
		warn(w, n, "NCCL talks over TCP then, on all nodes", "no RDMA: %s",
		     rdma_missing(w->arena, w->all->model, n));
}

static void
address(struct warner *w, const struct address_node *a)
{
	const char *hint = arena_printf(w->arena, "set address: of node '%s' to one that the others "
					"reach", a->node->name);

	if (!a->facts)
		return;
	if (!a->chosen)
		warn(w, a->node, hint, "no address that all other nodes reach");
	else if (!a->chosen->interface)
		warn(w, a->node, hint, "no interface has address %s", a->given);
	else if (a->chosen->excluded)
		warn(w, a->node, hint, "address %s: %s", a->given, a->chosen->excluded);
	else if (a->chosen->no)
		warn(w, a->node, hint, "%s cannot reach %s: %s", a->chosen->who, a->chosen->address,
		     a->chosen->detail);
}

static long long
mtu(const struct discovered *d)
{
	const char *interface = node_interface(d->node);

	for (size_t i = 0; interface && d->machine && i < d->machine->facts->nic.n; i++)
		if (strcmp(d->machine->facts->nic.v[i].name, interface) == 0)
			return d->machine->facts->nic.v[i].mtu;
	return 0;
}

static void
gpus_unlike(struct warner *w, const struct node *n, const struct machine *m,
	    const struct machine *first, const char *on)
{
	if (m->gpu.n != first->gpu.n)
		warn(w, n, NULL, "%zu GPU%s here, %zu on %s", m->gpu.n, m->gpu.n == 1 ? "" : "s",
		     first->gpu.n, on);
	if (!m->gpu.n || !first->gpu.n)
		return;
	if (strcmp(vendor(m), vendor(first)) != 0) {
		warn(w, n, "one model cannot be spread over both", "GPUs of %s here, of %s on %s",
		     vendor(m), vendor(first), on);
		return;
	}
	if (strcmp(m->gpu.v[0].driver, first->gpu.v[0].driver) != 0)
		warn(w, n, "use one driver version on all nodes", "driver '%s' here, '%s' on %s",
		     m->gpu.v[0].driver, first->gpu.v[0].driver, on);
	if (m->gpu.n == first->gpu.n && strcmp(m->gpu.v[0].name, first->gpu.v[0].name) != 0)
		warn(w, n, NULL, "%s here, %s on %s", m->gpu.v[0].name, first->gpu.v[0].name, on);
}

/* What must be alike on all nodes, compared with the first. */
static void
together(struct warner *w)
{
	const struct discovered *first = &w->all->v[0];

	for (size_t i = 1; i < w->all->n; i++) {
		const struct discovered *d = &w->all->v[i];
		const char *on = first->node->name;

		if (!d->machine || !first->machine)
			continue;
		if (llabs(d->skew) > 2)
			warn(w, d->node, "run a time service on all nodes",
			     "its clock is %lld s %s that of %s", llabs(d->skew),
			     d->skew > 0 ? "ahead of" : "behind", on);
		gpus_unlike(w, d->node, d->machine, first->machine, on);
		if (mtu(d) && mtu(first) && mtu(d) != mtu(first))
			warn(w, d->node, "give all interfaces of one network the same MTU",
			     "MTU %lld here, %lld on %s: large packets may get lost", mtu(d), mtu(first), on);
		if (*d->machine->facts->machine_id &&
		    strcmp(d->machine->facts->machine_id, first->machine->facts->machine_id) == 0)
			warn(w, d->node, "cloned disks, or one machine listed twice",
			     "it has the machine-id of %s", on);
	}
}

void
discovery_warn(struct arena *a, const struct discovery *all, struct problems *out)
{
	struct warner w = {a, out, all};

	for (size_t i = 0; i < all->n; i++) {
		const struct discovered *d = &all->v[i];

		if (!d->machine) {
			problem_add(a, out, DIAG_ERROR, d->node, NULL, "%s", d->why);
			continue;
		}
		gpus(&w, d->node, d->machine);
		host(&w, d->node, d->machine);
		if (all->addresses && i < all->addresses->n)
			address(&w, &all->addresses->v[i]);
	}
	if (all->n > 1)
		together(&w);
}
