/* Merges logs by the times of their lines. */
#include "planner/why/log_merge.h"

#include "planner/base/vec.h"
#include "planner/why/log_line.h"

#include <stdlib.h>
#include <string.h>

/* Times have no year. One that seems to be half a year older than the rest is in the new year. */
static const long long MERGE_YEAR = 372LL * 86400 * 1000;

static bool
merge_wants(const struct log_wanted *w, const struct log_entry *e)
{
	struct log_line whole;

	if (w->since >= 0 && e->at >= 0 && e->at < w->since && w->since - e->at < MERGE_YEAR / 2)
		return false;
	if (!w->grep)
		return true;
	log_line_whole(&whole, e->text, e->n);
	return regexec(w->grep, whole.text, 0, NULL, 0) == 0;
}

/* Lines before the first one with a time get that time. */
static void
merge_date(struct log_entry *v, size_t n)
{
	long long at = -1;
	size_t first = 0;

	while (first < n && v[first].at < 0)
		first++;
	if (first < n)
		at = v[first].at;
	for (size_t i = 0; i < n; i++) {
		/* A clock that goes back must not tear a log apart. */
		if (v[i].at < at && (v[i].at < 0 || at - v[i].at < MERGE_YEAR / 2))
			v[i].at = at;
		at = v[i].at;
	}
}

static void
merge_read(struct arena *a, const struct why_log *log, const struct log_wanted *w, struct log_merged *to)
{
	const char *p = log->text, *end = log->text + log->n;
	struct log_merged all = {0};
	struct log_line l;
	size_t kept = 0;

	while (p < end) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);

		log_line_read(&l, p, n);
		*vec_push(a, &all) = (struct log_entry){log, p, n, l.at};
		p += n + 1;
	}
	merge_date(all.v, all.n);
	for (size_t i = 0; i < all.n; i++)
		if (merge_wants(w, &all.v[i]))
			all.v[kept++] = all.v[i];
	for (size_t i = w->tail && kept > w->tail ? kept - w->tail : 0; i < kept; i++)
		*vec_push(a, to) = all.v[i];
}

static int
merge_compare(const void *x, const void *y)
{
	const struct log_entry *a = x, *b = y;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->log != b->log)
		return a->log < b->log ? -1 : 1;
	return a->text < b->text ? -1 : a->text > b->text;
}

struct log_merged
log_merge(struct arena *a, const struct why_log *logs, size_t n, const struct log_wanted *w)
{
	struct log_merged merged = {0};
	long long newest = -1;

	for (size_t i = 0; i < n; i++)
		merge_read(a, &logs[i], w, &merged);
	for (size_t i = 0; i < merged.n; i++)
		newest = merged.v[i].at > newest ? merged.v[i].at : newest;
	for (size_t i = 0; i < merged.n; i++)
		if (merged.v[i].at >= 0 && newest - merged.v[i].at > MERGE_YEAR / 2)
			merged.v[i].at += MERGE_YEAR;
	if (merged.n)
		qsort(merged.v, merged.n, sizeof *merged.v, merge_compare);
	return merged;
}
