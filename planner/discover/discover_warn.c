/* Warnings of a discovery: problems that would otherwise show up late. */
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/accelerator.h"
#include "planner/cluster/rdma.h"
#include "planner/cluster/wall.h"
#include "planner/discover/discover.h"
#include "planner/cluster/node.h"

struct warner {
	struct arena *arena;
	struct diags *out;
	const struct discovery *all;
};

static void __attribute__((format(printf, 4, 5)))
warn(struct warner *w, const struct node *n, const char *hint, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = arena_vprintf(w->arena, fmt, ap);
	va_end(ap);
	diag_node(w->out, DIAG_WARNING, n, hint, "%s", text);
}

/* Faults of single GPUs first, then of all of them. */
static void
warn_gpus(struct warner *w, const struct node *n, const struct gpus *gpus)
{
	struct gpu_faults faults = gpus_faults(w->arena, gpus);
	bool unlike = false;
	size_t i;

	for (i = 0; i < faults.n && faults.v[i].gpu; i++)
		warn(w, n, faults.v[i].hint, "%s", faults.v[i].text);
	for (size_t k = 1; k < gpus->n; k++)
		unlike |= strcmp(gpus->v[k].name, gpus->v[0].name) != 0;
	if (unlike)
		warn(w, n, NULL, "its GPUs are not all alike");
	for (; i < faults.n; i++)
		warn(w, n, faults.v[i].hint, "%s", faults.v[i].text);
}

static void
warn_host(struct warner *w, const struct node *n, const struct facts *f)
{
	const char *no_rdma = rdma_missing(w->arena, w->all->cluster, n);
	const struct accelerator *accelerator = accelerator_of(&f->gpu);

	if (address_is_loopback(f->resolve_address) && w->all->n > 1)
		warn(w, n, "correct /etc/hosts there; dray itself uses addresses and interfaces",
		     "its own name '%s' resolves to %s, which other nodes cannot reach",
		     f->resolve_name, f->resolve_address);
	if (strcmp(f->docker, "denied") == 0)
		warn(w, n, arena_printf(w->arena, "sudo usermod -aG docker %s, then log in again",
					f->user), "user '%s' may not use Docker", f->user);
	else if (strcmp(f->docker, "down") == 0)
		warn(w, n, "sudo systemctl start docker", "Docker does not answer: %s", f->docker_detail);
	else if (strcmp(f->docker, "ok") == 0 && f->gpu.n && accelerator->toolkit && !f->toolkit)
		warn(w, n, arena_printf(w->arena, "install %s", accelerator->toolkit),
		     "Docker cannot hand out GPUs");
	if (f->shm_kib > 0 && f->shm_kib < 1024LL * 1024)
		warn(w, n, NULL, "/dev/shm has only %lld MiB", f->shm_kib / 1024);
	for (size_t i = 0; i < f->disk.n; i++) {
		const struct fact_disk *d = &f->disk.v[i];

		if (strcmp(d->label, "shared") == 0 && strcmp(d->state, "yes") != 0)
			warn(w, n, NULL, "%s '%s' %s", spec_store_key(w->all->cluster->spec), d->path,
			     strcmp(d->state, "no") == 0 ? "is not writable" : "does not exist");
	}
	if (no_rdma)
		warn(w, n, "NCCL will use TCP on all nodes", "no RDMA: %s", no_rdma);
}

static void
warn_address(struct warner *w, const struct address_node *a)
{
	const struct candidate *c = a->chosen;
	const char *hint = arena_printf(w->arena, "set 'address' of node '%s' to one that the other "
					"nodes reach", a->node->name);

	if (!a->facts)
		return;
	if (!c)
		warn(w, a->node, hint, "no address that all other nodes reach");
	else if (!c->interface)
		warn(w, a->node, hint, "no interface has address %s", a->given);
	else if (c->excluded)
		warn(w, a->node, hint, "address %s: %s", a->given, c->excluded);
	else if (c->no)
		warn(w, a->node, hint, "%s cannot reach %s: %s", c->who, c->address, c->detail);
}

static void
warn_fabric(struct warner *w, const struct node *n)
{
	const struct cluster *c = w->all->cluster;
	const char *hint, *unused = rdma_unused(w->arena, c, &hint), *slow;

	if (unused && n == &c->node[0])
		warn(w, n, hint, "%s", unused);
	slow = unused ? NULL : rdma_slow_card(w->arena, c, n, &hint);
	if (slow)
		warn(w, n, hint, "%s", slow);
}

/* Whoever has an engine running there has got through. */
static void
warn_wall(struct warner *w, const struct node *n)
{
	const struct node *from;
	bool passed;
	const struct fact_reach *met = wall_before(w->all->cluster, w->all->addresses, n, &from, &passed);

	if (met)
		warn(w, n, wall_hint(w->arena, n, from), "a firewall is between: %s reaches ssh of %s, but at %s",
		     from->name, met->address, met->detail);
}

static long long
warn_mtu(const struct discovered *d)
{
	const char *interface = node_interface(d->node);

	for (size_t i = 0; interface && d->facts && i < d->facts->nic.n; i++)
		if (strcmp(d->facts->nic.v[i].name, interface) == 0)
			return d->facts->nic.v[i].mtu;
	return 0;
}

static void
warn_gpus_unlike(struct warner *w, const struct node *n, const struct gpus *here,
		 const struct gpus *first, const char *on)
{
	const char *maker = here->n ? here->v[0].vendor : "";

	if (here->n != first->n)
		warn(w, n, NULL, "%zu GPU%s here, %zu on %s", here->n, here->n == 1 ? "" : "s",
		     first->n, on);
	if (!here->n || !first->n)
		return;
	if (strcmp(maker, first->v[0].vendor) != 0) {
		warn(w, n, "one model cannot be split over both",
		     "GPUs of %s here, of %s on %s", maker, first->v[0].vendor, on);
		return;
	}
	if (strcmp(here->v[0].driver, first->v[0].driver) != 0)
		warn(w, n, "use one driver version on all nodes", "driver '%s' here, '%s' on %s",
		     here->v[0].driver, first->v[0].driver, on);
	if (here->n == first->n && strcmp(here->v[0].name, first->v[0].name) != 0)
		warn(w, n, NULL, "%s here, %s on %s", here->v[0].name, first->v[0].name, on);
}

/* Compares with the first node what must be the same on all nodes. */
static void
warn_unlike(struct warner *w, const struct discovered *d, const struct discovered *first)
{
	const char *on = first->node->name;
	long long mtu = warn_mtu(d), first_mtu = warn_mtu(first);

	if (llabs(d->skew) > 2)
		warn(w, d->node, "run a time service on all nodes",
		     "its clock is %lld s %s that of %s", llabs(d->skew),
		     d->skew > 0 ? "ahead of" : "behind", on);
	warn_gpus_unlike(w, d->node, &d->facts->gpu, &first->facts->gpu, on);
	if (mtu && first_mtu && mtu != first_mtu)
		warn(w, d->node, "give all interfaces of one network the same MTU",
		     "MTU %lld here, %lld on %s: large packets may get lost", mtu, first_mtu, on);
	if (*d->facts->machine_id && strcmp(d->facts->machine_id, first->facts->machine_id) == 0)
		warn(w, d->node, "are the disks cloned, or is one machine listed twice?",
		     "it has the machine-id of %s", on);
}

/* A GPU that an earlier node has shown, too. */
static void
warn_gpu_twice(struct warner *w, size_t at)
{
	const struct discovered *d = &w->all->v[at];

	for (size_t i = 0; i < at; i++)
		for (size_t k = 0; w->all->v[i].facts && k < w->all->v[i].facts->gpu.n; k++) {
			const char *uuid = w->all->v[i].facts->gpu.v[k].uuid;

			for (size_t j = 0; *uuid && j < d->facts->gpu.n; j++)
				if (strcmp(uuid, d->facts->gpu.v[j].uuid) == 0) {
					warn(w, d->node, "is a card passed through twice, or are both nodes parts "
					     "of one host? the GPU's memory counts only once",
					     "GPU %s is also on %s", uuid,
					     w->all->v[i].node->name);
					return;
				}
		}
}

void
discovery_warn(struct arena *a, const struct discovery *all, struct diags *out)
{
	struct warner w = {a, out, all};

	for (size_t i = 0; i < all->n; i++) {
		const struct discovered *d = &all->v[i];

		if (!d->facts) {
			diag_node(out, DIAG_ERROR, d->node, d->hint, "%s", d->why);
			continue;
		}
		warn_gpus(&w, d->node, &d->facts->gpu);
		warn_host(&w, d->node, d->facts);
		if (all->addresses && i < all->addresses->n)
			warn_address(&w, &all->addresses->v[i]);
		warn_fabric(&w, d->node);
		warn_wall(&w, d->node);
	}
	for (size_t i = 1; i < all->n; i++)
		if (all->v[i].facts)
			warn_gpu_twice(&w, i);
	for (size_t i = 1; i < all->n; i++)
		if (all->v[i].facts && all->v[0].facts)
			warn_unlike(&w, &all->v[i], &all->v[0]);
}
