/* The lines of one observation -> struct facts. The bytes come from a node and are not
 * trusted: lists are bounded, and what cannot be read is left out. */
#include "planner/facts/facts.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/facts/column.h"

enum { MAX_FIELDS = 16, MAX_ENTRIES = 20000 };

struct line {
	struct arena *arena;
	char *field[MAX_FIELDS];        /* field[0] is the type; all of them unescaped */
	size_t n;
};

#define COLUMN(kind, want, type, member, field) \
	{COLUMN_##kind, field, offsetof(struct type, member) + \
	 /* NOLINTNEXTLINE(bugprone-macro-parentheses): it is a type */ \
	 sizeof(char[_Generic(((struct type *)0)->member, want: 1)]) - 1}
#define TEXT(type, member, i) COLUMN(TEXT, const char *, type, member, i)
#define WORD(type, member, i) COLUMN(WORD, const char *, type, member, i)
#define MAYBE(type, member, i) COLUMN(MAYBE, const char *, type, member, i)
#define NAME(type, member, i) COLUMN(NAME, const char *, type, member, i)
#define NUMBER(type, member, i) COLUMN(NUMBER, long long, type, member, i)
#define COUNT(type, member, i) COLUMN(COUNT, long long, type, member, i)
#define POSITIVE(type, member, i) COLUMN(POSITIVE, long long, type, member, i)

/* Field i, where 1 is the first after the type; "" if the line is too short. */
static const char *
facts_text(const struct line *l, size_t i)
{
	return i < l->n ? l->field[i] : "";
}

/* ---- lines that need code ---- */

static void
facts_read_id(struct facts *f, const struct line *l)
{
	if (!column_is_name(f->uid))
		f->uid = "?";
	if (!column_is_name(f->user))
		f->user = f->uid;
	(void)l;
}

static void
facts_read_limit(struct facts *f, const struct line *l)
{
	if (strcmp(facts_text(l, 1), "memlock") == 0)
		f->memlock = strcmp(facts_text(l, 2), "-") == 0 ? "" : facts_text(l, 2);
	if (strcmp(facts_text(l, 1), "memlock") == 0)
		f->memlock_hard = strcmp(facts_text(l, 3), "-") == 0 ? "" : facts_text(l, 3);
}

static void
facts_read_gpu(struct facts *f, const struct line *l)
{
	gpus_read_line(l->arena, &f->gpu, l->field + 1, l->n - 1);
}

static void
facts_read_gpukept(struct facts *f, const struct line *l)
{
	gpus_read_kept(&f->gpu, l->field[1], l->field[2]);
}

static void
facts_read_gpustate(struct facts *f, const struct line *l)
{
	gpus_read_state(&f->gpu, l->field[1], l->field[2]);
}

static void
facts_read_gpuproc(struct facts *f, const struct line *l)
{
	struct gpu_user *u = &f->gpu.user.v[f->gpu.user.n - 1];

	u->command = facts_program(l->arena, u->command);
}

static void
facts_read_raw(struct facts *f, const struct line *l)
{
	gpus_read_tool(l->arena, &f->gpu, facts_text(l, 1), facts_text(l, 2));
}

static void
facts_read_nvswitch(struct facts *f, const struct line *l)
{
	(void)l;
	f->gpu.nvswitches++;
}

static void
facts_read_script(struct facts *f, const struct line *l)
{
	if (strcmp(facts_text(l, 2), "missing") == 0)
		f->script_sha = NULL;
}

/* A record that cannot be read still says that something was begun here. As an intent it makes
 * the step "interrupted", and what is there is replaced. */
static void
facts_read_record(struct facts *f, const struct line *l)
{
	struct record *r = record_read(l->arena, facts_text(l, 2), strlen(facts_text(l, 2)));

	if (!*facts_text(l, 1))
		return;
	if (!r) {
		r = ar_new(l->arena, struct record);
		*r = (struct record){.kind = "", .phase = "intent", .apply_id = "", .at = ""};
	}
	r->step = facts_text(l, 1);
	*vec_push(l->arena, &f->record) = *r;
}

/* Its record comes in the line before. */
static void
facts_read_ended(struct facts *f, const struct line *l)
{
	struct record *r = f->record.n ? &f->record.v[f->record.n - 1] : NULL;
	const char *said = facts_text(l, 2), *words = strchrnul(said, '\n');
	char *head = arena_strndup(l->arena, said, (size_t)(words - said)), *save;
	const char *word[5];

	if (!r || strcmp(r->step, facts_text(l, 1)) != 0)
		return;
	for (size_t i = 0; i < countof(word); i++)
		if (!(word[i] = strtok_r(i ? NULL : head, " ", &save)))
			return;
	r->end = (struct record_end){.apply_id = word[0], .down = strcmp(word[1], "down") == 0,
		.status = (int)strtol(word[2], NULL, 10), .at = word[3],
		.words = *words ? words + 1 : ""};
	if (strcmp(word[2], "0") != 0 || r->end.down || strcmp(r->phase, "intent") != 0 ||
	    !r->apply_id || strcmp(r->apply_id, r->end.apply_id) != 0)
		return;
	r->phase = "done";
	r->at = r->end.at;
	r->instance = word[4];
}

/* ---- the table of lines ---- */

/* A line sets members of struct facts, or a new element of a list (size, at). A function may
 * then look at it. */
static const struct fact_type {
	const char *name;
	size_t min;             /* fields after the type; drop the line if there are fewer */
	struct column column[15];
	size_t size, at;        /* of an element; of the list */
	void (*read)(struct facts *, const struct line *);
} types[] = {
#define LIST(type, member) sizeof(struct type), \
	offsetof(struct facts, member) + \
	sizeof(char[_Generic(((struct facts *)0)->member.v, struct type *: 1)]) - 1
	{"id", 8, {TEXT(facts, machine_id, 1), TEXT(facts, boot_id, 2), TEXT(facts, hostname, 3),
		TEXT(facts, user, 4), TEXT(facts, uid, 5), TEXT(facts, gid, 6),
		TEXT(facts, home, 7), NUMBER(facts, epoch, 8)}, .read = facts_read_id},
	{"owner", 1, {MAYBE(facts, owner, 1)}},
	{"os", 2, {TEXT(facts, kernel, 1), TEXT(facts, arch, 2), TEXT(facts, os, 3)}},
	{"pod", 1, {COLUMN(YES, bool, facts, pod, 1)}},
	{"groups", 1, {WORD(facts, groups, 1)}},
	{"limit", 2, .read = facts_read_limit},
	{"firewall", 1, {WORD(facts, firewall, 1)}},
	{"ram", 1, {COUNT(facts, ram_kib, 1), COUNT(facts, ram_free_kib, 2)}},
	{"shm", 1, {NUMBER(facts, shm_kib, 1)}},
	{"cpu", 1, {COUNT(facts, cpus, 1), WORD(facts, cpu, 2)}},
	{"numa", 1, {WORD(fact_numa, node, 1), WORD(fact_numa, cpus, 2),
		COUNT(fact_numa, kib, 3)}, LIST(fact_numa, numa)},
	{"disk", 5, {WORD(fact_disk, label, 1), WORD(fact_disk, path, 2), WORD(fact_disk, fs, 3),
		COUNT(fact_disk, total_kib, 4), COUNT(fact_disk, free_kib, 5),
		WORD(fact_disk, state, 6)}, LIST(fact_disk, disk)},
	{"shared", 5, {TEXT(facts, shared_fs, 2), TEXT(facts, shared_id, 3),
		NUMBER(facts, shared_free_kib, 4), TEXT(facts, shared_state, 5)}},
	{"cacheclosed", 2, {MAYBE(facts, cache_closed, 1), MAYBE(facts, cache_owner, 2)}},
	{"python", 1, {WORD(facts, python, 1)}},
	{"docker", 1, {TEXT(facts, docker, 1), TEXT(facts, docker_version, 2),
		TEXT(facts, docker_detail, 3)}},
	{"podman", 1, {TEXT(facts, podman, 1), TEXT(facts, podman_version, 2),
		TEXT(facts, podman_detail, 3)}},
	{"venv", 5, {TEXT(facts, venv_state, 2), MAYBE(facts, venv_engine, 3),
		MAYBE(facts, venv_needs, 4), COLUMN(YES, bool, facts, venv_hf, 5)}},
	{"nccl", 1, {MAYBE(facts, nccl, 1)}},
	{"toolkit", 1, {COLUMN(YES, bool, facts, toolkit, 1)}},
	{"gpu", 6, .read = facts_read_gpu},
	{"gpukept", 2, .read = facts_read_gpukept},
	{"gpustate", 2, .read = facts_read_gpustate},
	{"gpuproc", 3, {WORD(gpu_user, pid, 1), WORD(gpu_user, used_mib, 2),
		WORD(gpu_user, user, 3), WORD(gpu_user, command, 4), WORD(gpu_user, uuid, 5),
		WORD(gpu_user, container, 6)}, LIST(gpu_user, gpu.user), facts_read_gpuproc},
	{"selects", 1, {TEXT(fact_selects, variable, 1), TEXT(fact_selects, list, 2)},
		LIST(fact_selects, selects)},
	{"gpudomain", 1, {WORD(facts, gpu_domain, 1)}},
	{"gpunone", 1, {TEXT(facts, gpu.none, 1)}},
	{"gpuother", 1, {WORD(facts, gpu.other, 1)}},
	{"gpugroups", 1, {COLUMN(DIGITS, const char *, facts, gpu.groups, 1)}},
	{"gpuclosed", 1, {WORD(facts, gpu.closed, 1)}},
	{"raw", 2, .read = facts_read_raw},
	{"nvswitch", 1, .read = facts_read_nvswitch},
	{"fabricmanager", 1, {WORD(facts, gpu.fabric_manager, 1)}},
	{"addr", 2, {NAME(fact_addr, interface, 1),
		COLUMN(ADDRESS, const char *, fact_addr, address, 2),
		COLUMN(PREFIX, int, fact_addr, prefix, 3)}, LIST(fact_addr, addr)},
	{"uplink", 1, {NAME(fact_uplink, name, 1)}, LIST(fact_uplink, uplink)},
	{"proxy", 1, {TEXT(fact_proxy, from, 1), WORD(fact_proxy, without, 2)},
		LIST(fact_proxy, proxy)},
	{"nic", 5, {TEXT(fact_nic, name, 1), TEXT(fact_nic, state, 2), POSITIVE(fact_nic, speed, 3),
		POSITIVE(fact_nic, mtu, 4), TEXT(fact_nic, kind, 5),
		MAYBE(fact_nic, below, 6)}, LIST(fact_nic, nic)},
	{"rdma", 6, {NAME(fact_rdma, device, 1), NAME(fact_rdma, port, 2),
		COLUMN(ACTIVE, bool, fact_rdma, active, 3), POSITIVE(fact_rdma, rate, 4),
		TEXT(fact_rdma, layer, 5), MAYBE(fact_rdma, interface, 6),
		COLUMN(NOT_NO, bool, fact_rdma, verbs, 7)}, LIST(fact_rdma, rdma)},
	{"hca", 1, {WORD(fact_hca, device, 1), WORD(fact_hca, type, 2), WORD(fact_hca, board, 3),
		WORD(fact_hca, firmware, 4), WORD(fact_hca, numa, 5), WORD(fact_hca, pci, 6)},
		LIST(fact_hca, hca)},
	{"hcaport", 2, {WORD(fact_hca_port, device, 1), WORD(fact_hca_port, port, 2),
		WORD(fact_hca_port, phys, 3), WORD(fact_hca_port, lid, 4),
		WORD(fact_hca_port, sm_lid, 5)}, LIST(fact_hca_port, hca_port)},
	{"gid", 4, {WORD(fact_gid, device, 1), WORD(fact_gid, port, 2), WORD(fact_gid, index, 3),
		WORD(fact_gid, gid, 4), WORD(fact_gid, type, 5), WORD(fact_gid, interface, 6)},
		LIST(fact_gid, hca_gid)},
	{"reach", 2, {TEXT(fact_reach, address, 1), TEXT(fact_reach, state, 2),
		TEXT(fact_reach, detail, 3)}, LIST(fact_reach, reach)},
	{"open", 2, {TEXT(fact_reach, address, 1), TEXT(fact_reach, state, 2),
		TEXT(fact_reach, detail, 3)}, LIST(fact_reach, open)},
	{"resolve", 2, {TEXT(facts, resolve_name, 1), TEXT(facts, resolve_address, 2)}},
	{"port", 4, {COLUMN(INT, int, fact_port, port, 1), TEXT(fact_port, pid, 2),
		TEXT(fact_port, user, 3), COLUMN(PROGRAM, const char *, fact_port, command, 4),
		MAYBE(fact_port, container, 5)}, LIST(fact_port, port)},
	{"image", 2, {TEXT(fact_image, ref, 1), TEXT(fact_image, id, 2),
		MAYBE(fact_image, digests, 3)}, LIST(fact_image, image)},
	{"archive", 1, {MAYBE(facts, archive, 1), MAYBE(facts, archive_config, 2),
		MAYBE(facts, archive_id, 3), MAYBE(facts, archive_arch, 4),
		MAYBE(facts, archive_names, 5)}},
	{"engine", 3, {TEXT(facts, engine_image, 1), MAYBE(facts, engine_needs, 2),
		MAYBE(facts, engine_has, 3)}},
	{"container", 10, {TEXT(fact_container, name, 1), TEXT(fact_container, id, 2),
		TEXT(fact_container, state, 3), COLUMN(INT, int, fact_container, exit_code, 4),
		TEXT(fact_container, started, 5), TEXT(fact_container, image, 6),
		TEXT(fact_container, cluster, 7), TEXT(fact_container, step, 8),
		TEXT(fact_container, digest, 9), TEXT(fact_container, inputs, 10),
		COLUMN(LONG, long, fact_container, pid, 11), TEXT(fact_container, owner, 12),
		COLUMN(FOREIGN, bool, fact_container, foreign, 13),
		TEXT(fact_container, login, 14)}, LIST(fact_container, container)},
	{"proc", 6, {TEXT(fact_proc, step, 1), TEXT(fact_proc, instance, 2),
		COLUMN(LONG, long, fact_proc, pid, 3), COLUMN(ALIVE, bool, fact_proc, alive, 4),
		TEXT(fact_proc, status, 5), TEXT(fact_proc, inputs, 6)}, LIST(fact_proc, proc)},
	{"tree", 4, {TEXT(fact_tree, step, 1), COUNT(fact_tree, all, 2), COUNT(fact_tree, workers, 3),
		COUNT(fact_tree, cores, 4)}, LIST(fact_tree, tree)},
	{"coordinator", 3, {COUNT(facts, coordinator_nodes, 1), COUNT(facts, coordinator_used, 2),
		COUNT(facts, coordinator_gpus, 3)}},
	{"gpuours", 1, {NUMBER(facts, gpus_ours, 1)}},
	{"stranger", 4, {TEXT(fact_stranger, step, 1), TEXT(fact_stranger, pid, 2),
		TEXT(fact_stranger, owner, 3), TEXT(fact_stranger, login, 4)},
		LIST(fact_stranger, stranger)},
	{"record", 2, .read = facts_read_record},
	{"ended", 2, .read = facts_read_ended},
	{"members", 1, {MAYBE(facts, members, 1)}},
	{"bench", 1, {MAYBE(facts, bench, 1)}},
	{"mackey", 1, {COLUMN(DIGEST, const char *, facts, mac_key, 1)}},
	{"lock", 1, {TEXT(facts, lock_state, 1), TEXT(facts, lock_info, 2)}},
	{"model", 2, {TEXT(fact_file, path, 1), NUMBER(fact_file, size, 2),
		TEXT(fact_file, blob, 3)}, LIST(fact_file, file)},
	{"sample", 3, {TEXT(fact_sample, blob, 1), TEXT(fact_sample, ends, 2),
		TEXT(fact_sample, middle, 3)}, LIST(fact_sample, sample)},
	{"config", 1, {MAYBE(facts, model_config, 1)}},
	{"weights", 2, {NUMBER(facts, model_total, 1), NUMBER(facts, model_bytes, 2),
		COLUMN(DIGEST, const char *, facts, model_print, 3),
		COLUMN(DIGEST, const char *, facts, model_sample, 4)}},
	{"path", 1, {MAYBE(facts, model_kind, 1)}},
	{"snapshot", 1, {MAYBE(facts, model_commit, 1)}},
	{"repo", 2, {TEXT(fact_repo, folder, 1), TEXT(fact_repo, commit, 2)}, LIST(fact_repo, repo)},
	{"partial", 1, {MAYBE(facts, model_partial, 1)}},
	{"lacks", 1, {TEXT(fact_lack, file, 1)}, LIST(fact_lack, lacks)},
	{"mount", 2, {TEXT(fact_mount, from, 1), TEXT(fact_mount, to, 2)},
		LIST(fact_mount, mount)},
	{"carried", 2, {TEXT(fact_carried, path, 1), COLUMN(DIGEST, const char *, fact_carried, sha256, 2),
		TEXT(fact_carried, mode, 3)}, LIST(fact_carried, carried)},
	{"script", 2, {MAYBE(facts, script_sha, 2)}, .read = facts_read_script},
	{"sif", 4, {MAYBE(facts, sif.command, 1), MAYBE(facts, sif.id, 2), MAYBE(facts, sif.made, 3),
		MAYBE(facts, sif.why, 4)}},
	{"named", 3, {TEXT(fact_named, kind, 1), TEXT(fact_named, name, 2),
		TEXT(fact_named, state, 3), COLUMN(YES, bool, fact_named, readable, 4)},
		LIST(fact_named, named)},
};

/* Appends a copy of the element to a list with the members of vec.h. */
static void
facts_append(struct arena *a, char *list, const char *element, size_t size)
{
	struct { char *v; size_t n, cap; } any;

	memcpy(&any, list, sizeof any);
	if (any.n == any.cap) {
		any.cap = any.cap ? any.cap * 2 : 8;
		any.v = arena_grow(a, any.v, any.n * size, any.cap * size);
	}
	memcpy(any.v + any.n++ * size, element, size);
	memcpy(list, &any, sizeof any);
}

static void
facts_read_type(struct facts *f, struct line *l, const struct fact_type *type)
{
	char *base = (char *)f, *element = type->size ? arena_alloc(l->arena, type->size) : NULL;

	for (const struct column *c = type->column; c->kind; c++)
		if (!column_fill(l->arena, facts_text(l, c->field), c->kind,
				(element ? element : base) + c->at))
			return;
	if (element)
		facts_append(l->arena, base + type->at, element, type->size);
	if (type->read)
		type->read(f, l);
}

static void
facts_read_line(struct facts *f, struct line *l)
{
	for (size_t i = 0; i < countof(types); i++)
		if (strcmp(l->field[0], types[i].name) == 0 && l->n > types[i].min)
			facts_read_type(f, l, &types[i]);
	if (strcmp(l->field[0], "end") == 0)
		f->complete = true;
}

struct facts *
facts_read(struct arena *a, const char *bytes, size_t n)
{
	struct facts *f = ar_new(a, struct facts);
	struct line line = {.arena = a};
	char *s = arena_strndup(a, bytes, n), *end = s + n;
	size_t lines = 0;

	*f = (struct facts){.machine_id = "", .boot_id = "", .hostname = "", .user = "",
		.uid = "", .gid = "", .home = "", .kernel = "", .arch = "", .os = "",
		.docker = "", .docker_version = "", .docker_detail = "",
		.podman = "", .podman_version = "", .podman_detail = "", .venv_state = "",
		.resolve_name = "", .resolve_address = "", .shared_fs = "", .shared_id = "",
		.shared_state = "", .lock_state = "", .lock_info = "", .groups = "",
		.memlock = "", .memlock_hard = "", .firewall = "", .cpu = "", .python = "", .coordinator_nodes = -1, .coordinator_used = -1,
		.coordinator_gpus = -1, .cpus = -1, .ram_kib = -1,
		.ram_free_kib = -1, .gpu.platform = "", .gpu.fabric_manager = "",
		.gpu.groups = "", .gpu.closed = "", .gpu_domain = ""};
	while (s < end && !f->complete && lines++ < MAX_ENTRIES) {
		char *nl = memchr(s, '\n', (size_t)(end - s)), *stop = nl ? nl : end;

		*stop = '\0';
		/* We print no NUL: drop a line that has one. */
		if (strlen(s) == (size_t)(stop - s)) {
			line.n = facts_split(s, line.field, MAX_FIELDS);
			facts_read_line(f, &line);
		}
		s = stop + 1;
	}
	return f;
}
