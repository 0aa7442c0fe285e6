/* Shows how a decision of the planner came about. */
#include <string.h>

#include "cmd/look.h"
#include "planner/layout.h"

static int
explain_layout(struct cli *cli)
{
	struct look l;
	int code = look_open(&l, cli);
	const struct layout_result *r = code == EXIT_DONE ? l.c.model->layout : NULL;

	if (code != EXIT_DONE)
		goto out;
	if (r && cli->json)
		layout_json(l.c.model, stdout, true);
	else if (r)
		layout_text(l.c.model, stdout, cli->color);
	else if (diag_print(&l.layout, stderr, cli->color_err) == 0)
		cli_error("there is nothing to explain: the layout is %s", l.c.model->layout_note
			  ? l.c.model->layout_note : "not known, 'dray plan' says more");
	if (!r || !layout_works(r))
		code = EXIT_ERROR;
out:
	look_close(&l);
	return code;
}

static int
run(struct cli *cli)
{
	if (cli->narg == 1 && strcmp(cli->arg[0], "layout") == 0)
		return explain_layout(cli);
	fprintf(stderr, "dray explain: %s%s%s\nsee 'dray help explain'\n",
		cli->narg ? "cannot explain '" : "what? ", cli->narg ? cli->arg[0] : "layout",
		cli->narg ? "': layout" : "");
	return EXIT_USAGE;
}

const struct command command_explain = {
	.name = "explain",
	.args = "layout",
	.max_args = 1,
	.summary = "show why the model is spread the way it is",
	.doc = "Looks at every node and at the model's config.json and shows the layout that\n"
	       "parallelism stands for: stages, the memory of a GPU line by line, every layout that\n"
	       "was not taken and why, and what would make the model fit. Rules of vLLM are exact;\n"
	       "what is left for the KV cache is an estimate. With -facts and -config nothing and\n"
	       "nobody is asked. Exits 1 when the model cannot be served that way.",
	.options = (const struct option_spec *const[]){&option_file, &option_json, &option_facts,
		&option_config, &option_index, &option_weights, &option_no_color, NULL},
	.run = run,
};
