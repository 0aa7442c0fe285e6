/* Prints the version. */
#include <stdio.h>

#include "cmd/cli.h"

static int
version_run(struct cli *cli)
{
	(void)cli;
	printf("dray %s\n", dray_version);
	return EXIT_DONE;
}

const struct command command_version = {
	.name = "version",
	.args = "",
	.summary = "print the version",
	.doc = "Prints the version.",
	.options = (const struct option_spec *const[]){NULL},
	.run = version_run,
};
