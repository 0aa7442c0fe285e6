#ifndef EXECUTORS_CHILD_H
#define EXECUTORS_CHILD_H

#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>

#include "planner/base/err.h"

/*
 * A program that we started, with pipes on its stdio. It leads its own process group, so
 * that Ctrl-C on our terminal does not reach it and kill(-pid) reaches all of it. The
 * caller that reaps it must call child_reaped(-pid).
 */
struct child {
	pid_t pid;
	int pidfd;              /* readable once it has ended; the caller reaps it */
	int in, out, err;       /* our ends: not blocking, closed on exec */
};

struct child_how {
	const char *const *argv;        /* ends with NULL; argv[0] is searched in PATH */
	const char *dir;                /* where it starts; NULL: the home directory */
	bool whole_env;                 /* pass all of our environment, not only the usual part */
	const char *const *set;         /* NAME=VALUE on top of it, ends with NULL; or NULL */
};

/* Start it, with default signals. The caller owns the descriptors. */
bool child_start(struct child *, const struct child_how *, struct err *e);

/* A program that is run to its end and whose output is kept. */
struct capture {
	char *const *argv, *const *env;
	bool alone;             /* it leads a group without a terminal, and its stderr is dropped */
	long ms;                /* limit for the whole run */
	size_t max;             /* bytes; with more output it is killed and `to` is longer */
};
/* Appends the output to `to`. For a secret, `to` must be large enough not to move.
 * False with e set: it did not start, did not end in time, or Ctrl-C was pressed.
 * *status is that of waitpid(). */
struct str;
bool child_capture(const struct capture *, struct str *to, int *status, struct err *);
/* For posix_spawn(): no signal is blocked or ignored; with `group` the child leads a group. */
void child_attr(posix_spawnattr_t *, bool group);
/* Raise our limit of open files as far as the system allows: a node may take four. */
void child_raise_limit(void);
/* posix_spawnp() with the limit that we were started with and only the first three
 * descriptors. Returns 0 or an errno. */
int child_spawn(pid_t *, char *const argv[], posix_spawn_file_actions_t *,
		const posix_spawnattr_t *, char *const env[]);

/* The signals that interrupt dray: SIGINT, SIGTERM, and SIGHUP unless it was ignored when we
 * started (nohup). */
void child_interrupt_signals(sigset_t *);
/* While loop_interrupt() is not in force, these signals end dray at once with this status, and
 * all living children with it. */
void child_interrupts(int status);
/* Add a child to the living ones, or take it out once it was reaped: a pid, or minus the
 * number of its group. child_start() adds its own. */
void child_lives(pid_t);
void child_reaped(pid_t);

#endif
