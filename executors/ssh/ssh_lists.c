/* Lists of algorithms: OpenSSH's defaults, the configuration's, and what dray has. */
#include "executors/ssh/ssh_lists.h"

#include <string.h>

#include "executors/ssh/ssh_bytes.h"
#include "planner/base/vec.h"

#define CERT "-cert-v01@openssh.com"
#define KEYS_OTHERS "ssh-ed25519" CERT ",sk-ssh-ed25519@openssh.com,sk-ssh-ed25519" CERT \
	",ecdsa-sha2-nistp256" CERT ",ecdsa-sha2-nistp384" CERT ",ecdsa-sha2-nistp521" CERT \
	",sk-ecdsa-sha2-nistp256@openssh.com,sk-ecdsa-sha2-nistp256" CERT \
	",webauthn-sk-ecdsa-sha2-nistp256@openssh.com,ssh-dss,ssh-dss" CERT ",ssh-rsa" CERT \
	",rsa-sha2-256" CERT ",rsa-sha2-512" CERT

/*
 * ours: what dray offers by default; all of it is in OpenSSH's defaults, in their order.
 * named: what it offers only if the configuration names it. others: what else OpenSSH knows.
 *
 * dray does not offer CBC, SHA-1 and group exchange, which are slow, weak or both. libssh2
 * 1.10 has no -etm MACs, no GCM and no ChaCha20. Of RSA host keys it can check only SHA-1
 * signatures, which OpenSSH has refused since 8.8; a later libssh2 can do rsa-sha2. What
 * libssh2 does not have is dropped from a list.
 */
static const struct list {
	enum ssh_word_id word;
	bool patterns;
	const char *ours, *named, *others;
} lists[] = {
	{WORD_KexAlgorithms, false,
	 "curve25519-sha256,curve25519-sha256@libssh.org,"
	 "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521", "",
	 "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256,"
	 "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,diffie-hellman-group14-sha256,"
	 "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
	 "diffie-hellman-group-exchange-sha1,diffie-hellman-group-exchange-sha256"},
	{WORD_Ciphers, false, "aes128-ctr,aes192-ctr,aes256-ctr", "",
	 "3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc,aes128-gcm@openssh.com,"
	 "aes256-gcm@openssh.com,chacha20-poly1305@openssh.com"},
	{WORD_MACs, false, "hmac-sha2-256,hmac-sha2-512", "",
	 "hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96,umac-64@openssh.com,umac-128@openssh.com,"
	 "hmac-sha1-etm@openssh.com,hmac-sha1-96-etm@openssh.com,hmac-sha2-256-etm@openssh.com,"
	 "hmac-sha2-512-etm@openssh.com,hmac-md5-etm@openssh.com,hmac-md5-96-etm@openssh.com,"
	 "umac-64-etm@openssh.com,umac-128-etm@openssh.com"},
	{WORD_HostKeyAlgorithms, true,
	 "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
	 "rsa-sha2-512,rsa-sha2-256", "ssh-rsa", KEYS_OTHERS},
	{WORD_PubkeyAcceptedAlgorithms, true,
	 "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
	 "rsa-sha2-512", "", "rsa-sha2-256,ssh-rsa," KEYS_OTHERS},
};

static const struct list *
lists_list_of(enum ssh_word_id word)
{
	size_t i = 0;

	while (i + 1 < countof(lists) && lists[i].word != word)
		i++;
	return &lists[i];
}

bool
ssh_list_next(const char **p, char *name, size_t size)
{
	size_t n = strcspn(*p, ",");

	if (!n || n >= size)
		return false;
	memcpy(name, *p, n);
	name[n] = '\0';
	*p += n + ((*p)[n] == ',');
	return true;
}

/* Does the pattern match a name of the comma list? The matching names are added to out, which
 * may be NULL, each once. */
static bool
lists_matching(const char *names, const char *pattern, size_t n, struct str *out)
{
	bool any = false;
	char name[80];

	for (const char *p = names; ssh_list_next(&p, name, sizeof name);) {
		if (!bytes_glob(pattern, n, name, true))
			continue;
		any = true;
		if (out && !ssh_list_has(str_text(out), name))
			str_printf(out, "%s%s", out->len ? "," : "", name);
	}
	return any;
}

bool
ssh_list_has(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");

		if (len == n && memcmp(p, name, n) == 0)
			return true;
		p += len + (p[len] == ',');
	}
	return false;
}

const char *
ssh_list_unknown(enum ssh_word_id word, const char *value, int *n)
{
	const struct list *l = lists_list_of(word);

	/* ssh accepts anything after '-'. */
	if (*value == '-')
		return NULL;
	value += *value == '+' || *value == '^';
	for (const char *p = value;; p++) {
		size_t len = strcspn(p, ",");
		bool plain = l->patterns || !(memchr(p, '*', len) || memchr(p, '?', len));

		/* ssh accepts a comma at the end. */
		if (!len && !*p && p > value)
			return NULL;
		if (!len || !plain ||
		    !(lists_matching(l->ours, p, len, NULL) ||
		      lists_matching(l->named, p, len, NULL) ||
		      lists_matching(l->others, p, len, NULL))) {
			*n = (int)len;
			return p;
		}
		p += len;
		if (!*p)
			return NULL;
	}
}

/* Add the names that the patterns of a comma list match. */
static void
lists_pick(const struct list *l, const char *patterns, struct str *out)
{
	for (const char *p = patterns; *p;) {
		size_t len = strcspn(p, ",");

		lists_matching(l->ours, p, len, out);
		lists_matching(l->named, p, len, out);
		p += len + (p[len] == ',');
	}
}

/* Add our names except those that the patterns match. */
static void
lists_without(const struct list *l, const char *patterns, struct str *out)
{
	struct str gone = {0};
	char name[80];

	lists_pick(l, patterns, &gone);
	for (const char *p = l->ours; ssh_list_next(&p, name, sizeof name);)
		if (!ssh_list_has(str_text(&gone), name))
			str_printf(out, "%s%s", out->len ? "," : "", name);
	str_release(&gone);
}

void
ssh_list_pick(enum ssh_word_id word, const char *value, struct str *out)
{
	const struct list *l = lists_list_of(word);

	if (!value) {
		str_puts(out, l->ours);
	} else if (*value == '-') {
		lists_without(l, value + 1, out);
	} else if (*value == '+') {
		str_puts(out, l->ours);
		lists_pick(l, value + 1, out);
	} else if (*value == '^') {
		lists_pick(l, value + 1, out);
		lists_pick(l, l->ours, out);
	} else {
		lists_pick(l, value, out);
	}
}

const char *ssh_list_ours(enum ssh_word_id word) { return lists_list_of(word)->ours; }
