#ifndef PLANNER_LOG_MERGE_H
#define PLANNER_LOG_MERGE_H

#include <regex.h>

#include "planner/why/why.h"

/*
 * The lines of several logs in the order of their times. A line without a time of its own has
 * that of the line before it, so that tracebacks stay together; lines of the same time stay in
 * the order of the logs. Pure; logs are not trusted.
 */
struct log_wanted {
	long long since;                /* as log_line.at; -1: from the beginning */
	const regex_t *grep;            /* only lines that match; NULL: all */
	size_t tail;                    /* the last so many of each log that are left; 0: all */
};

struct log_merged {
	struct log_entry {
		const struct why_log *log;
		const char *text;       /* in the log; n bytes without the line break */
		size_t n;
		long long at;
	} *v;
	size_t n, cap;
};

struct log_merged log_merge(struct arena *, const struct why_log *, size_t n, const struct log_wanted *);

#endif
