#ifndef EXECUTORS_SSH_LOGIN_H
#define EXECUTORS_SSH_LOGIN_H

#include "executors/ssh/ssh.h"
#include "executors/ssh/ssh_agent.h"
#include "executors/ssh/ssh_key.h"

/* What ssh_auth.c and ssh_login.c share: the login of one hop. */

enum { LOGIN_ATTEMPTS = 5 };    /* sshd hangs up after MaxAuthTries, by default 6 */

/* A public key whose private half only the agent can have. */
struct wanted {
	const char *path, *why;
	struct str blob;        /* empty: the file does not show it */
	bool found;
};

struct login {
	void *self;             /* the hop, for the callback that signs */
	struct { const char **v; size_t n, cap; } places;       /* key files; NULL: the agent */
	size_t at;
	struct { struct wanted *v; size_t n, cap; } wanted;
	struct { struct str *v; size_t n, cap; } tried;
	struct str story;       /* "A: refused; B: no such file" */
	const char *encrypted;  /* the first file that needs ssh-add */
	const char *open;       /* the first file that needs chmod */
	unsigned attempts;
	/* The key that is offered now. */
	bool offering, with_agent;
	struct ssh_key key;
	struct str blob, offer;
	const char *what;
	bool cannot_sign;
	/* The agent. */
	struct ssh_agent *agent;
	bool asked, answered, broken;
	struct str list, reply;
	size_t list_at;
	bool second;            /* the wanted keys were tried: now the others */
	bool over;              /* all were */
	enum { SIGN_NOT, SIGN_ASKED, SIGN_DONE } sign;
};

/* Add "WHAT: WHY" to the story of the login. */
void login_tell(struct login *, const char *what, const char *why);
/* The socket of the agent that ssh would ask; NULL or "": none. */
const char *login_agent_path(const struct ssh_config *);

/* The ways in which a login ends without success. Each sets e, with what helps, and returns
 * NEXT_FAIL. */

/* The server wants something else than a key, or more than one: `ways`, such as a password. dray
 * has no terminal on which it could ask a person. */
enum next login_asks_person(struct hop *, const char *ways, struct err *e);
/* All keys were offered, or there was none. */
enum next login_no_key_left(struct hop *, struct err *e);
/* LOGIN_ATTEMPTS keys were refused. */
enum next login_too_many(struct hop *, struct err *e);

#endif
