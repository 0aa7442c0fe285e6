#ifndef PLANNER_CHECKS_H
#define PLANNER_CHECKS_H

#include <stdint.h>

#include "planner/spec/spec.h"

/*
 * The registry of named checks (checks.def). A check looks at the whole spec and may report
 * several faults. Each message ends with the name of its check.
 */
enum check_id {
#define CHECK(name, level, after, doc) CHECK_##name,
#include "planner/spec/checks.def"
#undef CHECK
	CHECK_COUNT
};

struct checking {
	const struct spec *spec;
	struct diags *d;
	bool clean;             /* no error before the checks: numbers can be compared */
	enum check_id now;
	uint64_t failed;        /* one bit per check: it failed or was left out */
};

struct check {
	const char *name, *doc;
	bool is_error;
	uint64_t after;
	void (*run)(struct checking *);
};

extern const struct check checks[CHECK_COUNT];

/* Reports a fault with the level of the current check. */
void check_fail(struct checking *, struct loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Did the user write something there, right or wrong? */
bool was_given(const struct word *);
bool number_given(const struct number *);
/* Is it that word? */
bool word_is(const struct word *, const char *);

#define CHECK(name, level, after, doc) void check_##name(struct checking *);
#include "planner/spec/checks.def"
#undef CHECK

#endif
