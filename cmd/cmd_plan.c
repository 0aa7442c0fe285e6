/* Shows what differs between the spec and what really runs; changes nothing. */
#include <string.h>

#include "cmd/observation.h"
#include "executors/io/file.h"

static int
cmd_plan_save(struct observation *l, const struct cli *cli)
{
	const char *text = plan_save(&l->c.arena, l->plan, l->c.src.text);
	struct err e = {0};

	if (!file_write(cli->out, text, strlen(text), 0600, &e))
		return cli_error("%s", e.text);
	cli_stands("the plan is saved in '%s'", cli->out);
	if (!cli->json)
		printf("\nSaved the plan to: %s\n\nTo carry out exactly these actions, run:\n"
		       "    dray apply %s\n", cli->out, cli->out);
	return EXIT_DONE;
}

static int
plan_run(struct cli *cli)
{
	struct plan_options options = {
		.target = cli->target, .replace = cli->replace, .forget = cli->forget,
	};
	struct observation l;
	int code = observation_open(&l, cli);

	if (code == EXIT_DONE)
		code = observation_plan(&l, cli, &options);
	if (code != EXIT_DONE)
		goto out;
	if (!observation_show(&l, cli) || plan_blockers(l.plan) > 0)
		code = EXIT_ERROR;
	else if (cli->out)
		code = cmd_plan_save(&l, cli);
	if (code == EXIT_DONE && cli->detailed_exitcode && plan_nops(l.plan) > 0)
		code = EXIT_CHANGES;
out:
	observation_close(&l);
	return code;
}

const struct command command_plan = {
	.name = "plan",
	.args = "",
	.summary = "show what differs between the spec and the hosts",
	.doc = "Looks at every node and shows, value by value, what apply would do and why.\n"
	       "Writes nothing on any node and takes no lock. If the model is up, asks its API\n"
	       "for one token; this takes up to 20 s if the API hangs, and -no-probe leaves it\n"
	       "out. Exits 0, or with\n"
	       "-detailed-exitcode 0 if there is nothing to do and 2 if there are changes; 1\n"
	       "for errors, including an unreachable node.",
	.options = (const struct option_spec *const[]){&option_file, &option_out,
		&option_detailed_exitcode, &option_json, &option_target, &option_replace, &option_forget,
		&option_facts, &option_secrets, &option_record, &option_dot, &option_parallelism, &option_no_color,
		&option_no_probe, &option_verbose, NULL},
	.hooks = true,
	.asks = ASKS_TOKEN,
	.run = plan_run,
};
