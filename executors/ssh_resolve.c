/* From a node of the spec to the chain of hops that leads to it. */
#include "executors/ssh.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "planner/base/vec.h"

enum { DEFAULT_TIMEOUT_S = 10 };

static const char *get_env(const char *name) { return getenv(name); }

static struct ssh_config *
config_new(struct link *k, const char *host)
{
	struct ssh_config *c = ar_new(&k->arena, struct ssh_config);
	const struct passwd *pw = getpwuid(getuid());
	const char *home = getenv("HOME");

	c->arena = &k->arena;
	c->host = host;
	c->env = get_env;
	c->glob = ssh_config_glob;
	c->home = arena_strdup(&k->arena, home && *home ? home : pw ? pw->pw_dir : "/");
	c->local_user = arena_strdup(&k->arena, pw ? pw->pw_name : "root");
	return c;
}

/* Read the files: the one the spec names, or the user's and the machine's. */
static bool
config_files(struct ssh_config *c, const struct spec_ssh *spec, struct err *e)
{
	const char *mine = arena_printf(c->arena, "%s/.ssh", c->home);
	const char *named = spec ? spec->config.text : NULL;

	if (named && strcmp(named, "none") == 0)
		return true;
	if (named) {
		named = ssh_config_home(c->arena, named, c->home);
		if (access(named, R_OK) != 0)
			return err_sys(e, "read '%s'", named);
		return ssh_config_load(c, named, mine, e);
	}
	return ssh_config_load(c, arena_printf(c->arena, "%s/config", mine), mine, e) &&
	       ssh_config_load(c, "/etc/ssh/ssh_config", "/etc/ssh", e);
}

static void
add(struct ssh_config *c, struct ssh_names *names, const char *text)
{
	*vec_push(c->arena, names) = text;
}

/* What the spec says about how to log in wins over the files, because it comes first. */
static void
prefill(struct ssh_config *c, const struct spec_ssh *spec)
{
	c->user = spec->user.text;
	if (spec->port.set)
		c->port = (int)spec->port.value;
	if (spec->connect_timeout.set)
		c->connect_timeout = (int)spec->connect_timeout.value;
	if (spec->identity.text)
		add(c, &c->identity, spec->identity.text);
	if (spec->known_hosts.text)
		add(c, &c->known_hosts, spec->known_hosts.text);
}

static void
known_defaults(struct ssh_config *c)
{
	if (!c->known_hosts.n) {
		add(c, &c->known_hosts, "~/.ssh/known_hosts");
		add(c, &c->known_hosts, "~/.ssh/known_hosts2");
	}
	if (!c->global_known_hosts.n) {
		add(c, &c->global_known_hosts, "/etc/ssh/ssh_known_hosts");
		add(c, &c->global_known_hosts, "/etc/ssh/ssh_known_hosts2");
	}
}

/* A jump host is asked for by its own name in the files. The spec's identity and
 * known_hosts serve it as well, after and beside what the files say; its user and port
 * are those of the jump, never the node's. */
static struct ssh_config *
jump_config(struct link *k, const struct ssh_jump *j, const struct spec_ssh *spec,
	    struct err *e)
{
	struct ssh_config *c = config_new(k, j->host);

	c->user = j->user;
	c->port = j->port;
	if (spec && spec->connect_timeout.set)
		c->connect_timeout = (int)spec->connect_timeout.value;
	if (!config_files(c, spec, e))
		return NULL;
	known_defaults(c);
	if (spec && spec->identity.text)
		add(c, &c->identity, spec->identity.text);
	if (spec && spec->known_hosts.text)
		add(c, &c->known_hosts, spec->known_hosts.text);
	ssh_config_finish(c);
	return c;
}

static bool
no_proxy_command(const struct ssh_config *c, struct err *e)
{
	if (!c->proxy_command)
		return true;
	err_set(e, "the ssh configuration has ProxyCommand for '%s', which dray does not run",
		c->host);
	err_hint(e, "use ProxyJump, or ssh: {config: ...} with a file that does");
	return false;
}

/* Put the jump hosts of `list` in front of the chain; the first one may itself be
 * behind others. */
static bool
add_jumps(struct link *k, const char *list, const struct spec_ssh *spec,
	  struct ssh_config **chain, size_t *n, struct err *e)
{
	while (list) {
		struct ssh_jump jump[SSH_HOPS];
		size_t njump, room = SSH_HOPS - *n;

		if (!room)
			return err_set(e, "more than %d jump hosts lead to '%s'", SSH_HOPS - 1,
				       k->node->host);
		if (!ssh_config_jumps(&k->arena, list, jump, room, &njump, e))
			return false;
		for (size_t i = *n; i-- > 0;)
			chain[i + njump] = chain[i];
		*n += njump;
		for (size_t i = 0; i < njump; i++) {
			chain[i] = jump_config(k, &jump[i], spec, e);
			if (!chain[i] || !no_proxy_command(chain[i], e))
				return false;
		}
		list = chain[0]->proxy_jump;
	}
	return true;
}

bool
ssh_resolve(struct link *k, struct err *e)
{
	const struct spec_node *how = k->node->spec ? k->node->spec : k->node->member;
	const struct spec_ssh *spec = how ? &how->ssh : NULL;
	struct ssh_config *chain[SSH_HOPS] = {0}, *c = config_new(k, k->node->host);

	if (spec)
		prefill(c, spec);
	if (!config_files(c, spec, e))
		return false;
	known_defaults(c);
	ssh_config_finish(c);
	chain[0] = c;
	k->nhop = 1;
	if (!no_proxy_command(c, e) ||
	    !add_jumps(k, c->proxy_jump, spec, chain, &k->nhop, e))
		return false;
	for (size_t i = 0; i < k->nhop && chain[i]; i++) {
		struct hop *h = &k->hop[i];

		*h = (struct hop){.link = k, .conf = chain[i], .wire.fd = -1,
				  .below = i ? h - 1 : NULL};
		h->where = arena_printf(&k->arena,
					strchr(chain[i]->host_name, ':') ? "[%s]:%d" : "%s:%d",
					chain[i]->host_name, chain[i]->port);
	}
	return true;
}

long
ssh_timeout_ms(const struct hop *h)
{
	int s = h->conf->connect_timeout;

	return (s > 0 ? s : DEFAULT_TIMEOUT_S) * 1000L;
}
