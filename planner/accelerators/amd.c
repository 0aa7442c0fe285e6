/* AMD's GPUs: how they are handed over, and what AMD's tools print as JSON. The tools rename keys
 * with almost every release, so several names are tried for each value; amd_text.c reads what
 * they print without --json. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/amd.h"

static const long long MIB = 1024LL * 1024;

/* The tools may print other text before their JSON. NULL: there is none. */
static json_t *
amd_parse(const char *text)
{
	const char *start = text + strcspn(text, "{[");

	return *start ? json_loads(start, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL)
		      : NULL;
}

static const char *
amd_string(struct arena *a, const json_t *v)
{
	if (json_is_string(v) && strcmp(json_string_value(v), "N/A") != 0)
		return arena_strdup(a, json_string_value(v));
	return "";
}

/* The value of the first of these keys that is there, compared without case. */
static const json_t *
amd_pick(const json_t *o, const char *const *names)
{
	for (; *names; names++) {
		void *it = json_object_iter((json_t *)(uintptr_t)o);

		for (; it; it = json_object_iter_next((json_t *)(uintptr_t)o, it))
			if (strcasecmp(json_object_iter_key(it), *names) == 0)
				return json_object_iter_value(it);
	}
	return NULL;
}

#define PICK(o, ...) amd_pick((o), (const char *const[]){__VA_ARGS__, NULL})

static long long
amd_mib_of_bytes(const json_t *v)
{
	const char *s = json_is_string(v) ? json_string_value(v) : "";

	if (json_is_integer(v))
		return json_integer_value(v) / MIB;
	return isdigit((unsigned char)*s) ? strtoll(s, NULL, 10) / MIB : -1;
}

struct gpu *
amd_card(struct arena *a, struct gpus *all, const char *pci, size_t position)
{
	size_t seen = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct gpu *g = &all->v[i];

		if (strcmp(g->vendor, "amd") != 0)
			continue;
		if (*pci && *g->pci ? strcasecmp(g->pci, pci) == 0 : seen == position)
			return g;
		seen++;
	}
	return gpus_add(a, all, "amd");
}

void
amd_set_memory(struct gpu *g, long long vram, long long vram_used, long long gtt,
	       long long gtt_used)
{
	bool host = gtt > vram;

	if (vram < 0)
		return;
	if (g->total_mib < 0)
		g->total_mib = host ? gtt : vram;
	g->used_mib = host ? gtt_used : vram_used;
}

static void
amd_read_rocm(struct arena *a, struct gpus *all, const char *text)
{
	json_t *json = amd_parse(text), *card;
	const char *key, *driver;
	size_t position = 0;

	if (!json_is_object(json)) {
		json_decref(json);
		amd_read_rocm_text(a, all, text);
		return;
	}
	driver = amd_string(a, PICK(json_object_get(json, "system"), "Driver version"));
	json_object_foreach(json, key, card) {
		bool is_card = strncmp(key, "card", 4) == 0 && isdigit((unsigned char)key[4]);
		const char *pci = amd_string(a, PICK(card, "PCI Bus"));
		struct gpu *g = is_card ? amd_card(a, all, pci, position++) : NULL;

		if (!g)
			continue;
		if (g->index < 0)
			g->index = (int)(strtol(key + 4, NULL, 10) & 0xffff);
		if (!*g->name)
			g->name = amd_string(a, PICK(card, "Card Series", "Market Name",
						     "Card Model", "Device Name"));
		if (!*g->uuid)
			g->uuid = amd_string(a, PICK(card, "Unique ID", "GUID"));
		if (!*g->pci)
			g->pci = pci;
		if (!*g->capability)
			g->capability = amd_string(a, PICK(card, "GFX Version"));
		amd_set_memory(g, amd_mib_of_bytes(PICK(card, "VRAM Total Memory (B)")),
			       amd_mib_of_bytes(PICK(card, "VRAM Total Used Memory (B)")),
			       amd_mib_of_bytes(PICK(card, "GTT Total Memory (B)")),
			       amd_mib_of_bytes(PICK(card, "GTT Total Used Memory (B)")));
		if (!*g->driver)
			g->driver = driver;
	}
	json_decref(json);
}

/* {"value": 196592, "unit": "MB"}, "196592 MB", or the number alone. MB means MiB here. */
static long long
amd_size(const json_t *v)
{
	const json_t *number = json_is_object(v) ? json_object_get(v, "value") : v;
	const char *s = json_is_string(number) ? json_string_value(number) : "";
	const char *unit = json_string_value(json_object_get(v, "unit"));
	double x = json_is_number(number) ? json_number_value(number) : -1;

	if (isdigit((unsigned char)*s) && strlen(s) < 16) {
		char *end;

		x = strtod(s, &end);
		unit = end + strspn(end, " ");
	}
	if (x >= 0 && unit && (*unit == 'G' || *unit == 'g'))
		x *= 1024;
	return x >= 0 && x < 1e12 ? (long long)x : -1;
}

static void
amd_read_smi(struct arena *a, struct gpus *all, const char *text)
{
	json_t *json = amd_parse(text);
	const json_t *list = json_is_object(json) ? json_object_get(json, "gpu_data") : json;

	if (!json)
		amd_read_smi_text(a, all, text);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *card = json_array_get(list, i);
		const json_t *asic = json_object_get(card, "asic"), *vram = json_object_get(card, "vram");
		json_int_t index = json_integer_value(json_object_get(card, "gpu"));
		const char *pci = amd_string(a, PICK(json_object_get(card, "bus"), "bdf"));
		struct gpu *g = json_is_object(card) ? amd_card(a, all, pci, i) : NULL;

		if (!g)
			continue;
		g->index = index >= 0 && index < 1000 ? (int)index : -1;
		g->name = amd_string(a, PICK(asic, "market_name"));
		g->uuid = amd_string(a, PICK(asic, "asic_serial"));
		g->capability = amd_string(a, PICK(asic, "target_graphics_version"));
		g->pci = pci;
		g->total_mib = amd_size(PICK(vram, "size", "vram_size", "vram_size_mb", "size_mb"));
		g->driver = amd_string(a, PICK(json_object_get(card, "driver"), "version",
					       "driver_version"));
	}
	json_decref(json);
}

/* vLLM's documents start their container with these, and with the group of the devices. */
const struct accelerator accelerator_amd = {
	.name = "amd",
	.maker = "AMD",
	.tool = "rocm-smi",
	.visible = "HIP_VISIBLE_DEVICES",
	.visible_too = (const char *const[]){"ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES", NULL},
	.docker = (const char *const[]){"--device", "/dev/kfd", "--device", "/dev/dri",
		"--cap-add", "SYS_PTRACE", "--security-opt", "seccomp=unconfined",
		"--group-add", "video", NULL},
	.docker_group = "--group-add",
	.cdi = (const char *const[]){"--device", "/dev/kfd", "--device", "/dev/dri",
		"--cap-add", "SYS_PTRACE", "--security-opt", "seccomp=unconfined",
		"--group-add", "keep-groups", NULL},
	.device = "/dev/kfd",
	.absent = "no AMD GPU shows itself: no /dev/kfd, rocm-smi or amd-smi",
	.absent_hint = "the driver amdgpu must be loaded (/dev/kfd), or amd-smi or rocm-smi be in the "
		       "login user's PATH",
	.reads = {{"amd-smi", amd_read_smi}, {"rocm-smi", amd_read_rocm}},
};
