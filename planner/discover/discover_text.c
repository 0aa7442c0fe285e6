/* A discovery for people. */
#include <string.h>

#include "planner/accelerators/accelerator.h"
#include "planner/base/str.h"
#include "planner/base/utf8.h"
#include "planner/base/vec.h"
#include "planner/cluster/rdma.h"
#include "planner/discover/discover.h"
#include "planner/cluster/node.h"

enum { MAX_COLUMNS = 48 };

struct page {
	FILE *to;
	bool color;
	struct arena *arena;
};

/* A table: cells row by row, columns as wide as needed. */
struct table {
	size_t columns;
	struct { const char **v; size_t n, cap; } cell;
};

static void
text_cell(struct page *p, struct table *t, const char *text)
{
	struct str safe = {0};

	str_safe(&safe, text, strlen(text));
	for (size_t i = 0; i < safe.len; i++)
		if (safe.buf[i] == '\n' || safe.buf[i] == '\t')
			safe.buf[i] = ' ';
	*vec_push(p->arena, &t->cell) = arena_strdup(p->arena, str_text(&safe));
	str_release(&safe);
}

/* Adds a row with a string for each column; NULL and "-" show a dash. */
static void
text_row(struct page *p, struct table *t, const char *const *cell)
{
	for (size_t i = 0; i < t->columns; i++)
		text_cell(p, t, cell[i] ? cell[i] : "-");
}

#define ROW(p, t, ...) text_row((p), (t), (const char *const[]){__VA_ARGS__})

static size_t text_width(const char *s) { return utf8_count(s, strlen(s)); }

static void
text_table(struct page *p, const struct table *t)
{
	size_t wide[MAX_COLUMNS] = {0};

	for (size_t i = 0; i < t->cell.n; i++)
		if (text_width(t->cell.v[i]) > wide[i % t->columns])
			wide[i % t->columns] = text_width(t->cell.v[i]);
	for (size_t i = 0; i < t->cell.n; i++) {
		size_t c = i % t->columns, pad = wide[c] - text_width(t->cell.v[i]) + 2;
		size_t end = i + 1;

		/* No spaces at the end of a line: the other cells may all be empty. */
		while (end % t->columns && !*t->cell.v[end])
			end++;
		fprintf(p->to, "%s%s", c ? "" : "    ", t->cell.v[i]);
		if (c + 1 == t->columns)
			fputc('\n', p->to);
		else if (end % t->columns)
			fprintf(p->to, "%*s", (int)pad, "");
	}
}

/* Text from a node must not control the terminal or break the line; our own line breaks are at
 * the end. */
static void __attribute__((format(printf, 2, 3)))
text_say(struct page *p, const char *fmt, ...)
{
	struct str text = {0}, safe = {0};
	size_t n = strlen(fmt), ours;
	va_list ap;

	while (n && fmt[n - 1] == '\n')
		n--;
	ours = strlen(fmt + n);
	va_start(ap, fmt);
	str_vprintf(&text, fmt, ap);
	va_end(ap);
	str_safe(&safe, str_text(&text), text.len - ours);
	str_puts(&safe, fmt + n);
	fputs(str_text(&safe), p->to);
	str_release(&text);
	str_release(&safe);
}

/* NULL for "", which a row shows as a dash. */
static const char *text_some(const char *s) { return s && *s ? s : NULL; }
static const char *text_dash(const char *s) { return s && *s ? s : "-"; }

static const char *
text_number(struct arena *a, long long n, long long least)
{
	return n < least ? NULL : arena_printf(a, "%lld", n);
}

static const char *
text_kib(struct arena *a, long long n)
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
text_speed(struct arena *a, long long mbit)
{
	if (mbit <= 0)
		return NULL;
	return mbit % 1000 ? arena_printf(a, "%lld Mb/s", mbit)
			   : arena_printf(a, "%lld Gb/s", mbit / 1000);
}

static void
text_heading(struct page *p, const char *text)
{
	fputc('\n', p->to);
	text_say(p, "  %s\n", text);
}

static const char *
text_nvlink(struct arena *a, const struct gpu *g, const struct topo *t, const struct topo_row *row)
{
	const char *cell = NULL;

	for (size_t k = 0; row && k < t->n; k++)
		if (topo_links(row->cell[k]))
			cell = row->cell[k];
	return g->links ? arena_printf(a, "%d link%s, %.0f GB/s", g->links, g->links == 1 ? "" : "s",
				       g->link_gbs) : cell;
}

static const char *
text_memory(struct arena *a, const struct gpu *g)
{
	if (g->total_mib > 0)
		return arena_printf(a, "%lld", g->total_mib);
	return *g->trouble || !accelerator_find(g->vendor)->shares_memory ? NULL : "of the host";
}

static void
text_gpus(struct page *p, const struct gpus *gpus)
{
	struct table t = {.columns = 12};
	struct arena *a = p->arena;
	const char *platform = *gpus->platform ? accelerator_of(gpus)->platform : NULL;
	bool manager = strcmp(gpus->fabric_manager, "active") == 0 ||
		       strcmp(gpus->fabric_manager, "failed") == 0;

	if (!gpus->n) {
		fputc('\n', p->to);
		text_say(p, "  GPUs: none%s%s\n", gpus->none ? ": " : "",
			 gpus->none ? gpus->none : "");
		return;
	}
	text_heading(p, arena_printf(a, "GPUs   %s driver %s%s%s%s%s", gpus->v[0].vendor,
		text_dash(gpus->v[0].driver),
		platform ? arena_printf(a, ", %s %s", platform, gpus->platform) : "",
		gpus->nvswitches ? arena_printf(a, ", %lld NVSwitches", gpus->nvswitches) : "",
		manager ? ", fabric manager " : "", manager ? gpus->fabric_manager : ""));
	ROW(p, &t, "#", "NAME", "MEMORY MiB", "USED", "PCI", "CC", "MIG", "ECC", "NVLINK", "FABRIC",
	    "NUMA", "CPUS");
	for (size_t i = 0; i < gpus->n; i++) {
		const struct gpu *g = &gpus->v[i];
		const struct topo_row *r = topo_gpu(&gpus->topo, g->index);

		ROW(p, &t, arena_printf(a, "%d", g->index), text_some(g->name), text_memory(a, g),
		    text_number(a, g->used_mib, 0), text_some(g->pci), text_some(g->capability),
		    text_some(g->mig), text_some(g->ecc), text_nvlink(a, g, &gpus->topo, r),
		    text_some(g->fabric_state), text_some(r ? r->numa : NULL),
		    text_some(r ? r->cpus : NULL));
	}
	text_table(p, &t);
}

static void
text_links(struct page *p, const struct topo *topo)
{
	struct table t = {.columns = topo->n + 1};

	if (topo->n < 2 || t.columns > MAX_COLUMNS)
		return;
	text_heading(p, "Links");
	text_cell(p, &t, "");
	for (size_t i = 0; i < topo->n; i++)
		text_cell(p, &t, topo->v[i].device);
	for (size_t i = 0; i < topo->n; i++) {
		if (!topo_is_gpu(&topo->v[i]))
			continue;
		text_cell(p, &t, topo->v[i].device);
		for (size_t k = 0; k < topo->n; k++)
			text_cell(p, &t, topo->v[i].cell[k]);
	}
	text_table(p, &t);
}

static void
text_cards(struct page *p, const struct facts *f)
{
	struct table t = {.columns = 6};

	text_heading(p, "Network");
	ROW(p, &t, "NAME", "KIND", "STATE", "SPEED", "MTU", "ADDRESSES");
	for (size_t i = 0; i < f->nic.n; i++) {
		const struct fact_nic *n = &f->nic.v[i];
		const char *addresses = NULL;

		for (size_t k = 0; k < f->addr.n; k++)
			if (strcmp(f->addr.v[k].interface, n->name) == 0)
				addresses = arena_printf(p->arena, "%s%s%s/%d", addresses ? addresses : "",
							 addresses ? " " : "", f->addr.v[k].address,
							 f->addr.v[k].prefix);
		/* Skip virtual interfaces without an address. */
		if (strcmp(n->kind, "virtual") != 0 || addresses)
			ROW(p, &t, n->name, n->kind, n->state, text_speed(p->arena, n->speed),
			    text_number(p->arena, n->mtu, 1), addresses);
	}
	text_table(p, &t);
}

/* The GPUs that share a PCIe switch with the card. */
static const char *
text_gpus_near(struct arena *a, const struct topo *t, const char *device)
{
	const char *list = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const char *c = topo_between(t, t->v[i].label, device);

		if (topo_is_gpu(&t->v[i]) && (strcmp(c, "PIX") == 0 || strcmp(c, "PXB") == 0))
			list = arena_printf(a, "%s%s%s", list ? list : "", list ? " " : "",
					    t->v[i].label);
	}
	return list;
}

static void
text_rdma(struct page *p, const struct discovery *all, const struct discovered *d)
{
	const struct facts *f = d->facts;
	struct table t = {.columns = 10};
	struct arena *a = p->arena;

	if (!f->rdma.n) {
		fputs("\n  RDMA: none\n", p->to);
		return;
	}
	text_heading(p, f->rdma.v[0].verbs ? "RDMA"
					   : "RDMA   no /dev/infiniband: no process can use it");
	ROW(p, &t, "PORT", "STATE", "RATE", "LINK", "INTERFACE", "TYPE", "FIRMWARE", "NUMA", "NEAR",
	    "NCCL");
	for (size_t i = 0; i < f->rdma.n; i++) {
		const struct fact_rdma *r = &f->rdma.v[i];
		const struct fact_hca *h = NULL;

		for (size_t k = 0; k < f->hca.n && !h; k++)
			if (strcmp(f->hca.v[k].device, r->device) == 0)
				h = &f->hca.v[k];
		ROW(p, &t, arena_printf(a, "%s:%s", r->device, r->port), r->active ? "active" : "down",
		    r->rate ? arena_printf(a, "%lld Gb/s", r->rate) : NULL,
		    strcmp(r->layer, "Ethernet") == 0 ? "RoCE" : text_some(r->layer),
		    text_some(r->interface), text_some(h ? h->type : NULL),
		    text_some(h ? h->firmware : NULL), text_some(h ? h->numa : NULL),
		    text_gpus_near(a, &f->gpu.topo, r->device),
		    rdma_uses(all->cluster, d->node, r) ? "used" : NULL);
	}
	text_table(p, &t);
}

static void
text_host(struct page *p, const struct facts *f)
{
	struct table t = {.columns = 5};

	if (f->disk.n)
		text_heading(p, "Disks");
	for (size_t i = 0; i < f->disk.n; i++) {
		const struct fact_disk *d = &f->disk.v[i];

		ROW(p, &t, d->label, d->path, text_some(d->fs),
		    arena_printf(p->arena, "%s free of %s", text_kib(p->arena, d->free_kib),
				 text_kib(p->arena, d->total_kib)),
		    strcmp(d->state, "yes") == 0 ? "" :
		    strcmp(d->state, "no") == 0 ? "not writable" : "not there yet");
	}
	text_table(p, &t);
	fputc('\n', p->to);
	text_say(p, "  Containers: Docker %s", text_dash(f->docker));
	if (strcmp(f->docker, "ok") == 0)
		text_say(p, " %s, %s hand out GPUs", f->docker_version,
			 f->toolkit ? "can" : "cannot");
	if (*f->podman)
		text_say(p, "; podman %s %s", f->podman,
			 strcmp(f->podman_version, "-") == 0 ? "" : f->podman_version);
	fputc('\n', p->to);
	text_say(p, "  User: %s, groups %s; locked memory %s%s; python %s\n", text_dash(f->user),
		 text_dash(f->groups), text_dash(f->memlock),
		 *f->memlock && strcmp(f->memlock, "unlimited") != 0 ? " KiB" : "",
		 text_dash(f->python));
}

static void
text_bold(struct page *p, const char *text)
{
	fprintf(p->to, "%s%s%s", p->color ? "\033[1m" : "", text, p->color ? "\033[0m" : "");
}

static void
text_machine(struct page *p, const struct discovery *all, const struct discovered *d)
{
	const struct facts *f = d->facts;
	struct arena *a = p->arena;

	text_bold(p, d->node->name);
	if (!f) {
		text_say(p, "   unreachable: %s\n\n", d->why);
		return;
	}
	text_say(p, "   %s   %s, kernel %s, %s\n", f->hostname, text_dash(f->os), f->kernel,
		 f->arch);
	if (f->cpus > 0)
		text_say(p, "  %lld CPUs%s%s, %zu NUMA node%s, %s RAM (%s free), /dev/shm %s\n",
			 f->cpus, *f->cpu ? " " : "", f->cpu, f->numa.n, f->numa.n == 1 ? "" : "s",
			 text_kib(a, f->ram_kib), text_kib(a, f->ram_free_kib),
			 text_kib(a, f->shm_kib));
	text_gpus(p, &f->gpu);
	text_links(p, &f->gpu.topo);
	text_cards(p, f);
	text_rdma(p, all, d);
	text_host(p, f);
	fputc('\n', p->to);
}

static const char *
text_verdict(struct arena *a, const struct addresses *list, const struct candidate *c)
{
	size_t peer[ADDRESS_PEERS], dial = address_peers(list->observed, 0, peer);

	if (c->excluded)
		return c->excluded;
	if (c->no)
		return arena_printf(a, "%s cannot reach it: %s", c->who, c->detail);
	if (c->unknown)
		return arena_printf(a, "%s could not try: %s", c->who, c->detail);
	if (!c->yes)
		return "not tested";
	return arena_printf(a, "reached by %zu of %zu%s", c->yes, dial,
			    dial < list->observed - 1 ? " that tried" : "");
}

static void
text_addresses(struct page *p, const struct addresses *list)
{
	struct table t = {.columns = 6};

	text_bold(p, "Addresses");
	fputs("   that the other nodes dial\n", p->to);
	ROW(p, &t, "NODE", "ADDRESS", "INTERFACE", "SPEED", "", "TESTED");
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < list->v[i].n; k++) {
			const struct candidate *c = &list->v[i].v[k];

			ROW(p, &t, list->v[i].node->name, c->address, text_some(c->interface),
			    text_speed(p->arena, c->speed), list->v[i].chosen != c ? "" :
			    list->v[i].given ? "given" : "chosen", text_verdict(p->arena, list, c));
		}
	text_table(p, &t);
	fputc('\n', p->to);
}

void
discovery_text(const struct discovery *all, const struct diags *problems, FILE *to, bool color)
{
	struct arena arena = {0};
	struct page p = {to, color, &arena};
	const struct rdma *r = all->cluster->rdma;

	for (size_t i = 0; i < all->n; i++)
		text_machine(&p, all, &all->v[i]);
	if (all->addresses)
		text_addresses(&p, all->addresses);
	if (r)
		text_say(&p, "RDMA between the nodes: %s, %zu port%s of %lld Gb/s each, "
			 "NCCL_IB_HCA==%s\n\n", r->layer, r->ports, r->ports == 1 ? "" : "s", r->rate,
			 r->hca);
	for (size_t i = 0; i < problems->n; i++) {
		const struct diag *w = &problems->v[i];

		fprintf(to, "%s! %s:%s %s: ", color ? "\033[33m" : "",
			w->severity == DIAG_ERROR ? "error" : "warning", color ? "\033[0m" : "",
			w->node ? w->node->name : "");
		text_say(&p, "%s\n", w->text);
		if (w->hint)
			text_say(&p, "    hint: %s\n", w->hint);
	}
	arena_release(&arena);
}
