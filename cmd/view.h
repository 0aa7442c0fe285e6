#ifndef CMD_VIEW_H
#define CMD_VIEW_H

#include <time.h>

#include "cmd/cli.h"
#include "executors/run/run.h"

/*
 * How an apply is shown. On a terminal: finished steps, and below them a live line for each
 * running step. Piped: plain lines, and every 10 s one for each step that still runs. With
 * -json: one object a line (view_json.c).
 */
struct view {
	struct run_view run;            /* given to run_new() */
	FILE *out;
	const struct cli *cli;
	struct loop *loop;
	bool live;                      /* redraw in place */
	size_t drawn;                   /* lines of the live region on the screen */
	unsigned long timer;
	time_t api_down;                /* when a server was last stopped, or 0 */
	struct view_job {
		const struct job *job;
		long long since, told;  /* loop_clock() */
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
/* The last lines of an apply: what was done, what was skipped, and why. */
void view_summary(const struct cli *, const struct run_tally *, const char *verb);
/* After that: where the API is and how to ask it, or that it is down and how to restore it.
 * `ms`: how long the apply took. */
void view_outcome(struct arena *, const struct view *, const struct graph *, const struct run_tally *,
		  bool good, long long ms);
/* An error that belongs to no step, as one line. */
void view_error_json(const char *text);
void view_summary_json(const struct run_tally *, const char *verb);

#endif
