/* Shows the host keys of nodes that are not known yet, and writes them down. */
#include <stdlib.h>
#include <string.h>

#include "cmd/observation.h"
#include "executors/program/host_keys.h"
#include "planner/base/path.h"

/* The nodes to ask: those that were named, or all that ssh reaches. NULL: a name is wrong. */
static struct host_key *
trust_pick(struct compiled *c, const struct cli *cli, size_t *n)
{
	struct cluster *all = c->cluster;
	struct host_key *key = arena_calloc(&c->arena, all->nspec + 1, sizeof *key);
	bool *named = arena_calloc(&c->arena, (size_t)cli->narg + 1, sizeof *named), wrong = false;

	*n = 0;
	for (size_t i = 0; i < all->nspec; i++) {
		const struct node *node = &all->node[i];
		bool take = cli->narg == 0;

		for (int k = 0; k < cli->narg; k++)
			if (strcmp(cli->arg[k], node->name) == 0 || strcmp(cli->arg[k], node->host) == 0)
				take = named[k] = true;
		if (take && path_is_ssh(node->executor)) {
			key[(*n)++].node = node;
		} else if (take && cli->narg) {
			wrong = true;
			cli_error("%s is not reached by ssh, but by executor %s", node->name, node->executor);
		}
	}
	for (int k = 0; k < cli->narg; k++)
		if (!named[k]) {
			wrong = true;
			compiled_no_node(c, cli->arg[k]);
		}
	if (!wrong && !*n) {
		wrong = true;
		cli_error("no node of the spec is reached by ssh");
	}
	return wrong ? NULL : key;
}

static int
trust_width(const struct host_key *key, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		if (key[i].state == HOST_KEY_NEW && strlen(key[i].node->name) > width)
			width = strlen(key[i].node->name);
	return (int)width;
}

/* Print what is new, and count the states. */
static void
trust_show(const struct host_key *key, size_t n, size_t count[4])
{
	int width = trust_width(key, n);
	bool first = true;

	for (size_t i = 0; i < n; i++) {
		count[key[i].state]++;
		if (key[i].state != HOST_KEY_NEW)
			continue;
		if (first)
			puts("Host keys that are not known:\n");
		first = false;
		printf("  %-*s  %s %s  %s%s%s%s\n", width, key[i].node->name, key[i].type, key[i].print, key[i].name,
		       key[i].note ? " (" : "", key[i].note ? key[i].note : "", key[i].note ? ")" : "");
	}
	if (!first)
		puts("\nCompare them with what each host says of itself, over a way that you trust:\n"
		     "  for k in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $k; done");
	if (count[HOST_KEY_KNOWN])
		printf("%s%zu host key%s known already.\n", first ? "" : "\n", count[HOST_KEY_KNOWN],
		       count[HOST_KEY_KNOWN] == 1 ? " is" : "s are");
	fflush(stdout);
	for (size_t i = 0; i < n; i++)
		if (key[i].state == HOST_KEY_FAILED || key[i].state == HOST_KEY_REFUSED) {
			cli_error("%s: %s", key[i].node->name, key[i].why.text);
			cli_hint(&key[i].why);
		}
}

static int
trust_carry_out(struct observation *l, const struct cli *cli, struct host_key *key, size_t n)
{
	struct arena *a = &l->c.arena;
	size_t count[4] = {0};
	struct err e = {0};
	const char *file = NULL;
	bool several = false;

	host_keys_ask(l->loop, a, key, n);
	trust_show(key, n, count);
	for (size_t i = 0; i < n; i++)
		if (key[i].state == HOST_KEY_NEW) {
			several = several || (file && strcmp(file, key[i].file) != 0);
			file = key[i].file;
		}
	if (count[HOST_KEY_NEW]) {
		size_t new = count[HOST_KEY_NEW];
		const struct approval ask = {.command = "trust",
			.question = arena_printf(a, "Add %s to %s%s?", new == 1 ? "this key"
				: arena_printf(a, "these %zu keys", new), file,
				several ? " and other files" : "")};

		if (!approve(l, cli, &ask))
			return EXIT_ERROR;
		if (!host_keys_add(a, key, n, &e))
			return cli_error("%s", e.text);
		cli_changed();
		printf("%zu host key%s added to %s%s.\n", new, new == 1 ? " was" : "s were", file,
		       several ? " and other files" : "");
	}
	return count[HOST_KEY_FAILED] + count[HOST_KEY_REFUSED] ? EXIT_ERROR : EXIT_DONE;
}

static int
trust_run(struct cli *cli)
{
	struct observation l;
	struct host_key *key;
	size_t n = 0;
	int code = observation_reach(&l, cli);

	if (code == EXIT_DONE) {
		key = trust_pick(&l.c, cli, &n);
		code = key ? trust_carry_out(&l, cli, key, n) : EXIT_USAGE;
	}
	observation_close(&l);
	return code;
}

const struct command command_trust = {
	.name = "trust",
	.args = "[NODE...]",
	.max_args = 1000,
	.summary = "show the host keys of new nodes, and add them to known_hosts",
	.doc = "Asks all nodes of the spec, or the named ones, for the key of their sshd. It does so\n"
	       "with the ssh of this machine, along its ProxyJump or ProxyCommand, and without a\n"
	       "login. It shows the fingerprints of the keys that are not known, asks for 'yes',\n"
	       "and appends the keys to the file of known hosts that a login to the node reads\n"
	       "(hashed if HashKnownHosts says so). It never adds a key that has changed or is\n"
	       "revoked, but names the line and how to remove it. The fingerprints come over the\n"
	       "network, so compare them; -auto-approve trusts whoever answers now. Exits 1 if a\n"
	       "node showed no key, or one that must not be added.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve, NULL},
	.run = trust_run,
};
