/* A discovery as people read it. */
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/vec.h"
#include "planner/discover.h"
#include "planner/kinds/common.h"
#include "planner/rdma.h"

enum { MAX_COLUMNS = 48 };

struct page {
	FILE *to;
	bool color;
	struct arena *arena;
};

/* A table: cells as texts, row by row; columns as wide as they need to be. */
struct table {
	size_t columns;
	struct { const char **v; size_t n, cap; } cell;
};

static void
cell(struct page *p, struct table *t, const char *text)
{
	struct str safe = {0};

	str_safe(&safe, text, strlen(text));
	for (size_t i = 0; i < safe.len; i++)
		if (safe.buf[i] == '\n' || safe.buf[i] == '\t')
			safe.buf[i] = ' ';
	*vec_push(p->arena, &t->cell) = arena_strdup(p->arena, str_text(&safe));
	str_release(&safe);
}

static size_t
width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
table_print(struct page *p, const struct table *t)
{
	size_t wide[MAX_COLUMNS] = {0};

	for (size_t i = 0; i < t->cell.n; i++)
		if (width(t->cell.v[i]) > wide[i % t->columns])
			wide[i % t->columns] = width(t->cell.v[i]);
	for (size_t i = 0; i < t->cell.n; i++) {
		size_t c = i % t->columns, pad = wide[c] - width(t->cell.v[i]) + 2;

		size_t end = i + 1;

		/* No blanks at the end of a line: what follows may be all empty. */
		while (end % t->columns && !*t->cell.v[end])
			end++;
		fprintf(p->to, "%s%s", c ? "" : "    ", t->cell.v[i]);
		if (c + 1 == t->columns)
			fputc('\n', p->to);
		else if (end % t->columns)
			fprintf(p->to, "%*s", (int)pad, "");
	}
}

/* Text from a node moves no cursor and breaks no line of its own accord. */
static void
say(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void
say(struct page *p, const char *fmt, ...)
{
	struct str text = {0}, safe = {0};
	va_list ap;

	va_start(ap, fmt);
	str_vprintf(&text, fmt, ap);
	va_end(ap);
	str_safe(&safe, str_text(&text), text.len);
	fputs(str_text(&safe), p->to);
	str_release(&text);
	str_release(&safe);
}

static const char *
or_dash(const char *s)
{
	return s && *s ? s : "-";
}

static const char *
kib(struct arena *a, long long n)
{
	if (n < 0)
		return "?";
	if (n >= 10LL * 1024 * 1024 * 1024)
		return arena_printf(a, "%.1f TiB", (double)n / (1024.0 * 1024 * 1024));
	if (n >= 1024LL * 1024)
		return arena_printf(a, "%.1f GiB", (double)n / (1024.0 * 1024));
	return arena_printf(a, "%lld MiB", n / 1024);
}

static const char *
speed(struct arena *a, long long mbit)
{
	if (mbit <= 0)
		return "-";
	return mbit % 1000 ? arena_printf(a, "%lld Mb/s", mbit)
			   : arena_printf(a, "%lld Gb/s", mbit / 1000);
}

static void
heading(struct page *p, const char *text)
{
	say(p, "\n  %s\n", text);
}

static const char *
island(struct arena *a, const struct machine *m, const struct gpu *g)
{
	const char *label = arena_printf(a, "GPU%d", g->index), *cell_text = "";

	for (size_t i = 0; i < m->topo.n; i++) {
		const struct topo_row *r = &m->topo.v[i];

		if (strcmp(r->label, label) != 0)
			continue;
		for (size_t k = 0; k < m->topo.n; k++)
			if (topo_links(r->cell[k]))
				cell_text = r->cell[k];
	}
	if (g->links)
		return arena_printf(a, "%d link%s, %.0f GB/s", g->links, g->links == 1 ? "" : "s",
				    g->link_gbs);
	return or_dash(cell_text);
}

static const struct topo_row *
topo_row(const struct machine *m, int index)
{
	for (size_t i = 0; i < m->topo.n; i++)
		if (strncmp(m->topo.v[i].label, "GPU", 3) == 0 &&
		    strtol(m->topo.v[i].label + 3, NULL, 10) == index)
			return &m->topo.v[i];
	return NULL;
}

static void
gpus(struct page *p, const struct machine *m)
{
	static const char *const head[] = {"#", "NAME", "MEMORY MiB", "USED", "PCI", "CC", "MIG",
		"ECC", "NVLINK", "FABRIC", "NUMA", "CPUS"};
	struct table t = {.columns = countof(head)};
	struct arena *a = p->arena;

	if (!m->gpu.n) {
		say(p, "\n  GPUs: none%s%s\n", m->facts->gpunone ? ": " : "",
			m->facts->gpunone ? m->facts->gpunone : "");
		return;
	}
	heading(p, arena_printf(a, "GPUs   %s driver %s%s%s%s%s", m->gpu.v[0].vendor,
				or_dash(m->gpu.v[0].driver), *m->cuda ? ", CUDA " : "", m->cuda,
				m->nvswitches ? arena_printf(a, ", %lld NVSwitches", m->nvswitches) : "",
				strcmp(m->fabric_manager, "active") == 0 ||
				strcmp(m->fabric_manager, "failed") == 0
					? arena_printf(a, ", fabric manager %s", m->fabric_manager) : ""));
	for (size_t i = 0; i < countof(head); i++)
		cell(p, &t, head[i]);
	for (size_t i = 0; i < m->gpu.n; i++) {
		const struct gpu *g = &m->gpu.v[i];
		const struct topo_row *r = topo_row(m, g->index);

		cell(p, &t, arena_printf(a, "%d", g->index));
		cell(p, &t, or_dash(g->name));
		cell(p, &t, g->total_mib > 0 ? arena_printf(a, "%lld", g->total_mib)
						: *g->trouble || *g->vendor == 'a' ? "-" : "of the host");
		cell(p, &t, g->used_mib >= 0 ? arena_printf(a, "%lld", g->used_mib) : "-");
		cell(p, &t, or_dash(g->pci));
		cell(p, &t, or_dash(g->capability));
		cell(p, &t, or_dash(g->mig));
		cell(p, &t, or_dash(g->ecc));
		cell(p, &t, island(a, m, g));
		cell(p, &t, or_dash(g->fabric_state));
		cell(p, &t, r ? or_dash(r->numa) : "-");
		cell(p, &t, r ? or_dash(r->cpus) : "-");
	}
	table_print(p, &t);
}

static void
links(struct page *p, const struct machine *m)
{
	struct table t = {.columns = m->topo.n + 1};

	if (m->topo.n < 2 || t.columns > MAX_COLUMNS)
		return;
	heading(p, "Links");
	cell(p, &t, "");
	for (size_t i = 0; i < m->topo.n; i++)
		cell(p, &t, m->topo.v[i].device);
	for (size_t i = 0; i < m->topo.n; i++) {
		if (strncmp(m->topo.v[i].label, "GPU", 3) != 0)
			continue;
		cell(p, &t, m->topo.v[i].device);
		for (size_t k = 0; k < m->topo.n; k++)
			cell(p, &t, m->topo.v[i].cell[k]);
	}
	table_print(p, &t);
}

static const char *
addresses_of(struct arena *a, const struct facts *f, const char *interface)
{
	const char *list = "";

	for (size_t i = 0; i < f->addr.n; i++)
		if (strcmp(f->addr.v[i].interface, interface) == 0)
			list = arena_printf(a, "%s%s%s/%d", list, *list ? " " : "",
					    f->addr.v[i].address, f->addr.v[i].prefix);
	return or_dash(list);
}

static void
cards(struct page *p, const struct machine *m)
{
	static const char *const head[] = {"NAME", "KIND", "STATE", "SPEED", "MTU", "ADDRESSES"};
	const struct facts *f = m->facts;
	struct table t = {.columns = countof(head)};

	heading(p, "Network");
	for (size_t i = 0; i < countof(head); i++)
		cell(p, &t, head[i]);
	for (size_t i = 0; i < f->nic.n; i++) {
		const struct fact_nic *n = &f->nic.v[i];

		/* What is down and has no address is nobody's path. */
		if (strcmp(n->kind, "virtual") == 0 &&
		    strcmp(addresses_of(p->arena, f, n->name), "-") == 0)
			continue;
		cell(p, &t, n->name);
		cell(p, &t, n->kind);
		cell(p, &t, n->state);
		cell(p, &t, speed(p->arena, n->speed));
		cell(p, &t, n->mtu ? arena_printf(p->arena, "%lld", n->mtu) : "-");
		cell(p, &t, addresses_of(p->arena, f, n->name));
	}
	table_print(p, &t);
}

static const struct hca *
find_hca(const struct machine *m, const char *device)
{
	for (size_t i = 0; i < m->hca.n; i++)
		if (strcmp(m->hca.v[i].device, device) == 0)
			return &m->hca.v[i];
	return NULL;
}

static const char *
near_gpus(struct arena *a, const struct machine *m, const char *device)
{
	const char *list = "";

	for (size_t i = 0; i < m->topo.n; i++) {
		const char *c = topo_between(&m->topo, m->topo.v[i].label, device);

		if (strncmp(m->topo.v[i].label, "GPU", 3) == 0 &&
		    (strcmp(c, "PIX") == 0 || strcmp(c, "PXB") == 0))
			list = arena_printf(a, "%s%s%s", list, *list ? " " : "", m->topo.v[i].label);
	}
	return or_dash(list);
}

static void
rdma(struct page *p, const struct discovery *all, const struct discovered *d)
{
	static const char *const head[] = {"PORT", "STATE", "RATE", "LINK", "INTERFACE", "TYPE",
		"FIRMWARE", "NUMA", "NEAR", "NCCL"};
	const struct machine *m = d->machine;
	struct table t = {.columns = countof(head)};
	struct arena *a = p->arena;

	if (!m->facts->rdma.n) {
		fputs("\n  RDMA: none\n", p->to);
		return;
	}
	heading(p, m->facts->rdma.v[0].verbs ? "RDMA" : "RDMA   no /dev/infiniband: no process can use it");
	for (size_t i = 0; i < countof(head); i++)
		cell(p, &t, head[i]);
	for (size_t i = 0; i < m->facts->rdma.n; i++) {
		const struct fact_rdma *r = &m->facts->rdma.v[i];
		const struct hca *h = find_hca(m, r->device);

		cell(p, &t, arena_printf(a, "%s:%s", r->device, r->port));
		cell(p, &t, r->active ? "active" : "down");
		cell(p, &t, r->rate ? arena_printf(a, "%lld Gb/s", r->rate) : "-");
		cell(p, &t, strcmp(r->layer, "Ethernet") == 0 ? "RoCE" : or_dash(r->layer));
		cell(p, &t, or_dash(r->interface));
		cell(p, &t, h ? or_dash(h->type) : "-");
		cell(p, &t, h ? or_dash(h->firmware) : "-");
		cell(p, &t, h ? or_dash(h->numa) : "-");
		cell(p, &t, near_gpus(a, m, r->device));
		cell(p, &t, rdma_uses(all->model, d->node, r) ? "used" : "-");
	}
	table_print(p, &t);
}

static void
host(struct page *p, const struct machine *m)
{
	struct table t = {.columns = 5};
	const struct facts *f = m->facts;

	if (m->disk.n)
		heading(p, "Disks");
	for (size_t i = 0; i < m->disk.n; i++) {
		const struct disk *d = &m->disk.v[i];

		cell(p, &t, d->label);
		cell(p, &t, d->path);
		cell(p, &t, or_dash(d->fs));
		cell(p, &t, arena_printf(p->arena, "%s free of %s", kib(p->arena, d->free_kib),
					 kib(p->arena, d->total_kib)));
		cell(p, &t, strcmp(d->state, "yes") == 0 ? "" : strcmp(d->state, "no") == 0
			 ? "not writable" : "not there yet");
	}
	table_print(p, &t);
	say(p, "\n  Containers: Docker %s", or_dash(f->docker));
	if (strcmp(f->docker, "ok") == 0)
		say(p, " %s, %s hand out GPUs", f->docker_version, f->toolkit ? "can" : "cannot");
	if (*m->podman)
		say(p, "; podman %s %s", m->podman, m->podman_detail);
	say(p, "\n  User: %s, groups %s; locked memory %s%s; python %s\n", or_dash(f->user),
		or_dash(m->groups), or_dash(m->memlock),
		*m->memlock && strcmp(m->memlock, "unlimited") != 0 ? " KiB" : "", or_dash(m->python));
}

static void
bold(struct page *p, const char *text)
{
	fprintf(p->to, "%s%s%s", p->color ? "\033[1m" : "", text, p->color ? "\033[0m" : "");
}

static void
machine(struct page *p, const struct discovery *all, const struct discovered *d)
{
	const struct machine *m = d->machine;
	struct arena *a = p->arena;

	bold(p, d->node->name);
	if (!m) {
		say(p, "   unreachable: %s\n\n", d->why);
		return;
	}
	say(p, "   %s   %s, kernel %s, %s\n", m->facts->hostname, or_dash(m->facts->os),
		m->facts->kernel, m->facts->arch);
	if (m->cpus > 0)
		say(p, "  %lld CPUs%s%s, %zu NUMA node%s, %s RAM (%s free), /dev/shm %s\n", m->cpus,
			*m->cpu ? " " : "", m->cpu, m->numa.n, m->numa.n == 1 ? "" : "s",
			kib(a, m->ram_kib), kib(a, m->ram_free_kib), kib(a, m->facts->shm_kib));
	gpus(p, m);
	links(p, m);
	cards(p, m);
	rdma(p, all, d);
	host(p, m);
	fputc('\n', p->to);
}

static const char *
verdict(struct arena *a, const struct addresses *list, const struct candidate *c)
{
	if (c->excluded)
		return c->excluded;
	if (c->no)
		return arena_printf(a, "%s cannot reach it: %s", c->who, c->detail);
	if (c->unknown)
		return arena_printf(a, "%s could not try: %s", c->who, c->detail);
	if (!c->yes)
		return "not tested";
	return arena_printf(a, "reached by %zu of %zu", c->yes, list->seen - 1);
}

static void
addresses(struct page *p, const struct discovery *all)
{
	static const char *const head[] = {"NODE", "ADDRESS", "INTERFACE", "SPEED", "", "TESTED"};
	const struct addresses *list = all->addresses;
	struct table t = {.columns = countof(head)};

	bold(p, "Addresses");
	fputs("   which the other nodes dial\n", p->to);
	for (size_t i = 0; i < countof(head); i++)
		cell(p, &t, head[i]);
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->v[i].n; k++) {
			const struct candidate *c = &list->v[i].v[k];

			cell(p, &t, list->v[i].node->name);
			cell(p, &t, c->address);
			cell(p, &t, or_dash(c->interface));
			cell(p, &t, speed(p->arena, c->speed));
			cell(p, &t, list->v[i].chosen != c ? "" : list->v[i].given ? "given" : "chosen");
			cell(p, &t, verdict(p->arena, list, c));
		}
	table_print(p, &t);
	fputc('\n', p->to);
}

void
discovery_text(const struct discovery *all, const struct problems *problems, FILE *to, bool color)
{
	struct arena arena = {0};
	struct page p = {to, color, &arena};
	const struct rdma *r = all->model->rdma;

	for (size_t i = 0; i < all->n; i++)
		machine(&p, all, &all->v[i]);
	if (all->addresses)
		addresses(&p, all);
	if (r)
		say(&p, "RDMA between the nodes: %s, %zu port%s of %lld Gb/s each, NCCL_IB_HCA==%s\n\n",
			r->layer, r->ports, r->ports == 1 ? "" : "s", r->rate, r->hca);
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *w = &problems->v[i];
		struct str s = {0};

		str_safe(&s, w->text, strlen(w->text));
		fprintf(to, "%s! %s:%s %s: %s\n", color ? "\033[33m" : "",
			w->severity == DIAG_ERROR ? "error" : "warning", color ? "\033[0m" : "",
			w->node ? w->node->name : "", str_text(&s));
		if (w->hint)
			fprintf(to, "    hint: %s\n", w->hint);
		str_release(&s);
	}
	arena_release(&arena);
}
