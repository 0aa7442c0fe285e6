/* Slices of NVIDIA's GPUs (MIG): what nvidia-smi says of them, and what an engine sees. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/nvidia.h"
#include "planner/base/vec.h"

/* "  MIG 3g.40gb     Device  0: (UUID: MIG-...)" below its "GPU 0: ...". */
static void
mig_read_list_line(struct arena *a, struct gpus *all, const char *line, int *gpu)
{
	const char *s = line + strspn(line, " "), *uuid = strstr(s, "(UUID: MIG-"), *device;
	struct gpu_slice *slice;

	if (strncmp(s, "GPU ", 4) == 0 && isdigit((unsigned char)s[4]))
		*gpu = (int)(strtol(s + 4, NULL, 10) & 0xffff);
	device = strstr(s, " Device ");
	if (strncmp(s, "MIG ", 4) != 0 || !uuid || !device || all->slice.n == GPUS_MAX)
		return;
	uuid += strlen("(UUID: ");
	slice = vec_push(a, &all->slice);
	*slice = (struct gpu_slice){.gpu = *gpu, .device = (int)(strtol(device + 8, NULL, 10) & 0xffff),
		.profile = arena_strndup(a, s + 4, strcspn(s + 4, " ")),
		.uuid = arena_strndup(a, uuid, strcspn(uuid, ")"))};
	/* The profile says it in rounded GB; the table below says it exactly. */
	s = strchr(slice->profile, '.');
	slice->total_mib = s ? (long long)(strtod(s + 1, NULL) * 1024 * 0.95) : -1;
	slice->used_mib = -1;
}

/* "|  0    9   0   0  |     12MiB /  9856MiB  | 14   0 | ..." */
static void
mig_read_table_line(struct gpus *all, const char *line)
{
	long long used, total;
	int gpu, gi, ci, device;

	/* NOLINTNEXTLINE(bugprone-unchecked-string-to-number-conversion): compared with known ones */
	if (sscanf(line, "| %4d %4d %4d %4d | %9lldMiB / %9lldMiB", &gpu, &gi, &ci, &device, &used,
		   &total) != 6)
		return;
	for (size_t i = 0; i < all->slice.n; i++) {
		struct gpu_slice *s = &all->slice.v[i];

		if (s->gpu == gpu && s->device == device && total > 0) {
			s->total_mib = total;
			s->used_mib = used;
		}
	}
}

void
nvidia_read_mig(struct arena *a, struct gpus *all, const char *text)
{
	int gpu = -1;

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		const char *line = arena_strndup(a, at, strcspn(at, "\n"));

		if (*line == '|')
			mig_read_table_line(all, line);
		else
			mig_read_list_line(a, all, line, &gpu);
	}
}

/* A slice as the GPU that an engine sees. */
static void
mig_add(struct arena *a, struct gpus *seen, const struct gpus *all, const struct gpu_slice *s,
	bool chosen)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct gpu *whole = &all->v[i];
		struct gpu *g;

		if (whole->index != s->gpu)
			continue;
		g = vec_push(a, seen);
		*g = *whole;
		g->uuid = s->uuid;
		g->name = arena_printf(a, "%s MIG %s", whole->name, s->profile);
		g->total_mib = s->total_mib;
		g->reserved_mib = 0;    /* is of the whole GPU */
		g->used_mib = s->used_mib;
		/* Nobody chose it: say so. */
		g->mig = chosen ? "" : whole->mig;
		return;
	}
}

struct gpus
gpus_one_slice(struct arena *a, const struct gpus *all, const char *list)
{
	struct gpus seen = *all;

	memset(&seen.user, 0, sizeof seen.user);
	seen.v = NULL;
	seen.n = seen.cap = 0;
	for (size_t i = 0; !list && i < all->n; i++)
		if (strcmp(all->v[i].mig, "Enabled") != 0)
			return *all;
	for (size_t i = 0; i < all->slice.n && !seen.n; i++) {
		const char *uuid = all->slice.v[i].uuid;
		size_t n = list ? strcspn(list + strspn(list, " "), ", ") : 0;

		if (!list || (n && strncmp(uuid, list + strspn(list, " "), n) == 0))
			mig_add(a, &seen, all, &all->slice.v[i], list);
	}
	return seen;
}
