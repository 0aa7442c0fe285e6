/* known_hosts: which keys of a host are known, changed or revoked; any line, any name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/ssh/known_hosts.h"
#include "executors/ssh/ssh_bytes.h"

/* Key blobs of a type and one byte that tells them apart. */
static struct str
blob(const char *type, char which)
{
	struct str s = {0};

	put_text(&s, type);
	put_string(&s, &which, 1);
	return s;
}

/* The same in base64, as in files. */
#define ED_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAWE="
#define ED_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAWI="
#define RSA_A "ssh-rsa AAAAB3NzaC1yc2EAAAABYQ=="

struct want {
	const char *text, *host;
	int port;
	enum known_answer answer;       /* for the ed25519 key 'a' */
	unsigned line;                  /* of *which; 0: NULL */
};

static void
check(const struct want *w)
{
	struct known_hosts k;
	struct str key = blob("ssh-ed25519", 'a');
	const struct known_key *which = NULL;

	known_hosts_init(&k, w->host, w->port);
	known_hosts_read(&k, "file", w->text, strlen(w->text));
	assert_int_equal(known_hosts_ask(&k, key.buf, key.len, &which), w->answer);
	assert_int_equal(which ? which->line : 0, w->line);
	known_hosts_release(&k);
	str_release(&key);
}

static void
lines_name_hosts(void **state)
{
	static const struct want wants[] = {
		{"h " ED_A, "h", 22, KNOWN_OK, 1},
		{"h " ED_A "\n", "H", 22, KNOWN_OK, 1},
		{"H " ED_A, "h", 22, KNOWN_OK, 1},
		{"g,h " ED_A " a comment", "h", 22, KNOWN_OK, 1},
		{"\t h \t " ED_A "\r\n", "h", 22, KNOWN_OK, 1},
		{"hh " ED_A, "h", 22, KNOWN_NEW, 0},
		{"h " ED_B, "h", 22, KNOWN_CHANGED, 1},
		{"h " ED_B "\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"h " RSA_A, "h", 22, KNOWN_NEW, 1},
		{"[h]:23 " ED_A, "h", 23, KNOWN_OK, 1},
		{"[h]:23 " ED_A, "h", 24, KNOWN_NEW, 0},
		{"[h]:22 " ED_A, "h", 22, KNOWN_NEW, 0},
		{"*.x " ED_A, "a.x", 22, KNOWN_OK, 1},
		{"*.x " ED_A, "x", 22, KNOWN_NEW, 0},
		{"?.x " ED_A, "a.x", 22, KNOWN_OK, 1},
		{"?.x " ED_A, "aa.x", 22, KNOWN_NEW, 0},
		{"!a.x,*.x " ED_A, "a.x", 22, KNOWN_NEW, 0},
		{"*.x,!a.x " ED_A, "a.x", 22, KNOWN_NEW, 0},
		{"!b.x,*.x " ED_A, "a.x", 22, KNOWN_OK, 1},
		{"!b.x " ED_A, "a.x", 22, KNOWN_NEW, 0},
		{"[*]:2? " ED_A, "h", 23, KNOWN_OK, 1},
		{"::1 " ED_A, "::1", 22, KNOWN_OK, 1},
		{"[::1]:23 " ED_A, "::1", 23, KNOWN_OK, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		check(&wants[i]);
}

static void
a_line_without_a_port_counts_when_nothing_else_does(void **state)
{
	static const struct want wants[] = {
		/* A line without a port may confirm a key, but never contradict it. */
		{"h " ED_A, "h", 23, KNOWN_OK, 1},
		{"h " ED_B, "h", 23, KNOWN_NEW, 0},
		{"h " ED_B "\nh " ED_A, "h", 23, KNOWN_OK, 2},
		{"[h]:23 " ED_B "\nh " ED_A, "h", 23, KNOWN_CHANGED, 1},
		{"h " ED_A "\n[h]:23 " ED_B, "h", 23, KNOWN_CHANGED, 2},
		/* A key of another type is known, too. */
		{"h " ED_A "\n[h]:23 " RSA_A, "h", 23, KNOWN_NEW, 2},
		{"h " ED_A "\n[*]:23 " ED_B, "h", 23, KNOWN_CHANGED, 2},
		{"* " ED_A "\n[h]:23 " ED_B, "h", 23, KNOWN_OK, 1},
		{"?," ED_A "\nh " ED_A "\n[h]:23 " ED_B, "h", 23, KNOWN_CHANGED, 3},
		{"h " ED_A "\n[h]:24 " ED_B, "h", 23, KNOWN_OK, 1},
		{"h " ED_A "\n![h]:23,[*]:* " ED_B, "h", 23, KNOWN_OK, 1},
		/* Neither of these lines gives a key of the host. */
		{"h " ED_A "\n@cert-authority [h]:23 " ED_B, "h", 23, KNOWN_OK, 1},
		{"h " ED_A "\n@revoked [h]:23 " ED_B, "h", 23, KNOWN_OK, 1},
		{"h " ED_A "\n[h]:23 rubbish", "h", 23, KNOWN_OK, 1},
		{"h " ED_A "\n@revoked h " ED_A, "h", 23, KNOWN_REVOKED, 2},
		{"[h]:23 " ED_A "\n@revoked h " ED_A, "h", 23, KNOWN_REVOKED, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		check(&wants[i]);
}

/* An unreadable line may revoke the key. */
static void
unread_revocations_fail_closed(void **state)
{
	static const struct {
		const char *text, *unread;
	} t[] = {
		{"h " ED_A "\n@revoked", "file:2: this @revoked line cannot be read"},
		{"h " ED_A "\n@revoked h", "file:2: this @revoked line cannot be read"},
		{"h " ED_A "\n@revoked h ssh-ed25519", "file:2: this @revoked line cannot be read"},
		{"@revoked * ssh-ed25519 AAAA!\nh " ED_A, "file:1: this @revoked line cannot be read"},
		{"h " ED_A "\n@revoked * ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAAWE=",
		 "file:2: this @revoked line cannot be read"},
		{"h " ED_A "\n@revoked |1|x|y " ED_A, "file:2: this @revoked line cannot be read"},
		{"h " ED_A "\n@revoked |2|x|y " ED_A, "file:2: this @revoked line cannot be read"},
		{"@revoked * " ED_B "\nh " ED_A "\n@cert-authority * " ED_B,
		 "file:1: the authority of this host is revoked"},
		{"@revoked * " ED_B "\nh " ED_A "\n@cert-authority g " ED_B, NULL},
		{"h " ED_A "\n@revoked g ssh-ed25519 AAAA!", NULL},
		{"h " ED_A "\n@other h", NULL},
		{"h " ED_A "\nh ssh-ed25519 AAAA!", NULL},
	};
	struct str key = blob("ssh-ed25519", 'a'), text = {0};
	const struct known_key *which;
	struct known_hosts k;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		known_hosts_init(&k, "h", 22);
		known_hosts_read(&k, "file", t[i].text, strlen(t[i].text));
		assert_int_equal(known_hosts_ask(&k, key.buf, key.len, &which),
				 t[i].unread ? KNOWN_UNREAD : KNOWN_OK);
		if (t[i].unread)
			assert_string_equal(k.unread, t[i].unread);
		known_hosts_release(&k);
	}
	/* A long line is read like others; a very long one blocks all keys. */
	for (int megabytes = 0; megabytes < 2; megabytes++) {
		str_reset(&text);
		str_puts(&text, "h " ED_A "\n@revoked ");
		while (text.len < (megabytes ? 1100000 : 100000))
			str_puts(&text, "some-host,");
		str_puts(&text, "h " ED_A "\n");
		known_hosts_init(&k, "h", 22);
		known_hosts_read(&k, "file", text.buf, text.len);
		assert_int_equal(known_hosts_ask(&k, key.buf, key.len, &which),
				 megabytes ? KNOWN_UNREAD : KNOWN_REVOKED);
		known_hosts_release(&k);
	}
	str_release(&text);
	str_release(&key);
}

static void
files_that_cannot_be_read_fail_closed(void **state)
{
	char path[] = "/tmp/known_hosts_test.XXXXXX", mib[4096] = {0};
	struct str key = blob("ssh-ed25519", 'a');
	const struct known_key *which;
	struct known_hosts k;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	memset(mib, '\n', sizeof mib);
	for (int i = 0; i < 2049; i++)
		assert_int_equal(write(fd, mib, sizeof mib), sizeof mib);
	close(fd);
	for (int i = 0; i < 4; i++) {
		static const char *const paths[] = {NULL, "/", "/nowhere/file", "/dev/null"};

		known_hosts_init(&k, "h", 22);
		known_hosts_read(&k, "one", "h " ED_A, strlen("h " ED_A));
		known_hosts_load(&k, paths[i] ? paths[i] : path);
		assert_int_equal(known_hosts_ask(&k, key.buf, key.len, &which),
				 i < 2 ? KNOWN_UNREAD : KNOWN_OK);
		known_hosts_release(&k);
	}
	unlink(path);
	str_release(&key);
}

static void
revoked_wins_over_everything(void **state)
{
	static const struct want wants[] = {
		{"h " ED_A "\n@revoked h " ED_A, "h", 22, KNOWN_REVOKED, 2},
		{"@revoked * " ED_A "\nh " ED_A, "h", 22, KNOWN_REVOKED, 1},
		{"@revoked * " ED_A "\n[h]:23 " ED_A, "h", 23, KNOWN_REVOKED, 1},
		{"@revoked g " ED_A "\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"@revoked * " ED_B "\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"@revoked * " ED_B, "h", 22, KNOWN_NEW, 0},
		/* A line with an unknown marker is ignored. */
		{"@trusted h " ED_A, "h", 22, KNOWN_NEW, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		check(&wants[i]);
}

static void
bad_lines_are_skipped_one_by_one(void **state)
{
	static const struct want wants[] = {
		{"\n\n# h " ED_B "\n   \nh\nh ssh-ed25519\nh " ED_A, "h", 22, KNOWN_OK, 7},
		{"h ssh-ed25519 AAAA!\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"h ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAAWE=\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"h ssh-ed25519 AAA\nh ssh-ed25519 AAAAC3NzaC1lZDI1\nh " ED_A, "h", 22, KNOWN_OK, 3},
		{"|1|x " ED_A "\n|1||| " ED_A "\n|2|x|y " ED_A "\nh " ED_A, "h", 22, KNOWN_OK, 4},
		{"h " ED_A "\xff", "h", 22, KNOWN_NEW, 0},
	};
	struct str text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		check(&wants[i]);
	/* As in ssh, a pattern of a kilobyte makes its list match nothing. */
	for (int i = 0; i < 1023; i++)
		str_putc(&text, 'a');
	str_puts(&text, ",h " ED_A);
	check(&(struct want){text.buf, "h", 22, KNOWN_NEW, 0});
	check(&(struct want){text.buf + 1, "h", 22, KNOWN_OK, 1});
	str_reset(&text);
	str_puts(&text, "h ssh-ed25519 ");
	for (int i = 0; i < 20000; i++)
		str_putc(&text, 'A');
	str_puts(&text, "\nh " ED_A);
	check(&(struct want){text.buf, "h", 22, KNOWN_OK, 2});
	str_release(&text);
}

static void
hashed_names(void **state)
{
	/* ssh-keygen -H of "example.org" and of "[example.org]:2222". */
	static const char text[] =
		"|1|AAECAwQFBgcICQoLDA0ODxAREhM=|bFDVYqbsfLlUB0fPAZemUYx8Gnc= " ED_A "\n"
		"|1|ZGVmZ2hpamtsbW5vcHFyc3R1dnc=|7TJ2KebY6CUeVLZqxLvdiGgCGe4= " ED_A "\n";

	(void)state;
	check(&(struct want){text, "example.org", 22, KNOWN_OK, 1});
	check(&(struct want){text, "example.com", 22, KNOWN_NEW, 0});
	check(&(struct want){text, "example.org", 2222, KNOWN_OK, 2});
	check(&(struct want){text, "example.org", 2223, KNOWN_OK, 1});
	check(&(struct want){strchr(text, '\n') + 1, "example.org", 2222, KNOWN_OK, 1});
	check(&(struct want){strchr(text, '\n') + 1, "example.org", 2223, KNOWN_NEW, 0});
}

static void
types_that_are_known_at_the_port(void **state)
{
	struct known_hosts k;
	static const char text[] = "h " ED_A "\n[h]:23 " RSA_A "\n@revoked [h]:23 " ED_B
				   "\n@cert-authority *,[*]:23 " ED_B;

	(void)state;
	known_hosts_init(&k, "h", 23);
	known_hosts_read(&k, "file", text, strlen(text));
	assert_true(known_hosts_has(&k, "ssh-rsa"));
	assert_false(known_hosts_has(&k, "ssh-ed25519"));
	assert_string_equal(k.authority, "file:4");
	assert_string_equal(known_hosts_name(&k), "[h]:23");
	known_hosts_release(&k);
}

static void
several_files_add_up(void **state)
{
	struct known_hosts k;
	struct str key = blob("ssh-ed25519", 'a');
	const struct known_key *which = NULL;

	(void)state;
	known_hosts_init(&k, "h", 22);
	known_hosts_load(&k, "/nowhere/known_hosts");
	known_hosts_read(&k, "one", "h " ED_B, strlen("h " ED_B));
	known_hosts_read(&k, "two", "\nh " ED_A, strlen("\nh " ED_A));
	assert_int_equal(known_hosts_ask(&k, key.buf, key.len, &which), KNOWN_OK);
	assert_string_equal(which->file, "two");
	assert_int_equal(which->line, 2);
	known_hosts_release(&k);
	str_release(&key);
}

static void
fingerprint_as_ssh_keygen_prints_it(void **state)
{
	char out[FINGERPRINT_MAX];

	(void)state;
	known_hosts_fingerprint("", 0, out);
	assert_string_equal(out, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_name_hosts),
		cmocka_unit_test(a_line_without_a_port_counts_when_nothing_else_does),
		cmocka_unit_test(revoked_wins_over_everything),
		cmocka_unit_test(unread_revocations_fail_closed),
		cmocka_unit_test(files_that_cannot_be_read_fail_closed),
		cmocka_unit_test(bad_lines_are_skipped_one_by_one),
		cmocka_unit_test(hashed_names),
		cmocka_unit_test(types_that_are_known_at_the_port),
		cmocka_unit_test(several_files_add_up),
		cmocka_unit_test(fingerprint_as_ssh_keygen_prints_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
