#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "executors/known_hosts.h"
#include "executors/ssh_bytes.h"

/* Blobs that only have a type and a byte to tell them apart. */
static struct str
blob(const char *type, char which)
{
	struct str s = {0};

	put_text(&s, type);
	put_string(&s, &which, 1);
	return s;
}

/* The same in base64, as files have it. */
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
lines_speak_of_hosts(void **state)
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
		/* A line without a port may confirm a key, but never contradict it. */
		{"h " ED_A, "h", 23, KNOWN_OK, 1},
		{"h " ED_B, "h", 23, KNOWN_NEW, 0},
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
revoked_wins_over_everything(void **state)
{
	static const struct want wants[] = {
		{"h " ED_A "\n@revoked h " ED_A, "h", 22, KNOWN_REVOKED, 2},
		{"@revoked * " ED_A "\nh " ED_A, "h", 22, KNOWN_REVOKED, 1},
		{"@revoked * " ED_A "\n[h]:23 " ED_A, "h", 23, KNOWN_REVOKED, 1},
		{"@revoked g " ED_A "\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"@revoked * " ED_B "\nh " ED_A, "h", 22, KNOWN_OK, 2},
		{"@revoked * " ED_B, "h", 22, KNOWN_NEW, 0},
		/* A marker nobody knows makes the line say nothing. */
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
		{"@revoked\n@revoked h\n|1|x " ED_A "\n|1||| " ED_A "\nh " ED_A, "h", 22, KNOWN_OK, 5},
		{"h " ED_A "\xff", "h", 22, KNOWN_NEW, 0},
	};
	struct str text = {0};

	(void)state;
	for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
		check(&wants[i]);
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
	check(&(struct want){text, "example.org", 2222, KNOWN_OK, 1});
	check(&(struct want){strchr(text, '\n') + 1, "example.org", 2222, KNOWN_OK, 1});
	check(&(struct want){strchr(text, '\n') + 1, "example.org", 2223, KNOWN_NEW, 0});
}

static void
types_in_the_order_of_trust(void **state)
{
	struct known_hosts k;
	struct str types = {0};
	static const char text[] = "h " ED_A "\n[h]:23 " RSA_A "\n[h]:23 " RSA_A
				   "\n@revoked [h]:23 " ED_B "\n@cert-authority *,[*]:23 " ED_B;

	(void)state;
	known_hosts_init(&k, "h", 23);
	known_hosts_read(&k, "file", text, strlen(text));
	known_hosts_types(&k, &types);
	assert_string_equal(str_text(&types), "ssh-rsa,ssh-ed25519");
	assert_string_equal(k.authority, "file:5");
	assert_string_equal(known_hosts_name(&k), "[h]:23");
	known_hosts_release(&k);
	str_reset(&types);
	known_hosts_init(&k, "h", 22);
	known_hosts_types(&k, &types);
	assert_string_equal(str_text(&types), "");
	known_hosts_release(&k);
	str_release(&types);
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
		cmocka_unit_test(lines_speak_of_hosts),
		cmocka_unit_test(revoked_wins_over_everything),
		cmocka_unit_test(bad_lines_are_skipped_one_by_one),
		cmocka_unit_test(hashed_names),
		cmocka_unit_test(types_in_the_order_of_trust),
		cmocka_unit_test(several_files_add_up),
		cmocka_unit_test(fingerprint_as_ssh_keygen_prints_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
