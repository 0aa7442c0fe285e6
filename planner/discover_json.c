/* A discovery for programs: one document; docs/discover.md lists its keys. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/discover.h"
#include "planner/json.h"
#include "planner/kinds/common.h"
#include "planner/rdma.h"

/* "" is null. */
static json_t *
text(const char *s)
{
	return json_shown(s && *s ? s : NULL);
}

static json_t *
number(long long n)
{
	return n < 0 ? json_null() : json_integer(n);
}

/* A number that came as text, as of a NUMA node. */
static json_t *
digits(const char *s)
{
	char *end;
	long long n = strtoll(s, &end, 10);

	return *s && !*end ? json_integer(n) : text(s);
}

static void
put(json_t *o, const char *key, json_t *v)
{
	json_object_set_new(o, key, v);
}

static json_t *
gpus(const struct machine *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->gpu.n; i++) {
		const struct gpu *g = &m->gpu.v[i];
		json_t *o = json_object(), *links = json_object(), *memory = json_object();
		size_t at = m->topo.n;

		put(o, "index", number(g->index));
		put(o, "vendor", text(g->vendor));
		put(o, "uuid", text(g->uuid));
		put(o, "name", text(g->name));
		put(o, "pci", text(g->pci));
		put(o, "driver", text(g->driver));
		put(o, "compute_capability", text(g->capability));
		put(o, "mig", text(g->mig));
		put(o, "ecc", text(g->ecc));
		put(o, "ecc_uncorrected", number(g->ecc_errors));
		put(o, "remap_pending", text(g->remap_pending));
		put(o, "remap_failed", text(g->remap_failed));
		put(o, "persistence", text(g->persistence));
		put(o, "compute_mode", text(g->compute_mode));
		put(o, "fabric_state", text(g->fabric_state));
		put(o, "fabric_status", text(g->fabric_status));
		put(o, "trouble", text(g->trouble));
		put(memory, "total_mib", number(g->total_mib));
		put(memory, "used_mib", number(g->used_mib));
		put(o, "memory", memory);
		put(links, "up", number(g->links));
		put(links, "down", number(g->links_down));
		put(links, "gb_per_s", json_real(g->link_gbs));
		put(o, "nvlink", links);
		for (size_t k = 0; k < m->topo.n; k++)
			if (strncmp(m->topo.v[k].label, "GPU", 3) == 0 &&
			    strtol(m->topo.v[k].label + 3, NULL, 10) == g->index)
				at = k;
		put(o, "cpus", at < m->topo.n ? text(m->topo.v[at].cpus) : json_null());
		put(o, "numa", at < m->topo.n ? digits(m->topo.v[at].numa) : json_null());
		put(o, "island", at < m->topo.n ? number((long long)topo_island(&m->topo, at))
						: json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
gpu_users(const struct machine *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->user.n; i++) {
		const struct gpu_user *u = &m->user.v[i];
		json_t *o = json_object();

		put(o, "gpu", text(u->uuid));
		put(o, "pid", digits(u->pid));
		put(o, "used_mib", digits(u->used_mib));
		put(o, "user", text(u->user));
		put(o, "command", text(u->command));
		put(o, "container", text(u->container));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
topology(const struct machine *m)
{
	json_t *o = json_object(), *labels = json_array(), *rows = json_array();

	for (size_t i = 0; i < m->topo.n; i++) {
		json_t *row = json_array();

		json_array_append_new(labels, text(m->topo.v[i].device));
		for (size_t k = 0; k < m->topo.n; k++)
			json_array_append_new(row, text(m->topo.v[i].cell[k]));
		json_array_append_new(rows, row);
	}
	put(o, "labels", labels);
	put(o, "matrix", rows);
	return o;
}

static json_t *
xids(const struct machine *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->xid.n; i++) {
		json_t *o = json_object();

		put(o, "pci", text(m->xid.v[i].pci));
		put(o, "code", digits(m->xid.v[i].code));
		put(o, "text", text(m->xid.v[i].text));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
cards(const struct facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->nic.n; i++) {
		const struct fact_nic *n = &f->nic.v[i];
		json_t *o = json_object(), *addresses = json_array();

		put(o, "name", text(n->name));
		put(o, "kind", text(n->kind));
		put(o, "state", text(n->state));
		put(o, "speed_mbit", n->speed ? json_integer(n->speed) : json_null());
		put(o, "mtu", n->mtu ? json_integer(n->mtu) : json_null());
		for (size_t k = 0; k < f->addr.n; k++) {
			json_t *address;

			if (strcmp(f->addr.v[k].interface, n->name) != 0)
				continue;
			address = json_object();
			put(address, "address", text(f->addr.v[k].address));
			put(address, "prefix", json_integer(f->addr.v[k].prefix));
			json_array_append_new(addresses, address);
		}
		put(o, "addresses", addresses);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
gids(const struct machine *m, const char *device, const char *port)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->gid.n; i++) {
		const struct gid *g = &m->gid.v[i];
		json_t *o;

		if (strcmp(g->device, device) != 0 || strcmp(g->port, port) != 0)
			continue;
		o = json_object();
		put(o, "index", digits(g->index));
		put(o, "gid", text(g->gid));
		put(o, "type", text(g->type));
		put(o, "interface", text(g->interface));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
rdma_ports(const struct discovery *all, const struct discovered *d)
{
	const struct machine *m = d->machine;
	json_t *list = json_array();

	for (size_t i = 0; i < m->facts->rdma.n; i++) {
		const struct fact_rdma *r = &m->facts->rdma.v[i];
		json_t *o = json_object();

		put(o, "device", text(r->device));
		put(o, "port", digits(r->port));
		put(o, "active", json_boolean(r->active));
		put(o, "usable", json_boolean(r->verbs));
		put(o, "rate_gbit", r->rate ? json_integer(r->rate) : json_null());
		put(o, "link_layer", text(r->layer));
		put(o, "interface", text(r->interface));
		put(o, "nccl", json_boolean(rdma_uses(all->model, d->node, r)));
		for (size_t k = 0; k < m->hca.n; k++) {
			if (strcmp(m->hca.v[k].device, r->device) != 0)
				continue;
			put(o, "type", text(m->hca.v[k].type));
			put(o, "board", text(m->hca.v[k].board));
			put(o, "firmware", text(m->hca.v[k].firmware));
			put(o, "numa", digits(m->hca.v[k].numa));
			put(o, "pci", text(m->hca.v[k].pci));
		}
		for (size_t k = 0; k < m->port.n; k++) {
			if (strcmp(m->port.v[k].device, r->device) != 0 ||
			    strcmp(m->port.v[k].port, r->port) != 0)
				continue;
			put(o, "phys_state", text(m->port.v[k].phys));
			put(o, "lid", text(m->port.v[k].lid));
			put(o, "sm_lid", text(m->port.v[k].sm_lid));
		}
		put(o, "gids", gids(m, r->device, r->port));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
host(const struct machine *m)
{
	const struct facts *f = m->facts;
	json_t *o = json_object(), *disks = json_array(), *numas = json_array();

	put(o, "hostname", text(f->hostname));
	put(o, "machine_id", text(f->machine_id));
	put(o, "boot_id", text(f->boot_id));
	put(o, "os", text(f->os));
	put(o, "kernel", text(f->kernel));
	put(o, "arch", text(f->arch));
	put(o, "epoch", json_integer(f->epoch));
	put(o, "resolves_to", text(f->resolve_address));
	put(o, "cpus", number(m->cpus));
	put(o, "cpu_model", text(m->cpu));
	put(o, "ram_kib", number(m->ram_kib));
	put(o, "ram_free_kib", number(m->ram_free_kib));
	put(o, "shm_kib", number(f->shm_kib));
	put(o, "python", text(m->python));
	for (size_t i = 0; i < m->numa.n; i++) {
		json_t *n = json_object();

		put(n, "node", digits(m->numa.v[i].node));
		put(n, "cpus", text(m->numa.v[i].cpus));
		put(n, "ram_kib", number(m->numa.v[i].kib));
		json_array_append_new(numas, n);
	}
	put(o, "numa", numas);
	for (size_t i = 0; i < m->disk.n; i++) {
		const struct disk *d = &m->disk.v[i];
		json_t *disk = json_object();

		put(disk, "label", text(d->label));
		put(disk, "path", text(d->path));
		put(disk, "fs", text(d->fs));
		put(disk, "total_kib", number(d->total_kib));
		put(disk, "free_kib", number(d->free_kib));
		put(disk, "writable", strcmp(d->state, "missing") == 0 ? json_null()
			: json_boolean(strcmp(d->state, "yes") == 0));
		json_array_append_new(disks, disk);
	}
	put(o, "disks", disks);
	return o;
}

static json_t *
containers(const struct machine *m)
{
	const struct facts *f = m->facts;
	json_t *o = json_object(), *docker = json_object();

	put(docker, "state", text(f->docker));
	put(docker, "version", strcmp(f->docker, "ok") == 0 ? text(f->docker_version) : json_null());
	put(docker, "gpus", json_boolean(f->toolkit));
	put(docker, "detail", strcmp(f->docker_detail, "-") == 0 ? json_null() : text(f->docker_detail));
	put(o, "docker", docker);
	put(o, "podman", text(strcmp(m->podman, "ok") == 0 ? m->podman_detail : ""));
	put(o, "user", text(f->user));
	put(o, "uid", digits(f->uid));
	put(o, "groups", text(m->groups));
	put(o, "memlock", text(m->memlock));
	return o;
}

static json_t *
node(const struct discovery *all, size_t i)
{
	const struct discovered *d = &all->v[i];
	const struct machine *m = d->machine;
	json_t *o = json_object();
	const struct candidate *c = NULL;

	put(o, "name", text(d->node->name));
	put(o, "host", text(d->node->host));
	put(o, "state", json_string(m ? "ok" : "unreachable"));
	put(o, "why", m ? json_null() : text(d->why));
	if (!m)
		return o;
	if (all->addresses && i < all->addresses->n)
		c = all->addresses->v[i].chosen;
	put(o, "address", text(c ? c->address : node_dial(d->node)));
	put(o, "interface", text(c ? c->interface : node_interface(d->node)));
	put(o, "clock_skew_s", json_integer(d->skew));
	put(o, "machine", host(m));
	put(o, "containers", containers(m));
	put(o, "gpus", gpus(m));
	put(o, "gpus_none", m->gpu.n ? json_null() : text(m->facts->gpunone));
	put(o, "gpu_processes", gpu_users(m));
	put(o, "cuda", text(m->cuda));
	put(o, "nvswitches", number(m->nvswitches));
	put(o, "fabric_manager", text(m->fabric_manager));
	put(o, "topology", topology(m));
	put(o, "xid", xids(m));
	put(o, "nics", cards(m->facts));
	put(o, "rdma", rdma_ports(all, d));
	put(o, "facts", text(d->text));
	put(o, "reach", text(all->addresses && i < all->addresses->n
			     ? all->addresses->v[i].dialled : NULL));
	return o;
}

static json_t *
addresses(const struct addresses *list)
{
	json_t *out = json_array();

	for (size_t i = 0; list && i < list->n; i++)
		for (size_t k = 0; k < list->v[i].n; k++) {
			const struct candidate *c = &list->v[i].v[k];
			json_t *o = json_object();

			put(o, "node", text(list->v[i].node->name));
			put(o, "address", text(c->address));
			put(o, "interface", text(c->interface));
			put(o, "chosen", json_boolean(list->v[i].chosen == c));
			put(o, "given", json_boolean(list->v[i].given &&
						     strcmp(list->v[i].given, c->address) == 0));
			put(o, "excluded", text(c->excluded));
			put(o, "reached_by", json_integer((json_int_t)c->yes));
			put(o, "not_reached_by", json_integer((json_int_t)c->no));
			put(o, "not_tested_by", json_integer((json_int_t)c->unknown));
			put(o, "first_without", text(c->who));
			put(o, "detail", text(c->detail));
			json_array_append_new(out, o);
		}
	return out;
}

const char *
discovery_json(struct arena *a, const struct discovery *all, const struct problems *problems)
{
	json_t *o = json_object(), *nodes = json_array(), *warnings = json_array();
	const struct rdma *r = all->model->rdma;
	const char *copy;
	char *out;

	put(o, "type", json_string("discovery"));
	put(o, "version", json_integer(1));
	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(nodes, node(all, i));
	put(o, "nodes", nodes);
	put(o, "addresses", addresses(all->addresses));
	if (r) {
		json_t *way = json_object();

		put(way, "link", text(r->layer));
		put(way, "nccl_ib_hca", text(r->hca));
		put(way, "ports", json_integer((json_int_t)r->ports));
		put(way, "rate_gbit", json_integer(r->rate));
		put(o, "rdma", way);
	} else {
		put(o, "rdma", json_null());
	}
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->v[i];
		json_t *w = json_object();

		put(w, "node", text(p->node ? p->node->name : NULL));
		put(w, "severity", json_string(p->severity == DIAG_ERROR ? "error" : "warning"));
		put(w, "text", text(p->text));
		put(w, "hint", text(p->hint));
		json_array_append_new(warnings, w);
	}
	put(o, "warnings", warnings);
	out = json_dumps(o, JSON_INDENT(2));
	copy = arena_printf(a, "%s\n", out);
	free(out);
	json_decref(o);
	return copy;
}
