/* Prints the list of commands, the page of one command, or the manual of all. */
#include <stdio.h>
#include <string.h>

#include "cmd/cli.h"
#include "planner/base/diag.h"
#include "planner/base/vec.h"

static void
help_overview(FILE *f)
{
	fputs("usage: dray COMMAND [options]\n\n"
	      "Serves one model on a group of GPU hosts, from one YAML file.\n\ncommands:\n", f);
	for (size_t i = 0; commands[i]; i++)
		fprintf(f, "  %-10s  %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nexit status:\n", f);
	for (size_t i = 0; exit_docs[i].text; i++)
		fprintf(f, "  %-4d %s\n", exit_docs[i].code, exit_docs[i].text);
	fputs("\n'dray help COMMAND' explains one command; the manual pages are dray(1) and "
	      "dray.yaml(5).\n", f);
}

static const struct option_spec option_help_format = {"format", OPTION_TEXT,
	offsetof(struct cli, format), "FORMAT",
	"markdown or scdoc: the manual of all commands"};

static int
help_run(struct cli *cli)
{
	const struct command *c;
	const char *names[32];
	size_t n = 0;
	struct arena a = {0};

	if (cli->format && strcmp(cli->format, "scdoc") == 0) {
		manual_scdoc(stdout);
	} else if (cli->format && strcmp(cli->format, "markdown") == 0) {
		manual_markdown(stdout);
	} else if (cli->format) {
		return cli_misused(cli, "unknown format '%s': markdown or scdoc", cli->format);
	} else if (cli->narg == 0) {
		help_overview(stdout);
	} else if ((c = command_find(cli->arg[0]))) {
		command_usage(c, stdout);
	} else {
		for (; commands[n] && n < countof(names); n++)
			names[n] = commands[n]->name;
		cli_misused(cli, "unknown command '%s'%s", cli->arg[0], diag_hint(&a, cli->arg[0], names, n));
		arena_release(&a);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

const struct command command_help = {
	.name = "help",
	.args = "[COMMAND]",
	.max_args = 1,
	.summary = "show this page, or the page of one command",
	.doc = "Prints the list of commands, or the options of one command.",
	.options = (const struct option_spec *const[]){&option_help_format, NULL},
	.run = help_run,
};
