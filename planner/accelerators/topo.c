/* nvidia-smi topo -m -> a matrix. The header has ANSI escapes for underlining, tabs separate
 * fields, and the header may begin with an empty field. */
#include "planner/accelerators/topo.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/vec.h"

enum { MAX_TEXT = 256 * 1024, MAX_ROWS = 128, MAX_FIELDS = MAX_ROWS + 8 };

/* Removes escape sequences and carriage returns, in place. */
static void
topo_strip(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '\r')
			continue;
		if (*s == '\033') {
			if (s[1] == '[')
				for (s++; s[1] && !isalpha((unsigned char)s[1]);)
					s++;
			if (s[1])
				s++;
			continue;
		}
		*out++ = *s;
	}
	*out = '\0';
}

static char *
topo_trim(char *s)
{
	size_t n;

	while (*s == ' ')
		s++;
	n = strlen(s);
	while (n && s[n - 1] == ' ')
		s[--n] = '\0';
	return s;
}

/* Splits a line at tabs, or at spaces if a terminal turned the tabs into spaces. */
static size_t
topo_fields(char *line, char **field)
{
	bool tabs = strchr(line, '\t') != NULL;
	char *save = NULL;
	size_t n = 0;

	if (!tabs) {
		for (char *s = strtok_r(line, " ", &save); s && n < MAX_FIELDS;
		     s = strtok_r(NULL, " ", &save))
			field[n++] = s;
		return n;
	}
	while (line && n < MAX_FIELDS) {
		char *tab = strchr(line, '\t');

		if (tab)
			*tab = '\0';
		field[n++] = topo_trim(line);
		line = tab ? tab + 1 : NULL;
	}
	return n;
}

static bool
topo_is_label(const char *s)
{
	return (strncmp(s, "GPU", 3) == 0 || strncmp(s, "NIC", 3) == 0)
		? isdigit((unsigned char)s[3]) != 0 : strncmp(s, "mlx", 3) == 0;
}

static struct topo_row *
topo_find(const struct topo *t, const char *label)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->v[i].label, label) == 0 || strcmp(t->v[i].device, label) == 0)
			return &t->v[i];
	return NULL;
}

static bool
topo_header(struct arena *a, struct topo *t, char **field, size_t n)
{
	size_t first = n && !*field[0] ? 1 : 0, end = first;

	while (end < n && end - first < MAX_ROWS && topo_is_label(field[end]))
		end++;
	if (end - first < 1 || strncmp(field[first], "GPU", 3) != 0)
		return false;
	/* A row begins with a label too, but cells follow. */
	if (end < n && first == 0 && strcmp(field[end], "CPU") != 0 &&
	    strncmp(field[end], "CPU ", 4) != 0)
		return false;
	t->n = end - first;
	t->v = ar_array(a, struct topo_row, t->n);
	for (size_t i = 0; i < t->n; i++) {
		t->v[i] = (struct topo_row){.label = field[first + i], .device = field[first + i],
			.cpus = "", .numa = "", .cell = ar_array(a, const char *, t->n)};
		for (size_t k = 0; k < t->n; k++)
			t->v[i].cell[k] = "";
	}
	return true;
}

static void
topo_row(struct topo *t, char **field, size_t n)
{
	struct topo_row *r = n ? topo_find(t, field[0]) : NULL;

	if (!r || n < 2)
		return;
	for (size_t i = 0; i < t->n && i + 1 < n; i++)
		r->cell[i] = field[i + 1];
	if (t->n + 1 < n)
		r->cpus = field[t->n + 1];
	if (t->n + 2 < n)
		r->numa = field[t->n + 2];
}

/* "  NIC0: mlx5_0" */
static void
topo_legend(struct topo *t, char **field, size_t n)
{
	size_t last = n == 2 ? strlen(field[0]) : 0;
	struct topo_row *r;

	if (last < 2 || field[0][last - 1] != ':')
		return;
	field[0][last - 1] = '\0';
	r = topo_find(t, field[0]);
	if (r)
		r->device = field[1];
}

struct topo
topo_read(struct arena *a, const char *bytes, size_t n)
{
	struct topo t = {0};
	char *text = arena_strndup(a, bytes, n < MAX_TEXT ? n : MAX_TEXT), *line, *next;
	char *field[MAX_FIELDS];

	topo_strip(text);
	for (line = text; line; line = next) {
		size_t k;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		k = topo_fields(line, field);
		if (!t.n)
			topo_header(a, &t, field, k);
		else if (k == 2 && field[0][strlen(field[0]) ? strlen(field[0]) - 1 : 0] == ':')
			topo_legend(&t, field, k);
		else
			topo_row(&t, field, k);
	}
	return t;
}

const char *
topo_between(const struct topo *t, const char *one, const char *two)
{
	const struct topo_row *r = topo_find(t, one), *c = topo_find(t, two);

	return r && c ? r->cell[c - t->v] : "";
}

unsigned
topo_links(const char *cell)
{
	unsigned long n;
	char *end;

	if (strncmp(cell, "NV", 2) != 0 || !isdigit((unsigned char)cell[2]))
		return 0;
	n = strtoul(cell + 2, &end, 10);
	return *end || n > 1000 ? 0 : (unsigned)n;
}

bool
topo_is_gpu(const struct topo_row *r)
{
	return strncmp(r->label, "GPU", 3) == 0;
}

const struct topo_row *
topo_gpu(const struct topo *t, int index)
{
	for (size_t i = 0; i < t->n; i++)
		if (topo_is_gpu(&t->v[i]) && strtol(t->v[i].label + 3, NULL, 10) == index)
			return &t->v[i];
	return NULL;
}

size_t
topo_nvlink_domain(const struct topo *t, size_t i)
{
	bool in[MAX_ROWS] = {false};
	bool grown = true;
	size_t first = i;

	in[i] = true;
	while (grown) {
		grown = false;
		for (size_t x = 0; x < t->n; x++)
			for (size_t y = 0; in[x] && y < t->n; y++) {
				if (in[y] || !topo_is_gpu(&t->v[x]) || !topo_is_gpu(&t->v[y]) ||
				    !topo_links(t->v[x].cell[y]))
					continue;
				in[y] = grown = true;
			}
	}
	for (size_t x = t->n; x-- > 0;)
		first = in[x] && x < first ? x : first;
	return first;
}
