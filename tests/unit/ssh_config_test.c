/* ssh_config: each key's value for a host, and which lines are refused. */
#include "tests/unit/ssh_config_by_hand.h"

/* Why a text is refused. */
static void
refused(const char *text, const char *why)
{
	struct arena a = {0};
	struct ssh_config c = {.arena = &a, .host = "h", .home = "/home/me",
			       .local_user = "me", .env = environment};
	struct err e = {0};

	if (read_all(&c, text, &e))
		fail_msg("'%s' was taken", text);
	if (!strstr(e.text, why))
		fail_msg("'%s': '%s' is not in '%s'", text, why, e.text);
	arena_release(&a);
}

static void
an_empty_file_gives_defaults(void **state)
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
values_set_before_win(void **state)
{
	struct arena a = {0};
	struct ssh_config c = {.arena = &a, .host = "h", .home = "/", .local_user = "me",
			       .user = "spec", .port = 99};
	struct err e;

	(void)state;
	assert_true(read_all(&c, "User file\nPort 22\nHostName x\n", &e));
	assert_string_equal(c.user, "spec");
	assert_int_equal(c.port, 99);
	assert_string_equal(c.host_name, "x");
	arena_release(&a);
}

/* The user that a block sets shows whether the block applied. */
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
		{"Host !g", "h", false},       {"host H", "h", false},
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
		{"hOST h", "h", true},         {"Host h,g", "h", false},
		{"Host g,h", "g,h", true},     {"\"Host\" h", "h", true},
		{"Host h\t\r", "h", true},     {"Host H", "H", true},
		{"Match host H", "h", true},   {"Match user ME", "me", false},
		{"Match host=h", "h", true},   {"Match host = h", "h", true},
		{"Match host \"h\"", "h", true}, {"match HOST h", "h", true},
		{"Match host h # user you", "h", true},
		{"Match !all", "h", false},    {"Match canonical all", "h", false},
		{"Match !final all", "h", true}, {"Match !canonical host h", "h", true},
		{"Match user g exec true", "h", false},
		{"Match exec true", "h", false},
		{"Match host h exec true", "h", false},
		{"Match final all", "h", true},
		{"Match final host h user me", "h", true},
		{"Match final user you", "h", false},
		{"Match canonical", "h", false},
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
				  "IdentityFile %k-%i\nGlobalKnownHostsFile ~/%h\n"
				  "UserKnownHostsFile ~/a \"/b c\" ~/d\n");

	(void)state;
	assert_int_equal(c.identity.n, 4);
	assert_string_equal(c.identity.v[0], "/home/me/.ssh/10.0.0.1-h-24-u-me-%");
	assert_string_equal(c.identity.v[1], "/home/me/with blank");
	assert_string_equal(c.identity.v[2], "/keys/k");
	assert_int_equal(strncmp(c.identity.v[3], "h-", 2), 0);
	assert_string_equal(c.global_known_hosts.v[0], "/home/me/%h");
	refused("IdentityFile %Z", "'%Z' in the ssh configuration has a token");
	refused("IdentityFile a%", "'a%' in the ssh configuration has a token");
	refused("IdentityFile ${NONE}/k", "'${NONE}/k' in the ssh configuration has a token");
	refused("IdentityFile ${KEYS", "'${KEYS' in the ssh configuration has a token");
	refused("HostName %n", "'%n' in the ssh configuration has a token");
	refused("UserKnownHostsFile ~you/known", "is in the home of another user");
	assert_int_equal(c.known_hosts.n, 3);
	assert_string_equal(c.known_hosts.v[0], "/home/me/a");
	assert_string_equal(c.known_hosts.v[1], "/b c");
	arena_release(&a);
}

static void
odd_lines(void **state)
{
	struct arena a = {0};
	struct ssh_config c = ask(&a, "h",
				  "# User x\n\t\n\r\n Port=\t25 \nport 26\nPROTOCOL 2\n"
				  "IdentitiesOnly yes\nUser \"two words\"  # me\r\n"
				  "IdentityFile a\\ b\nIdentityFile 'c \\' d'\nIdentityFile \"e\\\\\"f\n"
				  "ProxyJump none\nProxyCommand none\nUser late\n");

	(void)state;
	assert_int_equal(c.port, 25);
	assert_string_equal(c.user, "two words");
	assert_int_equal(c.identities_only, 1);
	assert_string_equal(c.identity.v[0], "a b");
	assert_string_equal(c.identity.v[1], "c ' d");
	assert_string_equal(c.identity.v[2], "e\\f");
	assert_null(c.proxy_jump);
	assert_null(c.proxy_command);
	assert_int_equal(c.notes.n, 0);
	arena_release(&a);
}

/* Whether their block applies or not. */
static void
what_ssh_refuses_is_an_error(void **state)
{
	static const struct {
		const char *line, *why;
	} t[] = {
		{"NoSuchWord a b", "'NoSuchWord' is not a word of OpenSSH 9.2"},
		{"= a", "a line without a keyword"},
		{"\f", "has no value"},
		{"Us\"er\" a", "a quote in the keyword"},
		{"User", "'User' has no value"},
		{"User # me", "'User' has no value"},
		{"User \"\"", "'User' has an empty value"},
		{"User a b", "'User' has more than one value"},
		{"User \"unclosed", "'User' has a quote that is not closed"},
		{"Port many", "'Port' is not a port"},
		{"Port 70000", "'Port' is not a port"},
		{"Port 0", "'Port' is not a port"},
		{"ConnectTimeout soon", "'ConnectTimeout' is not a time"},
		{"IdentitiesOnly perhaps", "has a value that it cannot have"},
		{"StrictHostKeyChecking sometimes", "has a value that it cannot have"},
		{"RequiredRSASize big", "is not a number"},
		{"Ciphers aes128-ctr,rot13", "names an algorithm that OpenSSH does not know: 'rot13'"},
		{"Ciphers aes*", "does not know: 'aes*'"},
		{"HostKeyAlgorithms +foo*", "does not know: 'foo*'"},
		{"MACs a,,b", "does not know"},
		{"KexAlgorithms ,", "does not know"},
		{"UserKnownHostsFile none /a", "has 'none' together with other files"},
		{"Match", "'Match' has no value"},
		{"Match host", "has a condition without a value"},
		{"Match host \"\"", "has a condition without a value"},
		{"Match tagged x", "does not know: 'tagged'"},
		{"Match host h user me all", "has 'all' together with other conditions"},
		{"Match all host h", "has 'all' together with other conditions"},
		{"Host \"\"", "'Host' has an empty value"},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		refused(t[i].line, t[i].why);
		refused(arena_printf(&a, "Host other\n%s\n", t[i].line), t[i].why);
		refused(arena_printf(&a, "\n\n%s", t[i].line), "config:3: ");
	}
	ask(&a, "h", "MACs hmac-sha2-512,\n");
	refused("ProxyJump none # x", "has a comment after 'none'");
	ask(&a, "h", "IgnoreUnknown UseKey*,addsome\nUseKeychain yes\nAddSome thing\n");
	refused("Host g\nIgnoreUnknown Use*\nHost h\nUseKeychain yes\n", "'UseKeychain'");
	arena_release(&a);
}

static void
words_that_restrict_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *text, *why;         /* NULL: it is accepted */
	} t[] = {
		{"Host *\n RekeyLimit 1G", "'RekeyLimit 1G' (config:2): libssh2"},
		{"RekeyLimit default none", NULL},
		{"Host g\nRekeyLimit 1G", NULL},
		{"RekeyLimit default\nRekeyLimit 1G", NULL},
		{"BindAddress 10.0.0.1", "'BindAddress 10.0.0.1' (config:1)"},
		{"BindInterface eth0", "'BindInterface eth0' (config:1)"},
		{"CanonicalizeHostname yes", "'CanonicalizeHostname yes' (config:1)"},
		{"canonicalizehostname ALWAYS", "'CanonicalizeHostname ALWAYS' (config:1)"},
		{"CanonicalizeHostname no\nCanonicalDomains a.b\nCanonicalizeMaxDots 2", NULL},
		{"CanonicalizePermittedCNAMEs *:*.b", "'CanonicalizePermittedCNAMEs"},
		{"PubkeyAuthentication no", "'PubkeyAuthentication no' (config:1)"},
		{"PubkeyAuthentication yes\nPubkeyAuthentication no", NULL},
		{"DSAAuthentication no", "'PubkeyAuthentication no' (config:1)"},
		{"PreferredAuthentications password,keyboard-interactive",
		 "'PreferredAuthentications password,keyboard-interactive' (config:1)"},
		{"PreferredAuthentications gssapi-with-mic,publickey", NULL},
		{"KnownHostsCommand /bin/hosts %H", "'KnownHostsCommand /bin/hosts %H' (config:1)"},
		{"KnownHostsCommand none", NULL},
		{"RemoteCommand tmux attach", "'RemoteCommand tmux attach'"},
		{"SessionType none", "'SessionType none'"},
		/* In a block that may or may not apply. */
		{"Match exec true\nRekeyLimit 1G", "config:2: 'RekeyLimit' is in a block of 'Match exec'"},
		{"Match exec true\nRevokedHostKeys /r", "config:2: 'RevokedHostKeys' is in a block"},
		{"Match exec true\nUserKnownHostsFile /k", "config:2: 'UserKnownHostsFile' is in a"},
		{"Match exec true\nRevokedHostKeys none", NULL},
		{"Match exec true\nPort 24\nProxyJump a\nStrictHostKeyChecking no", NULL},
		{"Match exec true host g\nRekeyLimit 1G", NULL},
		{"Match exec true\nHost h\nPort 24", NULL},
		{"Match final exec true\nCiphers aes128-ctr", "config:2: 'Ciphers' is in a block"},
		/* Looser than dray. */
		{"StrictHostKeyChecking no\nNoHostAuthenticationForLocalhost yes\n"
		 "VerifyHostKeyDNS yes\nUpdateHostKeys yes", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct arena a = {0};

		if (t[i].why)
			refused(t[i].text, t[i].why);
		else
			ask(&a, "h", t[i].text);
		arena_release(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_defaults),
		cmocka_unit_test(first_value_wins_and_identities_add_up),
		cmocka_unit_test(values_set_before_win),
		cmocka_unit_test(host_patterns),
		cmocka_unit_test(match_host_looks_at_the_host_name),
		cmocka_unit_test(exec_is_skipped_with_a_note),
		cmocka_unit_test(tokens_and_home),
		cmocka_unit_test(odd_lines),
		cmocka_unit_test(what_ssh_refuses_is_an_error),
		cmocka_unit_test(words_that_restrict_are_refused_with_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
