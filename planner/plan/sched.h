#ifndef PLANNER_SCHED_H
#define PLANNER_SCHED_H

#include "planner/plan/plan.h"

/*
 * The ready queue of an apply: a pure state machine over the operations of a plan. A replace
 * or restart is two jobs, down and up. Downs run in reverse order of the edges, ups in order,
 * and no up of a step starts before every down that must precede it. After a failure,
 * independent work goes on.
 */
enum outcome { OUT_PENDING, OUT_RUNNING, OUT_OK, OUT_FAILED, OUT_SKIPPED, OUT_CANCELLED };

struct job {
	struct op *op;
	bool down;
	bool silent;                    /* no work, only passes the order on; never in v */
	size_t rank;                    /* place in the order of starts */
	enum outcome outcome;
	const struct job *because;      /* skipped: the job that failed first */
	size_t nblock;                  /* predecessors not finished */
	struct { struct job **v; size_t n, cap; } next;
};

struct sched {
	struct job *v;
	size_t n, running, parallel, downloads;
	bool stopping;                  /* start nothing more; what waits is cancelled */
	struct arena *arena;
	struct { struct job **v; size_t n, cap; } ready, active;       /* ours */
};

/* `parallel` and `downloads` 0: no limit. The jobs live as long as the arena. */
struct sched *sched_new(struct arena *, struct plan *, size_t parallel, size_t downloads);
/* The next job to start, or NULL if none is ready or a limit is reached (one per node,
 * `parallel` in all, `downloads` of that pool). Marks it running, and fills an up's unknown
 * content inputs from its upstreams' observed.output. If `stopping` is set, pending jobs become
 * cancelled. */
struct job *sched_next(struct sched *);
/* The job ended. A failure skips what depends on it. */
void sched_done(struct sched *, struct job *, bool ok);
bool sched_finished(const struct sched *);

#endif
