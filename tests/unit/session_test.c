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

	char home[] = "/tmp/dray-session-test.XXXXXX";
	int failed;

	if (!mkdtemp(home))
		return 1;
	setenv("HOME", home, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(home) != 0 || failed;
}
