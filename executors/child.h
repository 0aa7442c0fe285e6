#ifndef EXECUTORS_CHILD_H
#define EXECUTORS_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "planner/base/err.h"

/*
 * A shell of ours with pipes on its stdio. It leads a process group of its own, so that
 * Ctrl-C on our terminal does not reach it and kill(-pid) reaches all of it.
 */
struct child {
	pid_t pid;
	int pidfd;              /* readable once it has ended; the caller reaps it */
	int in, out, err;       /* our ends: not blocking, closed on exec */
};

/* Start `sh -c command` in the home directory, with a small environment and default
 * signals. The caller owns the descriptors. */
bool child_start(struct child *, const char *command, struct err *e);

#endif
