/* A discovery for programs: one document; docs/discover.md lists its keys. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/json.h"
#include "planner/base/vec.h"
#include "planner/cluster/rdma.h"
#include "planner/discover/discover.h"
#include "planner/cluster/node.h"

/* A member of a struct, written as a member of an object. */
struct json_column {
	const char *key;
	enum {
		JSON_TEXT,              /* const char *; "" is null */
		JSON_DIGITS,            /* the same, but a number if it is one */
		JSON_NUMBER,            /* long long; null if less than 0 */
		JSON_SPEED,             /* long long; null for 0 */
		JSON_INT,               /* int; null if less than 0 */
		JSON_SIZE,              /* size_t */
		JSON_BOOL,
	} kind;
	size_t at;
};

#define COLUMN(key, kind, type, member) {key, JSON_##kind, offsetof(struct type, member)}
#define SAME(kind, type, member) COLUMN(#member, kind, type, member)

static void json_put(json_t *o, const char *key, json_t *v) { json_object_set_new(o, key, v); }

/* "" becomes null. */
static json_t *json_some(const char *s) { return json_shown(s && *s ? s : NULL); }

static void
json_put_text(json_t *o, const char *key, const char *s)
{
	json_put(o, key, json_some(s));
}

static json_t *
json_number(long long n, long long least)
{
	return n < least ? json_null() : json_integer(n);
}

/* A string that is a number, such as that of a NUMA node. */
static json_t *
json_digits(const char *s)
{
	char *end;
	long long n = strtoll(s, &end, 10);

	return *s && !*end ? json_integer(n) : json_some(s);
}

static json_t *
json_column(const struct json_column *c, const char *from)
{
	switch (c->kind) {
	case JSON_DIGITS: return json_digits(*(const char *const *)(const void *)from);
	case JSON_NUMBER: return json_number(*(const long long *)(const void *)from, 0);
	case JSON_SPEED: return json_number(*(const long long *)(const void *)from, 1);
	case JSON_INT: return json_number(*(const int *)(const void *)from, 0);
	case JSON_SIZE: return json_integer((json_int_t)*(const size_t *)(const void *)from);
	case JSON_BOOL: return json_boolean(*(const bool *)(const void *)from);
	default: return json_some(*(const char *const *)(const void *)from);
	}
}

static json_t *
json_add(json_t *o, const struct json_column *c, size_t n, const void *from)
{
	for (size_t i = 0; i < n; i++)
		json_put(o, c[i].key, json_column(&c[i], (const char *)from + c[i].at));
	return o;
}

/* An object with these members; EACH: one for each element of a list. */
#define OBJECT(columns, from) json_add(json_object(), columns, countof(columns), from)
#define EACH(to, columns, list) \
	for (size_t json_i = 0; json_i < (list)->n; json_i++) \
		json_array_append_new(to, OBJECT(columns, &(list)->v[json_i]))

static json_t *
json_gpus(const struct gpus *gpus)
{
	static const struct json_column columns[] = {
		SAME(INT, gpu, index), SAME(TEXT, gpu, vendor), SAME(TEXT, gpu, uuid),
		SAME(TEXT, gpu, name), SAME(TEXT, gpu, pci), SAME(TEXT, gpu, driver),
		COLUMN("compute_capability", TEXT, gpu, capability), SAME(TEXT, gpu, mig),
		SAME(TEXT, gpu, ecc), COLUMN("ecc_uncorrected", NUMBER, gpu, ecc_errors),
		SAME(TEXT, gpu, remap_pending), SAME(TEXT, gpu, remap_failed),
		SAME(TEXT, gpu, persistence), SAME(TEXT, gpu, compute_mode),
		SAME(TEXT, gpu, fabric_state), SAME(TEXT, gpu, fabric_status),
		SAME(TEXT, gpu, trouble),
	}, memory[] = {
		SAME(NUMBER, gpu, total_mib), SAME(NUMBER, gpu, used_mib),
	}, nvlink[] = {
		COLUMN("up", INT, gpu, links), COLUMN("down", INT, gpu, links_down),
	};
	json_t *list = json_array();

	for (size_t i = 0; i < gpus->n; i++) {
		const struct gpu *g = &gpus->v[i];
		const struct topo_row *row = topo_gpu(&gpus->topo, g->index);
		json_t *o = OBJECT(columns, g), *links = OBJECT(nvlink, g);

		json_put(o, "memory", OBJECT(memory, g));
		json_put(links, "gb_per_s", json_real(g->link_gbs));
		json_put(o, "nvlink", links);
		json_put(o, "cpus", row ? json_some(row->cpus) : json_null());
		json_put(o, "numa", row ? json_digits(row->numa) : json_null());
		json_put(o, "island", row
			 ? json_integer((json_int_t)topo_nvlink_domain(&gpus->topo, (size_t)(row - gpus->topo.v)))
			 : json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
json_topology(const struct topo *t)
{
	json_t *o = json_object(), *labels = json_array(), *rows = json_array();

	for (size_t i = 0; i < t->n; i++) {
		json_t *row = json_array();

		json_array_append_new(labels, json_some(t->v[i].device));
		for (size_t k = 0; k < t->n; k++)
			json_array_append_new(row, json_some(t->v[i].cell[k]));
		json_array_append_new(rows, row);
	}
	json_put(o, "labels", labels);
	json_put(o, "matrix", rows);
	return o;
}

static void
json_put_gpus(json_t *o, const struct gpus *gpus)
{
	static const struct json_column user[] = {
		COLUMN("gpu", TEXT, gpu_user, uuid), SAME(DIGITS, gpu_user, pid),
		SAME(DIGITS, gpu_user, used_mib), SAME(TEXT, gpu_user, user),
		SAME(TEXT, gpu_user, command), SAME(TEXT, gpu_user, container),
	}, error[] = {
		SAME(TEXT, gpu_error, pci), SAME(DIGITS, gpu_error, code),
		SAME(TEXT, gpu_error, text),
	};
	json_t *users = json_array(), *errors = json_array();

	EACH(users, user, &gpus->user);
	EACH(errors, error, &gpus->error);
	json_put(o, "gpus", json_gpus(gpus));
	json_put(o, "gpus_none", gpus->n ? json_null() : json_some(gpus->none));
	json_put(o, "gpu_processes", users);
	json_put_text(o, "cuda", gpus->platform);
	json_put(o, "nvswitches", json_integer(gpus->nvswitches));
	json_put_text(o, "fabric_manager", gpus->fabric_manager);
	json_put(o, "topology", json_topology(&gpus->topo));
	json_put(o, "xid", errors);
}

static json_t *
json_cards(const struct facts *f)
{
	static const struct json_column card[] = {
		SAME(TEXT, fact_nic, name), SAME(TEXT, fact_nic, kind),
		SAME(TEXT, fact_nic, state), COLUMN("speed_mbit", SPEED, fact_nic, speed),
		SAME(SPEED, fact_nic, mtu),
	}, address[] = {
		SAME(TEXT, fact_addr, address), SAME(INT, fact_addr, prefix),
	};
	json_t *list = json_array();

	for (size_t i = 0; i < f->nic.n; i++) {
		json_t *o = OBJECT(card, &f->nic.v[i]), *addresses = json_array();

		for (size_t k = 0; k < f->addr.n; k++)
			if (strcmp(f->addr.v[k].interface, f->nic.v[i].name) == 0)
				json_array_append_new(addresses, OBJECT(address, &f->addr.v[k]));
		json_put(o, "addresses", addresses);
		json_array_append_new(list, o);
	}
	return list;
}

static bool
json_is_port(const struct fact_rdma *r, const char *device, const char *port)
{
	return strcmp(device, r->device) == 0 && strcmp(port, r->port) == 0;
}

static json_t *
json_rdma_port(const struct facts *f, const struct fact_rdma *r, bool nccl)
{
	static const struct json_column rdma[] = {
		SAME(TEXT, fact_rdma, device), SAME(DIGITS, fact_rdma, port),
		SAME(BOOL, fact_rdma, active), COLUMN("usable", BOOL, fact_rdma, verbs),
		COLUMN("rate_gbit", SPEED, fact_rdma, rate),
		COLUMN("link_layer", TEXT, fact_rdma, layer), SAME(TEXT, fact_rdma, interface),
	}, hca[] = {
		SAME(TEXT, fact_hca, type), SAME(TEXT, fact_hca, board),
		SAME(TEXT, fact_hca, firmware), SAME(DIGITS, fact_hca, numa),
		SAME(TEXT, fact_hca, pci),
	}, port[] = {
		COLUMN("phys_state", TEXT, fact_hca_port, phys), SAME(TEXT, fact_hca_port, lid),
		SAME(TEXT, fact_hca_port, sm_lid),
	}, gid[] = {
		SAME(DIGITS, fact_gid, index), SAME(TEXT, fact_gid, gid),
		SAME(TEXT, fact_gid, type), SAME(TEXT, fact_gid, interface),
	};
	json_t *o = OBJECT(rdma, r), *gids = json_array();

	json_put(o, "nccl", json_boolean(nccl));
	for (size_t i = 0; i < f->hca.n; i++)
		if (strcmp(f->hca.v[i].device, r->device) == 0)
			json_add(o, hca, countof(hca), &f->hca.v[i]);
	for (size_t i = 0; i < f->hca_port.n; i++)
		if (json_is_port(r, f->hca_port.v[i].device, f->hca_port.v[i].port))
			json_add(o, port, countof(port), &f->hca_port.v[i]);
	for (size_t i = 0; i < f->hca_gid.n; i++)
		if (json_is_port(r, f->hca_gid.v[i].device, f->hca_gid.v[i].port))
			json_array_append_new(gids, OBJECT(gid, &f->hca_gid.v[i]));
	json_put(o, "gids", gids);
	return o;
}

static json_t *
json_host(const struct facts *f)
{
	static const struct json_column columns[] = {
		SAME(TEXT, facts, hostname), SAME(TEXT, facts, machine_id),
		SAME(TEXT, facts, boot_id), SAME(TEXT, facts, os), SAME(TEXT, facts, kernel),
		SAME(TEXT, facts, arch), SAME(NUMBER, facts, epoch),
		COLUMN("resolves_to", TEXT, facts, resolve_address), SAME(NUMBER, facts, cpus),
		COLUMN("cpu_model", TEXT, facts, cpu), SAME(NUMBER, facts, ram_kib),
		SAME(NUMBER, facts, ram_free_kib), SAME(NUMBER, facts, shm_kib),
		SAME(TEXT, facts, python),
	}, numa[] = {
		SAME(DIGITS, fact_numa, node), SAME(TEXT, fact_numa, cpus),
		COLUMN("ram_kib", NUMBER, fact_numa, kib),
	}, disk[] = {
		SAME(TEXT, fact_disk, label), SAME(TEXT, fact_disk, path),
		SAME(TEXT, fact_disk, fs), SAME(NUMBER, fact_disk, total_kib),
		SAME(NUMBER, fact_disk, free_kib),
	};
	json_t *o = OBJECT(columns, f), *numas = json_array(), *disks = json_array();

	EACH(numas, numa, &f->numa);
	for (size_t i = 0; i < f->disk.n; i++) {
		const char *state = f->disk.v[i].state;
		json_t *d = OBJECT(disk, &f->disk.v[i]);

		json_put(d, "writable", strcmp(state, "missing") == 0
			 ? json_null() : json_boolean(strcmp(state, "yes") == 0));
		json_array_append_new(disks, d);
	}
	json_put(o, "numa", numas);
	json_put(o, "disks", disks);
	return o;
}

static json_t *
json_containers(const struct facts *f)
{
	static const struct json_column columns[] = {
		SAME(TEXT, facts, user), SAME(DIGITS, facts, uid), SAME(TEXT, facts, groups),
		SAME(TEXT, facts, memlock),
	};
	json_t *o = json_object(), *docker = json_object();

	json_put_text(docker, "state", f->docker);
	json_put_text(docker, "version", strcmp(f->docker, "ok") == 0 ? f->docker_version : "");
	json_put(docker, "gpus", json_boolean(f->toolkit));
	json_put_text(docker, "detail", strcmp(f->docker_detail, "-") == 0 ? "" : f->docker_detail);
	json_put(o, "docker", docker);
	json_put_text(o, "podman", strcmp(f->podman, "ok") == 0 ? f->podman_version : "");
	return json_add(o, columns, countof(columns), f);
}

static json_t *
json_node(const struct discovery *all, size_t i)
{
	const struct discovered *d = &all->v[i];
	const struct address_node *addresses =
		all->addresses && i < all->addresses->n ? &all->addresses->v[i] : NULL;
	const struct candidate *c = addresses ? addresses->chosen : NULL;
	json_t *o = json_object(), *rdma;

	json_put_text(o, "name", d->node->name);
	json_put_text(o, "host", d->node->host);
	json_put_text(o, "state", d->facts ? "ok" : "unreachable");
	json_put_text(o, "why", d->facts ? NULL : d->why);
	if (!d->facts)
		return o;
	json_put_text(o, "address", c ? c->address : node_dial(d->node));
	json_put_text(o, "interface", c ? c->interface : node_interface(d->node));
	json_put(o, "clock_skew_s", json_integer(d->skew));
	json_put(o, "machine", json_host(d->facts));
	json_put(o, "containers", json_containers(d->facts));
	json_put_gpus(o, &d->facts->gpu);
	json_put(o, "nics", json_cards(d->facts));
	rdma = json_array();
	for (size_t k = 0; k < d->facts->rdma.n; k++) {
		const struct fact_rdma *r = &d->facts->rdma.v[k];

		json_array_append_new(rdma, json_rdma_port(d->facts, r,
							   rdma_uses(all->cluster, d->node, r)));
	}
	json_put(o, "rdma", rdma);
	json_put_text(o, "facts", d->text);
	json_put_text(o, "reach", addresses ? addresses->dialled : NULL);
	return o;
}

static json_t *
json_addresses(const struct addresses *list)
{
	static const struct json_column place[] = {
		SAME(TEXT, candidate, address), SAME(TEXT, candidate, interface),
	}, tested[] = {
		SAME(TEXT, candidate, excluded), COLUMN("reached_by", SIZE, candidate, yes),
		COLUMN("not_reached_by", SIZE, candidate, no),
		COLUMN("not_tested_by", SIZE, candidate, unknown),
		COLUMN("first_without", TEXT, candidate, who), SAME(TEXT, candidate, detail),
	};
	json_t *out = json_array();

	for (size_t i = 0; list && i < list->n; i++)
		for (size_t k = 0; k < list->v[i].n; k++) {
			const struct candidate *c = &list->v[i].v[k];
			const char *given = list->v[i].given;
			json_t *o = json_object();

			json_put_text(o, "node", list->v[i].node->name);
			json_add(o, place, countof(place), c);
			json_put(o, "chosen", json_boolean(list->v[i].chosen == c));
			json_put(o, "given", json_boolean(given && strcmp(given, c->address) == 0));
			json_array_append_new(out, json_add(o, tested, countof(tested), c));
		}
	return out;
}

static json_t *
json_rdma(const struct rdma *r)
{
	static const struct json_column columns[] = {
		COLUMN("link", TEXT, rdma, layer), COLUMN("nccl_ib_hca", TEXT, rdma, hca),
		SAME(SIZE, rdma, ports), COLUMN("rate_gbit", NUMBER, rdma, rate),
	};

	return r ? OBJECT(columns, r) : json_null();
}

const char *
discovery_json(struct arena *a, const struct discovery *all, const struct diags *problems)
{
	static const struct json_column words[] = {
		SAME(TEXT, diag, text), SAME(TEXT, diag, hint),
	};
	json_t *o = json_object(), *nodes = json_array(), *warnings = json_array();
	const char *copy;
	char *out;

	for (size_t i = 0; i < all->n; i++)
		json_array_append_new(nodes, json_node(all, i));
	for (size_t i = 0; i < problems->n; i++) {
		const struct diag *p = &problems->v[i];
		json_t *w = json_object();

		json_put_text(w, "node", p->node ? p->node->name : NULL);
		json_put_text(w, "severity", p->severity == DIAG_ERROR ? "error" : "warning");
		json_array_append_new(warnings, json_add(w, words, countof(words), p));
	}
	json_put_text(o, "type", "discovery");
	json_put(o, "version", json_integer(1));
	json_put(o, "nodes", nodes);
	json_put(o, "addresses", json_addresses(all->addresses));
	json_put(o, "rdma", json_rdma(all->cluster->rdma));
	json_put(o, "warnings", warnings);
	out = json_dumps(o, JSON_INDENT(2));
	copy = arena_printf(a, "%s\n", out);
	free(out);
	json_decref(o);
	return copy;
}
