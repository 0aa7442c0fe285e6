#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/*
 * One thing that went wrong at run time, with the chain of what was being done:
 * err_set() says what failed, each caller adds its part with err_wrap(), and the
 * whole reads outside in: "gpu-1: verify host key: the key changed".
 * A function that can fail returns bool (or NULL) and takes struct err * last;
 * err is untouched when nothing failed.
 */
struct err {
	char text[1024];
	char hint[512];         /* one next step for the user, or "" */
};

/* Set the text; returns false so that callers can `return err_set(...)`. */
bool err_set(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, with ": strerror(errno)" behind it. */
bool err_sys(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Put "...: " in front. */
bool err_wrap(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool err_hint(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
