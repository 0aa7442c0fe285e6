/* What AMD's tools print -> GPUs of a machine. Names of keys changed with almost every
 * release, so they are compared by the words in them. */
#include <ctype.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"
#include "planner/discover.h"

enum { MAX_GPUS = 64 };
static const long long MIB = 1024LL * 1024;

static struct gpu
nothing(int index)
{
	return (struct gpu){.vendor = "amd", .uuid = "", .name = "", .pci = "", .driver = "",
		.capability = "", .mig = "", .ecc = "", .persistence = "", .fabric_state = "",
		.fabric_status = "", .compute_mode = "", .remap_pending = "",
		.remap_failed = "", .trouble = "", .total_mib = -1, .used_mib = -1,
		.ecc_errors = -1, .index = index};
}

/* The tools like to say something in front of their JSON. */
static json_t *
parse(const char *text)
{
	const char *start = text + strcspn(text, "{[");

	return *start ? json_loads(start, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL)
		      : NULL;
}

static const char *
string(struct arena *a, const json_t *v)
{
	if (json_is_string(v) && strcmp(json_string_value(v), "N/A") != 0)
		return arena_strdup(a, json_string_value(v));
	return "";
}

/* The value of the first of these keys that is there, whatever case it is in. */
static const json_t *
pick(const json_t *o, const char *const *names)
{
	const char *key;
	json_t *v;

	for (; *names; names++) {
		void *it = json_object_iter((json_t *)(uintptr_t)o);

		for (; it; it = json_object_iter_next((json_t *)(uintptr_t)o, it)) {
			key = json_object_iter_key(it);
			v = json_object_iter_value(it);
			if (strcasecmp(key, *names) == 0)
				return v;
		}
	}
	return NULL;
}

#define PICK(o, ...) pick((o), (const char *const[]){__VA_ARGS__, NULL})

static long long
mib_of_bytes(const json_t *v)
{
	const char *s = json_is_string(v) ? json_string_value(v) : "";

	if (json_is_integer(v))
		return json_integer_value(v) / MIB;
	return isdigit((unsigned char)*s) ? strtoll(s, NULL, 10) / MIB : -1;
}

void
gpus_read_rocm(struct arena *a, struct machine *m, const char *text)
{
	json_t *all = parse(text), *card;
	const char *key, *driver = "";

	if (!json_is_object(all) || m->gpu.n) {
		json_decref(all);
		return;
	}
	driver = string(a, PICK(json_object_get(all, "system"), "Driver version"));
	json_object_foreach(all, key, card) {
		struct gpu *g;

		if (strncmp(key, "card", 4) != 0 || !isdigit((unsigned char)key[4]) ||
		    m->gpu.n == MAX_GPUS)
			continue;
		g = vec_push(a, &m->gpu);
		*g = nothing((int)(strtol(key + 4, NULL, 10) & 0xffff));
		g->name = string(a, PICK(card, "Card Series", "Market Name", "Card Model"));
		g->uuid = string(a, PICK(card, "Unique ID", "GUID"));
		g->pci = string(a, PICK(card, "PCI Bus"));
		g->capability = string(a, PICK(card, "GFX Version"));
		g->total_mib = mib_of_bytes(PICK(card, "VRAM Total Memory (B)"));
		g->used_mib = mib_of_bytes(PICK(card, "VRAM Total Used Memory (B)"));
		g->driver = driver;
	}
	json_decref(all);
}

/* {"value": 196592, "unit": "MB"}, "196592 MB", or the number alone; MB means MiB there. */
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

void
gpus_read_amd(struct arena *a, struct machine *m, const char *text)
{
	json_t *all = parse(text);
	const json_t *list = json_is_object(all) ? json_object_get(all, "gpu_data") : all;

	for (size_t i = 0; i < json_array_size(list) && m->gpu.n < MAX_GPUS; i++) {
		const json_t *card = json_array_get(list, i);
		const json_t *asic = json_object_get(card, "asic");
		json_int_t index = json_integer_value(json_object_get(card, "gpu"));
		struct gpu *g;

		if (!json_is_object(card))
			continue;
		g = vec_push(a, &m->gpu);
		*g = nothing(index >= 0 && index < 1000 ? (int)index : -1);
		g->name = string(a, PICK(asic, "market_name"));
		g->uuid = string(a, PICK(asic, "asic_serial"));
		g->capability = string(a, PICK(asic, "target_graphics_version"));
		g->pci = string(a, PICK(json_object_get(card, "bus"), "bdf"));
		g->total_mib = amd_size(PICK(json_object_get(card, "vram"), "size", "vram_size"));
		g->driver = string(a, PICK(json_object_get(card, "driver"), "version",
					   "driver_version"));
	}
	json_decref(all);
}
