#include "planner/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void
hash_hex_of(const unsigned char *bytes, char hex[HASH_HEX])
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < 32; i++) {
		hex[2 * i] = digit[bytes[i] >> 4];
		hex[2 * i + 1] = digit[bytes[i] & 15];
	}
	hex[64] = '\0';
}

void
hash_sha256(const void *p, size_t n, char hex[HASH_HEX])
{
	unsigned char out[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL))
		abort();
	hash_hex_of(out, hex);
}

void
hash_mac(const char *key, const void *p, size_t n, char hex[HASH_HEX])
{
	unsigned char out[EVP_MAX_MD_SIZE];

	if (!HMAC(EVP_sha256(), key, (int)strlen(key), p, n, out, NULL))
		abort();
	hash_hex_of(out, hex);
}

void
hash_random(char hex[HASH_HEX])
{
	unsigned char out[32];

	if (getrandom(out, sizeof out, 0) != sizeof out)
		abort();
	hash_hex_of(out, hex);
}
