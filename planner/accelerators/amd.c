/* AMD's GPUs: dray finds and shows them, but does not start anything on them yet. AMD's tools
 * rename keys with almost every release, so several names are tried for each value. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/accelerator.h"

static const long long MIB = 1024LL * 1024;

/* The tools may print other text before their JSON. */
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

static void
amd_read_rocm(struct arena *a, struct gpus *all, const char *text)
{
	json_t *json = amd_parse(text), *card;
	const char *key, *driver;

	if (!json_is_object(json) || all->n) {
		json_decref(json);
		return;
	}
	driver = amd_string(a, PICK(json_object_get(json, "system"), "Driver version"));
	json_object_foreach(json, key, card) {
		bool is_card = strncmp(key, "card", 4) == 0 && isdigit((unsigned char)key[4]);
		struct gpu *g = is_card ? gpus_add(a, all, "amd") : NULL;

		if (!g)
			continue;
		g->index = (int)(strtol(key + 4, NULL, 10) & 0xffff);
		g->name = amd_string(a, PICK(card, "Card Series", "Market Name", "Card Model"));
		g->uuid = amd_string(a, PICK(card, "Unique ID", "GUID"));
		g->pci = amd_string(a, PICK(card, "PCI Bus"));
		g->capability = amd_string(a, PICK(card, "GFX Version"));
		g->total_mib = amd_mib_of_bytes(PICK(card, "VRAM Total Memory (B)"));
		g->used_mib = amd_mib_of_bytes(PICK(card, "VRAM Total Used Memory (B)"));
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

	if (isdigit((unsigned char)*s) && strlen(s) < 16)
		return strtoll(s, NULL, 10);
	return json_is_number(number) && json_number_value(number) >= 0 &&
	       json_number_value(number) < 1e12 ? (long long)json_number_value(number) : -1;
}

static void
amd_read_smi(struct arena *a, struct gpus *all, const char *text)
{
	json_t *json = amd_parse(text);
	const json_t *list = json_is_object(json) ? json_object_get(json, "gpu_data") : json;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *card = json_array_get(list, i);
		const json_t *asic = json_object_get(card, "asic");
		json_int_t index = json_integer_value(json_object_get(card, "gpu"));
		struct gpu *g = json_is_object(card) ? gpus_add(a, all, "amd") : NULL;

		if (!g)
			continue;
		g->index = index >= 0 && index < 1000 ? (int)index : -1;
		g->name = amd_string(a, PICK(asic, "market_name"));
		g->uuid = amd_string(a, PICK(asic, "asic_serial"));
		g->capability = amd_string(a, PICK(asic, "target_graphics_version"));
		g->pci = amd_string(a, PICK(json_object_get(card, "bus"), "bdf"));
		g->total_mib = amd_size(PICK(json_object_get(card, "vram"), "size", "vram_size"));
		g->driver = amd_string(a, PICK(json_object_get(card, "driver"), "version",
					       "driver_version"));
	}
	json_decref(json);
}

const struct accelerator accelerator_amd = {
	.name = "amd",
	.maker = "AMD",
	.tool = "rocm-smi",
	.visible = "HIP_VISIBLE_DEVICES",
	.reads = {{"amd-smi", amd_read_smi}, {"rocm-smi", amd_read_rocm}},
};
