/* NVIDIA's GPUs: how they are handed over, what NVIDIA's tools print, and which faults they
 * show. Columns are found by name, since drivers differ in their fields. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/nvidia.h"
#include "planner/base/vec.h"

enum { MAX_ERRORS = 64, MAX_COLUMNS = 32 };

extern const struct accelerator accelerator_nvidia;

/* A copy of the line at *at, which moves to the next line; NULL at the end. */
static char *
nvidia_next_line(struct arena *a, const char **at)
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
nvidia_columns(char *line, char **field)
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

/* "[N/A]" and the like mean that there is no such value. Any other word in brackets is an
 * error: "[GPU requires reset]", "[Unknown Error]". */
static const char *
nvidia_value(struct gpu *g, const char *s)
{
	static const char *const none[] = {"N/A", "[N/A]", "Not Supported", "[Not Supported]",
		"[Insufficient Permissions]"};
	size_t n = strlen(s);

	for (size_t i = 0; i < countof(none); i++)
		if (strcasecmp(s, none[i]) == 0)
			return "";
	if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
		g->trouble = s;
		return "";
	}
	return s;
}

static long long
nvidia_count(const char *s)
{
	long long x = isdigit((unsigned char)*s) ? strtoll(s, NULL, 10) : -1, most = 1LL << 48;

	return x > most ? most : x;
}

/* A value of the column that nvidia-smi calls `name`. */
static void
nvidia_set(struct gpu *g, const char *name, const char *field)
{
	const char *s = nvidia_value(g, field);
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
		{"memory.reserved", &g->reserved_mib},
		{"ecc.errors.uncorrected.volatile.total", &g->ecc_errors},
	};

	if (strcmp(name, "index") == 0 && nvidia_count(s) >= 0 && nvidia_count(s) < 1000)
		g->index = (int)nvidia_count(s);
	for (size_t i = 0; i < countof(texts); i++)
		if (strcmp(name, texts[i].name) == 0)
			*texts[i].to = s;
	for (size_t i = 0; i < countof(numbers); i++)
		if (strcmp(name, numbers[i].name) == 0)
			*numbers[i].to = nvidia_count(s);
}

void
gpus_read_line(struct arena *a, struct gpus *all, char *const *field, size_t n)
{
	static const char *const name[] = {"index", "uuid", "name", "memory.total",
		"memory.used", "driver_version", "mig.mode.current", "compute_cap"};
	bool other = n > countof(name) && accelerator_find(field[countof(name)]);
	struct gpu *g = all->told ? NULL
		: gpus_add(a, all, other ? field[countof(name)] : accelerator_nvidia.name);

	for (size_t i = 0; g && i < n && i < countof(name); i++)
		if (strcmp(field[i], "-") != 0)
			nvidia_set(g, name[i], field[i]);
}

/* nvidia-smi --query-gpu=... --format=csv. It replaces what "gpu" lines said. */
static void
nvidia_read_csv(struct arena *a, struct gpus *all, const char *text)
{
	char *name[MAX_COLUMNS], *field[MAX_COLUMNS], *line = nvidia_next_line(a, &text);
	size_t n = line ? nvidia_columns(line, name) : 0;

	for (size_t i = 0; i < n; i++)
		name[i][strcspn(name[i], " [")] = '\0';
	while (n && (line = nvidia_next_line(a, &text))) {
		size_t k = nvidia_columns(line, field);
		struct gpu *g;

		if (k < 3 || !isdigit((unsigned char)*field[0]))
			continue;
		if (!all->told)
			all->n = 0;
		all->told = true;
		g = gpus_add(a, all, "nvidia");
		for (size_t i = 0; g && i < k && i < n; i++)
			nvidia_set(g, name[i], field[i]);
	}
}

static void
nvidia_read_smi(struct arena *a, struct gpus *all, const char *text)
{
	static const char mark[] = "CUDA Version: ";
	const char *at = strstr(text, mark);

	if (at) {
		at += sizeof mark - 1;
		all->platform = arena_strndup(a, at, strspn(at, "0123456789."));
	}
}

static void
nvidia_read_topo(struct arena *a, struct gpus *all, const char *text)
{
	all->topo = topo_read(a, text, strlen(text));
}

/* "GPU 0: NVIDIA H200 (UUID: ...)", then "Link 0: 26.562 GB/s" or "<inactive>". */
static void
nvidia_read_nvlink(struct arena *a, struct gpus *all, const char *text)
{
	struct gpu *g = NULL;
	char *line;

	while ((line = nvidia_next_line(a, &text))) {
		const char *s = line + strspn(line, " \t"), *colon = strchr(s, ':');

		if (strncmp(s, "GPU ", 4) == 0 && isdigit((unsigned char)s[4])) {
			g = NULL;
			for (size_t i = 0; i < all->n && !g; i++)
				if (all->v[i].index == (int)strtol(s + 4, NULL, 10))
					g = &all->v[i];
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
static void
nvidia_read_xid(struct arena *a, struct gpus *all, const char *text)
{
	char *line;

	while (all->error.n < MAX_ERRORS && (line = nvidia_next_line(a, &text))) {
		const char *at = strstr(line, "NVRM: Xid (PCI:"), *pci, *end;

		if (!at)
			continue;
		pci = at + strlen("NVRM: Xid (PCI:");
		end = strstr(pci, "): ");
		if (!end || !isdigit((unsigned char)end[3]))
			continue;
		*vec_push(a, &all->error) = (struct gpu_error){
			.pci = arena_strndup(a, pci, (size_t)(end - pci)),
			.code = arena_strndup(a, end + 3, strspn(end + 3, "0123456789")),
			.text = at};
	}
}

/* "00000000:00:06.0" and "0000:00:06" are one place: compare bus and device. */
static bool
nvidia_same_place(const char *pci, const char *other)
{
	const char *a = strchr(pci, ':'), *b = strchr(other, ':');

	return a && b && strlen(b) >= 6 && strncasecmp(a, b, 6) == 0;
}

static void
nvidia_fault_errors(struct arena *a, const struct gpus *all, const struct gpu *g,
		    struct gpu_faults *out)
{
	const char *last = NULL;
	size_t n = 0;

	for (size_t i = 0; i < all->error.n; i++)
		if (nvidia_same_place(g->pci, all->error.v[i].pci)) {
			last = all->error.v[i].code;
			n++;
		}
	if (n)
		gpu_fault_add(a, out, FAULT_OTHER, g, "see the rest in dmesg",
			      "GPU %d: %zu Xid error%s in the kernel's log, last %s", g->index, n,
			      n == 1 ? "" : "s", last);
}

/* Slices belong to whoever cut them: the way is to name one. */
static void
nvidia_fault_mig(struct arena *a, const struct gpus *all, const struct gpu *g,
		 struct gpu_faults *out)
{
	const struct gpu_slice *first = NULL;
	size_t n = 0;

	for (size_t i = all->slice.n; i-- > 0;)
		if (all->slice.v[i].gpu == g->index) {
			first = &all->slice.v[i];
			n++;
		}
	gpu_fault_add(a, out, FAULT_CUT_UP, g,
		      arena_printf(a, "set env: {CUDA_VISIBLE_DEVICES: %s} of the node to the slice it may "
				   "use%s", first ? first->uuid : "MIG-...",
				   first ? "" : "; 'nvidia-smi -L' lists them"),
		      "GPU %d is partitioned by MIG: an engine sees only one part%s", g->index,
		      n ? arena_printf(a, " of its %zu", n) : "");
}

static void
nvidia_fault_gpu(struct arena *a, const struct gpus *all, const struct gpu *g,
		 struct gpu_faults *out)
{
	if (*g->trouble)
		gpu_fault_add(a, out, FAULT_BROKEN, g, "reboot the node, or take it out of the spec",
			      "GPU %d: the driver says %s", g->index, g->trouble);
	if (strcmp(g->compute_mode, "Prohibited") == 0)
		gpu_fault_add(a, out, FAULT_BROKEN, g,
			      arena_printf(a, "sudo nvidia-smi -i %d -c DEFAULT", g->index),
			      "GPU %d: its compute mode is Prohibited: no program may use it", g->index);
	if (strcmp(g->compute_mode, "Exclusive_Process") == 0)
		gpu_fault_add(a, out, FAULT_OTHER, g,
			      arena_printf(a, "sudo nvidia-smi -i %d -c DEFAULT, or ask who runs the hosts", g->index),
			      "GPU %d: its compute mode is Exclusive_Process: a second process on it, as engines start "
			      "some, ends with 'all CUDA-capable devices are busy or unavailable'", g->index);
	if (g->ecc_errors > 0)
		gpu_fault_add(a, out, FAULT_OTHER, g,
			      "reset the GPU; if it happens again, the card is bad",
			  "GPU %d: %lld uncorrected memory errors", g->index, g->ecc_errors);
	if (strcasecmp(g->remap_failed, "yes") == 0)
		gpu_fault_add(a, out, FAULT_OTHER, g, "replace the card",
			      "GPU %d: remapping of bad memory failed", g->index);
	else if (strcasecmp(g->remap_pending, "yes") == 0)
		gpu_fault_add(a, out, FAULT_OTHER, g, "reset the GPU, or reboot the node",
			      "GPU %d: remapping of bad memory waits for a reset", g->index);
	if (strcmp(g->mig, "Enabled") == 0)
		nvidia_fault_mig(a, all, g, out);
	if (*g->fabric_state && strcmp(g->fabric_state, "Completed") != 0 && g->links > 0)
		gpu_fault_add(a, out, FAULT_OTHER, g,
			      "check that nvidia-fabricmanager runs, in the driver's version",
			      "GPU %d: the NVSwitch fabric is '%s': CUDA cannot start (error 802)",
			      g->index, g->fabric_state);
	if (g->links && g->links_down)
		gpu_fault_add(a, out, FAULT_OTHER, g, "nvidia-smi nvlink -e shows their errors",
			      "GPU %d: %d of %d NVLinks are down", g->index, g->links_down,
			      g->links + g->links_down);
	nvidia_fault_errors(a, all, g, out);
}

static void
nvidia_faults(struct arena *a, const struct gpus *all, struct gpu_faults *out)
{
	bool lazy = false;

	for (size_t i = 0; i < all->n; i++) {
		nvidia_fault_gpu(a, all, &all->v[i], out);
		lazy = lazy || strcmp(all->v[i].persistence, "Disabled") == 0;
	}
	if (lazy)
		gpu_fault_add(a, out, FAULT_OTHER, NULL, "nvidia-smi -pm 1, as root",
			          "persistence mode is off: the first use of an idle GPU takes seconds");
	gpu_faults_busy(a, all, out);
	if (strcmp(all->fabric_manager, "failed") == 0)
		gpu_fault_add(a, out, FAULT_OTHER, NULL, "systemctl status nvidia-fabricmanager",
			          "nvidia-fabricmanager has failed");
}

/* Podman uses the device names that nvidia-ctk writes; without them it cannot hand over
 * all GPUs. */
const struct accelerator accelerator_nvidia = {
	.name = "nvidia",
	.maker = "NVIDIA",
	.tool = "nvidia-smi",
	.platform = "CUDA",
	.driver = nvidia_driver,
	.driver_runs = nvidia_driver_runs,
	.capability = nvidia_capability,
	.visible = "CUDA_VISIBLE_DEVICES",
	.shares_memory = true,
	.reserves_mib = 616,            /* an H200 with driver 580; other cards 400 to 700 */
	.docker = (const char *const[]){"--gpus", "all", NULL},
	.domain_device = "/dev/nvidia-caps-imex-channels/channel0",
	.domain_names = (const char *const[]){"GB200", "GB300", NULL},
	.domain_setup = "where the nodes are one NVLink domain: sudo systemctl enable --now nvidia-imex, and load the "
			"module nvidia with NVreg_CreateImexChannel0=1",
	/* Jetson: "the NVIDIA Container Runtime Hook directly (--gpus) is not supported". */
	.soc = "tegra",
	.docker_soc = (const char *const[]){"--runtime", "nvidia", NULL},
	.order = "CUDA_DEVICE_ORDER",
	.cdi = (const char *const[]){"--device", "nvidia.com/gpu=all", NULL},
	.flag_all = true,
	.toolkit = "nvidia-container-toolkit",
	.docker_setup = "sudo nvidia-ctk runtime configure && sudo systemctl restart docker",
	.podman_setup = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml",
	.absent = "no nvidia-smi",
	.absent_hint = "nvidia-smi must work for the login user",
	.reads = {{"nvidia-gpu", nvidia_read_csv}, {"nvidia-smi", nvidia_read_smi},
		{"nvidia-topo", nvidia_read_topo}, {"nvidia-nvlink", nvidia_read_nvlink},
		{"xid", nvidia_read_xid}, {"nvidia-mig", nvidia_read_mig}},
	.faults = nvidia_faults,
};
