/* Takes away everything that dray made on the hosts. */
#include "cmd/look.h"

static int
run(struct cli *cli)
{
	struct plan_options options = {.destroy = true, .purge = cli->purge, .target = cli->target,
		.forget = cli->forget};
	struct look l;
	int code = look_open(&l, cli);

	if (code == EXIT_DONE)
		code = look_plan(&l, cli, &options);
	if (code != EXIT_DONE)
		goto out;
	if (!look_show(&l, cli)) {
		code = EXIT_ERROR;
		goto out;
	}
	for (size_t i = 0; i < l.c.model->nnode; i++) {
		const struct node *n = &l.c.model->node[i];

		if (plan_blocked_by(n)) {
			code = cli_error("destroy will not start: node %s is unreachable; nothing was "
					 "changed", n->name);
			fprintf(stderr, "hint: is it gone for good, %sgo on with -forget %s\n",
				n->spec ? "take it out of the spec and " : "", n->name);
			goto out;
		}
	}
	if (l.plan->nunknown) {
		code = cli_error("destroy will not start: %zu step%s cannot be seen; nothing was changed",
				 l.plan->nunknown, l.plan->nunknown == 1 ? "" : "s");
		goto out;
	}
	if (plan_nops(l.plan) == 0 && !plan_forgets(l.plan))
		goto out;
	if (!approve(cli, "Do you really want to destroy all of this?", "destroy")) {
		code = EXIT_ERROR;
		goto out;
	}
	code = carry_out(&l, cli, "Destroy");
out:
	look_close(&l);
	return code;
}

const struct command command_destroy = {
	.name = "destroy",
	.args = "",
	.summary = "stop and remove what dray made",
	.doc = "Stops the model and removes dray's containers, script and records from all nodes,\n"
	       "also from nodes that left the spec. The image and the model stay; -purge removes\n"
	       "them, whoever brought them, but not an image that no registry has, nor models\n"
	       "of earlier specs. Nothing that is not dray's is touched.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve,
		&option_purge, &option_target, &option_forget, &option_json, &option_parallelism,
		&option_no_color, &option_verbose, NULL},
	.hooks = true,
	.run = run,
};
