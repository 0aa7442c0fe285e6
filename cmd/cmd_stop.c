/* Stops the engine: a destroy of what runs, which keeps its records. */
#include "cmd/observation.h"

static int
stop_run(struct cli *cli)
{
	struct plan_options options = {.destroy = true, .stop = true, .forget = cli->forget};

	return destroy_all(cli, &options, "Stop", "Do you want to stop the engine?");
}

const struct command command_stop = {
	.name = "stop",
	.aka = "pause halt",
	.args = "",
	.summary = "stop the engine and free the GPUs",
	.doc = "Stops the model on all nodes and checks that its GPUs are free. The images, the\n"
	       "model, what your own steps made, and dray's records stay, so 'dray apply' starts\n"
	       "the engine again without fetching anything. Until then 'dray status' says\n"
	       "STOPPED, and by whom. Like apply it looks again once it holds the lock of every\n"
	       "node, and asks again if the plan has changed.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve,
		&option_json, &option_forget, &option_parallelism, &option_lock_timeout, &option_no_color,
		&option_verbose, NULL},
	.hooks = true,
	.run = stop_run,
};
