#ifndef PLANNER_LOG_LINE_H
#define PLANNER_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One line of a log of vLLM, Ray, torch, docker or hf, split into its message and the prefixes
 * that ranks and loggers put in front. These are known:
 *	2026-11-29T10:35:34.123Z TEXT                    docker logs -t, podman's with +00:00
 *	(Worker_TP1 pid=34, ip=10.0.0.2) TEXT            who says it; there may be several
 *	ERROR 11-22 20:30:53 [core.py:1510] TEXT         vLLM
 *	[2026-11-22 20:19:44,609 W 21 21] x.h:153: TEXT  Ray, native code
 *	2026-11-22 20:19:44,609 WARNING x.py:77 -- TEXT  Ray, Python
 *	INFO:     TEXT                                   uvicorn, the API server
 *	[W1122 20:22:56.888485083 socket.cpp:764] TEXT   torch
 * A carriage return, as in progress bars, discards what is before it. Colours are removed.
 */
struct log_line {
	char text[4096];        /* longer lines are cut */
	size_t indent;          /* spaces and bars in front of the text */
	char level;             /* D I W E; 0: not known */
	char who[48];           /* "Worker_TP1", or "" */
	long long at;           /* ms since the year began, with months of 31 days; or -1 */
	bool stamped;           /* `at` is from the container runtime, in UTC */
};

void log_line_read(struct log_line *, const char *line, size_t n);
/* The same, but only colours and the time of the container runtime are taken off. */
void log_line_whole(struct log_line *, const char *line, size_t n);

#endif
