#ifndef EXECUTORS_SSH_CONFIG_H
#define EXECUTORS_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "executors/ssh/ssh_words.h"
#include "planner/base/arena.h"
#include "planner/base/err.h"

/*
 * What OpenSSH's client configuration says about one host, as ssh 9.2 reads it. The first
 * value wins, so values of the spec are set before the files are read. What is an error for
 * ssh is an error here, also in blocks that do not apply. ssh_words.def lists every word and
 * what dray does with it.
 *
 * `Match exec` is never run, so it is unknown whether its block applies. Words in it that
 * make ssh stricter are refused; others are skipped with a note.
 */
struct ssh_names {
	const char **v;
	size_t n, cap;
};

/* All values of the first line that sets a word, and its place. value NULL: no line does. */
struct ssh_said {
	const char *value, *file;
	unsigned line;
};

/* Does a block apply? */
enum ssh_block { BLOCK_OFF, BLOCK_PERHAPS, BLOCK_ON };

struct ssh_config {
	struct arena *arena;
	/* The question; set before reading. */
	const char *host;               /* as the user wrote it */
	const char *home, *local_user;
	const char *(*env)(const char *name);   /* for ${NAME} in paths; may be NULL */
	/* The answers. NULL or 0: no line said anything. */
	const char *host_name, *user, *proxy_jump, *proxy_command, *host_key_alias;
	const char *identity_agent;
	int port, connect_timeout;
	int identities_only;            /* -1 no, 1 yes */
	int address_family;             /* AF_INET, AF_INET6; 0: any */
	struct ssh_names identity;      /* in order; all of them are used */
	struct ssh_names known_hosts, global_known_hosts;
	struct ssh_names notes;         /* "FILE:LINE: 'Match exec' is not evaluated, ..." */
	struct ssh_said said[SSH_WORDS];
	/* Appends the files that Include's pattern names; NULL: Include is ignored. */
	void (*glob)(struct arena *, const char *pattern, struct ssh_names *);
	/* There is a `Match final`: the files must be read again, with `final` set. */
	bool want_final, final;
	enum ssh_block outer;           /* of the line that includes the current file */
	unsigned depth, files;          /* of Include: depth and number so far */
};

/* Rules for a file: the folder of its Includes, and who may write it. */
struct ssh_source {
	const char *dir;
	bool guarded;                   /* refuse it if anybody but its owner can write it */
};

/* Read the text of a file. False with e set at the first line that ssh would refuse or that
 * dray cannot follow. Pure except for `glob` and the files that Include names. */
bool ssh_config_read(struct ssh_config *, const char *file, const struct ssh_source *,
		     const char *text, size_t n, struct err *e);
/* Read a file; a missing one is not an error. */
bool ssh_config_load(struct ssh_config *, const char *file, const struct ssh_source *,
		     struct err *e);
/* The paths that Include's patterns name on this machine, for `glob`. */
void ssh_config_glob(struct arena *, const char *pattern, struct ssh_names *);
/* Between two readings: settle host_name from HostName. */
bool ssh_config_again(struct ssh_config *, struct err *e);
/* After the last file: fill in defaults (host_name, user, port), expand tokens and ~ in all
 * values, and refuse words that dray cannot follow. */
bool ssh_config_finish(struct ssh_config *, struct err *e);

/* "FILE:LINE" of a word that was set; "" if it was not. */
const char *ssh_config_place(struct ssh_config *, enum ssh_word_id);
/* The first word of this kind that was set to a value that matters, as
 * "'WORD VALUE' (FILE:LINE): what dray does instead"; NULL: there is none. */
const char *ssh_config_first(struct ssh_config *, enum ssh_does);
/* HostName as far as it is known. NULL with e set: it has a token that ssh does not know. */
const char *ssh_config_host(struct ssh_config *, struct err *e);
/* Add the hint that names the way around the limits of dray's own client, and note in the error
 * that there is one; false. */
bool ssh_config_way_out(struct err *e);

/* One hop of ProxyJump: [user@]host[:port], or an ssh:// URL of the same. */
struct ssh_jump {
	const char *user, *host;        /* user NULL: not given */
	int port;                       /* 0: not given */
};
/* Split "a,b,c" into hops; false with e set: it is malformed or has more than max of them. */
bool ssh_config_jumps(struct arena *, const char *list, struct ssh_jump *, size_t max,
		      size_t *n, struct err *e);
/* Replace ~ and ~/ at the start by home; other paths stay as they are. */
const char *ssh_config_home(struct arena *, const char *path, const char *home);

#endif
