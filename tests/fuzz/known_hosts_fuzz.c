#include <stddef.h>
#include <stdint.h>

#include "executors/ssh/known_hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file, and the first half of it as the key that a server shows. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int ports[] = {22, 2222};

	for (size_t i = 0; i < 2; i++) {
		struct known_hosts k;
		const struct known_key *which = NULL;
		char print[FINGERPRINT_MAX];

		known_hosts_init(&k, "gpu-1.example.org", ports[i]);
		known_hosts_read(&k, "file", (const char *)data, size);
		known_hosts_has(&k, "ssh-ed25519");
		known_hosts_ask(&k, data, size / 2, &which);
		for (size_t j = 0; j < k.keys.n; j++) {
			const struct known_key *key = &k.keys.v[j];
			enum known_answer a = known_hosts_ask(&k, key->blob, key->n, &which);

			/* What a file says about a key must hold for that key. */
			if (key->mark == KNOWN_REVOKE && a != KNOWN_REVOKED)
				__builtin_trap();
			if (k.unread && a != KNOWN_REVOKED && a != KNOWN_UNREAD)
				__builtin_trap();
			if (key->mark == KNOWN_PLAIN && !key->portless && a != KNOWN_OK &&
			    a != KNOWN_REVOKED && a != KNOWN_UNREAD)
				__builtin_trap();
			if (a == KNOWN_OK && which->portless && known_hosts_has(&k, key->type))
				__builtin_trap();
		}
		known_hosts_fingerprint(data, size, print);
		known_hosts_release(&k);
	}
	return 0;
}
