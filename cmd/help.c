#include <stdio.h>
#include <string.h>

#include "cmd/cli.h"
#include "cmd/manual.h"

static void
overview(FILE *f)
{
	fputs("usage: dray COMMAND [options]\n\n"
	      "One YAML file -> a model that answers on a group of GPU hosts.\n\ncommands:\n", f);
	for (size_t i = 0; commands[i]; i++)
		fprintf(f, "  %-10s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nexit status:\n", f);
	for (size_t i = 0; exit_docs[i].text; i++)
		fprintf(f, "  %-4d %s\n", exit_docs[i].code, exit_docs[i].text);
	fputs("\n'dray help COMMAND' tells about one; dray(1) and dray.yaml(5) tell all.\n", f);
}

static const struct option_spec option_help_format = {"format", OPTION_TEXT,
	offsetof(struct cli, format), "FORMAT",
	"markdown or scdoc: the manual of all commands"};

static int
run(struct cli *cli)
{
	const struct command *c;

	if (cli->format && strcmp(cli->format, "scdoc") == 0) {
		manual_scdoc(stdout);
		return EXIT_DONE;
	}
	if (cli->format && strcmp(cli->format, "markdown") == 0) {
		manual_markdown(stdout);
		return EXIT_DONE;
	}
	if (cli->format) {
		cli_error("unknown format '%s': markdown or scdoc", cli->format);
		return EXIT_USAGE;
	}
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
	.options = (const struct option_spec *const[]){&option_help_format, NULL},
	.run = run,
};
