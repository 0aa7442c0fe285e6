/* Chooses the algorithms to offer, and checks the key of the host. */
#include "executors/ssh/ssh.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "executors/ssh/ssh_bytes.h"
#include "executors/ssh/ssh_key.h"
#include "executors/ssh/ssh_lists.h"
#include "planner/base/vec.h"

enum { RSA_BITS = 1024 };       /* OpenSSH refuses smaller keys */

/* Both directions use the same list. */
static const struct {
	enum ssh_word_id word;
	int method[2];
} methods[] = {
	{WORD_KexAlgorithms, {LIBSSH2_METHOD_KEX, LIBSSH2_METHOD_KEX}},
	{WORD_Ciphers, {LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC}},
	{WORD_MACs, {LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC}},
	{WORD_HostKeyAlgorithms, {LIBSSH2_METHOD_HOSTKEY, LIBSSH2_METHOD_HOSTKEY}},
};

static void
hostkey_load_files(const struct ssh_config *c, struct known_hosts *k)
{
	for (size_t i = 0; i < c->known_hosts.n; i++)
		known_hosts_load(k, c->known_hosts.v[i]);
	for (size_t i = 0; i < c->global_known_hosts.n; i++)
		known_hosts_load(k, c->global_known_hosts.v[i]);
}

static bool
hostkey_is_known(const struct hop *h, const char *algorithm)
{
	return known_hosts_has(&h->known,
			       strncmp(algorithm, "rsa-", 4) == 0 ? "ssh-rsa" : algorithm);
}

/* The order of OpenSSH: a list that the configuration gives stays as it is. Otherwise, unless
 * the first type is known for the host, the known types come first. The others follow, so
 * that a refused key of the server can be named. */
static void
hostkey_order_types(const struct hop *h, struct str *types)
{
	const char *value = h->conf->said[WORD_HostKeyAlgorithms].value;
	struct str all = {0};
	char name[64];
	const char *p;

	ssh_list_pick(WORD_HostKeyAlgorithms, value, &all);
	p = str_text(&all);
	if ((value && *value != '+' && *value != '-') ||
	    (ssh_list_next(&p, name, sizeof name) && hostkey_is_known(h, name))) {
		str_puts(types, str_text(&all));
		str_release(&all);
		return;
	}
	for (int known = 1; known >= 0; known--)
		for (p = str_text(&all); ssh_list_next(&p, name, sizeof name);)
			if (hostkey_is_known(h, name) == known)
				str_printf(types, "%s%s", types->len ? "," : "", name);
	str_release(&all);
}

/* Reduce a list to what libssh2 has. libssh2_session_method_pref() of 1.10 does that too, but
 * with a memcpy() of overlapping memory. */
static void
hostkey_supported(struct hop *h, int method, struct str *list)
{
	struct str all = {0};
	const char **has = NULL, *p;
	char name[64];
	int n = libssh2_session_supported_algs(h->session, method, &has);

	str_puts(&all, str_text(list));
	str_reset(list);
	for (p = str_text(&all); ssh_list_next(&p, name, sizeof name);) {
		for (int i = 0; i < n; i++) {
			if (strcmp(has[i], name) == 0) {
				str_printf(list, "%s%s", list->len ? "," : "", name);
				break;
			}
		}
	}
	if (n > 0)
		libssh2_free(h->session, has);
	str_release(&all);
}

/* libssh2 has none of the algorithms that the configuration allows. */
static bool
hostkey_none_left(struct hop *h, enum ssh_word_id word, int method, struct err *e)
{
	struct ssh_config *c = h->conf;
	const char *value = c->said[word].value;
	struct str ours = {0};

	str_puts(&ours, ssh_list_ours(word));
	hostkey_supported(h, method, &ours);
	err_set(e, "the ssh configuration says '%s %.200s' (%s), which leaves nothing that dray has: "
		   "with libssh2 %s it has %s", ssh_words[word].name, value ? value : "",
		ssh_config_place(c, word), libssh2_version(0), str_text(&ours));
	str_release(&ours);
	return ssh_config_way_out(e);
}

static bool
hostkey_prefer(struct hop *h, enum ssh_word_id word, const int method[2], struct err *e)
{
	struct str list = {0};
	bool ok;

	if (word == WORD_HostKeyAlgorithms)
		hostkey_order_types(h, &list);
	else
		ssh_list_pick(word, h->conf->said[word].value, &list);
	hostkey_supported(h, method[0], &list);
	ok = list.len && libssh2_session_method_pref(h->session, method[0], list.buf) == 0 &&
	     libssh2_session_method_pref(h->session, method[1], list.buf) == 0;
	if (!list.len)
		hostkey_none_left(h, word, method[0], e);
	else if (!ok)
		ssh_error(h, e);
	str_release(&list);
	return ok;
}

bool
ssh_prefer(struct hop *h, struct err *e)
{
	const struct ssh_config *c = h->conf;

	known_hosts_init(&h->known, c->host_key_alias ? c->host_key_alias : c->host_name,
			 c->host_key_alias ? 22 : c->port);
	hostkey_load_files(c, &h->known);
	for (size_t i = 0; i < countof(methods); i++)
		if (!hostkey_prefer(h, methods[i].word, methods[i].method, e))
			return false;
	libssh2_session_method_pref(h->session, LIBSSH2_METHOD_COMP_CS, "none");
	libssh2_session_method_pref(h->session, LIBSSH2_METHOD_COMP_SC, "none");
	return true;
}

void
ssh_offer_hint(struct hop *h, struct err *e)
{
	struct ssh_config *c = h->conf;
	struct str line[countof(methods)] = {0}, narrowed = {0};

	for (size_t i = 0; i < countof(methods); i++) {
		enum ssh_word_id word = methods[i].word;

		ssh_list_pick(word, c->said[word].value, &line[i]);
		hostkey_supported(h, methods[i].method[0], &line[i]);
		if (c->said[word].value)
			str_printf(&narrowed, "%s%s, %s", narrowed.len ? "; " : " (",
				   ssh_words[word].name, ssh_config_place(c, word));
	}
	err_set(e, "the server has no algorithm in common with dray%s%s", str_text(&narrowed),
		narrowed.len ? ")" : "");
	err_hint(e, "dray offers key exchange %s; ciphers %s; MACs %s; host keys %s: libssh2 %s has no "
		    "-etm MACs, GCM and ChaCha20, and RSA host keys only with SHA-1. With executor: "
		    "openssh (or auto) dray uses your own ssh",
		 str_text(&line[0]), str_text(&line[1]), str_text(&line[2]), str_text(&line[3]),
		 libssh2_version(0));
	e->beyond = true;
	for (size_t i = 0; i < countof(methods); i++)
		str_release(&line[i]);
	str_release(&narrowed);
}

/* The command with which the user adds the key. */
static void
hostkey_hint_new(struct hop *h, const char *type, struct err *e)
{
	const struct ssh_config *c = h->conf;
	const char *file = c->known_hosts.n ? c->known_hosts.v[0] : "~/.ssh/known_hosts";
	const char *kind = strncmp(type, "ecdsa", 5) == 0 ? "ecdsa"
			   : strcmp(type, "ssh-rsa") == 0 ? "rsa" : "ed25519";

	const struct hop *last = &h->link->hop[h->link->nhop - 1];
	const char *trust = "";

	/* A jump host is not a node of the spec. */
	e->new_key = h == last;
	if (h == last && h->link->node->name)
		trust = arena_printf(&h->link->arena, "dray trust %s; or ", h->link->node->name);
	if (h->below || c->host_key_alias)
		err_hint(e, "%scompare the fingerprint, then run once: ssh -o "
			    "UserKnownHostsFile=%s %s%s%s true",
			 trust, file, h->below ? "-J " : "", h->below ? h->below->conf->host : "",
			 arena_printf(&h->link->arena, "%s-p %d %s@%s", h->below ? " " : "",
				      c->port, c->user,
				      c->host_key_alias ? c->host : c->host_name));
	else
		err_hint(e, "%scompare the fingerprint, then run once: ssh-keyscan -p %d -t %s %s "
			    ">> %s", trust, c->port, kind, c->host_name, file);
}

static bool
hostkey_unknown(struct hop *h, const char *type, const char *print, const struct known_key *other,
		struct err *e)
{
	const char *dup = "", *looser = ssh_config_first(h->conf, DOES_LOOSER);

	if (other)
		dup = arena_printf(&h->link->arena, "; %s:%u has only its %s key", other->file,
				   other->line, other->type);
	else if (h->known.authority)
		dup = arena_printf(&h->link->arena, "; %s is a @cert-authority line, which dray "
						    "cannot use", h->known.authority);
	err_set(e, "the key of '%s' is not known (%s %s%s%s%s)", known_hosts_name(&h->known), type,
		print, dup, looser ? "; " : "", looser ? looser : "");
	/* The key may be fine, with a certificate that we cannot read. */
	if (!other && h->known.authority)
		return ssh_config_way_out(e);
	hostkey_hint_new(h, type, e);
	return false;
}

static bool
hostkey_check(struct hop *h, const char *blob, size_t n, const char *type, struct err *e)
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
		return err_hint(e, "somebody may be intercepting it; if the host was reinstalled: "
				   "ssh-keygen -f %s -R '%s'", which->file,
				known_hosts_name(&h->known));
	case KNOWN_UNREAD:
		err_set(e, "it is not known whether the key is revoked (%s)", h->known.unread);
		return err_hint(e, "fix or remove that line or file, then try again");
	case KNOWN_NEW:
		break;
	}
	return hostkey_unknown(h, type, print, which, e);
}

unsigned
ssh_least_bits(const struct ssh_config *c)
{
	const char *value = c->said[WORD_RequiredRSASize].value;
	long bits = value ? strtol(value, NULL, 10) : 0;

	return bits > RSA_BITS ? (unsigned)bits : RSA_BITS;
}

/* The address of the server; false behind a jump host and on this machine, where ssh does not
 * check it either. */
static bool
hostkey_peer(const struct hop *h, char *text, socklen_t size)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&a;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a;

	if (h->below || getpeername(h->wire.fd, (struct sockaddr *)&a, &n) != 0 ||
	    (a.ss_family == AF_INET && ntohl(four->sin_addr.s_addr) >> 24 == 127) ||
	    (a.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)))
		return false;
	return getnameinfo((struct sockaddr *)&a, n, text, size, NULL, 0, NI_NUMERICHOST) == 0;
}

/* If the files have a key for this address and port, it must be this one. */
static bool
hostkey_check_address(struct hop *h, const char *ip, int port, const void *blob, size_t n,
		      struct err *e)
{
	struct ssh_config *c = h->conf;
	const struct known_key *which = NULL;
	struct known_hosts k;
	enum known_answer is;
	bool ok;

	known_hosts_init(&k, ip, port);
	hostkey_load_files(c, &k);
	is = known_hosts_ask(&k, blob, n, &which);
	ok = is == KNOWN_OK || (is == KNOWN_NEW && !which);
	if (!ok)
		err_set(e, "the key differs from that of the address %s (%s): CheckHostIP, %s",
			known_hosts_name(&k),
			which ? arena_printf(&k.arena, "%s:%u", which->file, which->line) : k.unread,
			ssh_config_place(c, WORD_CheckHostIP));
	known_hosts_release(&k);
	return ok;
}

/* CheckHostIP. If the host is known by a line without a port, OpenSSH also looks up the
 * address without the port. */
static bool
hostkey_check_ip(struct hop *h, const void *blob, size_t n, struct err *e)
{
	struct ssh_config *c = h->conf;
	const char *value = c->said[WORD_CheckHostIP].value;
	const struct known_key *which = NULL;
	char ip[NI_MAXHOST];

	if (!value || !ssh_word_among("yes|true", value) || !hostkey_peer(h, ip, sizeof ip))
		return true;
	known_hosts_ask(&h->known, blob, n, &which);
	return hostkey_check_address(h, ip, c->port, blob, n, e) &&
	       (!which || !which->portless || hostkey_check_address(h, ip, 22, blob, n, e));
}

enum next
ssh_verify(struct hop *h, struct err *e)
{
	size_t n = 0;
	int kind = 0;
	const char *blob = libssh2_session_hostkey(h->session, &n, &kind);
	unsigned bits, least = ssh_least_bits(h->conf);
	char type[64] = "";

	if (!blob) {
		err_set(e, "the server showed no host key");
		return NEXT_FAIL;
	}
	ssh_key_type(blob, n, type, sizeof type);
	bits = ssh_key_rsa_bits(blob, n);
	if (bits && bits < least) {
		err_set(e, "the server's RSA key has %u bits, fewer than %u%s%s", bits, least,
			h->conf->said[WORD_RequiredRSASize].value ? ": RequiredRSASize, " : "",
			ssh_config_place(h->conf, WORD_RequiredRSASize));
		return NEXT_FAIL;
	}
	return ssh_revoked_check(h->conf, blob, n, e) && hostkey_check(h, blob, n, type, e) &&
			       hostkey_check_ip(h, blob, n, e) ? NEXT_ADVANCE : NEXT_FAIL;
}
