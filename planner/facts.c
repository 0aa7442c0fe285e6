/* The lines of one observation -> struct facts. The bytes come from a node, so nothing
 * about them is believed: lists are bounded, what cannot be read is left out. */
#include "planner/facts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

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

/* Fields past the last one that fits are dropped. */
static void
split(struct line *l, char *s)
{
	l->n = 0;
	while (s && l->n < MAX_FIELDS) {
		char *tab = strchr(s, '\t');

		if (tab)
			*tab = '\0';
		unescape(s);
		l->field[l->n++] = s;
		s = tab ? tab + 1 : NULL;
	}
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

static void
read_gpu(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->gpu) = (struct fact_gpu){.index = small(l, 1),
		.uuid = text(l, 2), .name = text(l, 3), .total_mib = number(l, 4),
		.used_mib = number(l, 5), .driver = text(l, 6)};
}

static void
read_gpuproc(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->gpuproc) = (struct fact_gpuproc){.pid = text(l, 1),
		.used_mib = text(l, 2), .user = text(l, 3), .command = text(l, 4)};
}

static void
read_addr(struct facts *f, const struct line *l)
{
	*vec_push(l->arena, &f->addr) =
		(struct fact_addr){.interface = text(l, 1), .address = text(l, 2)};
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
	{"toolkit", 1, read_toolkit},
	{"gpu", 6, read_gpu},
	{"gpuproc", 3, read_gpuproc},
	{"gpunone", 1, read_gpunone},
	{"addr", 2, read_addr},
	{"reach", 2, read_reach},
	{"resolve", 2, read_resolve},
	{"shared", 5, read_shared},
	{"shm", 1, read_shm},
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
		.resolve_name = "", .resolve_address = "", .shared_fs = "", .shared_id = "",
		.shared_state = "", .lock_state = "", .lock_info = ""};
	while (s < end && !f->complete && lines++ < MAX_ENTRIES) {
		char *nl = memchr(s, '\n', (size_t)(end - s)), *stop = nl ? nl : end;

		*stop = '\0';
		/* A NUL inside a line is no text of ours: the line is left out. */
		if (strlen(s) == (size_t)(stop - s)) {
			split(&line, s);
			read_line(f, &line);
		}
		s = stop + 1;
	}
	return f;
}
