/* Runs a command on a node, by the executor that dray uses for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/observation.h"
#include "executors/executor.h"
#include "executors/io/child.h"

/* The node of that name or host; NULL: there is none, which was said. */
static const struct node *
exec_node(struct compiled *c, const char *name)
{
	const char **names = arena_calloc(&c->arena, c->cluster->nspec + 1, sizeof *names);
	const char *near;

	for (size_t i = 0; i < c->cluster->nspec; i++) {
		const struct node *n = &c->cluster->node[i];

		names[i] = n->name;
		if (strcmp(n->name, name) == 0 || strcmp(n->host, name) == 0)
			return n;
	}
	near = diag_nearest(name, names, c->cluster->nspec);
	cli_error("there is no node '%s' in the spec%s%s%s", name, near ? " (did you mean '" : "",
		  near ? near : "", near ? "'?)" : "");
	return NULL;
}

static void
exec_print_option(const char *option, const char *value)
{
	struct str s = {0};

	if (!value || !*value)
		return;
	str_shquote(&s, value);
	fprintf(stderr, " %s %s", option, str_text(&s));
	str_release(&s);
}

/* A shell for a person needs a terminal, which only a program on this machine gets from dray. */
static int
exec_shell(const struct node *n)
{
	const char *shell = getenv("SHELL");
	const struct spec_ssh *ssh = &n->spec->ssh;
	char port[12];

	if (strcmp(n->executor, "local") == 0) {
		shell = shell && *shell ? shell : "/bin/sh";
		execlp(shell, shell, (char *)NULL);
		return cli_error("cannot start '%s': %s", shell, strerror(errno));
	}
	cli_error("dray cannot give a shell on '%s' a terminal; it runs commands: dray exec %s 'uptime; nvidia-smi'",
		  n->name, n->name);
	if (strcmp(n->executor, "ssh") != 0) {
		fprintf(stderr, "hint: use the program that %s starts\n", n->executor);
		return EXIT_ERROR;
	}
	fputs("hint: ssh", stderr);
	exec_print_option("-F", ssh->config.text);
	exec_print_option("-i", ssh->identity.text);
	exec_print_option("-l", ssh->user.text);
	snprintf(port, sizeof port, "%lld", ssh->port.value);
	exec_print_option("-p", ssh->port.value ? port : NULL);
	fprintf(stderr, " %s\n", n->host);
	return EXIT_ERROR;
}

static int
exec_on_node(struct observation *l, struct cli *cli, const struct node *n)
{
	struct execution how = {.arena = &l->c.arena, .argv = cli->arg + 1};
	struct err err = {0};
	int status = run_exec(l->run, n, &how, &err);

	if (status >= 0)
		return status;
	if (how.interrupted)
		return EXIT_INTERRUPTED;
	cli_error("%s: %s", n->name, err.text);
	cli_hint(&err);
	return EXIT_ERROR;
}

static int
exec_run(struct cli *cli)
{
	struct observation l;
	const struct node *n;
	int code;

	if (!cli->narg) {
		cli_error("exec where? dray exec NODE COMMAND");
		return EXIT_USAGE;
	}
	code = observation_reach(&l, cli);
	if (code == EXIT_DONE) {
		n = exec_node(&l.c, cli->arg[0]);
		code = !n ? EXIT_USAGE : cli->narg == 1 ? exec_shell(n) : exec_on_node(&l, cli, n);
	}
	observation_close(&l);
	return code;
}

const struct command command_exec = {
	.name = "exec",
	.args = "NODE [COMMAND...]",
	.max_args = 1000,
	.words = true,
	.summary = "run a command on a node",
	.doc = "Runs COMMAND on a node of the spec (its name, or its host), by the executor that\n"
	       "dray uses for it, in the login's home directory. One word is a line for sh:\n"
	       "dray exec gpu-1 'nvidia-smi | head'. Several words are run as they are. stdin (at\n"
	       "most 64 MiB), stdout and stderr are the command's, and so is the exit status;\n"
	       "255 and less can be the command's own, 1 also says that the node does not\n"
	       "answer. Options of dray come before NODE. Ctrl-C ends the command on the node.\n"
	       "Without COMMAND: an interactive shell if the executor is local; for other\n"
	       "executors it says how to get one.",
	.options = (const struct option_spec *const[]){&option_file, NULL},
	.run = exec_run,
};
