/* Shows what differs between the spec and what really runs; changes nothing. */
#include <errno.h>
#include <string.h>

#include "cmd/look.h"

static int
save(struct look *l, const struct cli *cli)
{
	const char *text = plan_save(&l->c.arena, l->plan, l->c.src.text);

	if (!file_write(cli->out, text, strlen(text), 0600))
		return cli_error("cannot write '%s': %s", cli->out, strerror(errno));
	if (!cli->json)
		printf("\nSaved the plan to: %s\n\nTo carry out exactly these actions, run:\n"
		       "    dray apply %s\n", cli->out, cli->out);
	return EXIT_DONE;
}

static int
run(struct cli *cli)
{
	struct plan_options options = {
		.target = cli->target, .replace = cli->replace, .forget = cli->forget,
	};
	struct look l;
	int code = look_open(&l, cli);

	if (code == EXIT_DONE)
		code = look_plan(&l, cli, &options);
	if (code != EXIT_DONE)
		goto out;
	if (!look_show(&l, cli) || plan_blockers(l.plan) > 0)
		code = EXIT_ERROR;
	else if (cli->out)
		code = save(&l, cli);
	if (code == EXIT_DONE && cli->detailed_exitcode && plan_nops(l.plan) > 0)
		code = EXIT_CHANGES;
out:
	look_close(&l);
	return code;
}

const struct command command_plan = {
	.name = "plan",
	.args = "",
	.summary = "show what differs between the spec and the hosts",
	.doc = "Looks at every node and shows, value by value, what apply would do and why. Writes\n"
	       "nothing on any node and takes no lock. Exits 0, or with -detailed-exitcode 0 when\n"
	       "there is nothing to do and 2 when there are changes; 1 for errors, an unreachable\n"
	       "node among them.",
	.options = (const struct option_spec *const[]){&option_file, &option_out,
		&option_detailed_exitcode, &option_json, &option_target, &option_replace, &option_forget,
		&option_facts, &option_record, &option_dot, &option_parallelism, &option_no_color,
		&option_verbose, NULL},
	.hooks = true,
	.run = run,
};
