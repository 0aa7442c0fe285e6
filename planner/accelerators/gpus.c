/* The GPUs of a node, independent of their maker. */
#include "planner/accelerators/accelerator.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

struct gpu *
gpus_add(struct arena *a, struct gpus *all, const char *vendor)
{
	struct gpu *g;

	if (all->n == GPUS_MAX)
		return NULL;
	g = vec_push(a, all);
	*g = (struct gpu){.vendor = vendor, .uuid = "", .name = "", .pci = "", .driver = "",
		.capability = "", .mig = "", .ecc = "", .persistence = "", .fabric_state = "",
		.fabric_status = "", .compute_mode = "", .remap_pending = "",
		.remap_failed = "", .trouble = "", .total_mib = -1, .used_mib = -1, .reserved_mib = -1,
		.ecc_errors = -1, .index = -1};
	return g;
}

static bool
gpus_is_listed(const char *list, const struct gpu *g)
{
	for (const char *s = list; *s; s += strcspn(s, ","), s += *s == ',') {
		size_t n = strcspn(s += strspn(s, " "), ", ");
		char *end;
		long index = strtol(s, &end, 10);

		if (n && ((end == s + n && index == g->index) || strncmp(g->uuid, s, n) == 0))
			return true;
	}
	return false;
}

static bool
gpus_have(const struct gpus *all, const char *uuid)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].uuid, uuid) == 0)
			return true;
	return false;
}

struct gpus
gpus_visible(struct arena *a, const struct gpus *all, const char *list)
{
	struct gpus seen = *all;

	if (!list || strstr(list, "MIG-"))
		return all->slice.n ? gpus_one_slice(a, all, list) : seen;
	memset(&seen.user, 0, sizeof seen.user);
	seen.v = NULL;
	seen.n = seen.cap = 0;
	for (size_t i = 0; i < all->n; i++)
		if (gpus_is_listed(list, &all->v[i]))
			*vec_push(a, &seen) = all->v[i];
	for (size_t i = 0; i < all->user.n; i++)
		if (!*all->user.v[i].uuid || gpus_have(&seen, all->user.v[i].uuid))
			*vec_push(a, &seen.user) = all->user.v[i];
	return seen;
}

long long
gpus_joined(const struct gpus *all)
{
	const struct topo *t = &all->topo;
	long long most = 0;

	for (size_t i = 0; i < t->n; i++) {
		long long joined = 0;

		for (size_t k = 0; k < t->n; k++)
			joined += topo_nvlink_domain(t, k) == i;
		if (joined > 1 && joined > most)
			most = joined;
	}
	return most;
}

void
gpus_read_kept(struct gpus *all, const char *index, const char *mib)
{
	char *end;
	long i = strtol(index, &end, 10);
	long long n = strtoll(mib, NULL, 10);

	for (size_t k = 0; !*end && !all->told && k < all->n; k++)
		if (all->v[k].index == i && n >= 0 && n < 1 << 20)
			all->v[k].reserved_mib = n;
}

void
gpus_read_state(struct gpus *all, const char *index, const char *word)
{
	char *end;
	long i = strtol(index, &end, 10);

	for (size_t k = 0; !*end && !all->told && k < all->n; k++) {
		if (all->v[k].index != i)
			continue;
		if (strcmp(word, "pending") == 0)
			all->v[k].remap_pending = "Yes";
		else
			all->v[k].compute_mode = strcmp(word, "Prohibited") == 0 ? "Prohibited"
				: strcmp(word, "Exclusive_Process") == 0 ? "Exclusive_Process" : "";
	}
}

/* The smallest GPU that has memory of its own, or NULL. */
static const struct gpu *
gpus_smallest(const struct gpus *all)
{
	const struct gpu *least = NULL;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].total_mib > 0 &&
		    (!least || all->v[i].total_mib < least->total_mib))
			least = &all->v[i];
	return least;
}

double
gpus_reserved(const struct gpus *all)
{
	const struct gpu *g = gpus_smallest(all);
	long long usual = g ? accelerator_of(all)->reserves_mib : 0;

	if (g && g->reserved_mib >= 0 && g->reserved_mib < g->total_mib / 4)
		usual = g->reserved_mib;
	else if (g && usual > g->total_mib / 50)
		usual = g->total_mib / 50;
	return (double)usual * 1024 * 1024;
}

double
gpus_memory(const struct gpus *all, long long host_kib)
{
	const struct gpu *smallest = gpus_smallest(all);
	long long least = smallest ? smallest->total_mib : 0;

	if (!least && all->n && !*all->v[0].trouble && host_kib > 0 &&
	    accelerator_of(all)->shares_memory)
		return (double)host_kib * 1024;
	return (double)least * 1024 * 1024;
}

struct gpu_held
gpu_held_of(const struct gpus *all, const struct gpu *g, long long host_kib,
	    long long host_free_kib, bool mine)
{
	bool shared = g->total_mib <= 0 && host_kib > 0 && accelerator_of(all)->shares_memory;
	struct gpu_held h = {0};
	double used = 0, most = -1;

	if (*g->trouble)
		return h;
	h.total = shared ? (double)host_kib * 1024
			 : g->total_mib > 0 ? (double)g->total_mib * 1024 * 1024 : 0;
	for (size_t i = 0; i < all->user.n; i++) {
		const struct gpu_user *u = &all->user.v[i];
		double mib = strtod(u->used_mib, NULL);

		if (*u->uuid ? strcmp(u->uuid, g->uuid) != 0 : g != all->v)
			continue;
		h.held += mib > 0 ? mib * 1024 * 1024 : 0;
		h.most = mib > most ? u : h.most;
		most = mib > most ? mib : most;
		h.users++;
	}
	if (!mine && shared && host_free_kib >= 0)
		used = (double)(host_kib - host_free_kib) * 1024;
	else if (!mine && g->used_mib > 0)
		used = (double)g->used_mib * 1024 * 1024;
	h.others = h.users && used > h.held * 1.25;
	h.held = used > h.held ? used : h.held;
	return h;
}

void
gpu_fault_add(struct arena *a, struct gpu_faults *to, int kind, const struct gpu *g,
	      const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*vec_push(a, to) = (struct gpu_fault){.kind = kind, .gpu = g, .hint = hint,
		.text = arena_vprintf(a, fmt, ap)};
	va_end(ap);
}

void
gpu_faults_busy(struct arena *a, const struct gpus *all, struct gpu_faults *to)
{
	for (size_t i = 0; i < all->user.n; i++) {
		const struct gpu_user *u = &all->user.v[i];

		gpu_fault_add(a, to, FAULT_BUSY, NULL, "leave that process its share of the memory, or take "
			      "another node",
			      "GPU memory is held by pid %s of user '%s' (%s MiB): %s", u->pid,
			      *u->user ? u->user : "-", u->used_mib,
			      *u->command ? u->command : "-");
	}
}
