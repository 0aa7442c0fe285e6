/* What AMD's tools print for people. Releases differ in capitals and in the depth of lines, so
 * only keys and values count. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "planner/accelerators/amd.h"
#include "planner/base/vec.h"

/* The values of one GPU, collected before it is known which one it is. */
struct amd_card {
	const char *name, *uuid, *pci, *capability, *driver;
	long long index, total, vram, vram_used, gtt, gtt_used;
};

static const struct amd_card amd_text_nothing = {.name = "", .uuid = "", .pci = "",
	.capability = "", .driver = "", .index = -1, .total = -1, .vram = -1, .vram_used = -1,
	.gtt = -1, .gtt_used = -1};

static void
amd_text_take(struct arena *a, struct gpus *all, const struct amd_card *c, size_t position)
{
	struct gpu *g = c->index >= 0 ? amd_card(a, all, c->pci, position) : NULL;

	if (!g)
		return;
	g->index = g->index < 0 && c->index < 1000 ? (int)c->index : g->index;
	g->name = *g->name ? g->name : c->name;
	g->uuid = *g->uuid ? g->uuid : c->uuid;
	g->pci = *g->pci ? g->pci : c->pci;
	g->capability = *g->capability ? g->capability : c->capability;
	g->driver = *g->driver ? g->driver : c->driver;
	if (c->total > 0)
		g->total_mib = c->total;
	amd_set_memory(g, c->vram, c->vram_used, c->gtt, c->gtt_used);
}

/* "196592 MB" or "192 GB"; MB means MiB. -1: not a size. */
static long long
amd_text_mib(const char *s)
{
	char *end;
	double x = isdigit((unsigned char)*s) ? strtod(s, &end) : -1;

	if (x < 0 || x > 1e9)
		return -1;
	return (long long)(strchr("Gg", end[strspn(end, " ")]) && end[strspn(end, " ")] ? x * 1024 : x);
}

static long long
amd_text_bytes(const char *s)
{
	return isdigit((unsigned char)*s) ? strtoll(s, NULL, 10) >> 20 : -1;
}

static void
amd_text_set(struct amd_card *c, const char *key, const char *value)
{
	const struct { const char *key; const char **to; } texts[] = {
		{"MARKET_NAME", &c->name}, {"Card Series", &c->name}, {"Market Name", &c->name},
		{"ASIC_SERIAL", &c->uuid}, {"Unique ID", &c->uuid}, {"BDF", &c->pci},
		{"PCI Bus", &c->pci}, {"TARGET_GRAPHICS_VERSION", &c->capability},
		{"GFX Version", &c->capability}, {"DRIVER_VERSION", &c->driver},
	};
	const struct { const char *key; long long *to; } bytes[] = {
		{"VRAM Total Memory (B)", &c->vram}, {"VRAM Total Used Memory (B)", &c->vram_used},
		{"GTT Total Memory (B)", &c->gtt}, {"GTT Total Used Memory (B)", &c->gtt_used},
	};

	if (strcmp(value, "N/A") == 0)
		return;
	for (size_t i = 0; i < countof(texts); i++)
		if (strcasecmp(key, texts[i].key) == 0 && !**texts[i].to)
			*texts[i].to = value;
	for (size_t i = 0; i < countof(bytes); i++)
		if (strcasecmp(key, bytes[i].key) == 0)
			*bytes[i].to = amd_text_bytes(value);
	if (strcasecmp(key, "SIZE") == 0 || strcasecmp(key, "VRAM_SIZE") == 0)
		c->total = amd_text_mib(value);
}

/* Splits "KEY: VALUE" without the blanks around both; the value is "" if there is none. */
static char *
amd_text_split(char *line, char **value)
{
	char *colon, *end;

	line += strspn(line, " \t");
	colon = strchr(line, ':');
	*value = colon ? colon + 1 + strspn(colon + 1, " \t") : line + strlen(line);
	if (colon)
		*colon = '\0';
	for (end = *value + strlen(*value); end > *value && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	for (end = line + strlen(line); end > line && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	return line;
}

/* "GPU: 0", then its sections, their lines further to the right. */
void
amd_read_smi_text(struct arena *a, struct gpus *all, const char *text)
{
	struct amd_card c = amd_text_nothing;
	char *at = arena_strdup(a, text), *line;
	size_t position = 0;

	while ((line = strsep(&at, "\n"))) {
		char *value, *key = amd_text_split(line, &value);

		if (strcasecmp(key, "GPU") != 0 || !isdigit((unsigned char)*value)) {
			amd_text_set(&c, key, value);
			continue;
		}
		if (c.index >= 0)
			amd_text_take(a, all, &c, position++);
		c = amd_text_nothing;
		c.index = strtoll(value, NULL, 10);
	}
	amd_text_take(a, all, &c, position);
}

/* "GPU[0]    : Card Series:     AMD Instinct MI300X"; the lines of a GPU need not be together. */
void
amd_read_rocm_text(struct arena *a, struct gpus *all, const char *text)
{
	struct amd_card card[GPUS_MAX];
	char *at = arena_strdup(a, text), *line;
	size_t n = 0, i;

	while ((line = strsep(&at, "\n"))) {
		char *rest, *key, *value;
		long long index;

		if (strncmp(line, "GPU[", 4) != 0 || !isdigit((unsigned char)line[4]))
			continue;
		index = strtoll(line + 4, &rest, 10);
		if (*rest != ']' || !(rest = strchr(rest, ':')))
			continue;
		key = amd_text_split(rest + 1, &value);
		for (i = 0; i < n && card[i].index != index;)
			i++;
		if (i == GPUS_MAX)
			continue;
		if (i == n) {
			card[n] = amd_text_nothing;
			card[n++].index = index;
		}
		amd_text_set(&card[i], key, value);
	}
	for (i = 0; i < n; i++)
		if (*card[i].name || card[i].vram >= 0)
			amd_text_take(a, all, &card[i], i);
}
