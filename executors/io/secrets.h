#ifndef EXECUTORS_SECRETS_H
#define EXECUTORS_SECRETS_H

#include "planner/base/err.h"
#include "planner/base/str.h"
#include "planner/spec/spec.h"

/*
 * The secrets that the spec refers to. Each is read when it is first needed and kept until
 * secrets_release(), which wipes it. {0} is an empty list.
 */
enum { SECRET_MAX = 64 * 1024 };        /* bytes */

struct secrets {
	struct secret *v;
	size_t n;
	struct missing *missing;        /* commands that failed */
};

/* Returns the secret: one line without its newline, owned by the list. NULL with e set when
 * it is missing, empty, too long, or contains a NUL or a newline. A cmd: is split at spaces,
 * with quotes honoured, and runs without a shell; its stderr is ours. It must end within a
 * limit, and Ctrl-C ends the wait; the loop stands still meanwhile. A file must be a regular
 * one. */
const char *secrets_get(struct secrets *, const struct secret_ref *, struct err *);
/* A made-up value for a secret that is not read. It is known, so it is masked like one. */
const char *secrets_sample(struct secrets *, const struct secret_ref *);
/* Appends the reference as the user wrote it, like env:NAME. */
void secret_name(const struct secret_ref *, struct str *);
/* Parses env:NAME, file:PATH or cmd:COMMAND of a Lua file or a step's field. The text must
 * outlive the reference. */
bool secret_refer(const char *text, struct secret_ref *, struct err *);
/* Replaces every known secret of at least 4 bytes by "(secret)": see scrub.h. */
void secrets_scrub(const struct secrets *, struct str *);
void secrets_release(struct secrets *);

/* From now on keep our memory out of core dumps, and unreadable for other programs of this user. */
void secrets_keep_memory(void);

#endif
