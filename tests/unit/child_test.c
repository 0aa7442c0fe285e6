/* dray raises its own limit of open files; the programs that it starts keep the old one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "executors/io/child.h"

/* What a shell prints about itself. */
static void
ask(const char *script, char *said, size_t size)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	struct child c;
	struct err e = {0};
	size_t n = 0;
	ssize_t got;

	assert_true(child_start(&c, &(struct child_how){.argv = argv}, &e));
	fcntl(c.out, F_SETFL, 0);
	while (n + 1 < size && (got = read(c.out, said + n, size - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	close(c.pidfd);
	close(c.in);
	close(c.out);
	close(c.err);
}

static void
programs_keep_the_old_limit_of_files(void **state)
{
	struct rlimit before, now;
	char said[64];

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	if (before.rlim_max <= 100)
		skip();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, before.rlim_max}), 0);
	child_raise_limit();
	child_raise_limit();
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, before.rlim_max);
	ask("ulimit -n", said, sizeof said);
	assert_string_equal(said, "100\n");
	getrlimit(RLIMIT_NOFILE, &now);
	assert_int_equal(now.rlim_cur, before.rlim_max);
	setrlimit(RLIMIT_NOFILE, &before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_keep_the_old_limit_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
