#ifndef CMD_VIEW_H
#define CMD_VIEW_H

#include "cmd/cli.h"
#include "executors/run.h"

/*
 * How an apply is shown. On a terminal: a region of one live line per running step
 * under the finished ones. Piped: plain lines, and every 10 s one for what still runs.
 * With -json: one object a line (view_json.c).
 */
struct view {
	struct run_view run;            /* given to run_new() */
	FILE *out;
	const struct cli *cli;
	struct loop *loop;
	bool live;                      /* redraw in place */
	size_t drawn;                   /* lines of the live region on the screen */
	unsigned long timer;
	struct view_job {
		const struct job *job;
		long long since, told;  /* loop_now() */
		char text[160];
	} *running;
	size_t nrunning, cap;
};

void view_init(struct view *, const struct cli *, struct loop *);
/* The -json form; same life cycle. */
void view_init_json(struct view *, const struct cli *, struct loop *);
void view_release(struct view *);

/* How many characters of an instance to show: 12 of a container id, else all. */
int instance_width(const char *instance);
/* "Creating", "Restarting", ... and "Creation complete", for a job. */
const char *job_doing(const struct job *);
const char *job_done(const struct job *);
/* The last lines of an apply: what was done, what was skipped and because of what. */
void view_summary(const struct cli *, const struct run_tally *, const char *verb);
/* An error that is of no step, as one line. */
void view_error_json(const char *text);
void view_summary_json(const struct run_tally *, const char *verb);

#endif
