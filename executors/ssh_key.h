#ifndef EXECUTORS_SSH_KEY_H
#define EXECUTORS_SSH_KEY_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "planner/base/err.h"
#include "planner/base/str.h"

/*
 * A user's key: read from its file (OpenSSH's own format or PEM), and used to sign.
 * libssh2 1.10 could read files itself, but it signs RSA with SHA-1 only, which
 * OpenSSH has refused since 8.8, and it cannot tell an encrypted file from a bad one.
 */
struct ssh_key {
	char type[64];          /* "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", ... */
	struct str blob;        /* the public key as known_hosts and the agent have it */
	EVP_PKEY *pkey;         /* NULL: the private half is not here */
	bool encrypted;         /* it is here, but needs a passphrase */
};

/* Text of a private key file, or of a .pub file (no private half then). False with e
 * set; an encrypted file is no failure: `encrypted` is set, and blob where the format
 * shows the public half. Release it in either case. */
bool ssh_key_read(struct ssh_key *, const char *text, size_t n, struct err *e);
/* Sign n bytes; sig gets what the protocol wraps as the signature. */
bool ssh_key_sign(const struct ssh_key *, const void *, size_t n, struct str *sig);
void ssh_key_release(struct ssh_key *);

/* How the key is offered at a login: RSA keys under the name rsa-sha2-512, so that the
 * server expects SHA-512 (libssh2 takes the algorithm from the blob's own name). */
void ssh_key_offer(const void *blob, size_t n, struct str *offer);
/* The name inside a blob; "" for rubbish. */
void ssh_key_type(const void *blob, size_t n, char *type, size_t size);

#endif
