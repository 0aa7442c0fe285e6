/* What ssh says becomes an error with a next command. The texts are what OpenSSH 9.2 printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "executors/program/openssh.h"
#include "planner/base/vec.h"

static const struct openssh_who who = {.name = "gpu-1", .host = "192.0.2.11", .by_hand = "ssh 192.0.2.11 true"};

static struct err
explained(const char *said)
{
	struct err e = {0};

	openssh_explain(said, strlen(said), &who, &e);
	return e;
}

static const char changed[] =
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
	"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n"
	"@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@\r\n"
	"IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!\r\n"
	"The fingerprint for the ED25519 key sent by the remote host is\n"
	"SHA256:hgd8aLXnKyt5dbbSJH3RDfMwRCM1NLR0Bp6gSw0Xm8Q.\r\n"
	"Please contact your system administrator.\r\n"
	"Offending ED25519 key in /home/me/.ssh/known_hosts:7\r\n"
	"Host key for [192.0.2.11]:2222 has changed and you have requested strict checking.\r\n"
	"Host key verification failed.\r\n";

static void
test_texts(void **state)
{
	static const struct {
		const char *said, *text, *hint;
	} cases[] = {
		{changed, "verify host key: the key changed (ED25519 SHA256:hgd8aLXnKyt5dbbSJH3RDfMwRCM1NLR0Bp6gSw0Xm8Q "
		 "is not the one in /home/me/.ssh/known_hosts:7)",
		 "ssh-keygen -f /home/me/.ssh/known_hosts -R '[192.0.2.11]:2222'"},
		{"No ED25519 host key is known for [192.0.2.11]:2222 and you have requested strict checking.\r\n"
		 "Host key verification failed.\r\n",
		 "verify host key: the key of '[192.0.2.11]:2222' is not known (ssh saw its ED25519 key)", "dray trust gpu-1"},
		{"Host key verification failed.\r\nkex_exchange_identification: Connection closed by remote host\r\n"
		 "Connection closed by UNKNOWN port 65535\r\n",
		 "verify host key: Host key verification failed.", "jump host"},
		{"me@192.0.2.11: Permission denied (publickey).\r\n", "log in: me@192.0.2.11: Permission denied (publickey).",
		 "try by hand: ssh 192.0.2.11 true"},
		{"/etc/ssh/x: line 2: Bad configuration option: nosuch\r\n/etc/ssh/x: terminating, 1 bad configuration options\r\n",
		 "read the ssh configuration: /etc/ssh/x: line 2: Bad configuration option: nosuch", "IgnoreUnknown"},
		{"ssh: connect to host 192.0.2.11 port 22: No route to host\r\n",
		 "connect to host 192.0.2.11 port 22: No route to host", "try by hand"},
		{"the tunnel\x1b[2J is down\nkex_exchange_identification: Connection closed by remote host\r\n"
		 "Connection closed by UNKNOWN port 65535\r\n",
		 "connect: the ProxyCommand or ProxyJump of the ssh configuration ended without a connection; it said: "
		 "the tunnel\\x1b[2J is down", "try by hand"},
		{"kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n",
		 "connect: the ProxyCommand or ProxyJump of the ssh configuration ended without a connection", "try by hand"},
		{"one\r\ntwo\nthree\r\n\r\nfour\n", "ssh: two; three; four", "try by hand"},
		{"", "ssh: it ended, and said nothing", "try by hand"},
		{"Control master terminated unexpectedly\r\n", "connection lost: Control master terminated unexpectedly", ""},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct err e = explained(cases[i].said);

		assert_string_equal(e.text, cases[i].text);
		assert_non_null(strstr(e.hint, cases[i].hint));
	}
}

/* The words come from programs and hosts: whatever they are, the error is a text of bounded length. */
static void
test_any_bytes(void **state)
{
	static const char *const parts[] = {"IDENTIFICATION HAS CHANGED", "Offending ", " key in ", "\n", "\r", "No ",
		" host key is known for ", "UNKNOWN port 65535", "kex_exchange_identification", "\xff\x80", "SHA256:",
		"Host key for ", "Permission denied (", "x"};
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char said[512];
		size_t n = 0;
		struct err e = {0};

		for (int k = 0; k < 8; k++) {
			const char *part = parts[(seed = seed * 1103515245 + 12345) / 65536 % countof(parts)];

			n += (size_t)snprintf(said + n, sizeof said - n, "%s", part);
		}
		openssh_explain(said, n, &who, &e);
		assert_true(e.text[0] && !strpbrk(e.text, "\n\r\x1b\xff"));
		assert_null(strpbrk(e.hint, "\n\r\x1b\xff"));
	}
}

static void
test_turned_away(void **state)
{
	(void)state;
	assert_true(openssh_turned_away("kex_exchange_identification: read: Connection reset by peer\r\n"));
	assert_true(openssh_turned_away("kex_exchange_identification: Connection closed by remote host\r\n"));
	assert_false(openssh_turned_away("Connection closed by remote host\r\n"));
	assert_false(openssh_turned_away(changed));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
