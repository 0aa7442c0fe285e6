#ifndef EXECUTORS_KNOWN_HOSTS_H
#define EXECUTORS_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/str.h"

/*
 * OpenSSH's known_hosts files, read by ourselves: libssh2's reader takes a @revoked key
 * for a good one, does not know patterns, and loses the rest of a file after one bad
 * line. Only what is said about one host is kept; two questions are answered: which
 * key types are known (before the key exchange), and is this exact key one of them.
 */
enum known_mark { KNOWN_PLAIN, KNOWN_AUTHORITY, KNOWN_REVOKE };

struct known_key {
	enum known_mark mark;
	const char *type;       /* "ssh-ed25519" */
	const unsigned char *blob;
	size_t n;
	const char *file;
	unsigned line;
	bool portless;          /* said of the host without its port: can confirm only */
};

struct known_hosts {
	struct arena arena;
	const char *host;       /* as it is looked up: lower case */
	int port;
	struct { struct known_key *v; size_t n, cap; } keys;
	const char *authority;  /* "FILE:LINE" of a @cert-authority that matches, or NULL */
};

/* {0} is not valid: host is copied, lower-cased; IPv6 addresses without brackets. */
void known_hosts_init(struct known_hosts *, const char *host, int port);
/* Add what a file's text says about the host. Lines that cannot be read, and lines of
 * more than 16 KiB, are skipped one by one. Pure. */
void known_hosts_read(struct known_hosts *, const char *file, const char *text, size_t n);
/* Read a file; one that is not there counts as empty, other failures too: the answer
 * can only become "not known". */
void known_hosts_load(struct known_hosts *, const char *path);
/* The key types known for the host as a comma list, best first; "" when none is. */
void known_hosts_types(const struct known_hosts *, struct str *);

enum known_answer {
	KNOWN_OK,
	KNOWN_NEW,              /* *which: a key of another type that is known, or NULL */
	KNOWN_CHANGED,          /* *which: the key of the same type that is known */
	KNOWN_REVOKED,          /* *which: the line that revokes it */
};
enum known_answer known_hosts_ask(const struct known_hosts *, const void *blob, size_t n,
				  const struct known_key **which);
/* How the host is written in a file: "host" or "[host]:port". */
const char *known_hosts_name(struct known_hosts *);
/* "SHA256:..." as ssh-keygen -l prints it. */
enum { FINGERPRINT_MAX = 64 };
void known_hosts_fingerprint(const void *blob, size_t n, char out[FINGERPRINT_MAX]);
void known_hosts_release(struct known_hosts *);

#endif
