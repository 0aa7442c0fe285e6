/* The lines of one observation -> struct facts. The bytes come from a node, so nothing
 * about them is believed: lists are bounded, what cannot be read is left out. */
#include "planner/facts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/topo.h"

enum { MAX_FIELDS = 16, MAX_ENTRIES = 20000 };

struct line {
	struct arena *arena;
	char *field[MAX_FIELDS];        /* field[0] is the type; all of them unescaped */
	size_t n;
};

/* \t, \n and \\ in place; any other backslash stays as it is. */
static void
unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s != '\\' || !s[1] || !strchr("tn\\", s[1])) {
			*out++ = *s;
			continue;
		}
		s++;
		*out++ = (char)(*s == 't' ? '\t' : *s == 'n' ? '\n' : '\\');
	}
	*out = '\0';
}

size_t
facts_split(char *s, char **field, size_t max)
{
	size_t n = 0;

	while (s && n < max) {
		char *tab = strchr(s, '\t');

		if (tab)
			*tab = '\0';
		unescape(s);
		field[n++] = s;
		s = tab ? tab + 1 : NULL;
	}
	return n;
}

/* Field i, 1 being the first after the type; "" when the line is too short. */
static const char *
text(const struct line *l, size_t i)
{
	return i < l->n ? l->field[i] : "";
}

static const char *
text_or_null(const struct line *l, size_t i)
{
	const char *s = text(l, i);

	return *s && strcmp(s, "-") != 0 ? s : NULL;
}

/* Held within what can be added up and multiplied by 1024 without a second thought. */
static long long
number(const struct line *l, size_t i)
{
	long long x = strtoll(text(l, i), NULL, 10), most = 1LL << 48;

	return x > most ? most : x < -most ? -most : x;
}

static int
small(const struct line *l, size_t i)
{
	long long x = number(l, i);

	return x < INT_MIN || x > INT_MAX ? -1 : (int)x;
}

static bool
is(const struct line *l, size_t i, const char *word)
{
	return strcmp(text(l, i), word) == 0;
}

static void
read_id(struct facts *f, const struct line *l)
{
	f->machine_id = text(l, 1);
	f->boot_id = text(l, 2);
	f->hostname = text(l, 3);
	f->user = text(l, 4);
	f->uid = text(l, 5);
	f->gid = text(l, 6);
	f->home = text(l, 7);
	f->epoch = number(l, 8);
}

static void
read_os(struct facts *f, const struct line *l)
{
	f->kernel = text(l, 1);
	f->arch = text(l, 2);
	f->os = text(l, 3);
}

static void
read_docker(struct facts *f, const struct line *l)
{
	f->docker = text(l, 1);
	f->docker_version = text(l, 2);
	f->docker_detail = text(l, 3);
}

static void
read_engine(struct facts *f, const struct line *l)
{
	f->engine_image = text(l, 1);
	f->engine_ray = text_or_null(l, 2);
	f->engine_vllm = text_or_null(l, 3);
}

static void
read_podman(struct facts *f, const struct line *l)
{
	f->podman = text(l, 1);
	f->podman_version = text(l, 2);
	f->podman_detail = text(l, 3);
}

static void
read_venv(struct facts *f, const struct line *l)
{
	f->venv_state = text(l, 2);
	f->venv_vllm = text_or_null(l, 3);
	f->venv_ray = text_or_null(l, 4);
	f->venv_hf = is(l, 5, "yes");
}

static void
read_toolkit(struct facts *f, const struct line *l)
{
	f->toolkit = is(l, 1, "yes");
}

static void
read_gpunone(struct facts *f, const struct line *l)
{
	f->gpunone = text(l, 1);
}

static void
read_resolve(struct facts *f, const struct line *l)
{
	f->resolve_name = text(l, 1);
	f->resolve_address = text(l, 2);
}

static void
read_shared(struct facts *f, const struct line *l)
{
	f->shared_fs = text(l, 2);
	f->shared_id = text(l, 3);
	f->shared_free_kib = number(l, 4);
	f->shared_state = text(l, 5);
}

static void
read_shm(struct facts *f, const struct line *l)
{
	f->shm_kib = number(l, 1);
}

static void
read_raw(struct facts *f, const struct line *l)
{
	struct topo t = {0};

	if (is(l, 1, "nvidia-topo"))
		t = topo_read(l->arena, text(l, 2), strlen(text(l, 2)));
	for (size_t i = 0; i < t.n; i++) {
		long long joined = 0;

		for (size_t k = 0; k < t.n; k++)
			joined += topo_island(&t, k) == i;
		if (joined > 1 && joined > f->island)
			f->island = joined;
	}
}

static void
read_ram(struct facts *f, const struct line *l)
{
	f->ram_kib = number(l, 1);
}

static void
read_config(struct facts *f, const struct line *l)
{
	f->model_config = text_or_null(l, 1);
}

static void
read_weights(struct facts *f, const struct line *l)
{
	f->model_total = number(l, 1);
	f->model_bytes = number(l, 2);
	f->model_print = text_or_null(l, 3);
	if (f->model_print && (strlen(f->model_print) != 64 ||
			       strspn(f->model_print, "0123456789abcdef") != 64))
		f->model_print = NULL;
}

static void
read_members(struct facts *f, const struct line *l)
{
	f->members = text_or_null(l, 1);
}

static void
read_mackey(struct facts *f, const struct line *l)
{
	f->mac_key = text_or_null(l, 1);
}

static void
read_lock(struct facts *f, const struct line *l)
{
	f->lock_state = text(l, 1);
	f->lock_info = text(l, 2);
}

static void
read_script(struct facts *f, const struct line *l)
{
	f->script_sha = is(l, 2, "missing") ? NULL : text_or_null(l, 2);
}

/* "[Unknown Error]", "[GPU requires reset]"; but "[N/A]" and its like mean: there is none. */
static const char *
trouble(const struct line *l, size_t i)
{
	const char *s = text(l, i);

	return *s == '[' && !strstr(s, "N/A") && !strstr(s, "Not Supported") &&
	       !strstr(s, "Insufficient Permissions") ? s : NULL;
}

static void
read_gpu(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->gpu) = (struct fact_gpu){.index = small(l, 1),
		.uuid = text(l, 2), .name = text(l, 3), .total_mib = number(l, 4),
		.used_mib = number(l, 5), .driver = text(l, 6), .mig = is(l, 7, "Enabled"),
		.trouble = trouble(l, 4) ? trouble(l, 4) : trouble(l, 3)};
}

static void
read_gpuproc(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->gpuproc) = (struct fact_gpuproc){.pid = text(l, 1),
		.used_mib = text(l, 2), .user = text(l, 3), .command = text(l, 4), .gpu = text(l, 5)};
}

static void
read_addr(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->addr) =
		(struct fact_addr){.interface = text(l, 1), .address = text(l, 2),
			.prefix = small(l, 3) < 0 || small(l, 3) > 128 ? 0 : small(l, 3)};
}

/* sysfs says -1 where a card has no speed to speak of. */
static long long
positive(const struct line *l, size_t i)
{
	long long x = number(l, i);

	return x > 0 ? x : 0;
}

static void
read_nic(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->nic) = (struct fact_nic){.name = text(l, 1),
		.state = text(l, 2), .speed = positive(l, 3), .mtu = positive(l, 4),
		.kind = text(l, 5)};
}

/* "4: ACTIVE", "400 Gb/sec (4X NDR)". */
static void
read_rdma(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->rdma) = (struct fact_rdma){.device = text(l, 1),
		.port = text(l, 2), .active = strstr(text(l, 3), "ACTIVE") != NULL,
		.rate = positive(l, 4), .layer = text(l, 5), .interface = text_or_null(l, 6),
		.verbs = !is(l, 7, "no")};
}

static void
read_reach(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->reach) = (struct fact_reach){.address = text(l, 1),
		.state = text(l, 2), .detail = text(l, 3)};
}

static void
read_port(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->port) = (struct fact_port){.port = small(l, 1),
		.pid = text(l, 2), .user = text(l, 3), .command = text(l, 4),
		.container = text_or_null(l, 5)};
}

static void
read_image(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->image) = (struct fact_image){.ref = text(l, 1),
		.id = text(l, 2), .digest = text_or_null(l, 3)};
}

static void
read_container(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->container) = (struct fact_container){.name = text(l, 1),
		.id = text(l, 2), .state = text(l, 3), .exit_code = small(l, 4),
		.started = text(l, 5), .image = text(l, 6), .cluster = text(l, 7),
		.step = text(l, 8), .digest = text(l, 9), .inputs = text(l, 10),
		.pid = small(l, 11)};
}

static void
read_model(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->file) = (struct fact_file){.path = text(l, 1),
		.size = number(l, 2), .blob = text(l, 3)};
}

static void
read_proc(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->proc) = (struct fact_proc){.step = text(l, 1),
		.instance = text(l, 2), .pid = small(l, 3), .alive = is(l, 4, "alive"),
		.status = text(l, 5), .inputs = text(l, 6)};
}

/* A record that cannot be read still says that something was begun here: taking it
 * for an intent makes the step "interrupted", and what is there is replaced. */
static void
read_record(struct facts *f, const struct line *l)
{
	struct record *r = record_read(l->arena, text(l, 2), strlen(text(l, 2)));

	if (!*text(l, 1))
		return;
	if (!r) {
		r = ar_new(l->arena, struct record);
		*r = (struct record){.kind = "", .phase = "intent", .apply_id = "", .at = ""};
	}
	r->step = text(l, 1);
	*vec_push(l->arena, &f->record) = *r;
}

static const struct fact_type {
	const char *name;
	size_t min;             /* fields after the type without which the line is rubbish */
	void (*read)(struct facts *, const struct line *);
} types[] = {
	{"id", 8, read_id},
	{"os", 2, read_os},
	{"docker", 1, read_docker},
	{"podman", 1, read_podman},
	{"venv", 5, read_venv},
	{"toolkit", 1, read_toolkit},
	{"gpu", 6, read_gpu},
	{"gpuproc", 3, read_gpuproc},
	{"gpunone", 1, read_gpunone},
	{"raw", 2, read_raw},
	{"engine", 3, read_engine},
	{"addr", 2, read_addr},
	{"nic", 5, read_nic},
	{"rdma", 6, read_rdma},
	{"reach", 2, read_reach},
	{"resolve", 2, read_resolve},
	{"shared", 5, read_shared},
	{"shm", 1, read_shm},
	{"ram", 1, read_ram},
	{"config", 1, read_config},
	{"weights", 2, read_weights},
	{"port", 4, read_port},
	{"image", 2, read_image},
	{"container", 10, read_container},
	{"record", 2, read_record},
	{"members", 1, read_members},
	{"mackey", 1, read_mackey},
	{"lock", 1, read_lock},
	{"model", 2, read_model},
	{"script", 2, read_script},
	{"proc", 6, read_proc},
};

static void
read_line(struct facts *f, struct line *l)
{
	for (size_t i = 0; i < countof(types); i++)
		if (strcmp(l->field[0], types[i].name) == 0 && l->n > types[i].min)
			types[i].read(f, l);
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
		.shared_state = "", .lock_state = "", .lock_info = ""};
	while (s < end && !f->complete && lines++ < MAX_ENTRIES) {
		char *nl = memchr(s, '\n', (size_t)(end - s)), *stop = nl ? nl : end;

		*stop = '\0';
		/* A NUL inside a line is no text of ours: the line is left out. */
		if (strlen(s) == (size_t)(stop - s)) {
			line.n = facts_split(s, line.field, MAX_FIELDS);
			read_line(f, &line);
		}
		s = stop + 1;
	}
	return f;
}
