/* Diagnostics: collected while a file is read, printed once, sorted, with the line. */
#include "planner/base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/base/utf8.h"
#include "planner/base/vec.h"

enum {
	WIDTH = 100,            /* columns of a source line that are shown */
	TAB = 4,                /* columns that a tab is shown as */
	EXCERPTS = 200,         /* after so many diagnostics the source line is left out */
};

struct palette {
	const char *place, *severity[3], *text, *caret, *gutter, *end;
};
static const struct palette plain = {"", {"", "", ""}, "", "", "", ""};
static const struct palette colors = {"\033[1m", {"\033[1;31m", "\033[1;35m", "\033[1;36m"},
	"\033[1m", "\033[1;32m", "\033[2m", "\033[0m"};

/* The lines of one source, found once per print. */
struct lines {
	const struct source *src;
	size_t *from, n, cap;
};

static void __attribute__((format(printf, 4, 0)))
add(struct diags *d, enum severity severity, struct loc at, const char *fmt, va_list ap)
{
	const char *text = arena_vprintf(d->arena, fmt, ap);
	size_t order = d->n;

	*vec_push(d->arena, d) = (struct diag){severity, at, text, order};
	if (severity == DIAG_ERROR)
		d->nerror++;
	if (severity == DIAG_WARNING)
		d->nwarning++;
}

void
diag_error(struct diags *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_ERROR, at, fmt, ap);
	va_end(ap);
}

void
diag_warning(struct diags *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_WARNING, at, fmt, ap);
	va_end(ap);
}

void
diag_note(struct diags *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(d, DIAG_NOTE, at, fmt, ap);
	va_end(ap);
}

void
diag_hide(struct diags *d, const struct source *src, size_t from, size_t to)
{
	*vec_push(d->arena, &d->hidden) = (struct diag_hidden){src, from, to};
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* The length of what looks like a token at s[i], or 0. */
static size_t
token_at(const char *s, size_t n, size_t i)
{
	static const struct {
		const char *head;
		size_t least;           /* characters, so that names of models stay */
	} kinds[] = {{"hf_", 10}, {"sk-", 20}, {"ghp_", 16}, {"glpat-", 16}, {"api_org_", 16}};

	if (i > 0 && is_word(s[i - 1]))
		return 0;
	for (size_t k = 0; k < countof(kinds); k++) {
		size_t len = strlen(kinds[k].head);

		if (n - i < len || memcmp(s + i, kinds[k].head, len) != 0)
			continue;
		while (i + len < n && is_word(s[i + len]))
			len++;
		if (len >= kinds[k].least)
			return len;
	}
	return 0;
}

static void
put_code(struct str *out, const char *s, size_t len, uint32_t code)
{
	if (code == UTF8_BAD)
		str_printf(out, "\\x%02x", (unsigned char)*s);
	else if (utf8_is_control(code))
		str_printf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
	else
		str_add(out, s, len);
}

/* Text with control characters made visible and tokens masked. */
static void
put_text(struct str *out, const char *s)
{
	size_t n = strlen(s), token;
	uint32_t code;

	for (size_t i = 0, len; i < n; i += len) {
		token = token_at(s, n, i);
		if (token) {
			str_add(out, s + i, 3);
			str_puts(out, "***");
			len = token;
			continue;
		}
		len = utf8_next(s + i, n - i, &code);
		put_code(out, s + i, len, code);
	}
}

static void
lines_find(struct lines *l, const struct source *src)
{
	size_t bom = src->len >= 3 && memcmp(src->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	if (l->src == src)
		return;
	l->src = src;
	l->n = 0;
	for (size_t i = bom;; i++) {
		if (i == bom || (i <= src->len && src->text[i - 1] == '\n')) {
			if (l->n == l->cap) {
				l->cap = l->cap ? l->cap * 2 : 64;
				l->from = xrealloc(l->from, l->cap * sizeof *l->from);
			}
			l->from[l->n++] = i;
		}
		if (i >= src->len)
			break;
	}
}

/* For every byte of the line whether it is masked: a secret of the file. */
static char *
mask_of(const struct diags *d, const struct source *src, size_t from, size_t len)
{
	char *mask = xcalloc(len + 1, 1);

	for (size_t i = 0; i < d->hidden.n; i++) {
		const struct diag_hidden *h = &d->hidden.v[i];
		size_t first = h->from > from ? h->from - from : 0;
		size_t end = h->to > from ? h->to - from : 0;

		if (h->src == src && first < len && end > first)
			memset(mask + first, 1, (end < len ? end : len) - first);
	}
	for (size_t i = 0; i < len; i++) {
		size_t token = token_at(src->text + from, len, i);

		if (token)
			memset(mask + i, 1, token);
	}
	return mask;
}

/* What one character of the line looks like; returns its columns. */
static unsigned
cell(struct str *out, const char *s, size_t len, uint32_t code, bool masked)
{
	if (masked) {
		str_putc(out, '*');
		return 1;
	}
	if (code == '\t') {
		for (int i = 0; i < TAB; i++)
			str_putc(out, ' ');
		return TAB;
	}
	if (utf8_is_control(code)) {
		str_putc(out, '?');
		return 1;
	}
	str_add(out, s, len);
	return utf8_width(code);
}

/* A line as cells: how it is shown, and in which columns. */
struct shown {
	const char *s;
	size_t n;
	char *mask;
	size_t begin, end, width;       /* columns of the place, of all */
};

static void
measure(struct shown *l, const struct loc *at)
{
	struct str scratch = {0};
	unsigned col = 1, under = at->len ? at->len : 1;
	uint32_t code;

	for (size_t i = 0, len; i < l->n; i += len, col++) {
		len = utf8_next(l->s + i, l->n - i, &code);
		str_reset(&scratch);
		if (col == at->col)
			l->begin = l->width;
		l->width += cell(&scratch, l->s + i, len, code, l->mask[i]);
		if (col >= at->col && col - at->col < under)
			l->end = l->width;
	}
	if (col <= at->col)
		l->begin = l->width;
	if (l->end <= l->begin)
		l->end = l->begin + 1;
	str_release(&scratch);
}

/* The columns from `left` on, as many as fit. */
static void
put_cells(struct str *out, const struct shown *l, size_t left)
{
	struct str scratch = {0};
	size_t x = 0;
	uint32_t code;

	for (size_t i = 0, len; i < l->n && x < left + WIDTH; i += len) {
		unsigned w;

		len = utf8_next(l->s + i, l->n - i, &code);
		str_reset(&scratch);
		w = cell(&scratch, l->s + i, len, code, l->mask[i]);
		if (x >= left)
			str_add(out, str_text(&scratch), scratch.len);
		else if (x + w > left)          /* cut in the middle: keep the columns */
			str_add(out, "    ", x + w - left);
		x += w;
	}
	if (x < l->width)
		str_puts(out, "...");
	str_release(&scratch);
}

/* The line with the place underlined; a very long one is clipped around the place. */
static void
put_line(struct str *out, const struct diags *d, const struct loc *at, const char *s, size_t n,
	 const struct palette *p)
{
	struct shown l = {s, n, mask_of(d, at->src, (size_t)(s - at->src->text), n)};
	const char *dots;
	size_t left = 0;

	measure(&l, at);
	if (l.width > WIDTH && l.begin > WIDTH * 2 / 3)
		left = l.begin - WIDTH / 2;
	dots = left ? "..." : "";
	str_printf(out, "%s%5u |%s %s", p->gutter, at->line, p->end, dots);
	put_cells(out, &l, left);
	str_printf(out, "\n%s      |%s %*s%s", p->gutter, p->end,
		   (int)(l.begin - left + strlen(dots)), "", p->caret);
	for (size_t i = l.begin; i < l.end && i < left + WIDTH; i++)
		str_putc(out, i == l.begin ? '^' : '~');
	str_printf(out, "%s\n", p->end);
	free(l.mask);
}

static void
put_diag(struct str *out, const struct diags *d, const struct diag *it, struct lines *l,
	 bool excerpt, const struct palette *p)
{
	static const char *const word[] = {"error", "warning", "note"};
	const struct source *src = it->at.src;
	size_t from, to;

	str_puts(out, p->place);
	if (src)
		put_text(out, src->name);
	if (src && it->at.line)
		str_printf(out, ":%u:%u", it->at.line, it->at.col);
	str_printf(out, "%s%s%s%s:%s %s", src ? ": " : "", p->end, p->severity[it->severity],
		   word[it->severity], p->end, it->severity == DIAG_NOTE ? "" : p->text);
	put_text(out, it->text);
	str_printf(out, "%s\n", p->end);
	if (!src || !it->at.line || !excerpt)
		return;
	lines_find(l, src);
	if (it->at.line > l->n)
		return;
	from = l->from[it->at.line - 1];
	to = it->at.line < l->n ? l->from[it->at.line] - 1 : src->len;
	if (to > from && src->text[to - 1] == '\r')
		to--;
	put_line(out, d, &it->at, src->text + from, to - from, p);
}

/* Files by their names: one that was read twice is the same file. */
static int
compare_places(const struct loc *x, const struct loc *y)
{
	int c = strcmp(x->src ? x->src->name : "", y->src ? y->src->name : "");

	if (c)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->col < y->col ? -1 : x->col > y->col;
}

/* What is said alike of one place: a range of hosts, or a line of Lua that makes all nodes,
 * has its mistake in each node. */
static int
compare_words(const struct diag *x, const struct diag *y)
{
	int c = compare_places(&x->at, &y->at);

	if (c)
		return c;
	return x->severity != y->severity ? (x->severity < y->severity ? -1 : 1)
					  : strcmp(x->text, y->text);
}

static int
by_order(const struct diag *x, const struct diag *y)
{
	return x->order < y->order ? -1 : x->order > y->order;
}

static int
by_words(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	int c = compare_words(x, y);

	return c ? c : by_order(x, y);
}

static int
by_place(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	int c = compare_places(&x->at, &y->at);

	return c ? c : by_order(x, y);
}

/* All but notes, sorted, each once; the counts become those of what is left. */
static size_t
settle(struct diags *d, const struct diag **sorted)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity != DIAG_NOTE || i == 0)
			sorted[n++] = &d->v[i];
	qsort(sorted, n, sizeof *sorted, by_words);
	d->nerror = d->nwarning = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept && compare_words(sorted[kept - 1], sorted[i]) == 0)
			continue;
		d->nerror += sorted[i]->severity == DIAG_ERROR;
		d->nwarning += sorted[i]->severity == DIAG_WARNING;
		sorted[kept++] = sorted[i];
	}
	qsort(sorted, kept, sizeof *sorted, by_place);
	return kept;
}

size_t
diag_print(struct diags *d, FILE *f, bool color)
{
	const struct diag **sorted = xcalloc(d->n, sizeof *sorted);
	const struct palette *p = color ? &colors : &plain;
	struct lines lines = {0};
	struct str out = {0};
	size_t n = settle(d, sorted), shown = 0;

	for (size_t i = 0; i < n; i++) {
		put_diag(&out, d, sorted[i], &lines, shown++ < EXCERPTS, p);
		for (size_t k = sorted[i]->order + 1;
		     k < d->n && d->v[k].severity == DIAG_NOTE; k++)
			if (compare_words(&d->v[k - 1], &d->v[k]) != 0)
				put_diag(&out, d, &d->v[k], &lines, shown++ < EXCERPTS, p);
		fwrite(str_text(&out), 1, out.len, f);
		str_reset(&out);
	}
	free(sorted);
	free(lines.from);
	str_release(&out);
	return d->nerror;
}

/* Insertions, deletions, replacements and swaps of neighbours; at most 64 letters. */
static unsigned
distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[3][66];

	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[na % 3][nb];
}

const char *
diag_nearest(const char *word, const char *const *names, size_t n)
{
	size_t len = strlen(word);
	unsigned best = (unsigned)(len < 3 ? 1 : len < 6 ? 2 : 3) + 1;
	const char *found = NULL;

	if (len == 0 || len > 64)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *dot = strchr(names[i], '.');
		size_t other = strlen(names[i]);
		unsigned far;

		if (other > 64)
			continue;
		/* command.scratch by its last part alone */
		far = dot && strcmp(dot + 1, word) == 0 ? 0 : distance(word, len, names[i], other);
		if (far < best && far < len && far < other) {
			best = far;
			found = names[i];
		}
	}
	return found;
}

const char *
diag_hint(struct arena *a, const char *word, const char *const *names, size_t n)
{
	const char *near = diag_nearest(word, names, n);

	return near ? arena_printf(a, " (did you mean '%s'?)", near) : "";
}
