#include <stdio.h>

#include "cmd/cli.h"

static void
overview(FILE *f)
{
	fputs("usage: dray COMMAND [options]\n\n"
	      "One YAML file -> a model that answers on a group of GPU hosts.\n\ncommands:\n", f);
	for (size_t i = 0; commands[i]; i++)
		fprintf(f, "  %-10s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nexit status:\n"
	      "  0    nothing to do, or all done\n"
	      "  1    failed; nothing was changed\n"
	      "  2    plan -detailed-exitcode: there are changes\n"
	      "  3    apply or destroy failed after some changes\n"
	      "  4    somebody else holds the lock\n"
	      "  5    the saved plan no longer matches what is there\n"
	      "  64   the command line is wrong\n"
	      "  130  interrupted, in order\n"
	      "\n'dray help COMMAND' tells about one; dray(1) and dray.yaml(5) tell all.\n", f);
}

static int
run(struct cli *cli)
{
	const struct command *c;

	if (cli->narg == 0) {
		overview(stdout);
		return EXIT_DONE;
	}
	c = command_find(cli->arg[0]);
	if (!c) {
		fprintf(stderr, "dray help: unknown command '%s'\n", cli->arg[0]);
		return EXIT_USAGE;
	}
	command_usage(c, stdout);
	return EXIT_DONE;
}

const struct command command_help = {
	.name = "help",
	.args = "[COMMAND]",
	.max_args = 1,
	.summary = "this page, or the page of one command",
	.doc = "Prints the list of commands, or the options of one command.",
	.options = (const struct option_spec *const[]){NULL},
	.run = run,
};
