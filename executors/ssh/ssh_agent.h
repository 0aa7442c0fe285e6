#ifndef EXECUTORS_SSH_AGENT_H
#define EXECUTORS_SSH_AGENT_H

#include <stdbool.h>
#include <stddef.h>

#include "executors/io/loop.h"
#include "planner/base/str.h"

/*
 * The protocol of ssh-agent, one request at a time, in the loop: an agent may ask its user
 * before it answers. The client of libssh2 1.10 blocks, and for RSA keys it gets only SHA-1
 * signatures.
 */
struct ssh_agent;

/* Connect to the agent's socket. NULL with e and errno set; EAGAIN: its queue is full. */
struct ssh_agent *ssh_agent_open(struct loop *, const char *path, struct err *e);
/* `answered` is called once, from the loop; a NULL answer is a broken connection. */
void ssh_agent_list(struct ssh_agent *,
		    void (*answered)(void *arg, const void *answer, size_t n), void *arg);
void ssh_agent_sign(struct ssh_agent *, const struct str *blob, const void *data, size_t n,
		    void (*answered)(void *arg, const void *answer, size_t n), void *arg);
void ssh_agent_close(struct ssh_agent *);

/* Take the next key from a list answer; false at its end, or if it is damaged. `at` starts
 * as 0. */
bool ssh_agent_key(const void *answer, size_t n, size_t *at, struct str *blob,
		   char *comment, size_t size);
/* The signature in a sign answer, without the name of its algorithm; false: the agent refused
 * or used another algorithm. */
bool ssh_agent_signature(const void *answer, size_t n, const char *algorithm,
			 struct str *sig);

#endif
