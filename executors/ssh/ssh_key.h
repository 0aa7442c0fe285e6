#ifndef EXECUTORS_SSH_KEY_H
#define EXECUTORS_SSH_KEY_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "planner/base/err.h"
#include "planner/base/str.h"

/*
 * A key of the user: read from a file (OpenSSH's own format or PEM) and used to sign.
 * libssh2 1.10 can read files, too, but it signs with RSA only by SHA-1, which OpenSSH has
 * refused since 8.8, and it cannot tell an encrypted file from a damaged one.
 */
struct ssh_key {
	char type[64];          /* "ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", ... */
	struct str blob;        /* the public key in the format of known_hosts and the agent */
	EVP_PKEY *pkey;         /* NULL: there is no private half */
	bool encrypted;         /* there is one, but it needs a passphrase */
};

/* Read the text of a private key file or of a .pub file (which has no private half). False
 * with e set. An encrypted file is not an error: `encrypted` is set, and blob if the format
 * shows the public half. Release the key in either case. */
bool ssh_key_read(struct ssh_key *, const char *text, size_t n, struct err *e);
/* Sign n bytes and append the signature, as the protocol wraps it, to sig. */
bool ssh_key_sign(const struct ssh_key *, const void *, size_t n, struct str *sig);
void ssh_key_release(struct ssh_key *);

/* The blob to offer at a login: an RSA key is named rsa-sha2-512, so that the server expects
 * SHA-512 (libssh2 takes the algorithm from the name in the blob). */
void ssh_key_offer(const void *blob, size_t n, struct str *offer);
/* The type named in a blob; "" if it is damaged. */
void ssh_key_type(const void *blob, size_t n, char *type, size_t size);
/* The bits of an RSA key's modulus; 0 for other keys, and if it is damaged. */
unsigned ssh_key_rsa_bits(const void *blob, size_t n);

#endif
