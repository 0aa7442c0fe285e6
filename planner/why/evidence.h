#ifndef PLANNER_EVIDENCE_H
#define PLANNER_EVIDENCE_H

#include "planner/base/str.h"
#include "planner/why/why.h"

/*
 * What the nodes report about an engine that died, and the cause that follows from it. A report is
 * the output of container-diagnose.sh or process-diagnose.sh:
 *	alive TEXT              something that runs
 *	state [TIME ]TEXT       something that does not run, and since when
 *	log NAME                a log begins; NAME is a word: "serve", "rank"
 *	end OFFSET              the log is a file, and the lines that follow end there
 *	|LINE                   a line of it
 *	cut                     its last line is not complete
 * The cause is the first line that names one, in the last hour of the logs. A state counts as a log
 * of one line, so that a process that the kernel killed outweighs what other processes logged about
 * it. Pure; a report is not trusted.
 */
struct evidence_state {
	const char *node;
	const char *text;               /* with its time in front, if that is known */
	bool alive;
};

struct evidence {
	struct { struct why_log *v; size_t n, cap; } logs;
	struct { struct evidence_state *v; size_t n, cap; } states;
};

/* Add the report of a node. A log of the name `bare` gets no node in its name ("serve"); others
 * are called like steps: "rank[gpu-2]". */
void evidence_read(struct arena *, struct evidence *, const char *node, const char *bare,
		   const char *report, size_t n);
/* Add something that is known from elsewhere: "gpu-2 does not answer". */
void evidence_state(struct arena *, struct evidence *, const char *node, const char *text);
void evidence_log(struct arena *, struct evidence *, const char *name, const char *text, size_t n);

/* The cause, without the number of its line. `by_log`: a log names it; otherwise it is a state,
 * or NULL. */
struct why evidence_why(struct arena *, const struct evidence *, bool *by_log);
/* The same in one line: "rank[gpu-2], Worker_TP1: ValueError: ...", or "no log names it; the
 * nodes show: ..."; NULL if there is nothing to say. */
const char *evidence_line(struct arena *, const struct evidence *, const struct why *, bool by_log);
/* The finding for people, and what does not run. */
void evidence_text(struct str *, const struct evidence *, const struct why *, bool by_log);

#endif
