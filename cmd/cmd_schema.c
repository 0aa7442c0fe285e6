/* The spec's schema and reference page, from the same table that reads it. */
#include <string.h>

#include "cmd/cli.h"
#include "planner/spec/spec.h"

static int
schema_run(struct cli *cli)
{
	struct arena arena = {0};
	const char *format = cli->format ? cli->format : "json";
	int code = EXIT_DONE;

	if (strcmp(format, "json") == 0)
		fputs(spec_schema(&arena), stdout);
	else if (strcmp(format, "markdown") == 0)
		fputs(spec_reference(&arena, SPEC_MARKDOWN), stdout);
	else if (strcmp(format, "scdoc") == 0)
		fputs(spec_reference(&arena, SPEC_SCDOC), stdout);
	else
		code = cli_misused(cli, "unknown format '%s': json, markdown or scdoc", format);
	arena_release(&arena);
	return code;
}

const struct command command_schema = {
	.name = "schema",
	.args = "",
	.summary = "print the JSON Schema of the spec",
	.doc = "Prints the JSON Schema of the spec file, for editors that check and complete\n"
	       "YAML, or its reference page.",
	.options = (const struct option_spec *const[]){&option_format, NULL},
	.run = schema_run,
};
