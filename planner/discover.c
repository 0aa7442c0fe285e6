/* The lines of discover.sh -> struct machine. */
#include "planner/discover.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

enum { MAX_FIELDS = 8, MAX_LINES = 20000, DISCOVER_TIMEOUT = 300 };

struct fields {
	struct arena *arena;
	char *v[MAX_FIELDS];
	size_t n;
};

static const char *
text(const struct fields *f, size_t i)
{
	return i < f->n && strcmp(f->v[i], "-") != 0 ? f->v[i] : "";
}

/* Held within what can be multiplied by 1024. */
static long long
number(const struct fields *f, size_t i)
{
	const char *s = text(f, i);
	long long x = isdigit((unsigned char)*s) ? strtoll(s, NULL, 10) : -1, most = 1LL << 48;

	return x > most ? most : x;
}

static void
read_groups(struct machine *m, const struct fields *f)
{
	m->groups = text(f, 1);
}

static void
read_limit(struct machine *m, const struct fields *f)
{
	if (strcmp(text(f, 1), "memlock") == 0)
		m->memlock = text(f, 2);
}

static void
read_ram(struct machine *m, const struct fields *f)
{
	m->ram_kib = number(f, 1);
	m->ram_free_kib = number(f, 2);
}

static void
read_cpu(struct machine *m, const struct fields *f)
{
	m->cpus = number(f, 1);
	m->cpu = text(f, 2);
}

static void
read_numa(struct machine *m, const struct fields *f)
{
	*vec_push(f->arena, &m->numa) = (struct numa){text(f, 1), text(f, 2), number(f, 3)};
}

static void
read_disk(struct machine *m, const struct fields *f)
{
	*vec_push(f->arena, &m->disk) = (struct disk){.label = text(f, 1), .path = text(f, 2),
		.fs = text(f, 3), .total_kib = number(f, 4), .free_kib = number(f, 5),
		.state = text(f, 6)};
}

static void
read_hca(struct machine *m, const struct fields *f)
{
	*vec_push(f->arena, &m->hca) = (struct hca){text(f, 1), text(f, 2), text(f, 3),
		text(f, 4), text(f, 5), text(f, 6)};
}

static void
read_hcaport(struct machine *m, const struct fields *f)
{
	*vec_push(f->arena, &m->port) = (struct hca_port){text(f, 1), text(f, 2), text(f, 3),
		text(f, 4), text(f, 5)};
}

static void
read_gid(struct machine *m, const struct fields *f)
{
	*vec_push(f->arena, &m->gid) = (struct gid){text(f, 1), text(f, 2), text(f, 3),
		text(f, 4), text(f, 5), text(f, 6)};
}

static void
read_gpuproc(struct machine *m, const struct fields *f)
{
	*vec_push(f->arena, &m->user) = (struct gpu_user){.pid = text(f, 1),
		.used_mib = text(f, 2), .user = text(f, 3), .command = text(f, 4),
		.uuid = text(f, 5), .container = text(f, 6)};
}

static void
read_nvswitch(struct machine *m, const struct fields *f)
{
	(void)f;
	m->nvswitches++;
}

static void
read_fabricmanager(struct machine *m, const struct fields *f)
{
	m->fabric_manager = text(f, 1);
}

static void
read_podman(struct machine *m, const struct fields *f)
{
	m->podman = text(f, 1);
	m->podman_detail = text(f, 2);
}

static void
read_python(struct machine *m, const struct fields *f)
{
	m->python = text(f, 1);
}

static void
read_raw(struct machine *m, const struct fields *f)
{
	static const struct {
		const char *name;
		void (*read)(struct arena *, struct machine *, const char *);
	} tools[] = {
		{"nvidia-gpu", gpus_read_csv}, {"nvidia-smi", gpus_read_smi},
		{"nvidia-nvlink", gpus_read_nvlink}, {"xid", gpus_read_xid},
		{"amd-smi", gpus_read_amd}, {"rocm-smi", gpus_read_rocm},
	};
	const char *name = text(f, 1), *what = text(f, 2);

	for (size_t i = 0; i < countof(tools); i++)
		if (strcmp(name, tools[i].name) == 0)
			tools[i].read(f->arena, m, what);
	if (strcmp(name, "nvidia-topo") == 0)
		m->topo = topo_read(f->arena, what, strlen(what));
}

static const struct {
	const char *name;
	size_t min;             /* fields after the type without which the line is rubbish */
	void (*read)(struct machine *, const struct fields *);
} types[] = {
	{"groups", 1, read_groups},
	{"limit", 2, read_limit},
	{"ram", 2, read_ram},
	{"cpu", 1, read_cpu},
	{"numa", 1, read_numa},
	{"disk", 5, read_disk},
	{"hca", 1, read_hca},
	{"hcaport", 2, read_hcaport},
	{"gid", 4, read_gid},
	{"gpuproc", 4, read_gpuproc},
	{"nvswitch", 1, read_nvswitch},
	{"fabricmanager", 1, read_fabricmanager},
	{"podman", 1, read_podman},
	{"python", 1, read_python},
	{"raw", 2, read_raw},
};

struct machine *
machine_read(struct arena *a, const char *bytes, size_t n)
{
	struct machine *m = ar_new(a, struct machine);
	struct fields f = {.arena = a};
	char *s = arena_strndup(a, bytes, n), *end = s + n;
	bool over = false;

	*m = (struct machine){.facts = facts_read(a, bytes, n), .groups = "", .memlock = "",
		.cpu = "", .cuda = "", .fabric_manager = "", .podman = "", .podman_detail = "",
		.python = "", .ram_kib = -1, .ram_free_kib = -1, .cpus = -1};
	for (size_t lines = 0; s < end && !over && lines < MAX_LINES; lines++) {
		char *nl = memchr(s, '\n', (size_t)(end - s)), *stop = nl ? nl : end;

		*stop = '\0';
		if (strlen(s) == (size_t)(stop - s)) {
			f.n = facts_split(s, f.v, MAX_FIELDS);
			over = strcmp(f.v[0], "end") == 0;
			for (size_t i = 0; i < countof(types); i++)
				if (strcmp(f.v[0], types[i].name) == 0 && f.n > types[i].min)
					types[i].read(m, &f);
		}
		s = stop + 1;
	}
	if (!m->gpu.n)
		gpus_take_facts(a, m);
	return m;
}

void
discover_task(struct arena *a, const struct model *m, struct task *t)
{
	const char *shared = m->spec ? m->spec->shared_dir.text : NULL;

	*t = (struct task){.type = TASK_SCRIPT, .script = script_with(a, "net", "discover"),
		.timeout_s = DISCOVER_TIMEOUT};
	task_arg(a, t, shared ? shared : "-");
	task_arg(a, t, shared && m->hf_home ? m->hf_home : "-");
	task_arg(a, t, "/sys");
	task_arg(a, t, "/dev");
	task_arg(a, t, "/proc");
}
