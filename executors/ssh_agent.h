#ifndef EXECUTORS_SSH_AGENT_H
#define EXECUTORS_SSH_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "executors/loop.h"
#include "planner/base/str.h"

/*
 * ssh-agent's protocol, one question at a time, from the loop: an agent may ask its user
 * before it answers. libssh2 1.10 has a client of its own, which blocks and can ask for
 * SHA-1 signatures of RSA keys only.
 */
struct ssh_agent;

/* Connect to the agent's socket; NULL with e and errno set: EAGAIN where too many wait there. */
struct ssh_agent *ssh_agent_open(struct loop *, const char *path, struct err *e);
/* `answered` is called once, from the loop; a NULL answer is a broken connection. */
void ssh_agent_list(struct ssh_agent *,
		    void (*answered)(void *arg, const void *answer, size_t n), void *arg);
void ssh_agent_sign(struct ssh_agent *, const struct str *blob, const void *data, size_t n,
		    void (*answered)(void *arg, const void *answer, size_t n), void *arg);
void ssh_agent_close(struct ssh_agent *);

/* Take the next key out of a list answer; false at its end, or for rubbish. `at` starts
 * at 0. */
bool ssh_agent_key(const void *answer, size_t n, size_t *at, struct str *blob,
		   char *comment, size_t size);
/* The signature inside a sign answer, without its algorithm name; false: refused, or
 * made with another algorithm than the one asked for. */
bool ssh_agent_signature(const void *answer, size_t n, const char *algorithm,
			 struct str *sig);

#endif
