#ifndef EXECUTORS_OPENSSH_H
#define EXECUTORS_OPENSSH_H

#include <stdbool.h>

#include "planner/base/arena.h"
#include "planner/base/err.h"
#include "planner/base/str.h"
#include "planner/cluster/cluster.h"

/*
 * What the files openssh*.c share: the command lines of ssh, where its shared connections have
 * their sockets, and what its complaints mean.
 *
 * ssh's own protocol for shared connections is documented in its PROTOCOL.mux.
 */

/* A command line under construction, in an arena. */
struct openssh_words {
	const char **v;
	size_t n, cap;
};

/* The options with which the spec's `ssh` becomes one of ssh: -F, -l, -p, -i and the file of
 * known hosts. False with e set: a path has a character that an option cannot have. */
bool openssh_options(struct arena *, const struct node *, struct openssh_words *, struct err *e);
/* The spec's file of known hosts as a path; NULL: the configuration names it. */
const char *openssh_known_hosts(struct arena *, const struct node *);
/* "-o", "TEXT". */
void openssh_option(struct arena *, struct openssh_words *, const char *text);
/* A login that leaves a shared connection at `socket`. If that is NULL, the login only runs `true`:
 * then ssh does not hide what a ProxyCommand says. NULL with e set. */
const char *const *openssh_login(struct arena *, const struct node *, const char *socket,
				 int connect_timeout, struct err *e);
/* A command, or a connection from the node to host:port, over a shared connection only. */
const char *const *openssh_exec(struct arena *, const struct node *, const char *socket,
				const char *command);
const char *const *openssh_tunnel(struct arena *, const struct node *, const char *socket,
				  const char *host, int port);
/* What `ssh -G` prints for the node: lines "word value". It connects to nobody, but it runs the
 * programs of Match exec. NULL with e set. */
const char *openssh_printed(struct arena *, const struct node *, struct err *e);
/* The value of a word in that text; NULL: it is not there. */
const char *openssh_printed_word(struct arena *, const char *printed, const char *word);
/* The port of the node's sshd: as dray's reader of ssh_config has it or, where that cannot know,
 * as `ssh -G` prints it; 0: not known. */
int openssh_port(const struct node *);
/* The command line that a person would try by hand. */
const char *openssh_by_hand(struct arena *, const struct node *);
/* The environment on top of the user's: a question of a jump host's ssh fails at once, instead of
 * waiting for the terminal. */
extern const char *const openssh_env[];

/* A name for a socket in a folder that only the user can read; free it with openssh_socket_free().
 * A socket's name may have 107 bytes, and ssh adds 17 for a moment. NULL with e set. */
char *openssh_socket(struct err *e);
/* End the shared connection, if there is one, and remove its socket. */
void openssh_socket_free(char *socket);
/* Does a connection answer at this socket? */
bool openssh_socket_lives(const char *socket);

/* What to name in messages; the pointers may be NULL. */
struct openssh_who {
	const char *name;               /* of the node in the spec */
	const char *host;               /* as ssh got it */
	const char *by_hand;
	int seconds;                    /* to connect */
};

/* Turns what ssh said on stderr into an error with its stage and a next command. Pure. */
void openssh_explain(const char *said, size_t n, const struct openssh_who *, struct err *e);
/* Did the server hang up before it said who it is, as sshd does with too many logins at once? */
bool openssh_turned_away(const char *said);
/* Did ssh's ProxyCommand or ProxyJump end, whose own words are elsewhere? */
bool openssh_proxy_ended(const char *said);

#endif
