/* Where secrets come from, what is refused, and that they are masked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/io/loop.h"
#include "executors/io/patience.h"
#include "executors/io/secrets.h"

static struct secrets list;

static int
teardown(void **state)
{
	(void)state;
	secrets_release(&list);
	return 0;
}

static const char *
get(int from, const char *what, struct err *e)
{
	struct secret_ref ref = {.from = from, .what = what};

	*e = (struct err){0};
	return secrets_get(&list, &ref, e);
}

static void
from_the_environment(void **state)
{
	struct err e;

	(void)state;
	setenv("DRAY_T", "value one", 1);
	assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
	assert_string_equal(get(SECRET_ENV, "DRAY_T", &e), "value one");
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);            /* no core dump any more */
#endif
	/* It is read once: later changes of the environment have no effect. */
	setenv("DRAY_T", "other", 1);
	assert_string_equal(get(SECRET_ENV, "DRAY_T", &e), "value one");
	assert_null(get(SECRET_ENV, "DRAY_NOT_SET", &e));
	assert_string_equal(e.text, "read the secret 'env:DRAY_NOT_SET': the variable is not set");
	setenv("DRAY_T2", "", 1);
	assert_null(get(SECRET_ENV, "DRAY_T2", &e));
	setenv("DRAY_T3", "a\nb", 1);
	assert_null(get(SECRET_ENV, "DRAY_T3", &e));
}

static void
write_file(const char *path, const void *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void
from_a_file(void **state)
{
	char dir[] = "/tmp/dray-secrets.XXXXXX", path[64], *big = calloc(1, SECRET_MAX + 10);
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/token", dir);
	write_file(path, "hf_abc\r\n", 8);
	assert_string_equal(get(SECRET_FILE, path, &e), "hf_abc");
	setenv("HOME", dir, 1);
	assert_string_equal(get(SECRET_FILE, "~/token", &e), "hf_abc");
	secrets_release(&list);
	write_file(path, "a\0b\n", 4);
	assert_null(get(SECRET_FILE, path, &e));
	write_file(path, "one\ntwo\n", 8);
	assert_null(get(SECRET_FILE, path, &e));
	write_file(path, "\n", 1);
	assert_null(get(SECRET_FILE, path, &e));
	memset(big, 'x', SECRET_MAX + 5);
	write_file(path, big, SECRET_MAX + 5);
	assert_null(get(SECRET_FILE, path, &e));
	assert_non_null(strstr(e.text, "longer than"));
	unlink(path);
	assert_null(get(SECRET_FILE, path, &e));
	assert_non_null(strstr(e.text, "No such file"));
	rmdir(dir);
	free(big);
}

static void
from_a_command_without_a_shell(void **state)
{
	struct err e;

	(void)state;
	assert_string_equal(get(SECRET_CMD, "printf %s|%s 'a b' \"$HOME;\\\"x\"", &e),
			    "a b|$HOME;\"x");
	assert_string_equal(get(SECRET_CMD, "echo  ''  last", &e), " last");
	assert_null(get(SECRET_CMD, "false", &e));
	assert_string_equal(e.text, "read the secret 'cmd:false': 'false' ended with status 1");
	assert_null(get(SECRET_CMD, "sh -c 'kill -9 $$'", &e));
	assert_null(get(SECRET_CMD, "/does/not/exist", &e));
	assert_null(get(SECRET_CMD, "echo 'open", &e));
	assert_non_null(strstr(e.text, "quote"));
	assert_null(get(SECRET_CMD, "   ", &e));
	/* Limited: it is ended, not read to its end. */
	assert_null(get(SECRET_CMD, "yes", &e));
	assert_null(get(SECRET_CMD, "sh -c 'trap \"\" TERM; yes; true'", &e));
	assert_string_equal(get(SECRET_CMD, "cat", &e) ? "read our stdin" : "no", "no");
	/* An agent that it started and left running has our pipe as its stdout, for longer
	 * than anybody waits. */
	assert_string_equal(get(SECRET_CMD, "sh -c 'sleep 100 & echo hunter2; sleep 0.2'", &e), "hunter2");
	assert_null(get(SECRET_CMD, "sh -c 'sleep 100 & echo hunter2; exit 7'", &e));
	assert_non_null(strstr(e.text, "ended with status 7"));
}

static void
a_command_has_one_limit_and_is_run_once(void **state)
{
	char file[] = "/tmp/dray-count-XXXXXX", *command;
	struct err e;
	struct stat st;

	(void)state;
	close(mkstemp(file));
	assert_true(asprintf(&command, "sh -c 'exec 3>>%s; echo >&3; exec >&-; exec sleep 50'", file) > 0);
	patience.secret = 1;
	assert_null(get(SECRET_CMD, command, &e));
	assert_non_null(strstr(e.text, "it did not end within 1 s"));
	assert_null(get(SECRET_CMD, command, &e));
	assert_non_null(strstr(e.text, "it did not end within 1 s"));
	patience.secret = 60;
	stat(file, &st);
	assert_int_equal(st.st_size, 1);
	unlink(file);
	free(command);
}

/* A caller that waits for a command in a loop that takes signals itself still gets them. */
static void
an_interrupt_ends_the_wait(void **state)
{
	sigset_t set, old;
	struct err e;
	int sig;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, &old);
	assert_null(get(SECRET_CMD, "sh -c 'kill -INT $PPID; exec sleep 50'", &e));
	assert_non_null(strstr(e.text, "interrupted"));
	sigwait(&set, &sig);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void
only_a_regular_file_is_read(void **state)
{
	char dir[] = "/tmp/dray-secrets-XXXXXX", path[64];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(get(SECRET_FILE, path, &e));
	assert_non_null(strstr(e.text, "not a regular file"));
	assert_null(get(SECRET_FILE, dir, &e));
	assert_null(get(SECRET_FILE, "/dev/zero", &e));
	assert_non_null(strstr(e.text, "not a regular file"));
	unlink(path);
	rmdir(dir);
}

static void
known_secrets_are_scrubbed(void **state)
{
	struct str text = {0};
	struct err e;

	(void)state;
	setenv("DRAY_A", "sesame", 1);
	setenv("DRAY_B", "abc", 1);
	get(SECRET_ENV, "DRAY_A", &e);
	get(SECRET_ENV, "DRAY_B", &e);
	str_add(&text, "sesame \0sesamesesam sesame", 26);
	secrets_scrub(&list, &text);
	assert_int_equal(text.len, 32);
	assert_memory_equal(text.buf, "(secret) \0(secret)sesam (secret)", 32);
	str_reset(&text);
	/* Too short to be searched for: "abc" is in half of all words. */
	str_puts(&text, "abcdef");
	secrets_scrub(&list, &text);
	assert_string_equal(text.buf, "abcdef");
	str_release(&text);
	secrets_scrub(&list, &text);
	/* As JSON writes it, and one that contains another. */
	setenv("DRAY_C", "pa\"ss\\word", 1);
	setenv("DRAY_D", "open sesame now", 1);
	get(SECRET_ENV, "DRAY_C", &e);
	get(SECRET_ENV, "DRAY_D", &e);
	str_puts(&text, "{\"a\": \"pa\\\"ss\\\\word\"} pa\"ss\\word open sesame now sesame");
	secrets_scrub(&list, &text);
	assert_string_equal(text.buf, "{\"a\": \"(secret)\"} (secret) (secret) (secret)");
	str_release(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_teardown(f, teardown)
		T(from_the_environment),
		T(from_a_file),
		T(from_a_command_without_a_shell),
		T(a_command_has_one_limit_and_is_run_once),
		T(an_interrupt_ends_the_wait),
		T(only_a_regular_file_is_read),
		T(known_secrets_are_scrubbed),
	};

	alarm(300);             /* guards against a hang */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
