#ifndef EXECUTORS_KNOWN_HOSTS_H
#define EXECUTORS_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/str.h"

/*
 * A reader of OpenSSH's known_hosts files. libssh2's own reader accepts a @revoked key, does
 * not know patterns, and drops the rest of a file after one bad line. Only lines about one
 * host are kept. They answer two questions: which key types are known (before the key
 * exchange), and whether this exact key is known.
 */
enum known_mark { KNOWN_PLAIN, KNOWN_AUTHORITY, KNOWN_REVOKE };

struct known_key {
	enum known_mark mark;
	const char *type;       /* "ssh-ed25519" */
	const unsigned char *blob;
	size_t n;
	const char *file;
	unsigned line;
	bool portless;          /* the line names the host without its port */
};

struct known_hosts {
	struct arena arena;
	const char *host;       /* in lower case */
	int port;
	struct { struct known_key *v; size_t n, cap; } keys;
	const char *authority;  /* "FILE:LINE" of a @cert-authority that matches, or NULL */
	const char *unread;     /* "FILE:LINE: what" could not be read but may revoke a key */
};

/* Must be called first: {0} is not valid. Copies the host; IPv6 addresses have no brackets. */
void known_hosts_init(struct known_hosts *, const char *host, int port);
/* Add what the text of a file says about the host. Unreadable lines are skipped as in ssh,
 * unless they may revoke a key: then no key is trusted. Pure. */
void known_hosts_read(struct known_hosts *, const char *file, const char *text, size_t n);
/* Read a file; a missing one counts as empty. If a file cannot be read completely, it may
 * revoke any key, so no key is trusted. */
void known_hosts_load(struct known_hosts *, const char *path);
/* Is a key of this type known for the host with its port? */
bool known_hosts_has(const struct known_hosts *, const char *type);

enum known_answer {
	KNOWN_OK,
	KNOWN_NEW,              /* *which: a known key of another type, or NULL */
	KNOWN_CHANGED,          /* *which: the known key of the same type */
	KNOWN_REVOKED,          /* *which: the line that revokes it */
	KNOWN_UNREAD,           /* `unread` says what might revoke it; *which: NULL */
};
/* A line without the port counts only if no line has the port; a @revoked line always
 * counts. */
enum known_answer known_hosts_ask(struct known_hosts *, const void *blob, size_t n,
				  const struct known_key **which);
/* The host as it is written in a file: "host" or "[host]:port". */
const char *known_hosts_name(struct known_hosts *);
/* "SHA256:..." as ssh-keygen -l prints it. */
enum { FINGERPRINT_MAX = 64 };
void known_hosts_fingerprint(const void *blob, size_t n, char out[FINGERPRINT_MAX]);
void known_hosts_release(struct known_hosts *);

#endif
