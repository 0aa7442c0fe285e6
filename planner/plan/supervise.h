#ifndef PLANNER_SUPERVISE_H
#define PLANNER_SUPERVISE_H

#include <stdbool.h>

/*
 * What dray watch does after each look: nothing, call the hooks, repair; and when it looks
 * again. A fault counts once two looks in a row have seen it. Repairs have a budget for an
 * hour, and after each of them the next one waits longer; if the budget is used up, it gives up
 * until somebody else has brought the model up, stopped it or applied. Pure: times come from outside, in
 * milliseconds of any clock.
 */
enum sight {
	SIGHT_NOTHING,          /* no look yet */
	SIGHT_UP,
	SIGHT_SLOW,             /* it serves, slowly */
	SIGHT_STOPPED,          /* on purpose, or never started */
	SIGHT_BUSY,             /* an apply holds a lock: what is down is its own */
	SIGHT_STARTING,         /* coming up, by an earlier apply */
	SIGHT_BLIND,            /* a node does not answer, or the look failed */
	SIGHT_DOWN,             /* down, or it hangs */
};

struct supervisor {
	long long every_ms, again_ms, backoff_ms, hour_ms;
	unsigned budget;                /* repairs in an hour; 0: none */
	enum sight seen;                /* by the last look */
	enum sight told;
	bool down;                      /* on_down was called, and on_up was not */
	bool gave_up;
	bool repaired;                  /* the last repair went through */
	long long since, down_at;       /* the first look that saw `seen`; that of the fault */
	long long *repair;              /* when the last ones ended, a ring of `budget` */
	unsigned long nrepair;
};

struct supervise_move {
	bool tell;                      /* a change: say it */
	bool on_down, on_up;            /* call these hooks */
	bool repaired;                  /* on_up: by a repair of ours */
	bool repair;
	bool give_up;                   /* just now: say it */
	long long wait_ms;              /* until the next look */
};

/* every_s 0: the default. `ring` has room for `budget` times, or for 1 with a budget of 0. */
void supervise_begin(struct supervisor *, long long every_s, unsigned budget, long long *ring);
struct supervise_move supervise_saw(struct supervisor *, enum sight, long long now);
/* A repair was tried and has ended. One that did not begin (no lock, nothing to do) is not told. */
void supervise_tried(struct supervisor *, bool good, long long now);
/* How many repairs count now, and how long until the next one may begin. */
unsigned supervise_spent(const struct supervisor *, long long now);
long long supervise_pause(const struct supervisor *, long long now);

#endif
