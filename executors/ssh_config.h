#ifndef EXECUTORS_SSH_CONFIG_H
#define EXECUTORS_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"

/*
 * What OpenSSH's client configuration says about one host: as much of ssh_config(5) as
 * decides where to connect and as whom. The first value wins, so what the spec says is
 * put in before the files are read. Unknown keywords are ignored. `Match exec` is never
 * run: its block is skipped, with a note, as are Match canonical, final, localnetwork
 * and tagged.
 *
 * StrictHostKeyChecking is read by nobody: whatever it says, dray never accepts a host
 * key that no known_hosts file has.
 */
struct ssh_names {
	const char **v;
	size_t n, cap;
};

struct ssh_config {
	struct arena *arena;
	/* Who asks; set before reading. */
	const char *host;               /* as the user wrote it */
	const char *home, *local_user;
	const char *(*env)(const char *name);   /* for ${NAME} in paths; may be NULL */
	/* Answers. NULL or 0: nothing was said. */
	const char *host_name, *user, *proxy_jump, *proxy_command, *host_key_alias;
	const char *identity_agent;
	int port, connect_timeout;
	int identities_only;            /* -1 no, 1 yes */
	struct ssh_names identity;      /* in order; all of them count */
	struct ssh_names known_hosts, global_known_hosts;
	struct ssh_names notes;         /* "FILE:LINE: Match exec is not run, ..." */
	/* How Include finds its files; NULL: Include is ignored. Appends paths. */
	void (*glob)(struct arena *, const char *pattern, struct ssh_names *);
	unsigned depth, files;          /* of Include: how deep, how many so far */
};

/* Read a file's text; `dir` is where relative Includes start. Pure but for `glob` and
 * the files Include names. */
void ssh_config_read(struct ssh_config *, const char *file, const char *dir,
		     const char *text, size_t n);
/* Read a file; one that is not there says nothing. False: it cannot be read. */
bool ssh_config_load(struct ssh_config *, const char *file, const char *dir, struct err *e);
/* The paths that Include's patterns name on this machine, for `glob`. */
void ssh_config_glob(struct arena *, const char *pattern, struct ssh_names *);
/* After the last file: defaults for what nobody said (host_name, user, port), and the
 * tokens and ~ in all values. A value with an unknown token is dropped with a note. */
void ssh_config_finish(struct ssh_config *);

/* One hop of ProxyJump: [user@]host[:port], or an ssh:// URL of the same. */
struct ssh_jump {
	const char *user, *host;        /* user NULL: not given */
	int port;                       /* 0: not given */
};
/* Split "a,b,c" into hops; false with e set for rubbish or more than max of them. */
bool ssh_config_jumps(struct arena *, const char *list, struct ssh_jump *, size_t max,
		      size_t *n, struct err *e);
/* ~ and ~/ in front become home; others stay as they are. */
const char *ssh_config_home(struct arena *, const char *path, const char *home);

#endif
