/* Finds the line in all logs that first says what was wrong. */
#include "planner/why/why.h"

#include "planner/why/log_line.h"

#include <ctype.h>
#include <string.h>

/* After that many lines of progress, what waited no longer waits. */
enum { WHY_PROGRESS = 10 };

/* The best line of one log so far. */
struct finding {
	enum saying_weight weight;
	const struct saying *saying;
	size_t line;
	long long at;
	const char *who, *text;
};

/* The state while a log is read. */
struct reader {
	struct arena *arena;
	struct finding best, hearsay;
	long long at;           /* the last time in the log */
	/* The source line of an assertion: the cause if the exception has no message. */
	struct finding assertion;
	/* An exception whose message is in the next line: "RuntimeError:". */
	struct finding bare;
	bool is_bare;
	bool is_ignored;        /* a traceback that Python ignores */
	size_t progress;        /* lines of level INFO since it waited */
};

/* The length of the name if the text begins with the name of an exception and a colon or the
 * end follows ("ValueError", "torch.cuda.OutOfMemoryError"); else 0. */
static size_t
why_exception(const char *text)
{
	static const char *const ends[] = {"Error", "Exception", "Exit", "NotFound", "Interrupt", "Timeout", NULL};
	size_t n = 0, last = 0;

	while (isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == '.') {
		if (text[n] == '.')
			last = n + 1;
		n++;
	}
	if (!n || !isupper((unsigned char)text[last]) || (text[n] && text[n] != ':'))
		return 0;
	for (size_t i = 0; ends[i]; i++) {
		size_t len = strlen(ends[i]);

		if (n - last >= len && memcmp(text + n - len, ends[i], len) == 0)
			return n;
	}
	return 0;
}

/* Is it an exception without a message? An assertion above it says more. */
static bool
why_is_wordless(const char *text)
{
	size_t n = why_exception(text);

	return n && !text[n + strspn(text + n, ": ")];
}

static struct finding
why_finding(struct reader *r, const struct log_line *l, size_t line, enum saying_weight weight,
	    const struct saying *saying)
{
	return (struct finding){.weight = weight, .saying = saying, .line = line, .at = r->at,
		.who = arena_strdup(r->arena, l->who), .text = arena_strdup(r->arena, l->text)};
}

/* DIED and ERROR count as equal: the one that came first led to the other. */
static int
why_class(enum saying_weight weight)
{
	return weight == SAYING_DIED ? SAYING_ERROR : (int)weight;
}

static void
why_take(struct reader *r, struct finding f)
{
	if (f.weight == SAYING_HEARSAY && !r->hearsay.line)
		r->hearsay = f;
	if (f.weight == SAYING_WAITING)
		r->progress = 0;
	if (f.weight > SAYING_HEARSAY && why_class(f.weight) > why_class(r->best.weight))
		r->best = f;
}

/* A line of level INFO: after enough of them, what waited has gone on. */
static void
why_on_progress(struct reader *r)
{
	if (r->best.weight == SAYING_WAITING && ++r->progress >= WHY_PROGRESS)
		r->best = (struct finding){0};
}

/* The weight of a line: that of the table, or of an exception or error message. */
static enum saying_weight
why_weigh(const struct log_line *l, const struct saying **saying)
{
	const struct saying *s = saying_of(l->text);

	*saying = s;
	if (s)
		return s->weight;
	if (l->level == 'E' && !why_exception(l->text))
		return SAYING_COMPLAINT;
	if (strstr(l->text, "ValidationError: ") && strstr(l->text, " validation error"))
		return SAYING_NOTHING;
	if (why_exception(l->text) || strncmp(l->text, "Value error, ", 13) == 0)
		return SAYING_ERROR;
	if (saying_fits("^vllm* error: ", l->text) || saying_fits("^api_server.py: error: ", l->text) ||
	    saying_fits("^Error: ", l->text) || saying_fits("^docker: ", l->text) ||
	    saying_fits("^Error response from daemon", l->text) || saying_fits(": command not found", l->text))
		return SAYING_ERROR;
	return SAYING_NOTHING;
}

/* Source lines of a traceback are indented by more than two spaces; only assertions among them
 * are useful. Words in them, such as "raise ImportError(", are not log messages. */
static bool
why_is_source(const struct log_line *l)
{
	return l->indent >= 4 || strncmp(l->text, "File \"", 6) == 0 || strncmp(l->text, "frame #", 7) == 0;
}

static void
why_read_line(struct reader *r, const struct log_line *l, size_t line)
{
	const struct saying *saying;
	enum saying_weight weight;

	if (l->at >= 0)
		r->at = l->at;
	if (r->is_bare && l->text[0]) {
		struct finding f = r->bare;

		r->is_bare = false;
		f.saying = saying_of(l->text);
		f.weight = f.saying ? f.saying->weight : f.weight;
		f.text = arena_printf(r->arena, "%s %s", f.text, l->text);
		why_take(r, f);
		return;
	}
	if (strncmp(l->text, "assert ", 7) == 0) {
		saying = saying_of(l->text);
		r->assertion = why_finding(r, l, line, saying ? saying->weight : SAYING_ERROR, saying);
		return;
	}
	if (l->level == 'I' || l->level == 'D') {
		saying = saying_of(l->text);
		if (saying && saying->weight == SAYING_WAITING)
			why_take(r, why_finding(r, l, line, SAYING_WAITING, saying));
		else
			why_on_progress(r);
		return;
	}
	if (why_is_source(l))
		return;
	if (r->is_ignored && why_exception(l->text)) {
		r->is_ignored = false;
		return;
	}
	if (strncmp(l->text, "Exception ignored in", 20) == 0)
		r->is_ignored = true;
	if (why_is_wordless(l->text)) {
		if (r->assertion.line && strncmp(l->text, "AssertionError", 14) == 0) {
			why_take(r, r->assertion);
			r->assertion.line = 0;
		} else if (strchr(l->text, ':')) {
			r->bare = why_finding(r, l, line, SAYING_ERROR, NULL);
			r->is_bare = true;
		} else if (strncmp(l->text, "Exception", 9) != 0) {
			weight = why_weigh(l, &saying);
			why_take(r, why_finding(r, l, line, weight, saying));
		}
		return;
	}
	if (why_exception(l->text))
		r->assertion.line = 0;
	weight = why_weigh(l, &saying);
	if (l->level == 'W' && weight != SAYING_WAITING && weight != SAYING_DIED && weight != SAYING_HEARSAY)
		weight = SAYING_NOTHING;
	if (weight == SAYING_COMPLAINT && !strcasestr(l->text, "fail") && !strcasestr(l->text, "error") &&
	    !strcasestr(l->text, "cannot"))
		weight = SAYING_NOTHING;
	if (weight != SAYING_NOTHING)
		why_take(r, why_finding(r, l, line, weight, saying));
}

static void
why_read(struct reader *r, const struct why_log *log)
{
	const char *p = log->text, *end = log->text + log->n;
	struct log_line l;

	r->at = -1;
	for (size_t line = 1; p < end; line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);

		log_line_read(&l, p, n);
		why_read_line(r, &l, line);
		p += n + 1;
	}
	if (r->is_bare)
		why_take(r, r->bare);
}

/* Did `f` rather than `best` cause the failure of the others? */
static bool
why_is_before(const struct finding *f, const struct finding *best)
{
	if (why_class(f->weight) != why_class(best->weight))
		return f->weight > best->weight;
	if (f->at >= 0 && best->at >= 0 && f->at != best->at)
		return f->at < best->at;
	return f->weight > best->weight;
}

struct why
why_find(struct arena *a, const struct why_log *logs, size_t n)
{
	struct why why = {.hearsay = ar_array(a, const char *, n + 1),
		.hearsay_line = ar_array(a, size_t, n + 1)};
	struct finding best = {0};

	for (size_t i = 0; i < n; i++) {
		struct reader r = {.arena = a};

		why_read(&r, &logs[i]);
		why.hearsay[i] = r.hearsay.text;
		why.hearsay_line[i] = r.hearsay.line;
		if (!r.best.line || (why.log && !why_is_before(&r.best, &best)))
			continue;
		best = r.best;
		why.log = &logs[i];
	}
	if (!why.log)
		return why;
	why.line = best.line;
	why.who = best.who;
	why.text = best.text;
	why.saying = best.saying;
	return why;
}
