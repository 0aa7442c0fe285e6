/* Which algorithms are offered to a host, and whether it is the host we know. */
#include "executors/ssh.h"

#include <string.h>

#include "planner/base/vec.h"

#define KEX "curve25519-sha256,curve25519-sha256@libssh.org," \
	    "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521"
#define CIPHERS "aes128-ctr,aes192-ctr,aes256-ctr"
#define MACS "hmac-sha2-256,hmac-sha2-512"
#define HOSTKEYS "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521"

/* No CBC, SHA-1 or group exchange: slow, weak, or both. The lists are what libssh2 1.10
 * has beside them; -etm MACs, GCM and ChaCha20 came later. */
static const struct {
	int method;
	const char *list;
} pinned[] = {
	{LIBSSH2_METHOD_KEX, KEX},
	{LIBSSH2_METHOD_CRYPT_CS, CIPHERS},
	{LIBSSH2_METHOD_CRYPT_SC, CIPHERS},
	{LIBSSH2_METHOD_MAC_CS, MACS},
	{LIBSSH2_METHOD_MAC_SC, MACS},
	{LIBSSH2_METHOD_COMP_CS, "none"},
	{LIBSSH2_METHOD_COMP_SC, "none"},
};

static void
load_known(struct hop *h)
{
	const struct ssh_config *c = h->conf;

	known_hosts_init(&h->known, c->host_key_alias ? c->host_key_alias : c->host_name,
			 c->host_key_alias ? 22 : c->port);
	for (size_t i = 0; i < c->known_hosts.n; i++)
		known_hosts_load(&h->known, c->known_hosts.v[i]);
	for (size_t i = 0; i < c->global_known_hosts.n; i++)
		known_hosts_load(&h->known, c->global_known_hosts.v[i]);
}

bool
ssh_prefer(struct hop *h, struct err *e)
{
	struct str types = {0};
	int rc = 0;

	load_known(h);
	known_hosts_types(&h->known, &types);
	/* The types we can check come first, so that the server shows one of those keys;
	 * the others follow, so that its key can be named when it is refused. */
	str_printf(&types, "%s" HOSTKEYS, types.len ? "," : "");
	for (size_t i = 0; i < countof(pinned) && !rc; i++)
		rc = libssh2_session_method_pref(h->session, pinned[i].method, pinned[i].list);
	if (!rc)
		rc = libssh2_session_method_pref(h->session, LIBSSH2_METHOD_HOSTKEY,
						 str_text(&types));
	str_release(&types);
	if (rc)
		ssh_error(h, e);
	return rc == 0;
}

void
ssh_offer_hint(struct hop *h, struct err *e)
{
	struct str rsa = {0};

	known_hosts_types(&h->known, &rsa);
	err_set(e, "the server has no algorithm in common with dray");
	err_hint(e, "dray offers key exchange curve25519-sha256, ecdh-sha2-nistp*; host keys "
		    "ssh-ed25519, ecdsa-sha2-nistp*%s; ciphers %s; MACs %s (no -etm, GCM, "
		    "ChaCha20, and of RSA host keys only SHA-1: libssh2 %s has no more)",
		 strstr(str_text(&rsa), "ssh-rsa") ? ", ssh-rsa" : "", CIPHERS, MACS,
		 libssh2_version(0));
	str_release(&rsa);
}

/* How the user can look at the key and add it: one command to run once. */
static void
hint_new(struct hop *h, const char *type, struct err *e)
{
	const struct ssh_config *c = h->conf;
	const char *file = c->known_hosts.n ? c->known_hosts.v[0] : "~/.ssh/known_hosts";
	const char *kind = strncmp(type, "ecdsa", 5) == 0 ? "ecdsa"
			   : strcmp(type, "ssh-rsa") == 0 ? "rsa"
							  : "ed25519";

	if (h->below || c->host_key_alias)
		err_hint(e, "compare the fingerprint, then run once: ssh -o "
			    "UserKnownHostsFile=%s %s%s%s true",
			 file, h->below ? "-J " : "", h->below ? h->below->conf->host : "",
			 arena_printf(&h->link->arena, "%s-p %d %s@%s", h->below ? " " : "",
				      c->port, c->user,
				      c->host_key_alias ? c->host : c->host_name));
	else
		err_hint(e, "compare the fingerprint, then run once: ssh-keyscan -p %d -t %s %s "
			    ">> %s", c->port, kind, c->host_name, file);
}

static bool
unknown(struct hop *h, const char *type, const char *print, const struct known_key *other,
	struct err *e)
{
	const char *dup = "";

	if (other)
		dup = arena_printf(&h->link->arena, "; %s:%u has its %s key only", other->file,
				   other->line, other->type);
	else if (h->known.authority)
		dup = arena_printf(&h->link->arena, "; %s is a @cert-authority line, which dray "
						    "cannot use", h->known.authority);
	err_set(e, "the key of '%s' is not known (%s %s%s)", known_hosts_name(&h->known), type,
		print, dup);
	hint_new(h, type, e);
	return false;
}

static bool
check(struct hop *h, const char *blob, size_t n, const char *type, struct err *e)
{
	char print[FINGERPRINT_MAX];
	const struct known_key *which = NULL;

	known_hosts_fingerprint(blob, n, print);
	switch (known_hosts_ask(&h->known, blob, n, &which)) {
	case KNOWN_OK:
		return true;
	case KNOWN_REVOKED:
		return err_set(e, "the key %s %s is revoked by %s:%u", type, print, which->file,
			       which->line);
	case KNOWN_CHANGED:
		err_set(e, "the key changed (%s %s is not the one in %s:%u)", type, print,
			which->file, which->line);
		return err_hint(e, "somebody may be listening in; if the host was set up anew: "
				   "ssh-keygen -f %s -R '%s'", which->file,
				known_hosts_name(&h->known));
	case KNOWN_NEW:
		break;
	}
	return unknown(h, type, print, which, e);
}

enum next
ssh_verify(struct hop *h, struct err *e)
{
	size_t n = 0;
	int kind = 0;
	const char *blob = libssh2_session_hostkey(h->session, &n, &kind);
	char type[64] = "";

	if (!blob) {
		err_set(e, "the server showed no host key");
		return NEXT_FAIL;
	}
	/* The first field of the blob is the name of its type. */
	if (n > 4 && (size_t)(unsigned char)blob[3] < sizeof type &&
	    n >= 4 + (size_t)(unsigned char)blob[3])
		memcpy(type, blob + 4, (unsigned char)blob[3]);
	return check(h, blob, n, type, e) ? NEXT_ADVANCE : NEXT_FAIL;
}
