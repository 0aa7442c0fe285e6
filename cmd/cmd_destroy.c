/* Removes everything that dray made on the hosts. */
#include "cmd/observation.h"

int
destroy_all(struct cli *cli, const struct plan_options *options, const char *verb, const char *question)
{
	struct approval approval = {.command = cli->command->name, .verb = verb, .options = options,
		.question = question};
	struct observation l;
	int code = observation_open(&l, cli);

	if (code == EXIT_DONE)
		code = observation_plan(&l, cli, options);
	if (code != EXIT_DONE)
		goto out;
	code = EXIT_ERROR;
	if (!observation_show(&l, cli) || !may_start(&l, &approval))
		goto out;
	if (is_idle(&l, &approval))
		code = EXIT_DONE;
	else if ((plan_nops(l.plan) == 0 && !plan_forgets(l.plan)) || approve(&l, cli, &approval))
		code = carry_out(&l, cli, &approval);
out:
	observation_close(&l);
	return code;
}

static int
destroy_run(struct cli *cli)
{
	struct plan_options options = {.destroy = true, .purge = cli->purge, .target = cli->target,
		.forget = cli->forget};

	return destroy_all(cli, &options, "Destroy", "Do you really want to destroy all of this?");
}

const struct command command_destroy = {
	.name = "destroy",
	.aka = "down delete remove rm teardown uninstall",
	.args = "",
	.summary = "stop and remove what dray made",
	.doc = "Stops the model and removes dray's containers, script and records from all\n"
	       "nodes, including nodes that left the spec. The image and the model stay.\n"
	       "-purge also deletes the image and the model of this spec, even if they were\n"
	       "there before dray; images that no registry has, and models of earlier specs,\n"
	       "are kept. Nothing else is touched. Like apply it looks again once it holds\n"
	       "the lock of every node, and asks again if the plan has changed. It waits\n"
	       "for that lock up to -lock-timeout, and says for whom.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve,
		&option_purge, &option_target, &option_forget, &option_json, &option_parallelism, &option_lock_timeout,
		&option_no_color, &option_verbose, NULL},
	.hooks = true,
	.run = destroy_run,
};
