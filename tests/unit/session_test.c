/* The node protocol over the local executor, with real shells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/session_cases.h"

int
main(void)
{
	const struct CMUnitTest tests[] = {SESSION_CASES};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
