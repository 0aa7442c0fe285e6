#ifndef EXECUTORS_CHILD_H
#define EXECUTORS_CHILD_H

#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>

#include "planner/base/err.h"

/*
 * A program of ours with pipes on its stdio. It leads a process group of its own, so that
 * Ctrl-C on our terminal does not reach it and kill(-pid) reaches all of it.
 */
struct child {
	pid_t pid;
	int pidfd;              /* readable once it has ended; the caller reaps it */
	int in, out, err;       /* our ends: not blocking, closed on exec */
};

struct child_how {
	const char *const *argv;        /* ends with NULL; argv[0] is found by PATH */
	const char *dir;                /* where it starts; NULL: the home directory */
	bool whole_env;                 /* all of ours; else what makes it the user's */
};

/* Start it, with default signals. The caller owns the descriptors. */
bool child_start(struct child *, const struct child_how *, struct err *e);
/* For posix_spawn(): no signal is blocked or ignored in it, and with `group` it leads one. */
void child_attr(posix_spawnattr_t *, bool group);
/* As many open files for us as the system allows: a node may take four. */
void child_raise_limit(void);
/* posix_spawnp() with the limit that we were started with; 0 or an errno. */
int child_spawn(pid_t *, char *const argv[], const posix_spawn_file_actions_t *,
		const posix_spawnattr_t *, char *const env[]);

#endif
