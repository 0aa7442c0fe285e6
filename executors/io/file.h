#ifndef EXECUTORS_FILE_H
#define EXECUTORS_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/err.h"

/* Appends the whole file and closes fd; more than max bytes is EFBIG. With fd < 0 it reports
 * the errno of the failed open(). The path is for the message. errno is that of the failed
 * call. */
struct str;
bool file_read(int fd, const char *path, size_t max, struct str *to, struct err *);

/*
 * Every file that dray writes on this machine is written here, as a temporary file that is
 * then renamed. So a file is either complete or absent, and a link of that name is replaced,
 * never followed.
 */

/* A file that the user names. A device or a pipe (/dev/stdout) is written to directly. */
bool file_write(const char *path, const void *bytes, size_t n, unsigned mode, struct err *);

/* Opens a private folder and creates it if it does not exist. It must belong to the user, must
 * not be a link, and nobody else may write to it. Returns a descriptor, or -1 with e set. */
int folder_open(const char *path, struct err *);
/* Writes a file in such a folder, with mode 0600. */
bool folder_write(int folder, const char *name, const void *bytes, size_t n, struct err *);

#endif
