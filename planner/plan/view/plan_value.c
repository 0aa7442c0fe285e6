/* Values in a plan for people: long ones and ones with several lines stay readable. */
#include "planner/plan/view/plan_value.h"

#include <stdlib.h>
#include <string.h>

#include "planner/base/arena.h"
#include "planner/base/utf8.h"
#include "planner/facts/facts.h"

enum { MAX_CHARS = 160, BEFORE = 40, MAX_LINES = 20 };

/* The bytes of the first `count` characters. */
static size_t
plan_value_bytes(const char *s, size_t n, size_t count)
{
	size_t i = 0;

	for (; i < n; i++)
		if (utf8_count(s + i, 1) && count-- == 0)
			break;
	return i;
}

/* Remote text must not control the terminal, and a value is one line. */
static void
plan_value_safe(struct str *to, const char *s, size_t n)
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

/* Of a long line, the part around where it first differs from `other`. */
static void
plan_value_shortened(struct str *to, const char *s, size_t n, const char *other, size_t nother)
{
	size_t alike = 0, from = 0, len;

	while (alike < n && alike < nother && s[alike] == other[alike])
		alike++;
	alike = utf8_count(s, alike);
	if (alike > BEFORE && utf8_count(s, n) > MAX_CHARS)
		from = plan_value_bytes(s, n, alike - BEFORE);
	len = plan_value_bytes(s + from, n - from, MAX_CHARS);
	if (from)
		str_puts(to, "…");
	plan_value_safe(to, s + from, len);
	if (from + len < n)
		str_puts(to, "…");
}

void
plan_value(struct str *to, const char *s, bool whole)
{
	size_t n = strlen(s);
	bool quote = !n || s[0] == ' ' || s[n - 1] == ' ' || strstr(s, " -> ");

	/* An image or script hash: its beginning identifies it. */
	if (!whole && strncmp(s, "sha256:", 7) == 0 && n == 71) {
		str_printf(to, "%.19s…", s);
		return;
	}
	if (quote)
		str_putc(to, '"');
	plan_value_safe(to, s, n);
	if (quote)
		str_putc(to, '"');
}

/* ---- values below their name ---- */

struct lines {
	struct line { const char *s; size_t n; } *v;
	size_t n, cap;
};

static struct lines
plan_value_split(const char *s)
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
plan_value_same(struct line x, struct line y)
{
	return x.n == y.n && memcmp(x.s, y.s, x.n) == 0;
}

bool
plan_value_is_long(const char *s)
{
	const char *end = s ? strchr(s, '\n') : NULL;

	return (end && end[1]) || (s && utf8_count(s, strlen(s)) > MAX_CHARS);
}

void
plan_value_size(struct str *to, const char *s)
{
	struct lines l = plan_value_split(s);
	bool one = l.n <= 1;
	size_t n = one ? utf8_count(s, strlen(s)) : l.n;

	str_printf(to, "%zu %s%s", n, one ? "character" : "line", n == 1 ? "" : "s");
	free(l.v);
}

static void
plan_value_note(struct str *to, size_t n, const char *before, const char *after)
{
	if (n)
		str_printf(to, "\n          # (%zu %sline%s%s)", n, before, n == 1 ? "" : "s", after);
}

/* Lines [from, to), each compared with the same line of the other text. */
static void
plan_value_part(struct str *out, const char *sign, struct lines l, size_t from, size_t to,
		struct lines other, bool whole)
{
	size_t shown = whole || to - from <= MAX_LINES ? to : from + MAX_LINES;

	for (size_t i = from; i < shown; i++) {
		struct line beside = i < other.n ? other.v[i] : (struct line){"", 0};

		str_printf(out, "\n        %s ", sign);
		if (whole)
			plan_value_safe(out, l.v[i].s, l.v[i].n);
		else
			plan_value_shortened(out, l.v[i].s, l.v[i].n, beside.s, beside.n);
	}
	plan_value_note(out, to - shown, "more ", "");
}

static void
plan_value_alike(struct str *to, struct lines l, size_t from, size_t end, bool whole)
{
	if (whole)
		plan_value_part(to, " ", l, from, end, l, true);
	else
		plan_value_note(to, end - from, "unchanged ", " hidden");
}

void
plan_value_lines(struct str *to, const char *old, const char *new, bool whole, bool color)
{
	struct lines a = plan_value_split(old), b = plan_value_split(new);
	size_t first = 0, last = 0;

	while (first < a.n && first < b.n && plan_value_same(a.v[first], b.v[first]))
		first++;
	while (last < a.n - first && last < b.n - first &&
	       plan_value_same(a.v[a.n - 1 - last], b.v[b.n - 1 - last]))
		last++;
	plan_value_alike(to, a, 0, first, whole);
	plan_value_part(to, color ? "\033[31m-\033[0m" : "-", a, first, a.n - last, b, whole);
	plan_value_part(to, color ? "\033[32m+\033[0m" : "+", b, first, b.n - last, a, whole);
	if (first == a.n && first == b.n && strcmp(old ? old : "", new ? new : "") != 0)
		str_puts(to, "\n          # (only the newline at the end differs)");
	plan_value_alike(to, b, b.n - last, b.n, whole);
	free(a.v);
	free(b.v);
}

/* ---- GPUs of nodes ---- */

void
plan_gpus(struct str *to, const struct cluster *c, size_t n)
{
	const char *name = NULL;
	size_t least = 0, most = 0;

	for (size_t i = 0; i < n && i < c->nnode; i++) {
		const struct facts *f = c->node[i].facts;

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
