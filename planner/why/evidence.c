/* Reads what nodes report about a failure, and finds the cause in it. */
#include "planner/why/evidence.h"

#include "planner/base/vec.h"
#include "planner/why/log_line.h"
#include "planner/why/why_view.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	EVIDENCE_WORD = 16,             /* bytes of a log's name */
	EVIDENCE_TEXT = 300,            /* bytes of a state */
	EVIDENCE_STATES = 1024,         /* states that are kept, and logs */
	EVIDENCE_SHOWN = 3,             /* states in one line */
	EVIDENCE_RECENT_MS = 3600 * 1000,       /* before the last line of a log */
};

void
evidence_log(struct arena *a, struct evidence *e, const char *name, const char *text, size_t n)
{
	if (e->logs.n < EVIDENCE_STATES)
		*vec_push(a, &e->logs) = (struct why_log){.name = name, .text = text, .n = n};
}

static void
evidence_add_state(struct arena *a, struct evidence *e, const char *node, const char *text, size_t n, bool alive)
{
	if (e->states.n < EVIDENCE_STATES)
		*vec_push(a, &e->states) = (struct evidence_state){node,
			arena_strndup(a, text, n < EVIDENCE_TEXT ? n : EVIDENCE_TEXT), alive};
}

void
evidence_state(struct arena *a, struct evidence *e, const char *node, const char *text)
{
	evidence_add_state(a, e, node, text, strlen(text), false);
}

/* The name of a log: a step's address. NULL: the word is none. */
static const char *
evidence_name(struct arena *a, const char *node, const char *bare, const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)word[i]))
			return NULL;
	if (!n || n > EVIDENCE_WORD)
		return NULL;
	if (bare && strlen(bare) == n && memcmp(bare, word, n) == 0)
		return bare;
	return arena_printf(a, "%.*s[%s]", (int)n, word, node);
}

/* The log that was read so far, if there is something in it. */
static void
evidence_add_log(struct arena *a, struct evidence *e, const struct why_log *log)
{
	if (log->name && log->n && e->logs.n < EVIDENCE_STATES)
		*vec_push(a, &e->logs) = *log;
}

void
evidence_read(struct arena *a, struct evidence *e, const char *node, const char *bare, const char *report,
	      size_t n)
{
	const char *p = report, *end = report + n;
	char *text = arena_alloc(a, n + 1);
	struct why_log log = {.text = text};
	size_t used = 0;

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((stop ? stop : end) - p);

		if (*p == '|') {
			memcpy(text + used, p + 1, len - 1);
			used += len - 1;
			text[used++] = '\n';
			log.n += len;
		} else if (len > 4 && memcmp(p, "log ", 4) == 0) {
			evidence_add_log(a, e, &log);
			log = (struct why_log){.name = evidence_name(a, node, bare, p + 4, len - 4),
				.text = text + used};
		} else if (len > 4 && len < 24 && memcmp(p, "end ", 4) == 0) {
			log.end = strtoul(arena_strndup(a, p + 4, len - 4), NULL, 10);
		} else if (len == 3 && memcmp(p, "cut", 3) == 0) {
			log.cut = true;
		} else if (len > 6 && (memcmp(p, "state ", 6) == 0 || memcmp(p, "alive ", 6) == 0)) {
			evidence_add_state(a, e, node, p + 6, len - 6, *p == 'a');
		}
		p += len + 1;
	}
	evidence_add_log(a, e, &log);
}

/* The part of a log in which the cause may be: what came long before its last line is of requests
 * that failed while it served. Times are compared within a log only, because clocks differ. */
static struct why_log
evidence_recent(struct why_log log)
{
	const char *p, *end = log.text + log.n, *next, *from = log.text;
	long long last = -1;
	struct log_line l;

	for (p = log.text; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		log_line_read(&l, p, (size_t)(next - p));
		last = l.at >= 0 ? l.at : last;
	}
	for (p = log.text; p < end; p = next) {
		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		log_line_read(&l, p, (size_t)(next - p));
		if (l.at >= 0 && last - l.at <= EVIDENCE_RECENT_MS)
			break;
		if (l.at >= 0)
			from = next;
	}
	log.n -= (size_t)(from - log.text);
	log.text = from;
	return log;
}

struct why
evidence_why(struct arena *a, const struct evidence *e, bool *by_log)
{
	size_t n = e->logs.n;
	struct why_log *all = ar_array(a, struct why_log, n + e->states.n + 1);
	struct why why;

	for (size_t i = 0; i < n; i++)
		all[i] = evidence_recent(e->logs.v[i]);
	for (size_t i = 0; i < e->states.n; i++)
		all[n + i] = (struct why_log){.name = e->states.v[i].node, .text = e->states.v[i].text,
			.n = strlen(e->states.v[i].text)};
	why = why_find(a, all, n + e->states.n);
	*by_log = why.log && why.log < all + n;
	/* Lines are counted from where the report begins, which tells nobody anything. */
	why.line = 0;
	for (size_t i = 0; i < n; i++)
		why.hearsay_line[i] = 0;
	return why;
}

/* Append what does not run, at most `most` of it. */
static void
evidence_add_states(struct str *s, const struct evidence *e, size_t most, const char *before, const char *after)
{
	size_t n = 0;

	for (size_t i = 0; i < e->states.n; i++) {
		const struct evidence_state *t = &e->states.v[i];

		if (t->alive || n++ >= most)
			continue;
		str_printf(s, "%s%s: ", n == 1 ? "" : before, t->node);
		str_safe(s, t->text, strlen(t->text));
		str_puts(s, after);
	}
	if (n > most)
		str_printf(s, "%sand %zu more%s", before, n - most, after);
}

const char *
evidence_line(struct arena *a, const struct evidence *e, const struct why *why, bool by_log)
{
	struct str s = {0};
	const char *line = NULL;

	if (by_log) {
		str_printf(&s, "%s%s%s: ", why->log->name, *why->who ? ", " : "", why->who);
		str_safe(&s, why->text, strnlen(why->text, 600));
		line = arena_strdup(a, str_text(&s));
	} else {
		evidence_add_states(&s, e, EVIDENCE_SHOWN, "; ", "");
		if (s.len)
			line = arena_printf(a, "no log names it; the nodes show: %s", str_text(&s));
	}
	str_release(&s);
	return line;
}

void
evidence_text(struct str *s, const struct evidence *e, const struct why *why, bool by_log)
{
	struct str states = {0};

	evidence_add_states(&states, e, (size_t)-1, "        ", "\n");
	if (by_log) {
		why_text(s, why, e->logs.v, e->logs.n);
		if (states.len)
			str_printf(s, "nodes   %s", str_text(&states));
	} else if (states.len) {
		str_printf(s, "no log names it; the nodes show:\n        %s", str_text(&states));
		why_view_saying(s, why->saying);
	} else {
		str_puts(s, "no log names it; the nodes show nothing that ended\n");
	}
	str_release(&states);
}
