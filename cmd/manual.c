/* Makes the manual page from the tables that drive the commands. */
#include "cmd/cli.h"

#include <string.h>

const struct exit_doc exit_docs[] = {
	{EXIT_DONE, "nothing to do, or all done"},
	{EXIT_ERROR, "failed; nothing was changed"},
	{EXIT_CHANGES, "plan -detailed-exitcode: there are changes"},
	{EXIT_PARTIAL, "apply, destroy or prune failed after some changes"},
	{EXIT_LOCKED, "another apply holds the lock"},
	{EXIT_STALE, "the saved plan is out of date"},
	{EXIT_USAGE, "the command line is wrong"},
	{EXIT_INTERRUPTED, "interrupted"},
	{0, NULL},
};

static const char about_output[] =
	"The status is about the work. If apply or destroy succeeded and only their output could not "
	"be written (a full disk, a reader that has ended), they exit 0 and report that on stderr. "
	"For other commands the output is the work: they exit 1, and say which file they have "
	"written.";

static const char about[] =
	"dray reads one YAML file that names hosts, a model and how to serve it. It looks at the "
	"hosts over SSH, shows what differs (plan) and makes the hosts match the file (apply). The hosts "
	"need a shell, and Docker, Podman, Apptainer or a virtual environment: no agent, no server, no "
	"state file.";

/* Long options may be written with one dash or two. */
static const char dashes[] = "Options start with one dash or two; values follow a space or '='.";

/* Escape characters with a meaning in scdoc: _ * \ < and some at the start of a line. */
static void
manual_scdoc_all(FILE *f, const char *text)
{
	for (const char *start = text; *text; text++) {
		bool begins = text == start || text[-1] == '\n';

		if (strchr("_*\\<", *text) || (begins && strchr("-#.|", *text)))
			fputc('\\', f);
		fputc(*text, f);
	}
}

void
manual_scdoc(FILE *f)
{
	fprintf(f, "dray(1) \"dray %s\"\n\n# NAME\n\n"
		"dray - serve one model over several GPU hosts from one YAML file\n\n"
		"# SYNOPSIS\n\n*dray* COMMAND [options]\n\n# DESCRIPTION\n\n", dray_version);
	manual_scdoc_all(f, about);
	fputs("\n\n", f);
	manual_scdoc_all(f, dashes);
	fputs("\n\n# COMMANDS\n\n", f);
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		fprintf(f, "## %s\n\n*dray %s*%s%s%s\n\n", c->name, c->name,
			c->options[0] ? " [options]" : "", *c->args ? " " : "", c->args);
		manual_scdoc_all(f, c->doc);
		fputs("\n\n", f);
		for (const struct option_spec *const *o = c->options; *o; o++) {
			fprintf(f, "*-%s*%s%s\n\t", (*o)->name, (*o)->arg ? " " : "",
				(*o)->arg ? (*o)->arg : "");
			manual_scdoc_all(f, (*o)->doc);
			fputs("\n\n", f);
		}
	}
	fputs("# EXIT STATUS\n\n", f);
	for (size_t i = 0; exit_docs[i].text; i++)
		fprintf(f, "*%d*\n\t%s\n\n", exit_docs[i].code, exit_docs[i].text);
	manual_scdoc_all(f, about_output);
	fputs("\n\n# ENVIRONMENT\n\n*NO\\_COLOR*\n\tno colors when set and not empty\n\n"
	      "*SSH\\_AUTH\\_SOCK*\n\tthe ssh-agent to ask for keys\n\n"
	      "*XDG\\_CACHE\\_HOME*\n\twhere downloads are cached (default ~/.cache)\n\n"
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
	fprintf(f, "\n%s\n", about_output);
}
