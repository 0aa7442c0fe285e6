/* The words for a login that failed: what happened to each key, and what helps. */
#include "executors/ssh/ssh_login.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
login_tell(struct login *l, const char *what, const char *why)
{
	str_printf(&l->story, "%s%s: %s", l->story.len ? "; " : "", what, why);
}

const char *
login_agent_path(const struct ssh_config *c)
{
	const char *p = c->identity_agent;

	if (!p || strcmp(p, "SSH_AUTH_SOCK") == 0)
		return getenv("SSH_AUTH_SOCK");
	if (strcasecmp(p, "none") == 0)
		return NULL;
	return *p == '$' ? getenv(p + 1) : p;
}

enum next
login_asks_person(struct hop *h, const char *ways, struct err *e)
{
	struct login *l = h->login;

	err_set(e, "the server logs '%s' in by %s, and dray by keys only (%s)", h->conf->user, ways,
		l->story.len ? str_text(&l->story) : "no key to offer");
	err_hint(e, "if it takes keys as well, ssh-copy-id %s@%s brings yours there. If it always asks for a "
		    "password or a code: open a shared connection yourself (ControlMaster and ControlPath in "
		    "~/.ssh/config), and let examples/executors/ssh-wrapper.lua be the node's executor, which "
		    "joins it", h->conf->user, h->conf->host_name);
	return NEXT_FAIL;
}

enum next
login_no_key_left(struct hop *h, struct err *e)
{
	struct login *l = h->login;
	const char *agent = login_agent_path(h->conf),
		   *lacks = ssh_config_first(h->conf, DOES_LACKS);

	for (size_t i = 0; i < l->wanted.n; i++)
		if (!l->wanted.v[i].found)
			login_tell(l, l->wanted.v[i].path, l->wanted.v[i].why);
	if (!agent || !*agent)
		login_tell(l, "ssh-agent", "none is running");
	else if (l->asked && !l->broken && !l->list_at && !l->attempts)
		login_tell(l, "ssh-agent", "has no key");
	err_set(e, "%s (%s%s%s)", l->attempts ? "no key was accepted" : "no key to offer",
		str_text(&l->story), lacks ? "; " : "", lacks ? lacks : "");
	if (l->open)
		err_hint(e, "ssh does not use such a key either: chmod 600 %s", l->open);
	else if (lacks)
		ssh_config_way_out(e);
	else if (l->encrypted)
		err_hint(e, "dray does not ask for passphrases; add the key to ssh-agent: "
			    "ssh-add %s", l->encrypted);
	else if (l->attempts)
		err_hint(e, "is the public key in ~/.ssh/authorized_keys of '%s' on '%s'?",
			 h->conf->user, h->conf->host_name);
	else
		err_hint(e, "set ssh: {identity: FILE} in the spec, or start ssh-agent");
	return NEXT_FAIL;
}

enum next
login_too_many(struct hop *h, struct err *e)
{
	err_set(e, "the first %d keys were refused (%s)", LOGIN_ATTEMPTS, str_text(&h->login->story));
	err_hint(e, "name the right one: ssh: {identity: FILE} in the spec, with IdentitiesOnly "
		    "in ~/.ssh/config if ssh-agent has many");
	return NEXT_FAIL;
}
