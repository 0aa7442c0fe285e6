/* Makes the hosts match the spec, or carries out a saved plan exactly. */
#include <stdlib.h>
#include <string.h>

#include "cmd/look.h"

enum { PLAN_MAX = 16 << 20, MAX_ROUNDS = 3 };

/* Open a saved plan: look again, plan again, and compare with what was approved. */
static int
open_saved(struct look *l, const struct cli *cli, const char *path)
{
	const char *why = NULL, *differs;
	struct err err = {0};
	struct arena arena = {0};
	struct saved_plan *saved;
	struct plan_options options;
	size_t n;
	char *text = file_read(path, PLAN_MAX, &n, &why);
	int code;

	*l = (struct look){0};
	if (!text)
		return cli_error("cannot read '%s': %s", path, why);
	saved = plan_load(&arena, text, n, &err);
	free(text);
	if (!saved) {
		code = cli_error("'%s' is no saved plan: %s", path, err.text);
		goto out;
	}
	options = saved_plan_options(saved);
	code = look_open_text(l, cli, saved_plan_spec_name(saved), saved_plan_spec(saved));
	if (code == EXIT_DONE)
		code = look_plan(l, cli, &options);
	if (code == EXIT_DONE && (differs = plan_stale(&arena, saved, l->plan))) {
		fflush(stdout);
		fprintf(stderr, "dray: error: the saved plan no longer matches what is there:\n%s\n"
			"run 'dray plan -out %s' again and look at what differs\n", differs, path);
		code = EXIT_STALE;
	}
out:
	arena_release(&arena);
	return code;
}

/* Look, plan, show, ask, carry out. */
static int
apply(struct look *l, const struct cli *cli)
{
	struct plan_options options = {.target = cli->target, .replace = cli->replace,
		.forget = cli->forget};
	bool saved = cli->narg == 1;
	int code;

	code = saved ? open_saved(l, cli, cli->arg[0]) : look_open(l, cli);
	if (code == EXIT_DONE && !saved)
		code = look_plan(l, cli, &options);
	if (code != EXIT_DONE)
		return code;
	if (!look_show(l, cli))
		return EXIT_ERROR;
	if (plan_blockers(l->plan) > 0)
		return cli_error("apply will not start: solve the problems above first; nothing was "
				 "changed");
	if (plan_nops(l->plan) == 0 && !plan_forgets(l->plan))
		return EXIT_DONE;
	if (!saved && !approve(cli, "Do you want to perform these actions?", "apply"))
		return EXIT_ERROR;
	return carry_out(l, cli, "Apply");
}

static int
run(struct cli *cli)
{
	bool saved = cli->narg == 1, again;
	struct look l;
	int code;

	if (saved && (cli->target || cli->replace || cli->forget || cli->file_given)) {
		cli_error("-f, -target, -replace and -forget are in the saved plan already");
		return EXIT_USAGE;
	}
	for (int round = 1;; round++) {
		code = apply(&l, cli);
		again = l.again;
		look_close(&l);
		if (!again || saved || round == MAX_ROUNDS)
			break;
		if (!cli->json)
			putchar('\n');
	}
	if (again && saved)
		fprintf(stderr, "dray: the rest of the saved plan is not carried out: run 'dray plan "
			"-out %s' again\n", cli->arg[0]);
	return code;
}

const struct command command_apply = {
	.name = "apply",
	.args = "[PLANFILE]",
	.max_args = 1,
	.summary = "make the hosts match the spec",
	.doc = "Makes the plan, shows it, asks for 'yes' and carries it out. With PLANFILE (from\n"
	       "'dray plan -out') it carries out exactly that plan, or exits 5 when what is there\n"
	       "has changed since. What comes to light on the way (Ray in an image whose tag does\n"
	       "not tell) may change the plan: it is made, shown and asked about once more then.\n"
	       "Interrupt once to finish in order, twice to stop at once. A node that left the\n"
	       "spec is cleared, so it must answer; one that is gone for good is given up with\n"
	       "-forget, and if it ever comes back, what ran on it is nobody's until the spec\n"
	       "has it again.",
	.options = (const struct option_spec *const[]){&option_file, &option_auto_approve,
		&option_json, &option_target, &option_replace, &option_forget,
		&option_record, &option_parallelism, &option_no_color, &option_verbose, NULL},
	.hooks = true,
	.run = run,
};
