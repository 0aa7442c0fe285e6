/* What NVIDIA's tools print -> GPUs of a machine. Columns are found by their names, so that
 * a driver with fewer or more fields is read all the same. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/discover.h"

enum { MAX_GPUS = 64, MAX_XIDS = 64, MAX_COLUMNS = 32 };

/* The line at *at as a copy, and *at behind it; NULL at the end. */
static char *
next_line(struct arena *a, const char **at)
{
	const char *nl = strchrnul(*at, '\n');
	char *line;
	size_t n;

	if (!**at)
		return NULL;
	line = arena_strndup(a, *at, (size_t)(nl - *at));
	for (n = strlen(line); n && strchr("\r ", line[n - 1]);)
		line[--n] = '\0';
	*at = *nl ? nl + 1 : nl;
	return line;
}

static size_t
columns(char *line, char **field)
{
	size_t n = 0;

	while (line && n < MAX_COLUMNS) {
		char *comma = strchr(line, ',');

		if (comma)
			*comma = '\0';
		field[n++] = line + strspn(line, " ");
		line = comma ? comma + 1 : NULL;
	}
	return n;
}

/* "[N/A]", "[Not Supported]" say that there is no such thing; others in brackets that
 * something is wrong: "[GPU requires reset]", "[Unknown Error]". */
static const char *
value(struct gpu *g, const char *s)
{
	size_t n = strlen(s);

	if (strcasecmp(s, "N/A") == 0 || strcasecmp(s, "[N/A]") == 0 ||
	    strcasecmp(s, "[Not Supported]") == 0 || strcasecmp(s, "Not Supported") == 0 ||
	    strcasecmp(s, "[Insufficient Permissions]") == 0)
		return "";
	if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
		g->trouble = s;
		return "";
	}
	return s;
}

static long long
count(const char *s)
{
	return isdigit((unsigned char)*s) ? strtoll(s, NULL, 10) : -1;
}

static void
set(struct gpu *g, const char *name, const char *field)
{
	const char *s = value(g, field);
	const struct { const char *name; const char **to; } texts[] = {
		{"uuid", &g->uuid}, {"name", &g->name}, {"driver_version", &g->driver},
		{"pci.bus_id", &g->pci}, {"compute_cap", &g->capability},
		{"mig.mode.current", &g->mig}, {"ecc.mode.current", &g->ecc},
		{"persistence_mode", &g->persistence}, {"fabric.state", &g->fabric_state},
		{"fabric.status", &g->fabric_status}, {"compute_mode", &g->compute_mode},
		{"remapped_rows.pending", &g->remap_pending},
		{"remapped_rows.failure", &g->remap_failed},
	};
	const struct { const char *name; long long *to; } numbers[] = {
		{"memory.total", &g->total_mib}, {"memory.used", &g->used_mib},
		{"ecc.errors.uncorrected.volatile.total", &g->ecc_errors},
	};

	if (strcmp(name, "index") == 0 && count(s) >= 0 && count(s) < 1000)
		g->index = (int)count(s);
	for (size_t i = 0; i < countof(texts); i++)
		if (strcmp(name, texts[i].name) == 0)
			*texts[i].to = s;
	for (size_t i = 0; i < countof(numbers); i++)
		if (strcmp(name, numbers[i].name) == 0)
			*numbers[i].to = count(s);
}

static struct gpu
nothing(void)
{
	return (struct gpu){.vendor = "nvidia", .uuid = "", .name = "", .pci = "", .driver = "",
		.capability = "", .mig = "", .ecc = "", .persistence = "", .fabric_state = "",
		.fabric_status = "", .compute_mode = "", .remap_pending = "",
		.remap_failed = "", .trouble = "", .total_mib = -1, .used_mib = -1,
		.ecc_errors = -1, .index = -1};
}

void
gpus_take_facts(struct arena *a, struct machine *m)
{
	for (size_t i = 0; i < m->facts->gpu.n && m->gpu.n < MAX_GPUS; i++) {
		const struct fact_gpu *f = &m->facts->gpu.v[i];
		struct gpu *g = vec_push(a, &m->gpu);

		*g = nothing();
		g->index = f->index;
		g->uuid = f->uuid;
		g->name = f->name;
		g->driver = f->driver;
		g->total_mib = f->total_mib > 0 ? f->total_mib : -1;
		g->used_mib = f->used_mib;
	}
}

void
gpus_read_csv(struct arena *a, struct machine *m, const char *text)
{
	char *name[MAX_COLUMNS], *field[MAX_COLUMNS], *line = next_line(a, &text);
	size_t n = line ? columns(line, name) : 0, k;

	for (size_t i = 0; i < n; i++)
		name[i][strcspn(name[i], " [")] = '\0';
	while (n && m->gpu.n < MAX_GPUS && (line = next_line(a, &text))) {
		struct gpu *g;

		k = columns(line, field);
		if (k < 3 || !isdigit((unsigned char)*field[0]))
			continue;
		g = vec_push(a, &m->gpu);
		*g = nothing();
		for (size_t i = 0; i < k && i < n; i++)
			set(g, name[i], field[i]);
	}
}

void
gpus_read_smi(struct arena *a, struct machine *m, const char *text)
{
	static const char mark[] = "CUDA Version: ";
	const char *at = strstr(text, mark);

	if (at) {
		at += sizeof mark - 1;
		m->cuda = arena_strndup(a, at, strspn(at, "0123456789."));
	}
}

/* "GPU 0: NVIDIA H200 (UUID: ...)", then "Link 0: 26.562 GB/s" or "<inactive>". */
void
gpus_read_nvlink(struct arena *a, struct machine *m, const char *text)
{
	struct gpu *g = NULL;
	char *line;

	while ((line = next_line(a, &text))) {
		const char *s = line + strspn(line, " \t"), *colon = strchr(s, ':');

		if (strncmp(s, "GPU ", 4) == 0 && isdigit((unsigned char)s[4])) {
			g = NULL;
			for (size_t i = 0; i < m->gpu.n && !g; i++)
				if (m->gpu.v[i].index == (int)strtol(s + 4, NULL, 10))
					g = &m->gpu.v[i];
			continue;
		}
		if (!g || strncmp(s, "Link ", 5) != 0 || !colon || g->links + g->links_down > 1000)
			continue;
		s = colon + 1 + strspn(colon + 1, " ");
		if (isdigit((unsigned char)*s)) {
			double gbs = strtod(s, NULL);

			g->links++;
			g->link_gbs += gbs < 10000 ? gbs : 0;
		} else {
			g->links_down++;
		}
	}
}

/* "[ 12.3] NVRM: Xid (PCI:0000:00:06): 79, pid=..., GPU has fallen off the bus." */
void
gpus_read_xid(struct arena *a, struct machine *m, const char *text)
{
	char *line;

	while (m->xid.n < MAX_XIDS && (line = next_line(a, &text))) {
		const char *at = strstr(line, "NVRM: Xid (PCI:"), *pci, *end;

		if (!at)
			continue;
		pci = at + strlen("NVRM: Xid (PCI:");
		end = strstr(pci, "): ");
		if (!end || !isdigit((unsigned char)end[3]))
			continue;
		*vec_push(a, &m->xid) = (struct xid){
			.pci = arena_strndup(a, pci, (size_t)(end - pci)),
			.code = arena_strndup(a, end + 3, strspn(end + 3, "0123456789")),
			.text = at};
	}
}
