#ifndef PLANNER_CHECKS_H
#define PLANNER_CHECKS_H

#include <stdint.h>

#include "planner/spec.h"

/*
 * The registry of named checks (checks.def). A check looks at a whole spec, may find
 * several faults, and names itself behind each message, so that tests and people can
 * refer to it.
 */
enum check_id {
#define CHECK(name, level, after, doc) CHECK_##name,
#include "planner/checks.def"
#undef CHECK
	CHECK_COUNT
};

struct checking {
	const struct spec *spec;
	struct diags *d;
	bool clean;             /* nothing was wrong before: numbers can be compared */
	enum check_id now;
	uint64_t failed;        /* one bit a check: failed or left out */
};

struct check {
	const char *name, *doc;
	bool is_error;
	uint64_t after;
	void (*run)(struct checking *);
};

extern const struct check checks[CHECK_COUNT];

/* A fault that the current check found; its level is the check's. */
void check_fail(struct checking *, struct loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether the user wrote something there, right or wrong. */
bool was_given(const struct word *);
bool number_given(const struct number *);

#define CHECK(name, level, after, doc) void check_##name(struct checking *);
#include "planner/checks.def"
#undef CHECK

#endif
