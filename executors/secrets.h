#ifndef EXECUTORS_SECRETS_H
#define EXECUTORS_SECRETS_H

#include "planner/base/err.h"
#include "planner/base/str.h"
#include "planner/spec.h"

/*
 * The secrets that references of the spec name. Each is read once, when first asked
 * for, and kept until secrets_release(), which wipes it. {0} is empty.
 */
enum { SECRET_MAX = 64 * 1024 };        /* bytes */

struct secrets {
	struct secret *v;
	size_t n;
};

/* The secret, one line without its newline, owned by the list; NULL with e set when it
 * is missing, empty, too long, or has a NUL or a newline inside. A cmd: is split at
 * blanks with quotes honoured and run without a shell, its stderr being ours. */
const char *secrets_get(struct secrets *, const struct secret_ref *, struct err *);
/* env:NAME and the like: how the user wrote it. Appended. */
void secret_name(const struct secret_ref *, struct str *);
/* What a Lua file or a step's field names so: env:NAME, file:PATH, cmd:COMMAND. The text must
 * outlive the reference. */
bool secret_refer(const char *text, struct secret_ref *, struct err *);
/* Every known secret of at least 4 bytes in the text becomes "(secret)". */
void secrets_scrub(const struct secrets *, struct str *);
void secrets_release(struct secrets *);

#endif
