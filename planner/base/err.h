#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/*
 * A failure at run time. err_set() says what failed and each caller puts its context
 * in front with err_wrap(): "gpu-1: verify host key: the key changed".
 * A function that can fail returns bool (or NULL) and takes struct err * last. On
 * success it leaves err alone.
 */
struct err {
	char text[1024];
	char hint[512];         /* one next step for the user, or "" */
	bool new_key;           /* a node's host key is not known: dray trust */
	bool beyond;            /* dray's own ssh client cannot do it; the ssh program may */
};

/* Set the text; returns false so that callers can `return err_set(...)`. */
bool err_set(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, followed by ": strerror(errno)". */
bool err_sys(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Put "...: " in front. */
bool err_wrap(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Set the hint. */
bool err_hint(struct err *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
