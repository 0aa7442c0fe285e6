/* Makes the hosts match the spec, or carries out a saved plan exactly. */
#include <stdlib.h>
#include <string.h>

#include "cmd/observation.h"

enum { PLAN_MAX = 16 << 20, MAX_ROUNDS = 3 };

/* Open a saved plan: look again, plan again, and compare with the saved plan. */
static int
apply_open_saved(struct observation *l, const struct cli *cli, const char *path, struct arena *a)
{
	const char *differs;
	struct err err = {0};
	struct saved_plan *saved;
	struct plan_options options;
	struct str text = {0};
	int code;

	*l = (struct observation){0};
	if (!load_file(path, PLAN_MAX, &text))
		return EXIT_ERROR;
	saved = plan_load(a, str_text(&text), text.len, &err);
	str_release(&text);
	if (!saved) {
		cli_error("'%s' is not a saved plan: %s", path, err.text);
		if (cli_is_spec(path))
			fprintf(stderr, "hint: -f %s names the spec; a plan is what 'dray plan -out FILE' saves\n", path);
		return EXIT_ERROR;
	}
	options = saved_plan_options(saved);
	code = observation_open_text(l, cli, saved_plan_spec_name(saved), saved_plan_spec(saved));
	if (code == EXIT_DONE)
		code = observation_plan(l, cli, &options);
	if (code == EXIT_DONE && (differs = plan_stale(a, saved, l->plan))) {
		fflush(stdout);
		fprintf(stderr, "dray: error: the saved plan is out of date:\n%s\n"
			"run 'dray plan -out %s' again and read what differs\n", differs, path);
		code = EXIT_STALE;
	}
	return code;
}

/* Look, plan, show, ask, carry out. */
static int
apply(struct observation *l, const struct cli *cli, const struct plan_options *wish,
      const struct approval *how, struct arena *a)
{
	struct plan_options options = *wish;
	struct approval approval = *how;
	const char *saved = how->saved;
	int code;

	approval.options = &options;
	code = saved ? apply_open_saved(l, cli, saved, a) : observation_open(l, cli);
	if (code == EXIT_DONE && !saved)
		code = observation_plan(l, cli, &options);
	if (code != EXIT_DONE)
		return code;
	options = l->plan->options;
	if (!observation_show(l, cli) || !may_start(l, &approval))
		return EXIT_ERROR;
	if (is_idle(l, &approval))
		return EXIT_DONE;
	if (!saved && !approve(l, cli, &approval))
		return EXIT_ERROR;
	return carry_out(l, cli, &approval);
}

int
apply_all(struct cli *cli, const struct plan_options *options, const struct approval *approval)
{
	const char *saved = approval->saved;
	bool again;
	struct observation l;
	int code;

	for (int round = 1;; round++) {
		struct arena arena = {0};

		code = apply(&l, cli, options, approval, &arena);
		again = l.again;
		observation_close(&l);
		arena_release(&arena);
		if (!again || saved || round == MAX_ROUNDS)
			break;
		if (!cli->json)
			putchar('\n');
	}
	if (again && saved)
		fprintf(stderr, "dray: the rest of the saved plan is not carried out: run 'dray plan "
			"-out %s' again\n", saved);
	return code;
}

static int
apply_run(struct cli *cli)
{
	struct plan_options options = {.target = cli->target, .replace = cli->replace,
		.forget = cli->forget};
	struct approval approval = {.command = "apply", .verb = "Apply",
		.question = "Do you want to perform these actions?",
		.saved = cli->narg ? cli->arg[0] : NULL};

	if (approval.saved && (cli->target || cli->replace || cli->forget || cli->file_given))
		return cli_misused(cli, "the saved plan already contains -f, -target, -replace and -forget");
	return apply_all(cli, &options, &approval);
}

const struct command command_apply = {
	.name = "apply",
	.aka = "up deploy start run install create launch",
	.args = "[PLANFILE]",
	.max_args = 1,
	.summary = "make the hosts match the spec",
	.doc = "Makes a plan, shows it, asks for 'yes' and carries it out. With PLANFILE\n"
	       "(from 'dray plan -out') it carries out exactly that plan, or exits 5 if the\n"
	       "nodes have changed since.\n"
	       "\n"
	       "Once it holds the lock of every node, it looks again. If the plan has\n"
	       "changed, it shows the new one and asks again; with -auto-approve it shows the\n"
	       "new plan and carries it out. If apply learns something new on the way (for\n"
	       "example that the image has no Ray), it also shows a new plan and asks again.\n"
	       "\n"
	       "If another apply or destroy is at work, it waits up to -lock-timeout for\n"
	       "the lock, says for whom, and ends with 4 if that takes longer.\n"
	       "\n"
	       "Interrupt once: it starts nothing more and waits for what runs. Twice: it\n"
	       "stops what runs, and leaves a node that does not answer after 20 s. Three\n"
	       "times: it leaves at once. A terminal that goes away (SIGHUP) counts as once.\n"
	       "\n"
	       "Removing a node from the spec stops what dray started there, so the node must\n"
	       "be reachable. If it is gone for good, use -forget NODE. Should it come back,\n"
	       "what ran on it stays unmanaged until you add the node again.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve,
		&option_json, &option_target, &option_replace, &option_forget,
		&option_record, &option_parallelism, &option_lock_timeout, &option_no_probe, &option_no_color,
		&option_verify, &option_verbose, NULL},
	.hooks = true,
	.asks = ASKS_TOKEN,
	.run = apply_run,
};
