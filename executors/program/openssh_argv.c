/* The command lines of ssh. Nothing here passes through a shell of this machine. */
#include <stdlib.h>
#include <string.h>

#include "executors/io/names.h"
#include "executors/io/patience.h"
#include "executors/program/openssh.h"
#include "planner/base/vec.h"

/* (SSH_ASKPASS_REQUIRE: since OpenSSH 8.4. An older ssh asks on the terminal, which it does not get
 * in a process group of its own.) */
const char *const openssh_env[] = {"SSH_ASKPASS=/bin/false", "SSH_ASKPASS_REQUIRE=force", NULL};

static void
argv_add(struct arena *a, struct openssh_words *w, const char *word)
{
	*vec_push(a, w) = word;
}

void
openssh_option(struct arena *a, struct openssh_words *w, const char *text)
{
	argv_add(a, w, "-o");
	argv_add(a, w, text);
}

static void
argv_pair(struct arena *a, struct openssh_words *w, const char *option, const char *value)
{
	if (!value || !*value)
		return;
	argv_add(a, w, option);
	argv_add(a, w, value);
}

/* "~/x" as the user means it: -F and -i do not know the tilde. */
static const char *
argv_path(struct arena *a, const char *path)
{
	const char *home = getenv("HOME");
	const struct passwd *me = name_me();

	if (!path || path[0] != '~' || path[1] != '/')
		return path;
	home = home && *home ? home : me ? me->pw_dir : "";
	return arena_printf(a, "%s%s", home, path + 1);
}

static const struct spec_ssh *
argv_spec(const struct node *node)
{
	const struct spec_node *how = node->spec ? node->spec : node->member;

	return how ? &how->ssh : NULL;
}

bool
openssh_options(struct arena *a, const struct node *node, struct openssh_words *w, struct err *e)
{
	const struct spec_ssh *ssh = argv_spec(node);

	if (!ssh)
		return true;
	argv_pair(a, w, "-F", argv_path(a, ssh->config.text));
	argv_pair(a, w, "-l", ssh->user.text);
	if (ssh->port.set)
		argv_pair(a, w, "-p", arena_printf(a, "%lld", ssh->port.value));
	argv_pair(a, w, "-i", argv_path(a, ssh->identity.text));
	if (!ssh->known_hosts.text)
		return true;
	/* ssh takes a list of files, so the name is in quotes. */
	if (strpbrk(ssh->known_hosts.text, "\"\n"))
		return err_set(e, "ssh cannot be given a file of known hosts with a quote or a line break "
				  "in its name");
	openssh_option(a, w, arena_printf(a, "UserKnownHostsFile=\"%s\"",
					  argv_path(a, ssh->known_hosts.text)));
	return true;
}

const char *
openssh_known_hosts(struct arena *a, const struct node *node)
{
	const struct spec_ssh *ssh = argv_spec(node);

	return ssh ? argv_path(a, ssh->known_hosts.text) : NULL;
}

/* Turn off what dray's streams do not need, whatever the user's configuration says. */
static void
argv_bare(struct arena *a, struct openssh_words *w)
{
	static const char *const options[] = {
		"BatchMode=yes", "RequestTTY=no", "EscapeChar=none",
		"PermitLocalCommand=no", "RemoteCommand=none", "ClearAllForwardings=yes", "Tunnel=no",
	};

	argv_add(a, w, "ssh");
	argv_add(a, w, "-a");           /* no agent for the node */
	argv_add(a, w, "-x");           /* nor a display */
	for (size_t i = 0; i < countof(options); i++)
		openssh_option(a, w, options[i]);
}

static const char *const *
argv_end(struct arena *a, struct openssh_words *w, const char *host, const char *command)
{
	argv_add(a, w, "--");
	argv_add(a, w, host);
	if (command)
		argv_add(a, w, command);
	argv_add(a, w, NULL);
	return w->v;
}

const char *const *
openssh_login(struct arena *a, const struct node *node, const char *socket, int connect_timeout,
	      struct err *e)
{
	struct openssh_words w = {0};

	argv_bare(a, &w);
	if (!openssh_options(a, node, &w, e))
		return NULL;
	openssh_option(a, &w, "LogLevel=INFO");         /* who closed the connection */
	openssh_option(a, &w, "StrictHostKeyChecking=yes");
	openssh_option(a, &w, "UpdateHostKeys=no");
	openssh_option(a, &w, arena_printf(a, "ConnectTimeout=%d", connect_timeout));
	openssh_option(a, &w, arena_printf(a, "ServerAliveInterval=%u", patience.keepalive));
	openssh_option(a, &w, arena_printf(a, "ServerAliveCountMax=%u",
					   patience.dead / (patience.keepalive ? patience.keepalive : 1)));
	if (!socket) {
		openssh_option(a, &w, "ControlPath=none");
		return argv_end(a, &w, node->host, "true");
	}
	argv_add(a, &w, "-N");
	openssh_option(a, &w, "ControlMaster=yes");
	openssh_option(a, &w, arena_printf(a, "ControlPersist=%u", patience.persist));
	openssh_option(a, &w, arena_printf(a, "ControlPath=%s", socket));
	return argv_end(a, &w, node->host, NULL);
}

/* If the shared connection is gone, ssh fails instead of logging in again. */
static void
argv_shared(struct arena *a, struct openssh_words *w, const char *socket)
{
	argv_bare(a, w);
	argv_pair(a, w, "-F", "none");
	openssh_option(a, w, "LogLevel=ERROR");
	openssh_option(a, w, "ControlMaster=no");
	openssh_option(a, w, arena_printf(a, "ControlPath=%s", socket));
	openssh_option(a, w, "ProxyCommand=false");
}

const char *const *
openssh_exec(struct arena *a, const struct node *node, const char *socket, const char *command)
{
	struct openssh_words w = {0};

	argv_shared(a, &w, socket);
	return argv_end(a, &w, node->host, command);
}

const char *const *
openssh_tunnel(struct arena *a, const struct node *node, const char *socket, const char *host, int port)
{
	struct openssh_words w = {0};

	argv_shared(a, &w, socket);
	argv_pair(a, &w, "-W", arena_printf(a, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port));
	return argv_end(a, &w, node->host, NULL);
}

const char *
openssh_by_hand(struct arena *a, const struct node *node)
{
	struct openssh_words w = {0};
	struct str line = {0};
	struct err e;
	const char *text;

	argv_add(a, &w, "ssh");
	if (!openssh_options(a, node, &w, &e))
		return "ssh";
	argv_end(a, &w, node->host, "true");
	for (size_t i = 0; w.v[i]; i++) {
		const char *word = w.v[i];

		if (strcmp(word, "--") == 0)
			continue;
		str_puts(&line, i ? " " : "");
		if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
						"0123456789-_=/.:@,")])
			str_puts(&line, word);
		else
			str_shquote(&line, word);
	}
	text = arena_strdup(a, line.buf);
	str_release(&line);
	return text;
}
