/* Explains a decision of the planner. */
#include <string.h>

#include "cmd/observation.h"
#include "planner/layout/layout_fit.h"
#include "planner/plan/view/layout_view.h"

static int
explain_layout(struct cli *cli)
{
	struct observation l;
	int code = observation_open(&l, cli);
	const struct layout_result *r = code == EXIT_DONE ? l.c.cluster->layout : NULL;

	if (code != EXIT_DONE)
		goto out;
	if (r && cli->json)
		layout_json(l.c.cluster, stdout, true);
	else if (r)
		layout_text(l.c.cluster, stdout, cli->color);
	else if (diag_print(&l.wrong, stderr, cli->color_err) == 0)
		cli_error("there is nothing to explain: the layout is %s",
			  l.c.cluster->layout_note ? l.c.cluster->layout_note
						   : "not known, 'dray plan' says more");
	if (!r || !layout_works(r))
		code = EXIT_ERROR;
out:
	observation_close(&l);
	return code;
}

static int
explain_run(struct cli *cli)
{
	if (cli->narg == 1 && strcmp(cli->arg[0], "layout") == 0)
		return explain_layout(cli);
	if (!cli->narg)
		return cli_misused(cli, "what to explain is missing: dray explain layout");
	return cli_misused(cli, "it explains 'layout', not '%s'", cli->arg[0]);
}

const struct command command_explain = {
	.name = "explain",
	.args = "layout",
	.max_args = 1,
	.summary = "explain how the model is spread over the nodes",
	.doc = "Looks at every node and at the model's config.json, and explains the layout:\n"
	       "its stages, the memory of a GPU line by line, every layout that was rejected\n"
	       "and why, and what would make the model fit. Rules of vLLM are exact; the room\n"
	       "for the KV cache is an estimate. With -facts and -config it asks neither the\n"
	       "nodes nor the Hub. Exits 1 if the model cannot be served that way.",
	.options = (const struct option_spec *const[]){&option_file, &option_json, &option_facts, &option_secrets,
		&option_config, &option_index, &option_weights, &option_no_color, NULL},
	.run = explain_run,
};
