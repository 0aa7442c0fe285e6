#ifndef PLANNER_ENGINE_VERSION_H
#define PLANNER_ENGINE_VERSION_H

#include <stdbool.h>

/*
 * The version of an engine, from the tag of one of its own images or from a look into the
 * image. Other images have no known version. The engine decides what a version can do. Pure.
 */
struct engine_version {
	int major, minor, patch;        /* major negative: not known */
};

/* "v0.17.1", "0.11.1rc2", "0.32.0+cpu": the leading number; otherwise not known. */
struct engine_version engine_version_read(const char *text);
bool engine_version_known(struct engine_version);
/* Below, equal to or above 0, as strcmp() does; both must be known. */
int engine_version_compare(struct engine_version, struct engine_version);
/* v < major.minor.patch? False if v is not known. */
bool engine_version_before(struct engine_version v, int major, int minor, int patch);

#endif
