/* The manual page, made of the tables that drive the commands. */
#include "cmd/manual.h"

#include <string.h>

#include "cmd/cli.h"
#include "cmd/version.h"

const struct exit_doc exit_docs[] = {
	{EXIT_DONE, "nothing to do, or all done"},
	{EXIT_ERROR, "failed; nothing was changed"},
	{EXIT_CHANGES, "plan -detailed-exitcode: there are changes"},
	{EXIT_PARTIAL, "apply or destroy failed after some changes"},
	{EXIT_LOCKED, "somebody else holds the lock"},
	{EXIT_STALE, "the saved plan no longer matches what is there"},
	{EXIT_USAGE, "the command line is wrong"},
	{EXIT_INTERRUPTED, "interrupted, in order"},
	{0, NULL},
};

static const char about[] =
	"dray reads one YAML file that names hosts, a model and how to serve it, looks at the "
	"hosts over SSH, shows what differs (plan) and makes it so (apply). The hosts need a "
	"shell and Docker, nothing else; there is no agent, no server and no state file.";

/* Long options may be written with one dash or two. */
static const char dashes[] = "Options are written with one dash or two, values behind a "
			     "blank or '='.";

/* scdoc gives a meaning to _ * \ and to marks that begin a line; our texts mean none. */
static void
scdoc(FILE *f, const char *text)
{
	for (const char *start = text; *text; text++) {
		bool begins = text == start || text[-1] == '\n';

		if (strchr("_*\\<", *text) || (begins && strchr("-#.|", *text)))
			fputc('\\', f);
		fputc(*text, f);
	}
}

static void
scdoc_command(FILE *f, const struct command *c)
{
	fprintf(f, "## %s\n\n*dray %s*%s%s%s\n\n", c->name, c->name,
		c->options[0] ? " [options]" : "", *c->args ? " " : "", c->args);
	scdoc(f, c->doc);
	fputs("\n\n", f);
	for (size_t i = 0; c->options[i]; i++) {
		const struct option_spec *o = c->options[i];

		fprintf(f, "*-%s*%s%s\n\t", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		scdoc(f, o->doc);
		fputs("\n\n", f);
	}
}

void
manual_scdoc(FILE *f)
{
	fprintf(f, "dray(1) \"dray %s\"\n\n# NAME\n\n"
		"dray - serve one model over several GPU hosts from one YAML file\n\n"
		"# SYNOPSIS\n\n*dray* COMMAND [options]\n\n# DESCRIPTION\n\n", dray_version);
	scdoc(f, about);
	fputs("\n\n", f);
	scdoc(f, dashes);
	fputs("\n\n# COMMANDS\n\n", f);
	for (size_t i = 0; commands[i]; i++)
		scdoc_command(f, commands[i]);
	fputs("# EXIT STATUS\n\n", f);
	for (size_t i = 0; exit_docs[i].text; i++)
		fprintf(f, "*%d*\n\t%s\n\n", exit_docs[i].code, exit_docs[i].text);
	fputs("# ENVIRONMENT\n\n*NO\\_COLOR*\n\tno colors when set and not empty\n\n"
	      "*SSH\\_AUTH\\_SOCK*\n\tthe agent that is asked for keys\n\n"
	      "*XDG\\_CACHE\\_HOME*\n\twhere fetched scripts are kept (default ~/.cache)\n\n"
	      "# FILES\n\ncluster.yaml\n\tthe spec, see *dray.yaml*(5)\n\n"
	      "~/.local/state/dray/CLUSTER/\n\ton each host: records of what dray made there, and "
	      "the lock\n\n# SEE ALSO\n\n*dray.yaml*(5), *ssh\\_config*(5)\n", f);
}

void
manual_markdown(FILE *f)
{
	fprintf(f, "# dray: commands\n\n%s\n\n%s\n", about, dashes);
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		fprintf(f, "\n## dray %s\n\n%s\n", c->name, c->doc);
		if (c->options[0])
			fputs("\n| option | meaning |\n|---|---|\n", f);
		for (size_t k = 0; c->options[k]; k++)
			fprintf(f, "| `-%s%s%s` | %s |\n", c->options[k]->name,
				c->options[k]->arg ? " " : "",
				c->options[k]->arg ? c->options[k]->arg : "", c->options[k]->doc);
	}
	fputs("\n## Exit status\n\n| code | meaning |\n|---|---|\n", f);
	for (size_t i = 0; exit_docs[i].text; i++)
		fprintf(f, "| %d | %s |\n", exit_docs[i].code, exit_docs[i].text);
}
