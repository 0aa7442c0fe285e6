/* Restarts the engine: an apply that replaces the server even if nothing changed. */
#include <string.h>

#include "cmd/observation.h"

static int
restart_run(struct cli *cli)
{
	const char *steps[] = {cli->narg ? cli->arg[0] : NULL, NULL};
	/* The server is called serve or rank, as the backend has it. */
	bool server = !cli->narg || strcmp(steps[0], "serve") == 0;
	struct plan_options options = {.restart = true, .replace = server ? NULL : steps};
	struct approval approval = {.command = "restart", .verb = "Restart",
		.question = "Do you want to restart it?"};

	return apply_all(cli, &options, &approval);
}

const struct command command_restart = {
	.name = "restart",
	.aka = "reload reboot bounce",
	.args = "[STEP]",
	.max_args = 1,
	.summary = "restart the engine",
	.doc = "Makes a plan in which the server is restarted, shows it, asks for 'yes' and\n"
	       "carries it out. The server is the step serve, or with backend mp all ranks;\n"
	       "with STEP (for example head) it is that step, and what depends on it. As the\n"
	       "engine starts from the spec, the plan also has what differs between the spec\n"
	       "and the nodes. An engine that does not run is started.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve,
		&option_json, &option_parallelism, &option_lock_timeout, &option_no_color, &option_verbose, NULL},
	.hooks = true,
	.run = restart_run,
};
