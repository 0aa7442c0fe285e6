#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/ssh_config.h"
#include "planner/base/str.h"

static const char *
environment(const char *name)
{
	return strcmp(name, "KEYS") == 0 ? "/keys" : NULL;
}

/* What a file's text says about a host. */
static struct ssh_config
ask(struct arena *a, const char *host, const char *text)
{
	struct ssh_config c = {.arena = a, .host = host, .home = "/home/me",
			       .local_user = "me", .env = environment};

	ssh_config_read(&c, "config", "/home/me/.ssh", text, strlen(text));
	ssh_config_finish(&c);
	return c;
}

static void
nothing_said_gives_defaults(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h", "");

	(void)state;
	assert_string_equal(c.host_name, "h");
	assert_string_equal(c.user, "me");
	assert_int_equal(c.port, 22);
	assert_null(c.proxy_jump);
	assert_int_equal(c.identity.n, 0);
	arena_release(&a);
}

static void
first_value_wins_and_identities_add_up(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h",
				  "Host h\n  User one\n  Port 2222\n  IdentityFile /a\n"
				  "Host *\n  User two\n  Port 23\n  IdentityFile /b\n"
				  "  HostName other\n");

	(void)state;
	assert_string_equal(c.user, "one");
	assert_int_equal(c.port, 2222);
	assert_string_equal(c.host_name, "other");
	assert_int_equal(c.identity.n, 2);
	assert_string_equal(c.identity.v[0], "/a");
	assert_string_equal(c.identity.v[1], "/b");
	arena_release(&a);
}

static void
what_is_put_in_before_wins(void **state)
{
	struct arena a = {0};
	struct ssh_config c = {.arena = &a, .host = "h", .home = "/", .local_user = "me",
			       .user = "spec", .port = 99};
	const char *text = "User file\nPort 22\nHostName x\n";

	(void)state;
	ssh_config_read(&c, "config", "/", text, strlen(text));
	ssh_config_finish(&c);
	assert_string_equal(c.user, "spec");
	assert_int_equal(c.port, 99);
	assert_string_equal(c.host_name, "x");
	arena_release(&a);
}

/* The user a block gives tells whether it was taken. */
static void
host_patterns(void **state)
{
	static const struct {
		const char *line, *host;
		bool taken;
	} t[] = {
		{"Host h", "h", true},         {"Host g h", "h", true},
		{"Host g", "h", false},        {"Host *", "h", true},
		{"Host *.x", "a.x", true},     {"Host ?", "h", true},
		{"Host ?", "hh", false},       {"Host * !h", "h", false},
		{"Host !h *", "h", false},     {"Host !g *", "h", true},
		{"Host !g", "h", false},       {"host H", "h", true},
		{"Host=h", "h", true},         {"Host = \"h\"", "h", true},
		{"Host \"g\" 'h'", "h", true}, {"Host h # g", "h", true},
		{"Host g # h", "h", false},    {"Match all", "h", true},
		{"Match host h", "h", true},   {"Match host g", "h", false},
		{"Match host g,h", "h", true}, {"Match host *,!h", "h", false},
		{"Match !host h", "h", false}, {"Match !host g", "h", true},
		{"Match user me", "h", true},  {"Match user you", "h", false},
		{"Match localuser me host h", "h", true},
		{"Match originalhost h", "h", true},
		{"Match host h user you", "h", false},
		{"Match exec true", "h", false},
		{"Match host h exec true", "h", false},
		{"Match final all", "h", false},
		{"Match canonical", "h", false},
		{"Match tagged x", "h", false},
		{"Match host", "h", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct arena a = {0};
		struct ssh_config c = ask(&a, t[i].host,
					  arena_printf(&a, "%s\nUser taken\n", t[i].line));

		if (strcmp(c.user, t[i].taken ? "taken" : "me") != 0)
			fail_msg("'%s' for '%s': user %s", t[i].line, t[i].host, c.user);
		arena_release(&a);
	}
}

static void
match_host_looks_at_the_host_name(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h",
				  "Host h\nHostName %h.example.org\n"
				  "Match host h.example.org\nUser by-name\n"
				  "Match originalhost h\nPort 24\n");

	(void)state;
	assert_string_equal(c.host_name, "h.example.org");
	assert_string_equal(c.user, "by-name");
	assert_int_equal(c.port, 24);
	arena_release(&a);
}

static void
exec_is_skipped_with_a_note(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h", "\nMatch host h exec \"touch x\"\nUser you\n"
					   "Match host g exec true\nUser you\n");

	(void)state;
	assert_int_equal(c.notes.n, 1);
	assert_string_equal(c.notes.v[0],
			    "config:2: 'Match exec' is not evaluated, its block is skipped");
	arena_release(&a);
}

static void
tokens_and_home(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h",
				  "HostName 10.0.0.1\nUser u\nPort 24\n"
				  "IdentityFile ~/.ssh/%h-%n-%p-%r-%u-%%\n"
				  "IdentityFile \"%d/with blank\"\n"
				  "IdentityFile ${KEYS}/k\n"
				  "IdentityFile %Z\nIdentityFile ${NONE}/k\n"
				  "UserKnownHostsFile ~/a \"/b c\" ~/d\n");

	(void)state;
	assert_int_equal(c.identity.n, 3);
	assert_string_equal(c.identity.v[0], "/home/me/.ssh/10.0.0.1-h-24-u-me-%");
	assert_string_equal(c.identity.v[1], "/home/me/with blank");
	assert_string_equal(c.identity.v[2], "/keys/k");
	assert_int_equal(c.notes.n, 2);
	assert_int_equal(c.known_hosts.n, 3);
	assert_string_equal(c.known_hosts.v[0], "/home/me/a");
	assert_string_equal(c.known_hosts.v[1], "/b c");
	arena_release(&a);
}

static void
odd_lines_are_survived(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h",
				  "# User x\n\t\n=\nUser\nPort many\nPort 70000\n Port=\t25 \n"
				  "NoSuchKeyword a b\nIdentitiesOnly yes\nUser \"unclosed\r\n"
				  "ProxyJump none\nProxyCommand none\nUser late\n");

	(void)state;
	assert_int_equal(c.port, 25);
	assert_string_equal(c.user, "unclosed\r");
	assert_int_equal(c.identities_only, 1);
	assert_null(c.proxy_jump);
	assert_null(c.proxy_command);
	assert_int_equal(c.notes.n, 2);
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
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "1.inc", "User included\nHost g\nPort 99\n");
	write_file(dir, "2.inc", "Host h\nPort 24\n");
	/* One that includes itself comes to an end, too. */
	write_file(dir, "config", "Include *.inc nothing config config\nUser own\n"
				  "Host g\nInclude 3.other\nHost h\nHostName late\n");
	write_file(dir, "3.other", "HostName early\n");
	snprintf(path, sizeof path, "%s/config", dir);
	assert_true(ssh_config_load(&c, path, dir, &e));
	ssh_config_finish(&c);
	assert_string_equal(c.user, "included");
	assert_int_equal(c.port, 24);
	assert_string_equal(c.host_name, "late");
	assert_true(ssh_config_load(&c, "/nowhere/config", dir, &e));
	assert_false(ssh_config_load(&c, dir, dir, &e));
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
		cmocka_unit_test(nothing_said_gives_defaults),
		cmocka_unit_test(first_value_wins_and_identities_add_up),
		cmocka_unit_test(what_is_put_in_before_wins),
		cmocka_unit_test(host_patterns),
		cmocka_unit_test(a_host_line_may_be_long),
		cmocka_unit_test(match_host_looks_at_the_host_name),
		cmocka_unit_test(exec_is_skipped_with_a_note),
		cmocka_unit_test(tokens_and_home),
		cmocka_unit_test(odd_lines_are_survived),
		cmocka_unit_test(include_globs_in_place),
		cmocka_unit_test(jump_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
