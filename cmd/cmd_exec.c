/* Runs a command on a node, by the executor that dray uses for it. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/observation.h"
#include "executors/program/openssh.h"
#include "planner/base/path.h"
#include "planner/base/vec.h"

/* The node of that name or host; NULL: there is none, which was said. */
static const struct node *
exec_node(struct compiled *c, const char *name)
{
	for (size_t i = 0; i < c->cluster->nspec; i++) {
		const struct node *n = &c->cluster->node[i];

		if (strcmp(n->name, name) == 0 || strcmp(n->host, name) == 0)
			return n;
	}
	compiled_no_node(c, name);
	return NULL;
}

/* Become the program. What dray ignored or blocked for itself is not inherited. */
static int
exec_become(const char *const *argv, const char *hint)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], (char *const *)(intptr_t)argv);
	cli_error("cannot start '%s': %s", argv[0], strerror(errno));
	if (hint)
		fprintf(stderr, "hint: %s\n", hint);
	return EXIT_ERROR;
}

/* A shell for a person, on this terminal: the user's own ssh, with what the spec says of the node.
 * It may ask questions, which dray's own connections never do. */
static int
exec_ssh(struct arena *a, const struct node *n)
{
	struct openssh_words w = {0};
	struct err e = {0};

	*vec_push(a, &w) = "ssh";
	if (isatty(STDIN_FILENO))
		*vec_push(a, &w) = "-t";
	if (!openssh_options(a, n, &w, &e))
		return cli_error("%s: %s", n->name, e.text);
	*vec_push(a, &w) = "--";
	*vec_push(a, &w) = n->host;
	*vec_push(a, &w) = NULL;
	return exec_become(w.v, "an interactive shell needs the program ssh (Debian: openssh-client); "
				"without it: dray exec NODE COMMAND");
}

static int
exec_shell(struct arena *a, const struct node *n)
{
	const char *shell = getenv("SHELL");
	const char *const argv[] = {shell && *shell ? shell : "/bin/sh", NULL};

	if (strcmp(n->executor, "local") == 0)
		return exec_become(argv, NULL);
	if (path_is_ssh(n->executor))
		return exec_ssh(a, n);
	cli_error("dray cannot give a shell on '%s' a terminal; it runs commands: dray exec %s 'uptime; nvidia-smi'",
		  n->name, n->name);
	fprintf(stderr, "hint: use the program that %s starts\n", n->executor);
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

	if (!cli->narg)
		return cli_misused(cli, "NODE is missing: dray exec NODE COMMAND");
	code = observation_reach(&l, cli);
	if (code == EXIT_DONE) {
		n = exec_node(&l.c, cli->arg[0]);
		code = !n ? EXIT_USAGE : cli->narg == 1 ? exec_shell(&l.c.arena, n) : exec_on_node(&l, cli, n);
	}
	observation_close(&l);
	return code;
}

const struct command command_exec = {
	.name = "exec",
	.aka = "ssh shell sh run-on",
	.args = "NODE [COMMAND...]",
	.max_args = 1000,
	.words = true,
	.summary = "run a command on a node",
	.doc = "Runs COMMAND on a node of the spec (its name or host), through the node's executor,\n"
	       "in the login's home directory. A single word is a line for sh:\n"
	       "dray exec gpu-1 'nvidia-smi | head'. Several words are a program and its\n"
	       "arguments. stdin (at most 64 MiB), stdout, stderr and the exit status are those\n"
	       "of the command; status 1 can also mean that the node does not answer. Options of\n"
	       "dray come before NODE. Ctrl-C ends the command on the node.\n"
	       "\n"
	       "Without COMMAND it opens an interactive shell: with the ssh of this machine and\n"
	       "what the spec says about the node, or with $SHELL if the executor is local. There\n"
	       "is none on a node whose executor is a Lua file.",
	.options = (const struct option_spec *const[]){&option_file, NULL},
	.run = exec_run,
};
