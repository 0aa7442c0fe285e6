/* Values of a plan's text: what is long or has lines stays readable. */
#include "planner/plan_value.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/arena.h"
#include "planner/facts.h"

enum { MAX_CHARS = 160, BEFORE = 40, MAX_LINES = 20 };

static bool
is_within(const char *s)
{
	return ((unsigned char)*s & 0xc0) == 0x80;
}

static size_t
chars(const char *s, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += !is_within(s + i);
	return count;
}

/* The bytes of so many characters. */
static size_t
bytes(const char *s, size_t n, size_t count)
{
	size_t i = 0;

	for (; i < n; i++)
		if (!is_within(s + i) && count-- == 0)
			break;
	return i;
}

/* Remote text never moves the cursor, and a value is one line. */
static void
safe(struct str *to, const char *s, size_t n)
{
	for (size_t i = 0, run; i < n; i += run) {
		run = 0;
		while (i + run < n && s[i + run] != '\n' && s[i + run] != '\t')
			run++;
		if (run) {
			str_safe(to, s + i, run);
			continue;
		}
		str_puts(to, s[i] == '\n' ? "\\n" : "\\t");
		run = 1;
	}
}

/* Of a long line the part around where `other` begins to differ. */
static void
shortened(struct str *to, const char *s, size_t n, const char *other, size_t nother)
{
	size_t alike = 0, from = 0, len;

	while (alike < n && alike < nother && s[alike] == other[alike])
		alike++;
	alike = chars(s, alike);
	if (alike > BEFORE && chars(s, n) > MAX_CHARS)
		from = bytes(s, n, alike - BEFORE);
	len = bytes(s + from, n - from, MAX_CHARS);
	if (from)
		str_puts(to, "…");
	safe(to, s + from, len);
	if (from + len < n)
		str_puts(to, "…");
}

void
plan_value(struct str *to, const char *s, bool whole)
{
	size_t n = strlen(s);
	bool quote = !n || s[0] == ' ' || s[n - 1] == ' ' || strstr(s, " -> ");

	/* An image or a script by its hash: its beginning tells it from others. */
	if (!whole && strncmp(s, "sha256:", 7) == 0 && n == 71) {
		str_printf(to, "%.19s…", s);
		return;
	}
	if (quote)
		str_putc(to, '"');
	safe(to, s, n);
	if (quote)
		str_putc(to, '"');
}

/* ---- below its name ---- */

struct lines {
	struct line { const char *s; size_t n; } *v;
	size_t n, cap;
};

static struct lines
split(const char *s)
{
	struct lines l = {0};

	while (s && *s) {
		size_t n = strcspn(s, "\n");

		if (l.n == l.cap) {
			l.cap = l.cap ? 2 * l.cap : 16;
			l.v = xrealloc(l.v, l.cap * sizeof *l.v);
		}
		l.v[l.n++] = (struct line){s, n};
		s += n + (s[n] == '\n');
	}
	return l;
}

static bool
same(struct line x, struct line y)
{
	return x.n == y.n && memcmp(x.s, y.s, x.n) == 0;
}

bool
plan_value_is_long(const char *s)
{
	const char *end = s ? strchr(s, '\n') : NULL;

	return (end && end[1]) || (s && chars(s, strlen(s)) > MAX_CHARS);
}

void
plan_value_size(struct str *to, const char *s)
{
	struct lines l = split(s);
	bool one = l.n <= 1;
	size_t n = one ? chars(s, strlen(s)) : l.n;

	str_printf(to, "%zu %s%s", n, one ? "character" : "line", n == 1 ? "" : "s");
	free(l.v);
}

static void
note(struct str *to, size_t n, const char *before, const char *after)
{
	if (n)
		str_printf(to, "\n          # (%zu %sline%s%s)", n, before, n == 1 ? "" : "s", after);
}

/* Lines [from, to), each beside that of the other text in its place. */
static void
part(struct str *out, const char *sign, struct lines l, size_t from, size_t to, struct lines other,
     bool whole)
{
	size_t shown = whole || to - from <= MAX_LINES ? to : from + MAX_LINES;

	for (size_t i = from; i < shown; i++) {
		struct line beside = i < other.n ? other.v[i] : (struct line){"", 0};

		str_printf(out, "\n        %s ", sign);
		if (whole)
			safe(out, l.v[i].s, l.v[i].n);
		else
			shortened(out, l.v[i].s, l.v[i].n, beside.s, beside.n);
	}
	note(out, to - shown, "more ", "");
}

static void
alike(struct str *to, struct lines l, size_t from, size_t end, bool whole)
{
	if (whole)
		part(to, " ", l, from, end, l, true);
	else
		note(to, end - from, "unchanged ", " hidden");
}

void
plan_value_lines(struct str *to, const char *old, const char *new, bool whole, bool color)
{
	struct lines a = split(old), b = split(new);
	size_t first = 0, last = 0;

	while (first < a.n && first < b.n && same(a.v[first], b.v[first]))
		first++;
	while (last < a.n - first && last < b.n - first &&
	       same(a.v[a.n - 1 - last], b.v[b.n - 1 - last]))
		last++;
	alike(to, a, 0, first, whole);
	part(to, color ? "\033[31m-\033[0m" : "-", a, first, a.n - last, b, whole);
	part(to, color ? "\033[32m+\033[0m" : "+", b, first, b.n - last, a, whole);
	if (first == a.n && first == b.n && strcmp(old ? old : "", new ? new : "") != 0)
		str_puts(to, "\n          # (only the newline at the end differs)");
	alike(to, b, b.n - last, b.n, whole);
	free(a.v);
	free(b.v);
}

/* ---- of nodes ---- */

void
plan_gpus(struct str *to, const struct model *m, size_t n)
{
	const char *name = NULL;
	size_t least = 0, most = 0;

	for (size_t i = 0; i < n && i < m->nnode; i++) {
		const struct facts *f = m->node[i].facts;

		if (!f || !f->gpu.n)
			continue;
		least = !name || f->gpu.n < least ? f->gpu.n : least;
		most = f->gpu.n > most ? f->gpu.n : most;
		if (!name)
			name = f->gpu.v[0].name;
		else if (strcmp(name, f->gpu.v[0].name) != 0)
			name = "GPUs";
	}
	if (!name)
		return;
	str_printf(to, " × %zu ", least);
	if (most > least)
		str_printf(to, "to %zu ", most);
	str_safe(to, name, strlen(name));
}
