#ifndef RUNTIMES_CARRIED_H
#define RUNTIMES_CARRIED_H

#include "planner/plan/kind.h"

/*
 * How the engine sees the files under files: of the spec. On a node they are beside the records:
 * FOLDER/KEY/NAME, where KEY is the beginning of the content's hash, so another content is another
 * path. Containers have FOLDER as CARRIED_INSIDE. A step has these inputs:
 *	files_dir       FOLDER, if it is mounted or a process names a file in it
 *	files.NAME      "sha256:HEX" of each file that its arguments and variables name
 * They name it CARRIED_INSIDE/NAME, and carried_text() puts the whole path in its place.
 */

/* "KEY/NAME"; NULL: it could not be read. */
const char *carried_path(struct arena *, const struct spec_carried *);
/* FOLDER; NULL: the node was not observed. The node told it, so use it on that node only. */
const char *carried_folder(struct arena *, const struct cluster *, const struct node *);
/* Can that path be part of an argument of `docker run -v`? */
bool carried_mountable(const char *path);

/* Adds those inputs to a list that has arguments and variables already; `mounts`: the step is a
 * container of its own. */
void carried_want(struct arena *, const struct cluster *, const struct node *, bool mounts, struct attrs *);
/* A text of args.* or env.*, as the process with these inputs gets it. */
const char *carried_text(struct arena *, struct attrs *inputs, const char *text);
/* The paths of the files that these inputs have, as it sees them, with a space between; or NULL. */
const char *carried_list(struct arena *, struct attrs *inputs);

#endif
