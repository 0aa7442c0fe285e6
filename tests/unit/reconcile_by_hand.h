#ifndef RECONCILE_BY_HAND_H
#define RECONCILE_BY_HAND_H

/* What reconcile must make of a step of a fake plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/fake_plan.h"

static inline void
expect(const struct fake *f, const char *addr, enum action action, const char *cause)
{
	const struct op *op = op_at(f, addr);

	if (op->action != action)
		fail_msg("%s: action %s, not %s\n%s", addr, action_word(op->action),
			 action_word(action), f->text);
	if (action == ACT_NONE)
		assert_null(op->cause);
	else
		assert_string_equal(op->cause, cause);
}

#endif
