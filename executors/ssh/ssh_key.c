/* The user's private keys: their two file formats, and signatures. */
#include "executors/ssh/ssh_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "executors/ssh/ssh_bytes.h"
#include "planner/base/vec.h"

static const struct curve {
	const char *ssh, *openssl;
} curves[] = {
	{"nistp256", "prime256v1"},
	{"nistp384", "secp384r1"},
	{"nistp521", "secp521r1"},
};

void
ssh_key_type(const void *blob, size_t n, char *type, size_t size)
{
	struct fields f = fields_of(blob, n);

	fields_text(&f, type, size);
}

unsigned
ssh_key_rsa_bits(const void *blob, size_t n)
{
	struct fields f = fields_of(blob, n);
	char type[64];
	size_t len;
	const unsigned char *p;
	unsigned bits;

	fields_text(&f, type, sizeof type);
	fields_string(&f, &len);
	p = fields_string(&f, &len);
	if (f.bad || strcmp(type, "ssh-rsa") != 0 || len > 65536)
		return 0;
	while (len && !*p) {
		p++;
		len--;
	}
	bits = (unsigned)len * 8;
	for (unsigned top = len ? *p : 0; len && top < 0x80; top <<= 1)
		bits--;
	return bits;
}

void
ssh_key_offer(const void *blob, size_t n, struct str *offer)
{
	struct fields f = fields_of(blob, n);
	char type[64];

	fields_text(&f, type, sizeof type);
	if (f.bad || strcmp(type, "ssh-rsa") != 0) {
		str_add(offer, blob, n);
		return;
	}
	put_text(offer, "rsa-sha2-512");
	str_add(offer, f.p, (size_t)(f.end - f.p));
}

static BIGNUM *
key_take_number(struct fields *f)
{
	size_t n;
	const unsigned char *p = fields_string(f, &n);

	if (n > 2048)
		f->bad = true;
	return f->bad ? NULL : BN_bin2bn(p, (int)n, NULL);
}

/* Build a key from named parts, which the caller frees. */
static EVP_PKEY *
key_build(const char *algorithm, OSSL_PARAM_BLD *parts)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(parts);
	EVP_PKEY *pkey = NULL;

	if (ctx && params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* d mod (p - 1), which OpenSSH's format leaves out. Without both exponents and iqmp a
 * signature takes four times as long. */
static BIGNUM *
key_exponent(const BIGNUM *d, const BIGNUM *prime)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *one_less = BN_dup(prime), *r = BN_new();

	if (!ctx || !one_less || !r || !BN_sub_word(one_less, 1) ||
	    !BN_mod(r, d, one_less, ctx)) {
		BN_free(r);
		r = NULL;
	}
	BN_clear_free(one_less);
	BN_CTX_free(ctx);
	return r;
}

/* n e d iqmp p q, as openssh-key-v1 orders them. */
static EVP_PKEY *
key_take_rsa(struct fields *f)
{
	static const char *const name[] = {
		OSSL_PKEY_PARAM_RSA_N,            OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D,            OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
		OSSL_PKEY_PARAM_RSA_FACTOR1,      OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1,    OSSL_PKEY_PARAM_RSA_EXPONENT2,
	};
	BIGNUM *part[8] = {0};
	OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;
	bool ok = parts;

	for (size_t i = 0; i < 6; i++) {
		part[i] = key_take_number(f);
		ok = ok && part[i];
	}
	for (size_t i = 6; i < 8 && ok; i++) {
		part[i] = key_exponent(part[2], part[i - 2]);
		ok = part[i];
	}
	for (size_t i = 0; i < 8 && ok; i++)
		ok = OSSL_PARAM_BLD_push_BN(parts, name[i], part[i]) == 1;
	if (ok)
		pkey = key_build("RSA", parts);
	for (size_t i = 0; i < 8; i++)
		BN_clear_free(part[i]);
	OSSL_PARAM_BLD_free(parts);
	return pkey;
}

/* Curve name, public point, private number. */
static EVP_PKEY *
key_take_ecdsa(struct fields *f)
{
	char name[32];
	size_t n;
	EVP_PKEY *pkey = NULL;

	fields_text(f, name, sizeof name);
	const unsigned char *point = fields_string(f, &n);
	BIGNUM *number = key_take_number(f);
	OSSL_PARAM_BLD *parts = OSSL_PARAM_BLD_new();

	for (size_t i = 0; i < countof(curves) && number && parts; i++) {
		if (strcmp(curves[i].ssh, name) != 0)
			continue;
		if (OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME,
						    curves[i].openssl, 0) &&
		    OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point, n) &&
		    OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_PRIV_KEY, number))
			pkey = key_build("EC", parts);
	}
	BN_clear_free(number);
	OSSL_PARAM_BLD_free(parts);
	return pkey;
}

/* Public key, then seed and public key again. */
static EVP_PKEY *
key_take_ed25519(struct fields *f)
{
	size_t npub, n;

	fields_string(f, &npub);
	const unsigned char *seed = fields_string(f, &n);

	if (f->bad || n != 64)
		return NULL;
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
}

static bool
key_usable(const char *type, struct err *e)
{
	if (strncmp(type, "sk-", 3) == 0)
		return err_set(e, "a security-key (FIDO) key, which dray cannot use");
	if (strcmp(type, "ssh-ed25519") == 0 || strcmp(type, "ssh-rsa") == 0 ||
	    strncmp(type, "ecdsa-sha2-nistp", 16) == 0)
		return true;
	return err_set(e, "a key of type '%.40s', which dray cannot use", type);
}

/* Read the decoded body of an OPENSSH PRIVATE KEY file. */
static bool
key_read_openssh(struct ssh_key *k, const struct str *raw, struct err *e)
{
	static const char magic[] = "openssh-key-v1";
	struct fields f = fields_of(raw->buf, raw->len), in;
	char cipher[64], kdf[64], type[64];
	size_t n;

	if (raw->len < sizeof magic || memcmp(raw->buf, magic, sizeof magic) != 0)
		return err_set(e, "not a key of OpenSSH's format");
	f.p += sizeof magic;
	fields_text(&f, cipher, sizeof cipher);
	fields_text(&f, kdf, sizeof kdf);
	fields_string(&f, &n);
	if (fields_u32(&f) != 1)
		f.bad = true;
	const unsigned char *pub = fields_string(&f, &n);

	if (f.bad)
		return err_set(e, "the key file is damaged");
	str_add(&k->blob, pub, n);
	ssh_key_type(pub, n, k->type, sizeof k->type);
	if (!key_usable(k->type, e))
		return false;
	if (strcmp(cipher, "none") != 0) {
		k->encrypted = true;
		return true;
	}
	const unsigned char *secret = fields_string(&f, &n);

	in = fields_of(secret, n);
	/* The number is there twice, so that OpenSSH can detect a wrong passphrase. */
	uint32_t check = fields_u32(&in), again = fields_u32(&in);

	in.bad = in.bad || check != again;
	fields_text(&in, type, sizeof type);
	if (in.bad || strcmp(type, k->type) != 0)
		return err_set(e, "the key file is damaged");
	if (strcmp(type, "ssh-rsa") == 0)
		k->pkey = key_take_rsa(&in);
	else if (strcmp(type, "ssh-ed25519") == 0)
		k->pkey = key_take_ed25519(&in);
	else
		k->pkey = key_take_ecdsa(&in);
	ERR_clear_error();
	return k->pkey || err_set(e, "the key file is damaged");
}

static void
key_put_bn(struct str *s, const BIGNUM *b)
{
	unsigned char buf[2048];

	put_mpint(s, buf, b && BN_num_bytes(b) <= (int)sizeof buf ? (size_t)BN_bn2bin(b, buf) : 0);
}

/* Make the public blob of a key that was read from PEM. */
static bool
key_make_blob(struct ssh_key *k)
{
	unsigned char buf[256];
	char group[64];
	size_t n = sizeof buf;

	if (EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_ED25519) {
		if (EVP_PKEY_get_raw_public_key(k->pkey, buf, &n) != 1)
			return false;
		snprintf(k->type, sizeof k->type, "ssh-ed25519");
		put_text(&k->blob, k->type);
		put_string(&k->blob, buf, n);
		return true;
	}
	if (EVP_PKEY_get_base_id(k->pkey) == EVP_PKEY_RSA) {
		BIGNUM *e = NULL, *m = NULL;

		EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_E, &e);
		EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_N, &m);
		snprintf(k->type, sizeof k->type, "ssh-rsa");
		put_text(&k->blob, k->type);
		key_put_bn(&k->blob, e);
		key_put_bn(&k->blob, m);
		bool ok = e && m;

		BN_free(e);
		BN_free(m);
		return ok;
	}
	if (EVP_PKEY_get_base_id(k->pkey) != EVP_PKEY_EC ||
	    EVP_PKEY_get_utf8_string_param(k->pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
					   sizeof group, NULL) != 1 ||
	    EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_PUB_KEY, buf, sizeof buf,
					    &n) != 1)
		return false;
	for (size_t i = 0; i < countof(curves); i++) {
		if (strcmp(curves[i].openssl, group) != 0)
			continue;
		snprintf(k->type, sizeof k->type, "ecdsa-sha2-%s", curves[i].ssh);
		put_text(&k->blob, k->type);
		put_text(&k->blob, curves[i].ssh);
		put_string(&k->blob, buf, n);
		return true;
	}
	return false;
}

/* Called instead of a question on the terminal: the key needs a passphrase. */
static int
key_no_passphrase(char *buf, int size, int rw, void *encrypted)
{
	(void)buf, (void)size, (void)rw;
	*(bool *)encrypted = true;
	return -1;
}

/* One line of a .pub file: type, base64, comment. */
static bool
key_read_public(struct ssh_key *k, const char *text, size_t n, struct err *e)
{
	const char *sp = memchr(text, ' ', n), *end;
	size_t len;

	if (!sp)
		return err_set(e, "not a key");
	len = n - (size_t)(sp + 1 - text);
	for (end = sp + 1; end < sp + 1 + len && *end != ' ' && *end != '\n';)
		end++;
	if (!bytes_base64(sp + 1, (size_t)(end - sp - 1), &k->blob))
		return err_set(e, "not a key");
	ssh_key_type(k->blob.buf, k->blob.len, k->type, sizeof k->type);
	if (strlen(k->type) != (size_t)(sp - text) || strncmp(text, k->type, (size_t)(sp - text)) != 0)
		return err_set(e, "not a key");
	return key_usable(k->type, e);
}

bool
ssh_key_read(struct ssh_key *k, const char *text, size_t n, struct err *e)
{
	static const char begin[] = "-----BEGIN OPENSSH PRIVATE KEY-----";
	static const char end[] = "-----END OPENSSH PRIVATE KEY-----";
	const char *from = memmem(text, n, begin, sizeof begin - 1), *to;
	struct str raw = {0};

	*k = (struct ssh_key){0};
	if (!from && !memmem(text, n, "-----BEGIN ", 11))
		return key_read_public(k, text, n, e);
	if (!from) {
		BIO *bio = BIO_new_mem_buf(text, (int)n);

		k->pkey = PEM_read_bio_PrivateKey(bio, NULL, key_no_passphrase, &k->encrypted);
		BIO_free(bio);
		ERR_clear_error();
		if (!k->pkey)
			return k->encrypted || err_set(e, "not a private key that dray can read");
		return key_make_blob(k) || err_set(e, "a kind of key that dray cannot use");
	}
	from += sizeof begin - 1;
	to = memmem(from, n - (size_t)(from - text), end, sizeof end - 1);
	bool ok = to && bytes_base64(from, (size_t)(to - from), &raw);

	ok = ok ? key_read_openssh(k, &raw, e) : err_set(e, "the key file is damaged");
	if (raw.buf)
		explicit_bzero(raw.buf, raw.cap);
	str_release(&raw);
	return ok;
}

static const EVP_MD *
key_digest_of(const struct ssh_key *k)
{
	if (strcmp(k->type, "ssh-rsa") == 0 || strstr(k->type, "nistp521"))
		return EVP_sha512();
	if (strstr(k->type, "nistp384"))
		return EVP_sha384();
	return strcmp(k->type, "ssh-ed25519") == 0 ? NULL : EVP_sha256();
}

bool
ssh_key_sign(const struct ssh_key *k, const void *p, size_t n, struct str *sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char raw[2048];
	size_t len = sizeof raw;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, key_digest_of(k), NULL, k->pkey) == 1 &&
		  EVP_DigestSign(ctx, raw, &len, p, n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (ok && strncmp(k->type, "ecdsa-", 6) == 0) {
		/* DER {r, s} -> the protocol's two integers. */
		ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &(const unsigned char *){raw}, (long)len);

		if (!rs)
			return false;
		key_put_bn(sig, ECDSA_SIG_get0_r(rs));
		key_put_bn(sig, ECDSA_SIG_get0_s(rs));
		ECDSA_SIG_free(rs);
	} else if (ok) {
		str_add(sig, raw, len);
	}
	return ok;
}

void
ssh_key_release(struct ssh_key *k)
{
	EVP_PKEY_free(k->pkey);
	str_release(&k->blob);
	*k = (struct ssh_key){0};
}
