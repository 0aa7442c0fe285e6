/* Files that dray writes: complete, in folders of the user, never through a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/file.h"

static char top[] = "/tmp/dray-file-XXXXXX";

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(top) && chdir(top) == 0 ? 0 : -1;
}

static int
tear_down(void **state)
{
	char line[64];

	(void)state;
	snprintf(line, sizeof line, "rm -rf '%s'", top);
	return chdir("/") == 0 && system(line) == 0 ? 0 : -1;
}

static void
refused(const char *path, const char *why)
{
	struct err e = {0};

	assert_int_equal(folder_open(path, &e), -1);
	assert_non_null(strstr(e.text, why));
}

static void
folders_of_others(void **state)
{
	struct err e = {0};
	int fd;

	(void)state;
	assert_int_equal(mkdir("theirs", 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown("theirs", 12345, 12345), 0);
		refused("theirs", "another user");
	}
	assert_int_equal(mkdir("group", 0700), 0);
	assert_int_equal(chmod("group", 0770), 0);
	fd = folder_open("group", &e);  /* our own group, as with umask 002 */
	assert_true(fd >= 0);
	close(fd);
	if (geteuid() == 0) {
		assert_int_equal(chown("group", 0, 12345), 0);
		refused("group", "others may write");
	}
	assert_int_equal(mkdir("all", 0700), 0);
	assert_int_equal(chmod("all", 01777), 0);
	refused("all", "others may write");
	assert_int_equal(symlink("group", "link"), 0);
	refused("link", "is a symbolic link");
	refused("link//", "is a symbolic link");
}

static void
names_that_leave_the_folder(void **state)
{
	static const char *const bad[] = {"../x", "a/b", "", ".", "..", "/x"};
	struct err e = {0};
	int fd = folder_open("own", &e);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(folder_write(fd, bad[i], "x", 1, &e));
	assert_int_equal(symlink("../victim", "own/f"), 0);
	assert_true(folder_write(fd, "f", "new", 3, &e));
	assert_int_not_equal(access("victim", F_OK), 0);
	close(fd);
}

static void
full_disk(void **state)
{
	struct err e = {0};

	(void)state;
	assert_false(file_write("/dev/full", "x", 1, 0600, &e));
	assert_non_null(strstr(e.text, "No space"));
	assert_true(file_write("/dev/null", "x", 1, 0600, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_of_others),
		cmocka_unit_test(names_that_leave_the_folder),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
