/* ssh_config in several passes and files: Match final, Include, jumps, long lines. */
#include "tests/unit/ssh_config_by_hand.h"

static void
a_final_match_reads_again(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h",
				  "Match final host h.example.org\nUser final\nPort 24\n"
				  "Host h.example.org\nRevokedHostKeys /r\n"
				  "Host h\nHostName %h.EXAMPLE.org\nPort 23\nIdentityFile /i\n"
				  "IdentityFile /i\n");

	(void)state;
	assert_string_equal(c.host_name, "h.example.org");
	assert_string_equal(c.user, "final");
	assert_int_equal(c.port, 23);
	assert_string_equal(c.said[WORD_RevokedHostKeys].value, "/r");
	assert_int_equal(c.said[WORD_RevokedHostKeys].line, 5);
	assert_int_equal(c.identity.n, 1);
	arena_release(&a);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
include_globs_in_place(void **state)
{
	struct arena a = {0};
	char dir[] = "/tmp/ssh_config_test.XXXXXX", path[64];
	struct ssh_config c = {.arena = &a, .host = "h", .home = "/home/me",
			       .local_user = "me", .glob = ssh_config_glob};
	struct ssh_source here = {.dir = dir};
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "1.inc", "User included\nHost g\nPort 99\n");
	write_file(dir, "2.inc", "Host h\nPort 24\n");
	write_file(dir, "config", "Include *.inc nothing\nUser own\n"
				  "Host g\nInclude 3.other\nHost h\nHostName late\n");
	write_file(dir, "3.other", "HostName early\n");
	snprintf(path, sizeof path, "%s/config", dir);
	assert_true(ssh_config_load(&c, path, &here, &e));
	assert_true(ssh_config_finish(&c, &e));
	assert_string_equal(c.user, "included");
	assert_int_equal(c.port, 24);
	assert_string_equal(c.host_name, "late");
	assert_true(ssh_config_load(&c, "/nowhere/config", &here, &e));
	assert_false(ssh_config_load(&c, dir, &here, &e));
	/* A file that includes itself comes to an end. */
	write_file(dir, "3.other", "Include 3.other\n");
	assert_false(ssh_config_load(&c, path, &here, &e));
	assert_non_null(strstr(e.text, "3.other:1: 'Include' includes files that include files"));
	/* A file that others can write is not read, except the file that the user names. */
	write_file(dir, "3.other", "Port 24\n");
	snprintf(path, sizeof path, "%s/3.other", dir);
	assert_int_equal(chmod(path, 0666), 0);
	assert_true(ssh_config_load(&c, path, &here, &e));
	here.guarded = true;
	assert_false(ssh_config_load(&c, path, &here, &e));
	assert_non_null(strstr(e.text, "3.other: others can write it (mode 0666"));
	snprintf(path, sizeof path, "%s/config", dir);
	here.guarded = false;
	assert_false(ssh_config_load(&c, path, &here, &e));
	for (const char *const *f = (const char *const[]){"1.inc", "2.inc", "3.other", "config", NULL};
	     *f; f++) {
		char gone[256];

		snprintf(gone, sizeof gone, "%s/%s", dir, *f);
		unlink(gone);
	}
	rmdir(dir);
	arena_release(&a);
}

static void
jump_lists(void **state)
{
	static const struct {
		const char *list, *user, *host;
		int port;
	} t[] = {
		{"h", NULL, "h", 0},
		{"u@h", "u", "h", 0},
		{"u@h:24", "u", "h", 24},
		{"ssh://u@h:24", "u", "h", 24},
		{"[::1]:24", NULL, "::1", 24},
		{"::1", NULL, "::1", 0},
		{"u@v@h", "u@v", "h", 0},
	};
	static const char *const bad[] = {"", ",", "h,", "@h", "h:", "h:0", "h:70000", "h:x",
					  "u@", "a,b,c,d"};
	struct arena a = {0};
	struct ssh_jump j[3];
	struct err e;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_true(ssh_config_jumps(&a, t[i].list, j, 3, &n, &e));
		assert_int_equal(n, 1);
		assert_string_equal(j[0].host, t[i].host);
		assert_int_equal(j[0].port, t[i].port);
		assert_string_equal(j[0].user ? j[0].user : "-", t[i].user ? t[i].user : "-");
	}
	assert_true(ssh_config_jumps(&a, "a,u@b:1,c", j, 3, &n, &e));
	assert_int_equal(n, 3);
	assert_string_equal(j[1].host, "b");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (ssh_config_jumps(&a, bad[i], j, 3, &n, &e))
			fail_msg("'%s' was taken", bad[i]);
	}
	arena_release(&a);
}

static void
a_host_line_may_be_long(void **state)
{
	struct arena a = {0};
	struct str text = {0};
	struct ssh_config c;

	(void)state;
	str_puts(&text, "Host");
	for (int i = 0; i < 200; i++)
		str_printf(&text, " node-%d.example.org", i);
	str_puts(&text, "\n  User found\nHost");
	for (int i = 0; i < 1024; i++)
		str_printf(&text, " other-node-%d.example.org", i);
	str_puts(&text, "\n  User other\n");
	c = ask(&a, "node-199.example.org", text.buf);
	assert_string_equal(c.user, "found");
	c = ask(&a, "other-node-1023.example.org", text.buf);
	assert_string_equal(c.user, "other");
	c = ask(&a, "h", text.buf);
	assert_string_equal(c.user, "me");
	str_release(&text);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_line_may_be_long),
		cmocka_unit_test(a_final_match_reads_again),
		cmocka_unit_test(include_globs_in_place),
		cmocka_unit_test(jump_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
