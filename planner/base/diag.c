/* Diagnostics: collected while a file is read, then sorted and printed with their lines. */
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
	EXCERPTS = 200,         /* diagnostics that show their source line */
};

struct palette {
	const char *place, *severity[3], *text, *caret, *gutter, *end;
};
static const struct palette plain = {"", {"", "", ""}, "", "", "", ""};
static const struct palette colors = {"\033[1m", {"\033[1;31m", "\033[1;35m", "\033[1;36m"},
	"\033[1m", "\033[1;32m", "\033[2m", "\033[0m"};

static void
diag_push(struct diags *d, struct diag new)
{
	new.order = d->n;
	*vec_push(d->arena, d) = new;
	d->nerror += new.severity == DIAG_ERROR;
	d->nwarning += new.severity == DIAG_WARNING;
}

static void __attribute__((format(printf, 4, 0)))
diag_add(struct diags *d, enum severity severity, struct loc at, const char *fmt, va_list ap)
{
	const char *text = arena_vprintf(d->arena, fmt, ap);

	diag_push(d, (struct diag){.severity = severity, .at = at, .text = text});
}

void
diag_error(struct diags *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(d, DIAG_ERROR, at, fmt, ap);
	va_end(ap);
}

void
diag_warning(struct diags *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(d, DIAG_WARNING, at, fmt, ap);
	va_end(ap);
}

void
diag_note(struct diags *d, struct loc at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_add(d, DIAG_NOTE, at, fmt, ap);
	va_end(ap);
}

void
diag_node(struct diags *d, enum severity severity, const struct node *node, const char *hint,
	  const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_push(d, (struct diag){.severity = severity, .node = node, .hint = hint,
		  .text = arena_vprintf(d->arena, fmt, ap)});
	va_end(ap);
}

void
diag_move_placed(struct diags *to, struct diags *from)
{
	struct diags rest = {.arena = from->arena};
	bool placed = false;

	for (size_t i = 0; i < from->n; i++) {
		placed = from->v[i].at.line || (placed && from->v[i].severity == DIAG_NOTE);
		diag_push(placed ? to : &rest, from->v[i]);
	}
	*from = rest;
}

void
diag_hide(struct diags *d, const struct source *src, size_t from, size_t to)
{
	for (size_t i = 0; i < d->hidden.n; i++) {
		const struct diag_hidden *h = &d->hidden.v[i];

		if (h->src == src && h->from == from && h->to == to)
			return;
	}
	*vec_push(d->arena, &d->hidden) = (struct diag_hidden){src, from, to};
}

static bool
diag_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* The length of something that looks like a token at s[i], or 0. */
static size_t
diag_token_at(const char *s, size_t n, size_t i)
{
	static const struct {
		const char *head;
		size_t least;           /* characters: the name of a model is shorter */
	} kinds[] = {{"hf_", 10}, {"sk-", 20}, {"ghp_", 16}, {"glpat-", 16}, {"api_org_", 16}};

	if (i > 0 && diag_is_word(s[i - 1]))
		return 0;
	for (size_t k = 0; k < countof(kinds); k++) {
		size_t len = strlen(kinds[k].head);

		if (n - i < len || memcmp(s + i, kinds[k].head, len) != 0)
			continue;
		while (i + len < n && diag_is_word(s[i + len]))
			len++;
		if (len >= kinds[k].least)
			return len;
	}
	return 0;
}

/* Text with control characters made visible and tokens masked. */
static void
diag_put_text(struct str *out, const char *s)
{
	size_t n = strlen(s), token;
	uint32_t code;

	for (size_t i = 0, len; i < n; i += len) {
		token = diag_token_at(s, n, i);
		if (token) {
			str_add(out, s + i, 3);
			str_puts(out, "***");
			len = token;
			continue;
		}
		len = utf8_next(s + i, n - i, &code);
		if (code == UTF8_BAD)
			str_printf(out, "\\x%02x", (unsigned char)s[i]);
		else if (utf8_is_control(code))
			str_printf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
		else
			str_add(out, s + i, len);
	}
}

const char *
diag_line(const struct source *src, unsigned line, size_t *n)
{
	const char *s = src->text, *end = s + src->len, *stop;

	if (src->len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
		s += 3;
	for (; line > 1; line--, s++)
		if (!(s = memchr(s, '\n', (size_t)(end - s))))
			return NULL;
	stop = memchr(s, '\n', (size_t)(end - s));
	*n = (size_t)((stop ? stop : end) - s);
	return s;
}

/* One byte for each byte of the line: is it masked, as part of a secret? */
static char *
diag_mask_of(const struct diags *d, const struct source *src, size_t from, size_t len)
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
		size_t token = diag_token_at(src->text + from, len, i);

		if (token)
			memset(mask + i, 1, token);
	}
	return mask;
}

/* Append one character as it is shown; returns its columns. */
static unsigned
diag_cell(struct str *out, const char *s, size_t len, uint32_t code, bool masked)
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

/* A source line and the columns it takes when shown. */
struct shown {
	const char *s;
	size_t n;
	char *mask;
	size_t begin, end, width;       /* columns of the place, and of the whole line */
};

static void
diag_measure(struct shown *l, const struct loc *at)
{
	struct str scratch = {0};
	unsigned col = 1, under = at->len ? at->len : 1;
	uint32_t code;

	for (size_t i = 0, len; i < l->n; i += len, col++) {
		len = utf8_next(l->s + i, l->n - i, &code);
		str_reset(&scratch);
		if (col == at->col)
			l->begin = l->width;
		l->width += diag_cell(&scratch, l->s + i, len, code, l->mask[i]);
		if (col >= at->col && col - at->col < under)
			l->end = l->width;
	}
	if (col <= at->col)
		l->begin = l->width;
	if (l->end <= l->begin)
		l->end = l->begin + 1;
	str_release(&scratch);
}

/* Append the columns from `left` on, as many as fit. */
static void
diag_put_cells(struct str *out, const struct shown *l, size_t left)
{
	struct str scratch = {0};
	size_t x = 0;
	uint32_t code;

	for (size_t i = 0, len; i < l->n && x < left + WIDTH; i += len) {
		unsigned w;

		len = utf8_next(l->s + i, l->n - i, &code);
		str_reset(&scratch);
		w = diag_cell(&scratch, l->s + i, len, code, l->mask[i]);
		if (x >= left)
			str_add(out, str_text(&scratch), scratch.len);
		else if (x + w > left)          /* a wide character is cut: keep the columns */
			str_add(out, "    ", x + w - left);
		x += w;
	}
	if (x < l->width)
		str_puts(out, "...");
	str_release(&scratch);
}

/* The line with the place underlined. A very long line is clipped around the place. */
static void
diag_put_line(struct str *out, const struct diags *d, const struct loc *at, const char *s, size_t n,
	      const struct palette *p)
{
	struct shown l = {s, n, diag_mask_of(d, at->src, (size_t)(s - at->src->text), n)};
	const char *dots;
	size_t left = 0;

	diag_measure(&l, at);
	if (l.width > WIDTH && l.begin > WIDTH * 2 / 3)
		left = l.begin - WIDTH / 2;
	dots = left ? "..." : "";
	str_printf(out, "%s%5u |%s %s", p->gutter, at->line, p->end, dots);
	diag_put_cells(out, &l, left);
	str_printf(out, "\n%s      |%s %*s%s", p->gutter, p->end,
		   (int)(l.begin - left + strlen(dots)), "", p->caret);
	for (size_t i = l.begin; i < l.end && i < left + WIDTH; i++)
		str_putc(out, i == l.begin ? '^' : '~');
	str_printf(out, "%s\n", p->end);
	free(l.mask);
}

static void
diag_put(struct str *out, const struct diags *d, const struct diag *it, bool excerpt,
	 const struct palette *p)
{
	static const char *const word[] = {"error", "warning", "note"};
	const struct source *src = it->at.src;
	const char *line;
	size_t n;

	str_puts(out, p->place);
	if (src)
		diag_put_text(out, src->name);
	if (src && it->at.line)
		str_printf(out, ":%u:%u", it->at.line, it->at.col);
	str_printf(out, "%s%s%s%s:%s %s", src ? ": " : "", p->end, p->severity[it->severity],
		   word[it->severity], p->end, it->severity == DIAG_NOTE ? "" : p->text);
	diag_put_text(out, it->text);
	str_printf(out, "%s\n", p->end);
	line = src && it->at.line && excerpt ? diag_line(src, it->at.line, &n) : NULL;
	if (line)
		diag_put_line(out, d, &it->at, line, n - (n && line[n - 1] == '\r'), p);
}

/* Files are compared by name: a file may have been read twice. */
static int
diag_compare_places(const struct loc *x, const struct loc *y)
{
	int c = strcmp(x->src ? x->src->name : "", y->src ? y->src->name : "");

	if (c)
		return c;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->col < y->col ? -1 : x->col > y->col;
}

/* 0: the same message at the same place. One mistake in a range of hosts, or in a line of
 * Lua that makes all nodes, is found once for each node. */
static int
diag_compare_words(const struct diag *x, const struct diag *y)
{
	int c = diag_compare_places(&x->at, &y->at);

	if (c)
		return c;
	return x->severity != y->severity ? (x->severity < y->severity ? -1 : 1)
					  : strcmp(x->text, y->text);
}

static int
diag_by_words(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	int c = diag_compare_words(x, y);

	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

static int
diag_by_place(const void *a, const void *b)
{
	const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;
	int c = diag_compare_places(&x->at, &y->at);

	return c ? c : x->order < y->order ? -1 : x->order > y->order;
}

/* All but the notes, sorted, each once. Recounts nerror and nwarning. */
static size_t
diag_settle(struct diags *d, const struct diag **sorted)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].severity != DIAG_NOTE || i == 0)
			sorted[n++] = &d->v[i];
	qsort(sorted, n, sizeof *sorted, diag_by_words);
	d->nerror = d->nwarning = 0;
	for (size_t i = 0; i < n; i++) {
		if (kept && diag_compare_words(sorted[kept - 1], sorted[i]) == 0)
			continue;
		d->nerror += sorted[i]->severity == DIAG_ERROR;
		d->nwarning += sorted[i]->severity == DIAG_WARNING;
		sorted[kept++] = sorted[i];
	}
	qsort(sorted, kept, sizeof *sorted, diag_by_place);
	return kept;
}

size_t
diag_print(struct diags *d, FILE *f, bool color)
{
	const struct diag **sorted = xcalloc(d->n, sizeof *sorted);
	const struct palette *p = color ? &colors : &plain;
	struct str out = {0};
	size_t n = diag_settle(d, sorted), shown = 0;

	for (size_t i = 0; i < n; i++) {
		diag_put(&out, d, sorted[i], shown++ < EXCERPTS, p);
		for (size_t k = sorted[i]->order + 1; k < d->n && d->v[k].severity == DIAG_NOTE; k++)
			if (diag_compare_words(&d->v[k - 1], &d->v[k]) != 0)
				diag_put(&out, d, &d->v[k], shown++ < EXCERPTS, p);
		fwrite(str_text(&out), 1, out.len, f);
		str_reset(&out);
	}
	free(sorted);
	str_release(&out);
	return d->nerror;
}

/* Insertions, deletions, replacements and swaps of neighbours; at most 64 letters. */
static unsigned
diag_distance(const char *a, size_t na, const char *b, size_t nb)
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
	unsigned best = (unsigned)(len < 5 ? 1 : len < 8 ? 2 : 3) + 1;
	const char *found = NULL;

	if (len == 0 || len > 64)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *dot = strchr(names[i], '.');
		size_t other = strlen(names[i]);
		unsigned far;

		if (other > 64)
			continue;
		/* "scratch" means command.scratch */
		far = dot && strcmp(dot + 1, word) == 0 ? 0
							: diag_distance(word, len, names[i], other);
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
