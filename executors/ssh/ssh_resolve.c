/* Finds the chain of hops that leads to a node of the spec. */
#include "executors/ssh/ssh.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "executors/io/names.h"
#include "executors/io/patience.h"
#include "planner/base/vec.h"

static const char *resolve_get_env(const char *name) { return getenv(name); }

static struct ssh_config *
resolve_config_new(struct arena *a, const char *host)
{
	struct ssh_config *c = ar_new(a, struct ssh_config);
	const struct passwd *pw = name_me();
	const char *home = getenv("HOME");

	c->arena = a;
	c->host = host;
	c->env = resolve_get_env;
	c->glob = ssh_config_glob;
	c->home = arena_strdup(a, home && *home ? home : pw ? pw->pw_dir : "/");
	c->local_user = arena_strdup(a, pw ? pw->pw_name : "root");
	return c;
}

/* Read the file that the spec names, as with ssh -F, or the user's and the machine's. */
static bool
resolve_config_once(struct ssh_config *c, const struct spec_ssh *spec, struct err *e)
{
	const char *dir = arena_printf(c->arena, "%s/.ssh", c->home);
	const struct ssh_source mine = {.dir = dir, .guarded = true}, given = {.dir = dir},
				machine = {.dir = "/etc/ssh"};
	const char *named = spec ? spec->config.text : NULL;

	if (named && strcmp(named, "none") == 0)
		return true;
	if (named) {
		named = ssh_config_home(c->arena, named, c->home);
		if (access(named, R_OK) != 0)
			return err_sys(e, "read '%s'", named);
		return ssh_config_load(c, named, &given, e);
	}
	return ssh_config_load(c, arena_printf(c->arena, "%s/config", dir), &mine, e) &&
	       ssh_config_load(c, "/etc/ssh/ssh_config", &machine, e);
}

/* Read the files, twice if there is a `Match final`; then set defaults. */
static bool
resolve_config_files(struct ssh_config *c, const struct spec_ssh *spec, struct err *e)
{
	if (!resolve_config_once(c, spec, e) ||
	    (c->want_final && (!ssh_config_again(c, e) || !resolve_config_once(c, spec, e))))
		return false;
	if (!c->known_hosts.n) {
		*vec_push(c->arena, &c->known_hosts) = "~/.ssh/known_hosts";
		*vec_push(c->arena, &c->known_hosts) = "~/.ssh/known_hosts2";
	}
	if (!c->global_known_hosts.n) {
		*vec_push(c->arena, &c->global_known_hosts) = "/etc/ssh/ssh_known_hosts";
		*vec_push(c->arena, &c->global_known_hosts) = "/etc/ssh/ssh_known_hosts2";
	}
	return true;
}

/* Set what the spec says before the files are read, so that it wins. */
static void
resolve_prefill(struct ssh_config *c, const struct spec_ssh *spec)
{
	c->user = spec->user.text;
	if (spec->port.set)
		c->port = (int)spec->port.value;
	if (spec->connect_timeout.set)
		c->connect_timeout = (int)spec->connect_timeout.value;
	if (spec->identity.text)
		*vec_push(c->arena, &c->identity) = spec->identity.text;
	if (spec->known_hosts.text)
		*vec_push(c->arena, &c->known_hosts) = spec->known_hosts.text;
}

/* The files are read for the jump host's own name. The spec's identity and known_hosts are
 * used for it, too, after those of the files. Its user and port are those of the jump, never
 * the node's. */
static struct ssh_config *
resolve_jump_config(struct link *k, const struct ssh_jump *j, const struct spec_ssh *spec,
		    struct err *e)
{
	struct ssh_config *c = resolve_config_new(&k->arena, j->host);

	c->user = j->user;
	c->port = j->port;
	if (spec && spec->connect_timeout.set)
		c->connect_timeout = (int)spec->connect_timeout.value;
	if (!resolve_config_files(c, spec, e))
		return NULL;
	if (spec && spec->identity.text)
		*vec_push(c->arena, &c->identity) = spec->identity.text;
	if (spec && spec->known_hosts.text)
		*vec_push(c->arena, &c->known_hosts) = spec->known_hosts.text;
	return ssh_config_finish(c, e) ? c : NULL;
}

static bool
resolve_no_proxy_command(struct ssh_config *c, struct err *e)
{
	if (!c->proxy_command)
		return true;
	err_set(e, "the ssh configuration has ProxyCommand for '%s' (%s), which dray does not run",
		c->host, ssh_config_place(c, WORD_ProxyCommand));
	ssh_config_way_out(e);
	return false;
}

/* Put the jump hosts of `list` in front of the chain. The first of them may need jump hosts
 * itself. */
static bool
resolve_add_jumps(struct link *k, const char *list, const struct spec_ssh *spec,
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
			chain[i] = resolve_jump_config(k, &jump[i], spec, e);
			if (!chain[i] || !resolve_no_proxy_command(chain[i], e))
				return false;
		}
		list = chain[0]->proxy_jump;
	}
	return true;
}

static const struct spec_ssh *
resolve_spec(const struct node *node)
{
	const struct spec_node *how = node->spec ? node->spec : node->member;

	return how ? &how->ssh : NULL;
}

struct ssh_config *
ssh_resolve_node(struct arena *a, const struct node *node, struct err *e)
{
	const struct spec_ssh *spec = resolve_spec(node);
	struct ssh_config *c = resolve_config_new(a, node->host);

	if (spec)
		resolve_prefill(c, spec);
	return resolve_config_files(c, spec, e) && ssh_config_finish(c, e) ? c : NULL;
}

int
ssh_port(const struct node *node)
{
	struct arena a = {0};
	struct err e = {0};
	struct ssh_config *c = ssh_resolve_node(&a, node, &e);
	int port = c ? c->port : 0;     /* a login fails the same way, and says why */

	arena_release(&a);
	return port;
}

bool
ssh_resolve(struct link *k, struct err *e)
{
	const struct spec_ssh *spec = resolve_spec(k->node);
	struct ssh_config *chain[SSH_HOPS] = {0}, *c = ssh_resolve_node(&k->arena, k->node, e);

	if (!c)
		return false;
	chain[0] = c;
	k->nhop = 1;
	if (!resolve_no_proxy_command(c, e) ||
	    !resolve_add_jumps(k, c->proxy_jump, spec, chain, &k->nhop, e))
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

	return (s > 0 ? s : (long)patience.connect) * 1000L;
}
