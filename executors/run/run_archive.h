#ifndef EXECUTORS_RUN_ARCHIVE_H
#define EXECUTORS_RUN_ARCHIVE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"
#include "planner/cluster/image_proof.h"

/* Which image of that name the archive on this machine has; st is of the file. What was read is kept, for
 * as long as the file is the same. One that is packed is read only if `unpacks` is there, which is called
 * before, as it takes long; without it *proof is NULL. False with e set: it has no such image. */
bool run_archive(struct arena *, const char *path, const struct stat *st, const char *image,
		 void (*unpacks)(const char *path), const struct image_proof **proof, struct err *e);

#endif
