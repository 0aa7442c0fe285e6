/* What ssh_config says of a node, without a login; and whether libssh2 can do it. */
#include "executors/ssh/ssh_place.h"

#include <string.h>
#include <unistd.h>

#include "executors/ssh/ssh.h"
#include "executors/ssh/ssh_bytes.h"
#include "planner/base/limits.h"
#include "planner/base/vec.h"

enum { KEY_MAX_BYTES = 256 * 1024 };

bool
ssh_place_read(struct arena *a, const struct node *node, struct ssh_place *to)
{
	struct err e = {0};
	struct known_hosts known;
	struct ssh_config *c = ssh_resolve_node(a, node, &e);
	bool sure = c && !*e.text && !c->notes.n;

	*to = (struct ssh_place){.port = c ? c->port : 0, .door = node->host};
	if (!c)
		return false;
	to->connect_timeout = c->connect_timeout;
	to->user = c->user;
	to->host_name = c->host_name;
	to->known_hosts = c->known_hosts.n ? c->known_hosts.v[0] : NULL;
	if (c->proxy_command || c->proxy_jump)
		to->door = arena_strdup(a, c->proxy_jump ? c->proxy_jump : c->proxy_command);
	known_hosts_init(&known, c->host_key_alias ? c->host_key_alias : c->host_name,
			 c->host_key_alias ? SSH_PORT : c->port);
	to->known_as = arena_strdup(a, known_hosts_name(&known));
	known_hosts_release(&known);
	return sure;
}

/* Does the public half of this key say that a security key holds the private one? */
static bool
place_is_on_token(struct arena *a, const char *path)
{
	struct str text = {0};
	struct err e;
	bool is = bytes_file(arena_printf(a, "%s.pub", path), KEY_MAX_BYTES, &text, NULL, &e) &&
		  strncmp(str_text(&text), "sk-", 3) == 0;

	str_release(&text);
	return is;
}

/* ssh takes a certificate beside a key file without being asked to. */
static bool
place_key_beyond(struct ssh_config *c, const char *path, struct err *why)
{
	const char *cert = arena_printf(c->arena, "%s-cert.pub", path);

	if (access(cert, R_OK) == 0) {
		err_set(why, "'%s' is a certificate, and dray's own client does not use those", cert);
		return true;
	}
	if (!place_is_on_token(c->arena, path))
		return false;
	err_set(why, "'%s' is on a security key, which dray's own client cannot ask", path);
	return true;
}

/* The keys that the configuration names, or the usual ones. A usual security key counts only where
 * there is no usual key that libssh2 can use. */
static bool
place_keys_beyond(struct ssh_config *c, struct err *why)
{
	static const char *const usual[] = {"id_ed25519", "id_ecdsa", "id_rsa"},
				 *const keyed[] = {"id_ed25519_sk", "id_ecdsa_sk"};
	bool plain = false;

	for (size_t i = 0; i < c->identity.n; i++)
		if (place_key_beyond(c, c->identity.v[i], why))
			return true;
	if (c->identity.n || c->said[WORD_IdentityFile].value)
		return false;
	for (size_t i = 0; i < countof(usual); i++) {
		const char *path = arena_printf(c->arena, "%s/.ssh/%s", c->home, usual[i]);

		if (place_key_beyond(c, path, why))
			return true;
		plain = plain || access(path, R_OK) == 0;
	}
	for (size_t i = 0; i < countof(keyed) && !plain; i++)
		if (place_key_beyond(c, arena_printf(c->arena, "%s/.ssh/%s", c->home, keyed[i]), why))
			return true;
	return false;
}

/* A host that only a @cert-authority line vouches for. */
static bool
place_host_beyond(struct ssh_config *c, struct err *why)
{
	struct known_hosts known;
	bool only;

	known_hosts_init(&known, c->host_key_alias ? c->host_key_alias : c->host_name,
			 c->host_key_alias ? SSH_PORT : c->port);
	for (size_t i = 0; i < c->known_hosts.n; i++)
		known_hosts_load(&known, c->known_hosts.v[i]);
	for (size_t i = 0; i < c->global_known_hosts.n; i++)
		known_hosts_load(&known, c->global_known_hosts.v[i]);
	only = known.authority != NULL;
	for (size_t i = 0; i < known.keys.n; i++)
		only = only && known.keys.v[i].mark != KNOWN_PLAIN;
	if (only)
		err_set(why, "%s is a @cert-authority line, and dray's own client does not use host "
			     "certificates", known.authority);
	known_hosts_release(&known);
	return only;
}

bool
ssh_place_beyond(const struct node *node, struct err *why)
{
	struct link k = {.node = node};
	struct err e = {0};
	bool beyond = false;

	if (!ssh_resolve(&k, &e)) {
		beyond = e.beyond;
		*why = e;
	}
	for (size_t i = 0; i < k.nhop && !*e.text && !beyond; i++) {
		struct ssh_config *c = k.hop[i].conf;
		const char *lacks = c ? ssh_config_first(c, DOES_LACKS) : NULL;

		if (lacks)
			err_set(why, "the ssh configuration says %s", lacks);
		beyond = lacks || (c && (place_keys_beyond(c, why) || place_host_beyond(c, why)));
	}
	arena_release(&k.arena);
	return beyond;
}
