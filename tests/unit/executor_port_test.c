/* The port of a node's sshd: only its executor knows what ~/.ssh/config says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "executors/executor.h"

static const char config[] =
	"Host alias\n  HostName 192.0.2.7\n  Port 2201\n"
	"Host inner\n  Port 2202\n  ProxyJump door:2299\n"
	"Host door\n  Port 2298\n"
	"Match originalhost matched user ops\n  Port 2203\n";

static char home[] = "/tmp/executor_port_test.XXXXXX";

static int
setup(void **state)
{
	char path[64];
	FILE *f;

	(void)state;
	if (!mkdtemp(home))
		return 1;
	setenv("HOME", home, 1);
	snprintf(path, sizeof path, "%s/.ssh", home);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/.ssh/config", home);
	f = fopen(path, "we");
	if (!f)
		return 1;
	fputs(config, f);
	return fclose(f);
}

static int
teardown(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof path, "%s/.ssh/config", home);
	unlink(path);
	snprintf(path, sizeof path, "%s/.ssh", home);
	rmdir(path);
	return rmdir(home);
}

static int
port_of(const char *executor, const char *host, struct spec_ssh ssh)
{
	struct spec_node spec = {.ssh = ssh};
	struct node node = {.name = host, .host = host, .executor = executor, .spec = &spec};
	const struct executor *ex = executor_find(executor);

	return ex->port ? ex->port(&node) : -1;
}

static void
test_ssh(void **state)
{
	static const struct number given = {.set = true, .value = 2222};
	struct spec_ssh none = {0}, port = {.port = given}, ops = {.user = {.text = "ops"}},
			no_file = {.config = {.text = "none"}};

	(void)state;
	assert_int_equal(port_of("ssh", "192.0.2.1", none), 22);
	assert_int_equal(port_of("ssh", "alias", none), 2201);
	/* The port of the node itself, not that of the jump host before it. */
	assert_int_equal(port_of("ssh", "inner", none), 2202);
	assert_int_equal(port_of("ssh", "matched", none), 22);
	assert_int_equal(port_of("ssh", "matched", ops), 2203);
	assert_int_equal(port_of("ssh", "alias", port), 2222);
	assert_int_equal(port_of("ssh", "alias", no_file), 22);
}

static void
test_a_wrong_file_says_nothing(void **state)
{
	char path[64];
	FILE *f;

	(void)state;
	snprintf(path, sizeof path, "%s/wrong", home);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("Port none\n", f);
	fclose(f);
	assert_int_equal(port_of("ssh", "192.0.2.1", (struct spec_ssh){.config = {.text = path}}), 0);
	unlink(path);
}

/* What dray's reader of the file does not evaluate, ssh -G does. */
static void
test_openssh(void **state)
{
	struct spec_ssh none = {0};
	char path[64];
	FILE *f;

	(void)state;
	assert_int_equal(port_of("openssh", "alias", none), 2201);
	assert_int_equal(port_of("auto", "alias", none), 2201);
	snprintf(path, sizeof path, "%s/exec", home);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("Match exec \"true\"\n  Port 2204\n", f);
	fclose(f);
	assert_int_equal(port_of("openssh", "192.0.2.1", (struct spec_ssh){.config = {.text = path}}),
			 system("command -v ssh >/dev/null") == 0 ? 2204 : 0);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("Port none\n", f);
	fclose(f);
	assert_int_equal(port_of("openssh", "192.0.2.1", (struct spec_ssh){.config = {.text = path}}), 0);
	unlink(path);
}

static void
test_others(void **state)
{
	const struct spec_ssh given = {.port = {.set = true, .value = 2222}};

	(void)state;
	assert_int_equal(port_of("local", "here", (struct spec_ssh){0}), -1);
	assert_int_equal(port_of("reach.lua", "there", (struct spec_ssh){0}), 0);
	assert_int_equal(port_of("reach.lua", "there", given), 2222);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ssh),
		cmocka_unit_test(test_a_wrong_file_says_nothing),
		cmocka_unit_test(test_openssh),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
