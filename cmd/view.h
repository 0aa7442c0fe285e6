#ifndef CMD_VIEW_H
#define CMD_VIEW_H

#include <time.h>

#include "cmd/cli.h"
#include "executors/run/run.h"

/*
 * How an apply is shown. On a terminal: finished steps, below them a live line for each running
 * step, and a last line for the whole apply. Piped: plain lines, and every 10 s one for each step
 * that still runs. With -json: one object a line (view_json.c).
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
	const struct sched *jobs;       /* of the apply; NULL: none runs */
	long long began;                /* loop_clock() */
	struct view_failure *held;      /* not shown yet (view_failed.c) */
	size_t nheld, held_cap;
};

void view_init(struct view *, const struct cli *, struct loop *);
/* The -json form; same life cycle. */
void view_init_json(struct view *, const struct cli *, struct loop *);
void view_release(struct view *);

/* Prints a line above the live region, and redraws only that region. */
void view_print(struct view *, const char *text);
void view_redraw(struct view *);
/* The job does not run any more. Removes the live region, so that something can be printed. */
void view_forget(struct view *, const struct job *);
/* A failure: failed() of struct run_view. If the same happens on other nodes, that is one box, so it
 * waits a moment for those that still run. */
void view_failed(void *view, const struct job *, const struct failure *);
/* Shows the failures that need not wait any longer, or all of them. */
void view_settle(struct view *, bool all);

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
